/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Written by lazaret-ledger, written and rebuilt by `lazaret history`, read by lazaret-records. Two ledgers may write at the
 * same time, and readers go on meanwhile: WAL and a busy timeout. Temporary data stays in memory, so that no directory is ever
 * looked for.
 *
 * lazaret-records may not write: it could not make the files beside the database (-wal, -shm), so whoever writes leaves them
 * there (SQLITE_FCNTL_PERSIST_WAL, https://www.sqlite.org/wal.html#read_only_databases). A rollback journal would need
 * none, but then a report of a million files being indexed would keep every reader out for its ten seconds.
 */
#include "common/history_sqlite.h"

#include <string.h>

#include "common/hash.h"

#define BUSY_TIMEOUT_MS 20000 /* an index of a million files takes some ten seconds */

/* Cache in KiB: with less, the hashes of a million files are sorted on disk, which takes three times as long. */
static const char settings[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-98304;"
	"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=4194304;";

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS transfers("
	" id INTEGER PRIMARY KEY, transfer TEXT NOT NULL UNIQUE, outcome TEXT, operator TEXT, reason TEXT,"
	" medium TEXT, serial TEXT, started INTEGER, finished INTEGER, files INTEGER, bytes INTEGER,"
	" approved INTEGER, held INTEGER, blocked INTEGER, seq INTEGER, report_sha256 TEXT,"
	/* rows in `files` of each rank */
	" rows_blocked INTEGER, rows_held INTEGER, rows_approved INTEGER) STRICT;"
	"CREATE INDEX IF NOT EXISTS transfers_seq ON transfers(seq);"
	/* id: file_id(); code: of the first reason; at, length: of the object in the report, NULL when not known */
	"CREATE TABLE IF NOT EXISTS files("
	" id INTEGER PRIMARY KEY, sha256 BLOB, path TEXT NOT NULL, size INTEGER NOT NULL, verdict TEXT NOT NULL,"
	" rule TEXT, code TEXT, at INTEGER, length INTEGER) STRICT;"
	"CREATE INDEX IF NOT EXISTS files_sha256 ON files(sha256);"
	/* newest dates; the row without series and key: all that the trail tells is here */
	"CREATE TABLE IF NOT EXISTS series("
	" series TEXT NOT NULL, key TEXT NOT NULL, date INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" PRIMARY KEY(series, key)) STRICT, WITHOUT ROWID;"
	/* the newest about each content; proposals, and what closed them; the record up to which all are here */
	"CREATE TABLE IF NOT EXISTS decided("
	" sha256 BLOB PRIMARY KEY, decision INTEGER NOT NULL, id TEXT NOT NULL, by_name TEXT NOT NULL, second TEXT NOT NULL,"
	" reason TEXT NOT NULL, until INTEGER NOT NULL, at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS proposals("
	" id TEXT PRIMARY KEY, body TEXT NOT NULL, expires INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS proposals_seq ON proposals(seq);"
	"CREATE TABLE IF NOT EXISTS closed("
	" id TEXT PRIMARY KEY, decision INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS decisions_place(one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;"
	"PRAGMA user_version=4;";

static const char *const statements[STATEMENT_COUNT_] = {
	[ADD_TRANSFER] = "INSERT INTO transfers(transfer) VALUES(?1)",
	[FILL_TRANSFER] = "UPDATE transfers SET outcome=?2, operator=?3, reason=?4, medium=?5, serial=?6, started=?7,"
			  " finished=?8, files=?9, bytes=?10, approved=?11, held=?12, blocked=?13, seq=?14,"
			  " report_sha256=?15, rows_blocked=?16, rows_held=?17, rows_approved=?18 WHERE id=?1",
	[ADD_FILE] = "INSERT INTO files(id, sha256, path, size, verdict, rule, code, at, length) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
};

const char *history_error(const struct history *h)
{
	return sqlite3_errmsg(h->db);
}

struct history *history_free(struct history *h)
{
	if (h) {
		for (size_t i = 0; i < STATEMENT_COUNT_; i++)
			(void)sqlite3_finalize(h->prepared[i]); /* repeats the error of its last step */
		(void)sqlite3_close(h->db);			/* cannot be busy: every statement is finalized */
		history_found_done(h);
	}
	free(h);
	return NULL;
}

static int prepare_all(struct history *h)
{
	for (size_t i = 0; i < STATEMENT_COUNT_; i++) {
		int c = sqlite3_prepare_v3(h->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &h->prepared[i], NULL);

		if (c != SQLITE_OK)
			return sqlite_errno(c);
	}
	return 0;
}

/* -- opening ------------------------------------------------------------------------------------------------ */

static int execute(struct history *h, const char *sql)
{
	return sqlite_errno(sqlite3_exec(h->db, sql, NULL, NULL, NULL));
}

enum history_rank history_rank(const char *verdict)
{
	return !verdict			       ? RANK_BLOCKED :
	       strcmp(verdict, "approved") == 0 ? RANK_APPROVED :
	       strcmp(verdict, "held") == 0	? RANK_HELD :
						  RANK_BLOCKED;
}

static int run(sqlite3_stmt *s)
{
	int c = sqlite3_step(s);

	(void)sqlite3_reset(s); /* repeats the code of the step */
	return sqlite_errno(c);
}

static int set_ranked(struct history *h, int64_t transfer_id, const int64_t ranked[static RANK_COUNT_])
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "UPDATE transfers SET rows_blocked=?2, rows_held=?3, rows_approved=?4 WHERE id=?1",
				   -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, transfer_id);
	for (int k = 0; c == SQLITE_OK && k < RANK_COUNT_; k++)
		c = sqlite3_bind_int64(s, 2 + k, ranked[k]);
	return c == SQLITE_OK ? run(s) : sqlite_errno(c);
}

/* Rows of version 0, in the order in which they came: that of the reports, one after the other. */
static int copy_files(struct history *h)
{
	_cleanup_(finalize_p) sqlite3_stmt *from = NULL, *to = NULL;
	int64_t ranked[RANK_COUNT_] = { 0 }, transfer_id = -1;
	int r = sqlite_errno(sqlite3_prepare_v2(h->db,
						 "SELECT transfer_id, verdict, sha256, path, size, rule FROM files_0 ORDER BY rowid",
						 -1, &from, NULL));

	if (r == 0)
		r = sqlite_errno(sqlite3_prepare_v2(h->db,
						     "INSERT INTO files(id, verdict, sha256, path, size, rule) VALUES(?1,?2,?3,?4,?5,?6)",
						     -1, &to, NULL));
	while (r == 0) {
		int c = sqlite3_step(from);
		int64_t id = c == SQLITE_ROW ? sqlite3_column_int64(from, 0) : -1;
		enum history_rank rank;

		if (c != SQLITE_ROW && c != SQLITE_DONE)
			return sqlite_errno(c);
		if (id != transfer_id && transfer_id >= 0)
			r = set_ranked(h, transfer_id, ranked);
		if (id != transfer_id)
			memset(ranked, 0, sizeof(ranked));
		if (r < 0 || c == SQLITE_DONE)
			return r;
		transfer_id = id;
		rank = history_rank((const char *)sqlite3_column_text(from, 1));
		r = sqlite_errno(sqlite3_bind_int64(to, 1, file_id(id, rank, ranked[rank]++)));
		for (int k = 1; r == 0 && k <= 5; k++)
			r = sqlite_errno(sqlite3_bind_value(to, 1 + k, sqlite3_column_value(from, k)));
		if (r == 0)
			r = run(to);
	}
	return r;
}

static int get_version(struct history *h, int *ret)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "PRAGMA user_version", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c != SQLITE_ROW)
		return c == SQLITE_DONE ? -EIO : sqlite_errno(c);
	*ret = sqlite3_column_int(s, 0);
	return 0;
}

/* What was indexed before stays; what is new of it (codes, places) is not known until `lazaret history --rebuild`. */
static int migrate(struct history *h)
{
	bool has_old = sqlite3_table_column_metadata(h->db, NULL, "files", "transfer_id", NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
	int r = 0;

	if (has_old)
		r = execute(h, "DROP INDEX IF EXISTS files_sha256; ALTER TABLE files RENAME TO files_0;"
			       "ALTER TABLE transfers ADD COLUMN rows_blocked INTEGER;"
			       "ALTER TABLE transfers ADD COLUMN rows_held INTEGER;"
			       "ALTER TABLE transfers ADD COLUMN rows_approved INTEGER;");
	if (r == 0)
		r = execute(h, schema);
	if (r == 0 && has_old)
		r = copy_files(h);
	if (r == 0 && has_old)
		r = execute(h, "DROP TABLE files_0");
	return r;
}

/* Two may find an old history at once: the second finds it done. */
static int bring_up(struct history *h)
{
	int version, r = get_version(h, &version);

	if (r < 0 || version == HISTORY_VERSION)
		return r;
	r = execute(h, "BEGIN IMMEDIATE");
	if (r == 0)
		r = get_version(h, &version);
	if (r == 0 && version > HISTORY_VERSION)
		r = -EPROTONOSUPPORT; /* of a newer Lazaret */
	if (r == 0 && version < HISTORY_VERSION)
		r = migrate(h);
	if (r == 0)
		r = execute(h, "COMMIT");
	if (r < 0)
		history_rollback(h);
	return r;
}

static int open_database(struct history *h, const char *path, int flags)
{
	int r = sqlite_errno(sqlite3_open_v2(path, &h->db, flags | SQLITE_OPEN_NOMUTEX, NULL));

	return r < 0 ? r : sqlite_errno(sqlite3_busy_timeout(h->db, BUSY_TIMEOUT_MS));
}

static int open_writer(const char *path, bool is_file, struct history **ret)
{
	_cleanup_(history_freep) struct history *h = calloc(1, sizeof(*h));
	int persist = 1, r;

	if (!h)
		return -ENOMEM;
	r = open_database(h, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (r == 0 && is_file)
		r = sqlite_errno(sqlite3_file_control(h->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist));
	if (r == 0)
		r = execute(h, settings);
	if (r == 0)
		r = bring_up(h);
	if (r == 0)
		r = prepare_all(h);
	if (r == 0)
		*ret = TAKE_PTR(h);
	return r;
}

int history_open(const char *path, struct history **ret)
{
	return open_writer(path, true, ret);
}

int history_open_memory(struct history **ret)
{
	return open_writer(":memory:", false, ret);
}

int history_open_read(const char *path, struct history **ret)
{
	_cleanup_(history_freep) struct history *h = calloc(1, sizeof(*h));
	int version, r;

	if (!h)
		return -ENOMEM;
	r = open_database(h, path, SQLITE_OPEN_READONLY);
	if (r == 0)
		r = execute(h, "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA trusted_schema=OFF;"
			       "PRAGMA cell_size_check=ON; PRAGMA query_only=ON");
	if (r == 0)
		r = get_version(h, &version);
	if (r == 0 && version != HISTORY_VERSION)
		r = -EPROTONOSUPPORT;
	if (r == 0)
		*ret = TAKE_PTR(h);
	return r;
}

/* -- writing --------------------------------------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *s, int at, const json_t *value)
{
	/* a failed bind leaves NULL, which NOT NULL columns refuse; NULL for JSON's null and for what is missing */
	(void)sqlite3_bind_text(s, at, json_string_value(value), -1, SQLITE_STATIC);
}

static void bind_int(sqlite3_stmt *s, int at, const json_t *value)
{
	(void)sqlite3_bind_int64(s, at, json_integer_value(value)); /* as above */
}

int history_begin(struct history *h, const char *transfer)
{
	sqlite3_stmt *s = h->prepared[ADD_TRANSFER];
	int r = execute(h, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(s, 1, transfer, -1, SQLITE_STATIC); /* the NOT NULL column catches a failure */
	r = run(s);
	(void)sqlite3_clear_bindings(s); /* always SQLITE_OK */
	if (r < 0) {
		history_rollback(h);
		return r;
	}
	h->transfer_id = sqlite3_last_insert_rowid(h->db);
	memset(h->ranked, 0, sizeof(h->ranked));
	return 0;
}

int history_add_file(struct history *h, const json_t *file, uint64_t at, uint64_t length)
{
	sqlite3_stmt *s = h->prepared[ADD_FILE];
	enum history_rank rank = history_rank(json_string_value(json_object_get(file, "verdict")));
	const json_t *first = json_array_get(json_object_get(file, "reasons"), 0);
	const char *hex = json_string_value(json_object_get(file, "sha256"));
	uint8_t sum[SHA256_LEN];
	int r;

	(void)sqlite3_clear_bindings(s); /* always SQLITE_OK */
	(void)sqlite3_bind_int64(s, 1, file_id(h->transfer_id, rank, h->ranked[rank]++));
	if (hex && strlen(hex) == SHA256_HEX_LEN && hex_decode(hex, sum, sizeof(sum)) == 0)
		(void)sqlite3_bind_blob(s, 2, sum, sizeof(sum), SQLITE_STATIC);
	bind_text(s, 3, json_object_get(file, "path"));
	bind_int(s, 4, json_object_get(file, "size"));
	bind_text(s, 5, json_object_get(file, "verdict"));
	bind_text(s, 6, json_object_get(file, "rule"));
	bind_text(s, 7, json_object_get(first, "code"));
	(void)sqlite3_bind_int64(s, 8, (sqlite3_int64)at);
	(void)sqlite3_bind_int64(s, 9, (sqlite3_int64)length);
	r = run(s);
	(void)sqlite3_clear_bindings(s); /* the strings belong to `file` */
	return r;
}

static void medium_text(const json_t *medium, char *out, size_t size)
{
	const char *words[] = { json_string_value(json_object_get(medium, "kind")),
				json_string_value(json_object_get(medium, "vendor")),
				json_string_value(json_object_get(medium, "model")) };
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i] && words[i][0] && used + strlen(words[i]) + 2 < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", words[i]);
}

int history_commit(struct history *h, const json_t *report, uint64_t seq, const char *report_sha256)
{
	static const char *const counts[] = { "files", "bytes", "approved", "held", "blocked" };
	sqlite3_stmt *s = h->prepared[FILL_TRANSFER];
	const json_t *medium = json_object_get(report, "medium");
	char words[512];
	int r;

	medium_text(medium, words, sizeof(words));
	(void)sqlite3_bind_int64(s, 1, h->transfer_id);
	bind_text(s, 2, json_object_get(report, "outcome"));
	bind_text(s, 3, json_object_get(report, "operator"));
	bind_text(s, 4, json_object_get(report, "reason"));
	(void)sqlite3_bind_text(s, 5, words, -1, SQLITE_STATIC);
	bind_text(s, 6, json_object_get(medium, "serial"));
	bind_int(s, 7, json_object_get(report, "started"));
	bind_int(s, 8, json_object_get(report, "finished"));
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		bind_int(s, 9 + (int)i, json_object_get(json_object_get(report, "counts"), counts[i]));
	(void)sqlite3_bind_int64(s, 14, (sqlite3_int64)seq);
	(void)sqlite3_bind_text(s, 15, report_sha256, -1, SQLITE_STATIC);
	for (int k = 0; k < RANK_COUNT_; k++)
		(void)sqlite3_bind_int64(s, 16 + k, h->ranked[k]);
	r = run(s);
	(void)sqlite3_clear_bindings(s); /* the strings belong to others */
	if (r == 0)
		r = execute(h, "COMMIT");
	if (r < 0)
		history_rollback(h);
	return r;
}

void history_rollback(struct history *h)
{
	if (!sqlite3_get_autocommit(h->db))
		(void)execute(h, "ROLLBACK"); /* the error that led here is the one to report */
}

int history_clear(struct history *h)
{
	int r = execute(h, "BEGIN IMMEDIATE; DELETE FROM files; DELETE FROM transfers; DELETE FROM series;"
			   "DELETE FROM decided; DELETE FROM proposals; DELETE FROM closed; DELETE FROM decisions_place; COMMIT");

	if (r < 0)
		history_rollback(h);
	return r;
}
