/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Written by lazaret-ledger, read and rebuilt by `lazaret history`. Two ledgers may write at the same time: WAL
 * and a busy timeout. Temporary data stays in memory, so that no directory is ever looked for.
 */
#include "common/history.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "common/hash.h"

#define BUSY_TIMEOUT_MS 20000 /* an index of a million files takes some ten seconds */

static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;"
	"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
	"CREATE TABLE IF NOT EXISTS transfers("
	" id INTEGER PRIMARY KEY, transfer TEXT NOT NULL UNIQUE, outcome TEXT, operator TEXT, reason TEXT,"
	" medium TEXT, serial TEXT, started INTEGER, finished INTEGER, files INTEGER, bytes INTEGER,"
	" approved INTEGER, held INTEGER, blocked INTEGER, seq INTEGER, report_sha256 TEXT) STRICT;"
	"CREATE TABLE IF NOT EXISTS files("
	" transfer_id INTEGER NOT NULL REFERENCES transfers(id), sha256 BLOB, path TEXT NOT NULL,"
	" size INTEGER NOT NULL, verdict TEXT NOT NULL, rule TEXT) STRICT;"
	"CREATE INDEX IF NOT EXISTS files_sha256 ON files(sha256);";

enum statement {
	ADD_TRANSFER,
	FILL_TRANSFER,
	ADD_FILE,
	STATEMENT_COUNT_
};

static const char *const statements[STATEMENT_COUNT_] = {
	[ADD_TRANSFER] = "INSERT INTO transfers(transfer) VALUES(?1)",
	[FILL_TRANSFER] = "UPDATE transfers SET outcome=?2, operator=?3, reason=?4, medium=?5, serial=?6, started=?7,"
			  " finished=?8, files=?9, bytes=?10, approved=?11, held=?12, blocked=?13, seq=?14,"
			  " report_sha256=?15 WHERE id=?1",
	[ADD_FILE] = "INSERT INTO files(transfer_id, sha256, path, size, verdict, rule) VALUES(?1,?2,?3,?4,?5,?6)",
};

struct history {
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENT_COUNT_];
	int64_t transfer_id;
};

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

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
	}
	free(h);
	return NULL;
}

static int prepare_all(struct history *h)
{
	for (size_t i = 0; i < STATEMENT_COUNT_; i++) {
		int c = sqlite3_prepare_v3(h->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &h->prepared[i], NULL);

		if (c != SQLITE_OK)
			return to_errno(c);
	}
	return 0;
}

int history_open(const char *path, struct history **ret)
{
	_cleanup_(history_freep) struct history *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	r = to_errno(sqlite3_open_v2(path, &h->db,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
	if (r == 0)
		r = to_errno(sqlite3_busy_timeout(h->db, BUSY_TIMEOUT_MS));
	if (r == 0)
		r = to_errno(sqlite3_exec(h->db, schema, NULL, NULL, NULL));
	if (r == 0)
		r = prepare_all(h);
	if (r == 0)
		*ret = TAKE_PTR(h);
	return r;
}

/* -- SQLite without paths -------------------------------------------------------------------------------
 * The unix VFS lets its system calls be replaced (sqlite3_vfs.xSetSystemCall, made for tests). Each takes the
 * last component beneath one directory: nothing else can be reached even if a path were wrong. */

static int base_fd = -EBADF;

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int at_open(const char *path, int flags, int mode)
{
	return openat(base_fd, base_name(path), flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int at_access(const char *path, int mode)
{
	return faccessat(base_fd, base_name(path), mode, 0);
}

static int at_stat(const char *path, struct stat *st)
{
	return fstatat(base_fd, base_name(path), st, AT_SYMLINK_NOFOLLOW);
}

static int at_unlink(const char *path)
{
	return unlinkat(base_fd, base_name(path), 0);
}

static ssize_t at_readlink(const char *path, char *out, size_t size)
{
	errno = EINVAL; /* "not a symbolic link": those are never followed here */
	return -1;
}

static int at_open_directory(const char *path, int *ret_fd)
{
	*ret_fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? SQLITE_CANTOPEN : SQLITE_OK;
}

int history_open_at(int dir_fd, struct history **ret)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr function;
	} calls[] = {
		{ "open", (sqlite3_syscall_ptr)at_open },
		{ "access", (sqlite3_syscall_ptr)at_access },
		{ "stat", (sqlite3_syscall_ptr)at_stat },
		{ "lstat", (sqlite3_syscall_ptr)at_stat },
		{ "unlink", (sqlite3_syscall_ptr)at_unlink },
		{ "readlink", (sqlite3_syscall_ptr)at_readlink },
		{ "openDirectory", (sqlite3_syscall_ptr)at_open_directory },
	};
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	if (!vfs || vfs->iVersion < 3)
		return -ENOSYS;
	base_fd = dir_fd;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (vfs->xSetSystemCall(vfs, calls[i].name, calls[i].function) != SQLITE_OK)
			return -ENOSYS;
	return history_open("/" HISTORY_FILE, ret);
}

/* -- writing --------------------------------------------------------------------------------------------- */

static int execute(struct history *h, const char *sql)
{
	return to_errno(sqlite3_exec(h->db, sql, NULL, NULL, NULL));
}

static int run(sqlite3_stmt *s)
{
	int c = sqlite3_step(s);

	(void)sqlite3_reset(s); /* repeats the code of the step */
	return to_errno(c);
}

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
	return 0;
}

int history_add_file(struct history *h, const json_t *file)
{
	sqlite3_stmt *s = h->prepared[ADD_FILE];
	const char *hex = json_string_value(json_object_get(file, "sha256"));
	uint8_t sum[SHA256_LEN];
	int r;

	(void)sqlite3_clear_bindings(s); /* always SQLITE_OK */
	(void)sqlite3_bind_int64(s, 1, h->transfer_id);
	if (hex && strlen(hex) == SHA256_HEX_LEN && hex_decode(hex, sum, sizeof(sum)) == 0)
		(void)sqlite3_bind_blob(s, 2, sum, sizeof(sum), SQLITE_STATIC);
	bind_text(s, 3, json_object_get(file, "path"));
	bind_int(s, 4, json_object_get(file, "size"));
	bind_text(s, 5, json_object_get(file, "verdict"));
	bind_text(s, 6, json_object_get(file, "rule"));
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
	int r = execute(h, "BEGIN IMMEDIATE; DELETE FROM files; DELETE FROM transfers; COMMIT");

	if (r < 0)
		history_rollback(h);
	return r;
}

/* -- reading --------------------------------------------------------------------------------------------- */

static void finalize_p(sqlite3_stmt **s)
{
	(void)sqlite3_finalize(*s); /* repeats the error of the last step */
}

static const char *column_text(sqlite3_stmt *s, int i)
{
	return (const char *)sqlite3_column_text(s, i);
}

static const char *column_words(sqlite3_stmt *s, int i)
{
	const char *text = column_text(s, i);

	return text ? text : "";
}

int history_find(struct history *h, const char *transfer)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT 1 FROM transfers WHERE transfer=?1", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 1, transfer, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c == SQLITE_ROW)
		return 0;
	return c == SQLITE_DONE ? -ENOENT : to_errno(c);
}

int history_last_seq(struct history *h, int64_t *ret_seq)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT coalesce(max(seq), -1) FROM transfers", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c != SQLITE_ROW)
		return c == SQLITE_DONE ? -EIO : to_errno(c);
	*ret_seq = sqlite3_column_int64(s, 0);
	return 0;
}

int history_transfers(struct history *h, int64_t limit,
		      int (*each)(void *context, const struct history_transfer *t), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db,
				   "SELECT transfer, outcome, operator, medium, started, finished, files, bytes,"
				   " approved, held, blocked, seq, report_sha256 FROM transfers"
				   " ORDER BY seq DESC LIMIT ?1", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, limit);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const struct history_transfer t = {
			.transfer = column_words(s, 0),
			.outcome = column_words(s, 1),
			.operator_name = column_words(s, 2),
			.medium = column_words(s, 3),
			.started = sqlite3_column_int64(s, 4),
			.finished = sqlite3_column_int64(s, 5),
			.files = sqlite3_column_int64(s, 6),
			.bytes = sqlite3_column_int64(s, 7),
			.approved = sqlite3_column_int64(s, 8),
			.held = sqlite3_column_int64(s, 9),
			.blocked = sqlite3_column_int64(s, 10),
			.seq = sqlite3_column_int64(s, 11),
			.report_sha256 = column_words(s, 12),
		};

		r = each(context, &t);
	}
	return r != 0 ? r : to_errno(c);
}

int history_files(struct history *h, const char *sha256_or_text, int64_t limit,
		  int (*each)(void *context, const struct history_file *f), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	uint8_t sum[SHA256_LEN];
	bool is_sum = strlen(sha256_or_text) == SHA256_HEX_LEN && hex_decode(sha256_or_text, sum, sizeof(sum)) == 0;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db,
				   is_sum ? "SELECT transfer, path, verdict, rule, lower(hex(sha256)), size, started"
					    " FROM files JOIN transfers ON id=transfer_id WHERE sha256=?1"
					    " ORDER BY seq DESC LIMIT ?2"
					  : "SELECT transfer, path, verdict, rule, lower(hex(sha256)), size, started"
					    " FROM files JOIN transfers ON id=transfer_id WHERE instr(path, ?1) > 0"
					    " ORDER BY seq DESC LIMIT ?2", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = is_sum ? sqlite3_bind_blob(s, 1, sum, sizeof(sum), SQLITE_STATIC)
			   : sqlite3_bind_text(s, 1, sha256_or_text, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, limit);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const char *sha = column_text(s, 4);
		const struct history_file f = {
			.transfer = column_words(s, 0),
			.path = column_words(s, 1),
			.verdict = column_words(s, 2),
			.rule = column_text(s, 3),
			.sha256 = sha && *sha ? sha : NULL, /* hex() makes "" of NULL */
			.size = sqlite3_column_int64(s, 5),
			.started = sqlite3_column_int64(s, 6),
		};

		r = each(context, &f);
	}
	return r != 0 ? r : to_errno(c);
}
