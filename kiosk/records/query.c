/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-records. Requests come from clients of the control socket, through the daemon as they are: every field is
 * checked here. What is answered was escaped when the report was written.
 */
#include "records/query.h"

#include <string.h>
#include <time.h>

#include "common/history_totals.h"
#include "common/report.h"
#include "records/entry.h"
#include "records/limits.h"

struct query {
	struct records *records;
	const json_t *request;
	int64_t deadline_ms;
	json_t *list; /* being filled */
	size_t size, limit;
	bool is_full;
	struct query_error *error;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- fields of the request --------------------------------------------------------------------------------- */

static int bad(struct query *q, const char *text)
{
	*q->error = (struct query_error){ "bad-request", text };
	return -EINVAL;
}

static int get_number(struct query *q, const char *name, json_int_t max, json_int_t usual, int64_t *ret)
{
	const json_t *value = json_object_get(q->request, name);

	if (!value && usual >= 0) {
		*ret = usual;
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max)
		return bad(q, "a number is missing or too large");
	*ret = json_integer_value(value);
	return 0;
}

/* NULL when it is null or missing. */
static int get_text(struct query *q, const char *name, const char **ret)
{
	const json_t *value = json_object_get(q->request, name);

	*ret = json_string_value(value);
	if (value && !json_is_null(value) && !*ret)
		return bad(q, "a text was expected");
	return *ret && strlen(*ret) > SEARCH_MAX ? bad(q, "the text is too long") : 0;
}

static int get_transfer(struct query *q, const char *name, const char **ret)
{
	int r = get_text(q, name, ret);

	return r == 0 && *ret && !report_transfer_valid(*ret) ? bad(q, "not a transfer's name") : r;
}

static int need_transfer(struct query *q, const char **ret)
{
	int r = get_transfer(q, "transfer", ret);

	return r == 0 && !*ret ? bad(q, "\"transfer\" is missing") : r;
}

/* -- answers ----------------------------------------------------------------------------------------------- */

/* Append to the list while it fits; `object` is taken over. 1 ends the listing. */
static int append(struct query *q, json_t *object)
{
	size_t size = object ? json_dumpb(object, NULL, 0, JSON_COMPACT) + 1 : 0;

	if (!object)
		return -ENOMEM;
	if (json_array_size(q->list) == q->limit || q->size + size > ANSWER_MAX) {
		json_decref(object);
		q->is_full = true;
		return 1;
	}
	q->size += size;
	return json_array_append_new(q->list, object) < 0 ? -ENOMEM : 0;
}

static int put_transfer(void *context, const struct history_transfer *t)
{
	return append(context, json_pack("{ss,ss,sI,sI,ss,ss,sI,sI,sI,sI,sI}", "transfer", t->transfer, "outcome", t->outcome,
					 "started", (json_int_t)t->started, "finished", (json_int_t)t->finished, "operator",
					 t->operator_name, "medium", t->medium, "files", (json_int_t)t->files, "bytes",
					 (json_int_t)t->bytes, "approved", (json_int_t)t->approved, "held", (json_int_t)t->held,
					 "blocked", (json_int_t)t->blocked));
}

static int answer_transfers(struct query *q, json_t **ret)
{
	const char *before, *search;
	int64_t limit = 0;
	int r = get_number(q, "limit", TRANSFERS_MAX, TRANSFERS_MAX, &limit);

	if (r == 0)
		r = get_transfer(q, "before", &before);
	if (r == 0)
		r = get_text(q, "search", &search);
	if (r == 0 && before)
		r = history_find(q->records->history, before);
	q->limit = (size_t)limit;
	if (r == 0) /* one more, to know whether there is one */
		r = history_transfers_page(q->records->history, before, search, limit + 1, put_transfer, q);
	if (r < 0)
		return r;
	*ret = json_pack("{sO,sb}", "transfers", q->list, "more", q->is_full);
	return 0;
}

static int put_file(void *context, const struct history_entry *e)
{
	return append(context, json_pack("{sI,ss,sI,ss,ss?}", "index", (json_int_t)e->index, "path", e->path, "size",
					 (json_int_t)e->size, "verdict", e->verdict, "code", e->code));
}

static int get_filter(struct query *q, enum history_filter *ret)
{
	static const char *const names[] = { [HISTORY_ALL] = "all", [HISTORY_PROBLEMS] = "problems",
					     [HISTORY_APPROVED] = "approved", [HISTORY_HELD] = "held",
					     [HISTORY_BLOCKED] = "blocked" };
	const char *name;
	int r = get_text(q, "filter", &name);

	for (size_t k = 0; r == 0 && k < ARRAY_LEN(names); k++) {
		if (strcmp(name ? name : "all", names[k]) != 0)
			continue;
		*ret = (enum history_filter)k;
		return 0;
	}
	return r < 0 ? r : bad(q, "no such filter");
}

static int answer_files(struct query *q, json_t **ret)
{
	const char *transfer, *search;
	enum history_filter filter = HISTORY_ALL;
	int64_t offset = 0, limit = 0, total = 0;
	int r = need_transfer(q, &transfer);

	if (r == 0)
		r = get_filter(q, &filter);
	if (r == 0)
		r = get_text(q, "search", &search);
	if (r == 0)
		r = get_number(q, "offset", INT32_MAX, 0, &offset);
	if (r == 0)
		r = get_number(q, "limit", FILES_MAX, FILES_MAX, &limit);
	if (r < 0)
		return r;
	q->limit = (size_t)limit;
	r = history_entries(q->records->history, transfer, filter, search, offset, limit, &total, put_file, q);
	if (r < 0)
		return r;
	*ret = json_pack("{sI,sI,sO}", "total", (json_int_t)total, "offset", (json_int_t)offset, "files", q->list);
	return 0;
}

struct lookup {
	struct query *q;
	const char *transfer;
	json_t *file;
};

static int read_file(void *context, const struct history_entry *e)
{
	struct lookup *l = context;
	int r = entry_read(l->q->records->reports_fd, l->transfer, e, l->q->deadline_ms, &l->file);

	if (r == -EBADMSG)
		l->q->error->text = "the report was altered since it was indexed";
	else if (r == -ENOENT)
		l->q->error->text = "the report is not there any more";
	return r == -ENOENT ? -ENODATA : r; /* not: no such file */
}

/* A file with many long findings is longer than a line of the protocol: the last ones are left out, and counted. */
static json_int_t shorten(json_t *file)
{
	static const char *const lists[] = { "signers", "reasons" };
	json_int_t left_out = 0;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		json_t *list = json_object_get(file, lists[k]);

		while (json_array_size(list) > 1 && json_dumpb(file, NULL, 0, JSON_COMPACT) > ANSWER_MAX) {
			(void)json_array_remove(list, json_array_size(list) - 1); /* it is there */
			left_out++;
		}
	}
	return left_out;
}

static int answer_file(struct query *q, json_t **ret)
{
	struct lookup l = { .q = q };
	json_int_t left_out;
	int64_t index = 0;
	int r = need_transfer(q, &l.transfer);

	if (r == 0)
		r = get_number(q, "index", INT64_MAX, -1, &index);
	if (r == 0)
		r = history_entry(q->records->history, l.transfer, index, read_file, &l);
	if (r < 0)
		return r;
	left_out = shorten(l.file);
	*ret = json_pack("{so,sI}", "file", l.file, "left_out", left_out);
	return 0;
}

/* Asked by the daemon itself: a piece of the sums behind its metrics. */
static int answer_totals(struct query *q, json_t **ret)
{
	struct history_totals t;
	bool is_more = false, is_anew = false;
	json_t *totals;
	int r = history_totals_decode(json_object_get(q->request, "totals"), &t);

	if (r < 0)
		return bad(q, "totals were expected");
	r = history_totals_count(q->records->history, &t, &is_more, &is_anew);
	totals = r < 0 ? NULL : history_totals_encode(&t);
	if (r < 0)
		return r;
	*ret = json_pack("{so,sb,sb}", "totals", totals, "more", is_more, "anew", is_anew);
	return 0;
}

static const struct {
	const char *name;
	int (*answer)(struct query *q, json_t **ret);
} queries[] = {
	{ "transfers", answer_transfers },
	{ "files", answer_files },
	{ "file", answer_file },
	{ "totals", answer_totals },
};

static const char *words(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "it took too long: search for less";
	case -EUCLEAN:
		return "the history is damaged (`lazaret history --rebuild`)";
	case -EPROTONOSUPPORT:
		return "the history is of another version, and is brought up to date by the next inspection";
	case -EBUSY:
		return "the history is being written";
	case -EACCES:
	case -EROFS:
		return "nothing has been indexed yet, or by another version: the next inspection makes up for it";
	default:
		return "the history cannot be read";
	}
}

static int dispatch(struct query *q, json_t **ret)
{
	const char *name = json_string_value(json_object_get(q->request, "request"));

	for (size_t k = 0; name && k < ARRAY_LEN(queries); k++)
		if (strcmp(queries[k].name, name) == 0)
			return q->records->history ? queries[k].answer(q, ret) : q->records->open_error;
	return bad(q, "no such question");
}

int query_answer(struct records *records, const json_t *request, json_t **ret, struct query_error *ret_error)
{
	_cleanup_(json_decref_p) json_t *list = json_array();
	struct query q = { .records = records, .request = request, .list = list, .deadline_ms = now_ms() + ANSWER_MS,
			   .error = ret_error };
	json_t *answer = NULL;
	int r;

	*ret_error = (struct query_error){ 0 };
	if (!list)
		return -ENOMEM;
	if (records->history)
		history_set_deadline(records->history, q.deadline_ms);
	r = dispatch(&q, &answer);
	if (r == 0 && !answer)
		r = -ENOMEM;
	if (r == 0)
		*ret = answer;
	else if (r == -ENOENT)
		*ret_error = (struct query_error){ "not-found", "no such transfer or file" };
	if (r < 0 && !ret_error->where)
		ret_error->where = "unavailable";
	if (r < 0 && !ret_error->text)
		ret_error->text = words(r);
	return r;
}
