/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/rows.h"

#include <string.h>

#include "console/state.h"

#define BUSY_MS 300 /* before a question that was refused for now is asked again */

static const char *const filter_names[ROWS_FILTERS] = {
	[ROWS_PROBLEMS] = "problems", [ROWS_ALL] = "all",	  [ROWS_APPROVED] = "approved",
	[ROWS_HELD] = "held",	      [ROWS_BLOCKED] = "blocked",
};

const char *rows_filter_name(enum rows_filter f)
{
	return filter_names[f];
}

static void forget(struct rows *r, int first, int count)
{
	for (int k = first; k < first + count; k++)
		free(r->row[k].path);
	memmove(r->row + first, r->row + first + count, (size_t)(r->count - first - count) * sizeof(r->row[0]));
	r->count -= count;
}

void rows_close(struct rows *r)
{
	forget(r, 0, r->count);
	r->transfer[0] = r->search[0] = '\0';
	r->total = -1;
	r->base = 0;
	r->is_asking = r->has_failed = false;
	r->again_ms = 0;
	r->fits = ROWS_PAGE;
	r->generation++;
}

void rows_open(struct rows *r, const char *transfer, enum rows_filter filter, const char *search)
{
	char name[sizeof(r->transfer)], wanted[ROWS_SEARCH_MAX];

	(void)snprintf(name, sizeof(name), "%s", transfer); /* both may be our own */
	(void)snprintf(wanted, sizeof(wanted), "%s", search ? search : "");
	rows_close(r);
	memcpy(r->transfer, name, sizeof(name));
	memcpy(r->search, wanted, sizeof(wanted));
	r->filter = filter;
}

const struct row *rows_at(const struct rows *r, int64_t place)
{
	return place >= r->base && place < r->base + r->count ? &r->row[place - r->base] : NULL;
}

/* Where to read on so that [top - AHEAD, bottom + AHEAD) gets into memory; -1: it is. */
static int64_t missing(const struct rows *r, int64_t top, int64_t bottom, int *ret_limit)
{
	int64_t end = r->base + r->count, first = MAX(top - ROWS_AHEAD, 0);

	*ret_limit = ROWS_PAGE;
	if (r->total < 0)
		return 0;
	bottom = MIN(bottom, r->total);
	if (r->count == 0 || top < r->base - ROWS_PAGE || first > end)
		return r->total > 0 ? first : -1; /* elsewhere altogether */
	if (bottom > end)
		return end;
	if (top < r->base || (first < r->base && end >= MIN(bottom + ROWS_AHEAD, r->total))) {
		first = MAX(r->base - r->fits, 0);
		*ret_limit = (int)(r->base - first);
		return first;
	}
	return end < MIN(bottom + ROWS_AHEAD, r->total) ? end : -1;
}

json_t *rows_question(struct rows *r, int64_t top, int height, int64_t now_ms)
{
	int64_t offset;
	int limit;

	if (!*r->transfer || r->is_asking || r->has_failed || now_ms < r->again_ms)
		return NULL;
	offset = missing(r, top, top + height, &limit);
	if (offset < 0)
		return NULL;
	r->is_asking = true;
	r->asked_at = offset;
	r->asked_for = limit;
	return json_pack("{ss ss ss? sI si}", "transfer", r->transfer, "filter", filter_names[r->filter], "search",
			 *r->search ? r->search : NULL, "offset", (json_int_t)offset, "limit", limit);
}

static enum verdict verdict_of(const char *name)
{
	for (int v = 0; v < VERDICT_COUNT_; v++)
		if (strcmp(name, verdict_name((enum verdict)v)) == 0)
			return (enum verdict)v;
	return VERDICT_BLOCKED; /* one that we do not know is not to be taken for a good one */
}

static bool read_row(const json_t *o, struct row *row)
{
	row->index = member_number(o, "index");
	row->size = member_count(o, "size");
	row->verdict = verdict_of(member_text(o, "verdict"));
	if (reason_parse(member_text(o, "code"), &row->reason) < 0)
		row->reason = REASON_COUNT_;
	row->path = strdup(member_text(o, "path"));
	return row->path != NULL;
}

/* Put `count` new rows, which begin at `offset`, where they belong; what is farthest away makes room. */
static void place(struct rows *r, int64_t offset, struct row *new, int count)
{
	int excess = r->count + count - ROWS_MAX;

	if (r->count > 0 && offset == r->base + r->count) {
		if (excess > 0) {
			forget(r, 0, excess);
			r->base += excess;
		}
		memcpy(r->row + r->count, new, (size_t)count * sizeof(*new));
	} else if (r->count > 0 && offset < r->base && offset + count == r->base) {
		if (excess > 0)
			forget(r, r->count - excess, excess);
		memmove(r->row + count, r->row, (size_t)r->count * sizeof(*new));
		memcpy(r->row, new, (size_t)count * sizeof(*new));
		r->base = offset;
	} else {
		forget(r, 0, r->count);
		memcpy(r->row, new, (size_t)count * sizeof(*new));
		r->base = offset;
	}
	r->count += count;
}

/* Fewer came than were asked for, and there are rows behind them in memory: those are asked for anew when they are needed. */
static bool leaves_gap(const struct rows *r, int64_t offset, int count)
{
	return r->count > 0 && offset < r->base && offset + count != r->base;
}

void rows_answer(struct rows *r, unsigned int generation, const json_t *answer, int64_t now_ms)
{
	struct row new[ROWS_PAGE];
	json_t *o;
	size_t k;
	int count = 0;

	if (generation != r->generation || !r->is_asking)
		return;
	r->is_asking = false;
	if (!member_true(answer, "ok")) {
		const char *code = member_text(member(answer, "error"), "code");

		if (strcmp(code, "too-many") == 0 || strcmp(code, "not-now") == 0 || strcmp(code, "unavailable") == 0)
			r->again_ms = now_ms + BUSY_MS;
		else
			r->has_failed = true;
		return;
	}
	r->total = MAX(member_number(answer, "total"), 0);
	if (member_number(answer, "offset") != r->asked_at)
		return;
	json_array_foreach(member(answer, "files"), k, o)
		if (count < ROWS_PAGE && r->asked_at + count < r->total && read_row(o, &new[count]))
			count++;
	if (count == 0) {
		r->has_failed = r->asked_at < r->total; /* it says that there are more, and gives none: do not ask for ever */
		return;
	}
	if (count < MIN(r->asked_for, r->total - r->asked_at))
		r->fits = count;
	if (leaves_gap(r, r->asked_at, count))
		forget(r, 0, r->count);
	place(r, r->asked_at, new, count);
}

void rows_lost(struct rows *r)
{
	r->is_asking = false;
	r->has_failed = false;
	r->generation++;
}
