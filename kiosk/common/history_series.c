/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The newest dates of signed indexes. Unlike by the rest of the history, somebody decides by these: whether they are to be
 * believed is kept beside them, and synced. */
#include "common/history_sqlite.h"

#include <string.h>

#define WHOLE "" /* no series and no key have this name */

bool history_series_valid(const json_t *body)
{
	const char *series = json_string_value(json_object_get(body, "series"));
	const char *key = json_string_value(json_object_get(body, "key"));

	return series && *series && key && *key && json_integer_value(json_object_get(body, "date")) > 0;
}

static int run(struct history *h, sqlite3_stmt *s)
{
	int c = sqlite3_step(s);

	(void)sqlite3_reset(s); /* repeats the code of the step */
	return sqlite_errno(c);
}

/* With all that was written before. synchronous=NORMAL may lose the last transactions when the power goes
 * (sqlite.org/pragma.html#pragma_synchronous). */
static int run_synced(struct history *h, sqlite3_stmt *s)
{
	int r = sqlite_errno(sqlite3_exec(h->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL)), back;

	if (r == 0)
		r = run(h, s);
	back = sqlite_errno(sqlite3_exec(h->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL));
	return r < 0 ? r : back;
}

static int put(struct history *h, const char *series, const char *key, json_int_t date, uint64_t seq,
	       int (*execute)(struct history *h, sqlite3_stmt *s))
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db,
				   "INSERT INTO series(series, key, date, seq) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(series, key)"
				   " DO UPDATE SET date=excluded.date, seq=excluded.seq WHERE excluded.date > date",
				   -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 1, series, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 3, date);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 4, (sqlite3_int64)seq);
	return c == SQLITE_OK ? execute(h, s) : sqlite_errno(c);
}

int history_series_add(struct history *h, const char *type, const json_t *body, uint64_t seq)
{
	if (strcmp(type, HISTORY_TYPE_SERIES) != 0 || !history_series_valid(body))
		return 0;
	return put(h, json_string_value(json_object_get(body, "series")), json_string_value(json_object_get(body, "key")),
		   json_integer_value(json_object_get(body, "date")), seq, run);
}

/* 1 and the date, 0: no such row. */
static int get(struct history *h, const char *series, const char *key, uint64_t *ret)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT date FROM series WHERE series=?1 AND key=?2", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 1, series, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(s, 0);
	return c == SQLITE_ROW ? 1 : sqlite_errno(c);
}

int history_series_date(struct history *h, const char *series, const char *key, uint64_t *ret)
{
	*ret = 0;
	return *series && *key ? MIN(get(h, series, key, ret), 0) : 0;
}

int history_series_is_whole(struct history *h)
{
	uint64_t date;

	return get(h, WHOLE, WHOLE, &date);
}

int history_series_set_whole(struct history *h, bool is_whole)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c;

	if (is_whole)
		return put(h, WHOLE, WHOLE, 1, 0, run_synced);
	c = sqlite3_prepare_v2(h->db, "DELETE FROM series WHERE series='' AND key=''", -1, &s, NULL);
	return c == SQLITE_OK ? run_synced(h, s) : sqlite_errno(c);
}
