/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/history_totals.h"

#include <string.h>
#include <time.h>

#include "common/history_sqlite.h"

#define PIECE_TRANSFERS 500
#define PIECE_MS 500 /* others wait for an answer meanwhile */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t positive(sqlite3_stmt *s, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(s, column);

	return n > 0 ? (uint64_t)n : 0;
}

/* `medium` begins with its kind (history_commit()). */
static enum history_medium medium_of(const char *text)
{
	size_t size = strcspn(text, " ");
	unsigned int k = 0;

	while (k < MEDIUM_KIND_OTHER && (strlen(history_medium_name(k)) != size || strncmp(history_medium_name(k), text, size) != 0))
		k++;
	return (enum history_medium)k;
}

static enum history_outcome outcome_of(const char *text)
{
	unsigned int k = 0;

	while (k < OUTCOME_ABORTED && strcmp(history_outcome_name(k), text) != 0)
		k++;
	return (enum history_outcome)k; /* what is none of them did not end well */
}

static const char *words(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static void add_transfer(struct history_totals *t, sqlite3_stmt *s)
{
	enum history_outcome outcome = outcome_of(words(s, 2));
	int64_t started = sqlite3_column_int64(s, 4), finished = sqlite3_column_int64(s, 5);

	t->after = sqlite3_column_int64(s, 0);
	(void)snprintf(t->transfer, sizeof(t->transfer), "%s", words(s, 1)); /* fits: REPORT_TRANSFER_MAX */
	t->inspections[outcome]++;
	t->media[medium_of(words(s, 3))]++;
	t->ended[outcome] = MAX(t->ended[outcome], finished);
	t->seconds += finished > started ? (uint64_t)(finished - started) : 0;
	t->bytes += positive(s, 6);
	t->files[VERDICT_APPROVED] += positive(s, 7);
	t->files[VERDICT_HELD] += positive(s, 8);
	t->files[VERDICT_BLOCKED] += positive(s, 9);
}

static int add_reasons(struct history_totals *t, sqlite3_stmt *s)
{
	int c = sqlite3_bind_int64(s, 1, t->after);

	while (c == SQLITE_OK || c == SQLITE_ROW) {
		enum reason reason;

		c = sqlite3_step(s);
		if (c == SQLITE_ROW && reason_parse(words(s, 0), &reason) == 0)
			t->reasons[reason] += positive(s, 1);
	}
	(void)sqlite3_reset(s); /* repeats the code of the step */
	return sqlite_errno(c);
}

/* 1: the last one counted is where it was; 0: it is not. */
static int is_same(struct history *h, const struct history_totals *t)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT 1 FROM transfers WHERE id=?1 AND transfer=?2", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, t->after);
	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 2, t->transfer, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	return c == SQLITE_ROW ? 1 : sqlite_errno(c);
}

static int count(struct history *h, struct history_totals *t, bool *ret_more)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL, *reasons = NULL;
	int64_t end = now_ms() + PIECE_MS;
	int r = 0, c = sqlite3_prepare_v2(h->db,
					  "SELECT id, transfer, outcome, medium, started, finished, bytes, approved, held, blocked"
					  " FROM transfers WHERE id > ?1 ORDER BY id LIMIT ?2", -1, &s, NULL);

	if (c == SQLITE_OK) /* the rows of a transfer's files that are not approved: history_sqlite.h */
		c = sqlite3_prepare_v2(h->db, "SELECT code, count(*) FROM files WHERE id >= ?1 << 34 AND id < (?1 << 34) + (2 << 32)"
					      " AND code IS NOT NULL GROUP BY code", -1, &reasons, NULL);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, t->after);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, PIECE_TRANSFERS + 1); /* one more, to know whether there is one */
	for (unsigned int n = 0; r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW; n++) {
		if (n == PIECE_TRANSFERS || (n > 0 && now_ms() >= end)) {
			*ret_more = true;
			return 0;
		}
		add_transfer(t, s);
		r = add_reasons(t, reasons);
	}
	return r < 0 ? r : sqlite_errno(c);
}

int history_totals_count(struct history *h, struct history_totals *t, bool *ret_more, bool *ret_anew)
{
	struct history_totals counted = *t;
	bool is_more = false, is_anew = false;
	int r = t->after > 0 ? is_same(h, t) : 1;

	if (r < 0)
		return r;
	if (r == 0) {
		memset(&counted, 0, sizeof(counted));
		is_anew = true;
	}
	r = count(h, &counted, &is_more);
	if (r < 0)
		return r;
	*t = counted;
	*ret_more = is_more;
	*ret_anew = is_anew;
	return 0;
}

int history_reasons(struct history *h, int64_t from, int64_t until, uint64_t ret[static REASON_COUNT_])
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT f.code, count(*) FROM transfers AS t CROSS JOIN files AS f ON f.id >= t.id << 34"
					  " AND f.id < (t.id << 34) + (2 << 32) WHERE t.started >= ?1 AND t.started < ?2"
					  " AND f.code IS NOT NULL GROUP BY f.code", -1, &s, NULL);

	memset(ret, 0, REASON_COUNT_ * sizeof(*ret));
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, from);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, until);
	while (c == SQLITE_OK || c == SQLITE_ROW) {
		enum reason reason;

		c = sqlite3_step(s);
		if (c == SQLITE_ROW && reason_parse(words(s, 0), &reason) == 0)
			ret[reason] = positive(s, 1);
	}
	return sqlite_errno(c);
}
