/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Questions of `lazaret history` with marks: every value is bound, none becomes a part of the question. */
#include "common/history_sqlite.h"

#include <string.h>

/* The numbers of a transfer's rows of one rank and more (file_id()); codes are those of files that are not approved. */
#define ROWS_OF_T "f.id >= t.id << 34 AND f.id < (t.id + 1) << 34"
#define PROBLEMS_OF_T "f.id >= t.id << 34 AND f.id < (t.id << 34) + (2 << 32)"

#define T_FITS                                                                                                        \
	"t.started >= ?1 AND t.started < ?2 AND (?3 IS NULL OR t.outcome = ?3)"                                       \
	" AND (?4 IS NULL OR t.operator LIKE ?4 ESCAPE '\\')"                                                         \
	" AND (?5 IS NULL OR t.medium LIKE ?5 ESCAPE '\\' OR t.serial LIKE ?5 ESCAPE '\\')"
#define F_FITS "(?6 IS NULL OR f.verdict = ?6) AND (?7 IS NULL OR f.code = ?7)"

#define FILE_COLUMNS "transfer, path, verdict, rule, lower(hex(sha256)), size, t.started, code"

enum parameter {
	P_FROM = 1,
	P_UNTIL,
	P_OUTCOME,
	P_OPERATOR,
	P_MEDIUM,
	P_VERDICT,
	P_CODE,
	P_LIMIT,
	P_WANTED,
};

static const char *words(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	return text ? text : "";
}

static int bind_like(sqlite3_stmt *s, int at, const char *text)
{
	char *pattern = text ? history_like(text) : NULL;

	if (!text)
		return SQLITE_OK; /* NULL */
	return pattern ? sqlite3_bind_text(s, at, pattern, -1, free) : SQLITE_NOMEM;
}

static int bind(sqlite3_stmt *s, const struct history_selection *by, int64_t limit)
{
	const char *const exact[] = { by->outcome, by->verdict, by->code };
	const int places[] = { P_OUTCOME, P_VERDICT, P_CODE };
	int c = sqlite3_bind_int64(s, P_FROM, by->from);

	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, P_UNTIL, by->until);
	for (size_t k = 0; c == SQLITE_OK && k < ARRAY_LEN(exact); k++)
		c = exact[k] ? sqlite3_bind_text(s, places[k], exact[k], -1, SQLITE_STATIC) : SQLITE_OK;
	if (c == SQLITE_OK)
		c = bind_like(s, P_OPERATOR, by->operator_name);
	if (c == SQLITE_OK)
		c = bind_like(s, P_MEDIUM, by->medium);
	return c == SQLITE_OK ? sqlite3_bind_int64(s, P_LIMIT, limit) : c;
}

int history_select_transfers(struct history *h, const struct history_selection *by, int64_t limit,
			     int (*each)(void *context, const struct history_transfer *t), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db,
				   "SELECT transfer, outcome, operator, medium, started, finished, files, bytes, approved, held, blocked,"
				   " seq, report_sha256, reason, serial FROM transfers AS t WHERE " T_FITS
				   " AND (?6 IS NULL OR ?7 IS NOT NULL OR CASE ?6 WHEN 'approved' THEN approved"
				   " WHEN 'held' THEN held ELSE blocked END > 0)"
				   " AND (?7 IS NULL OR EXISTS (SELECT 1 FROM files AS f WHERE " PROBLEMS_OF_T " AND " F_FITS "))"
				   " ORDER BY seq DESC LIMIT ?8", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = bind(s, by, limit);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const struct history_transfer t = {
			.transfer = words(s, 0),
			.outcome = words(s, 1),
			.operator_name = words(s, 2),
			.medium = words(s, 3),
			.started = sqlite3_column_int64(s, 4),
			.finished = sqlite3_column_int64(s, 5),
			.files = sqlite3_column_int64(s, 6),
			.bytes = sqlite3_column_int64(s, 7),
			.approved = sqlite3_column_int64(s, 8),
			.held = sqlite3_column_int64(s, 9),
			.blocked = sqlite3_column_int64(s, 10),
			.seq = sqlite3_column_int64(s, 11),
			.report_sha256 = words(s, 12),
			.reason = words(s, 13),
			.serial = words(s, 14),
		};

		r = each(context, &t);
	}
	return r != 0 ? r : sqlite_errno(c);
}

static int prepare_files(struct history *h, const char *wanted, bool is_sum, sqlite3_stmt **ret)
{
	/* by content: from the index on it; otherwise transfer by transfer, each a range of rows */
	static const char by_sum[] = "SELECT " FILE_COLUMNS " FROM files AS f CROSS JOIN transfers AS t ON t.id = f.id >> 34"
				     " WHERE f.sha256 = ?9 AND " T_FITS " AND " F_FITS " ORDER BY seq DESC, f.id LIMIT ?8";
	static const char by_path[] = "SELECT " FILE_COLUMNS " FROM transfers AS t CROSS JOIN files AS f ON " ROWS_OF_T " WHERE " T_FITS
				      " AND " F_FITS " AND instr(f.path, ?9) > 0 ORDER BY seq DESC, f.id LIMIT ?8";
	static const char all[] = "SELECT " FILE_COLUMNS " FROM transfers AS t CROSS JOIN files AS f ON " ROWS_OF_T " WHERE " T_FITS
				  " AND " F_FITS " ORDER BY seq DESC, f.id LIMIT ?8";

	return sqlite3_prepare_v2(h->db, !wanted ? all : is_sum ? by_sum : by_path, -1, ret, NULL);
}

int history_select_files(struct history *h, const struct history_selection *by, const char *wanted, int64_t limit,
			 int (*each)(void *context, const struct history_file *f), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	uint8_t sum[SHA256_LEN];
	bool is_sum = wanted && strlen(wanted) == SHA256_HEX_LEN && hex_decode(wanted, sum, sizeof(sum)) == 0;
	int r = 0, c = prepare_files(h, wanted, is_sum, &s);

	if (c == SQLITE_OK)
		c = bind(s, by, limit);
	if (c == SQLITE_OK && wanted)
		c = is_sum ? sqlite3_bind_blob(s, P_WANTED, sum, sizeof(sum), SQLITE_STATIC) :
			     sqlite3_bind_text(s, P_WANTED, wanted, -1, SQLITE_STATIC);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const char *sha = words(s, 4);
		const struct history_file f = {
			.transfer = words(s, 0),
			.path = words(s, 1),
			.verdict = words(s, 2),
			.rule = (const char *)sqlite3_column_text(s, 3),
			.sha256 = *sha ? sha : NULL, /* hex() makes "" of NULL */
			.size = sqlite3_column_int64(s, 5),
			.started = sqlite3_column_int64(s, 6),
			.code = (const char *)sqlite3_column_text(s, 7),
		};

		r = each(context, &f);
	}
	return r != 0 ? r : sqlite_errno(c);
}
