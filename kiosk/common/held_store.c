/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Copies and their index: opened, filled, emptied. Reading is in held_read.c. */
#include "common/held_sql.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"

#define INDEX_FILE "index.sqlite"
#define HELD_VERSION 1

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS files("
	" sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, code TEXT NOT NULL, type TEXT NOT NULL, held_at INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, has_copy INTEGER NOT NULL, decision INTEGER NOT NULL DEFAULT 0, until INTEGER NOT NULL DEFAULT 0,"
	" released_as TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS files_expires ON files(expires);"
	"CREATE TABLE IF NOT EXISTS places("
	" sha256 TEXT NOT NULL, transfer TEXT NOT NULL, path BLOB NOT NULL, shown TEXT NOT NULL, entry TEXT NOT NULL,"
	" started INTEGER NOT NULL, pending INTEGER NOT NULL, PRIMARY KEY(sha256, transfer, path)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS places_transfer ON places(transfer);"
	"CREATE TABLE IF NOT EXISTS members(sha256 TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY(sha256, member)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS transfers(transfer TEXT PRIMARY KEY, facts TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"PRAGMA user_version=1;";

int held_prepare(struct held_store *h, const char *sql, sqlite3_stmt **ret)
{
	return sqlite_errno(sqlite3_prepare_v2(h->db, sql, -1, ret, NULL));
}

void held_bind(sqlite3_stmt *s, int at, const char *text)
{
	(void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC); /* a failed bind leaves NULL, which no column takes */
}

int held_run(struct held_store *h, const char *sql, const char *const *texts, size_t count)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, sql, &s);

	for (size_t k = 0; r == 0 && k < count; k++)
		held_bind(s, (int)k + 1, texts[k]);
	return r < 0 ? r : sqlite_errno(sqlite3_step(s));
}

static int execute(struct held_store *h, const char *sql)
{
	return sqlite_errno(sqlite3_exec(h->db, sql, NULL, NULL, NULL));
}

/* -- opening ------------------------------------------------------------------------------------------------------------- */

static int version_of(struct held_store *h, int *ret)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "PRAGMA user_version", &s);

	if (r == 0)
		r = sqlite_errno(sqlite3_step(s));
	if (r == 0)
		*ret = sqlite3_column_int(s, 0);
	return r;
}

static int prepare_index(struct held_store *h)
{
	int version = 0, r = version_of(h, &version);

	if (r < 0 || version == HELD_VERSION)
		return r;
	if (version > HELD_VERSION)
		return -EPROTONOSUPPORT; /* of a newer Lazaret */
	r = execute(h, "BEGIN IMMEDIATE");
	if (r == 0)
		r = execute(h, schema);
	if (r == 0)
		r = execute(h, "COMMIT");
	if (r < 0)
		(void)execute(h, "ROLLBACK"); /* there may be none */
	return r;
}

/* An officer who is root must not lock the station's account out. SQLite gives its journal the owner of the index. */
static int make_index(int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, INDEX_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	return fstat(dir_fd, &st) < 0 || (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0) ? -errno : 0;
}

int held_open(const char *dir, int wait_ms, struct held_store **ret)
{
	_cleanup_(held_freep) struct held_store *h = calloc(1, sizeof(*h));
	_cleanup_free_ char *path = NULL;
	int r;

	if (!h)
		return -ENOMEM;
	h->wait_ms = wait_ms;
	h->dir_fd = -EBADF;
	if (asprintf(&path, "%s/" INDEX_FILE, dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	h->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (h->dir_fd < 0)
		return -errno;
	r = make_index(h->dir_fd);
	if (r == 0)
		r = sqlite_errno(sqlite3_open_v2(path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (r == 0)
		r = sqlite_errno(sqlite3_busy_timeout(h->db, wait_ms));
	if (r == 0)
		r = execute(h, "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
			       " PRAGMA cache_spill=OFF");
	if (r == 0)
		r = prepare_index(h);
	if (r == 0)
		r = execute(h, "CREATE TEMP TABLE proposed(sha256 TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID");
	if (r == 0)
		*ret = TAKE_PTR(h);
	return r;
}

struct held_store *held_free(struct held_store *h)
{
	if (h) {
		held_rollback(h);
		(void)sqlite3_close(h->db); /* cannot be busy: every statement is finalized */
		close_p(&h->dir_fd);
	}
	free(h);
	return NULL;
}

int held_dir_fd(const struct held_store *h)
{
	return h->dir_fd;
}

int held_begin(struct held_store *h, int wait_ms)
{
	int r = sqlite_errno(sqlite3_busy_timeout(h->db, wait_ms));

	if (r == 0)
		r = execute(h, "BEGIN IMMEDIATE");
	(void)sqlite3_busy_timeout(h->db, h->wait_ms); /* fails for no open database */
	h->is_open = h->is_open || r == 0;
	return r;
}

int held_commit(struct held_store *h)
{
	int r = execute(h, "COMMIT");

	if (r == 0)
		h->is_open = false;
	return r;
}

void held_rollback(struct held_store *h)
{
	if (h->is_open)
		(void)execute(h, "ROLLBACK"); /* what is not committed is gone with the connection, too */
	h->is_open = false;
}

/* -- copies ---------------------------------------------------------------------------------------------------------------- */

static int copy_bytes(struct held_store *h, const char *sha256, int fd, uint64_t size)
{
	_cleanup_close_ int to = -EBADF;
	char name[SHA256_HEX_LEN + 8];
	int r;

	(void)snprintf(name, sizeof(name), ".%s", sha256);
	to = openat(h->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = fd_copy(to, fd, size);
	if (r == 0 && fchmod(to, 0400) < 0)
		r = -errno;
	if (r == 0 && renameat(h->dir_fd, name, h->dir_fd, sha256) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(h->dir_fd, name, 0); /* the next sweep does it */
	return r;
}

/* By its descriptor: what the vault calls its copies is its own business. */
int held_put_copy(struct held_store *h, const char *sha256, int fd, uint64_t size)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (unlinkat(h->dir_fd, sha256, 0) < 0 && errno != ENOENT)
		return -errno;
	if (linkat(AT_FDCWD, path, h->dir_fd, sha256, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT || errno == EROFS)
		return -errno;
	return copy_bytes(h, sha256, fd, size); /* another file system, or one without links */
}

int held_sync(struct held_store *h)
{
	return syncfs(h->dir_fd) < 0 ? -errno : 0;
}

int held_open_copy(struct held_store *h, const char *sha256, int *ret_fd)
{
	int fd = openat(h->dir_fd, sha256, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_p(&fd);
		return -ENOENT;
	}
	*ret_fd = fd;
	return 0;
}

static int remove_copy(struct held_store *h, const char *sha256)
{
	return unlinkat(h->dir_fd, sha256, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* -- filling --------------------------------------------------------------------------------------------------------------- */

static int put_file(struct held_store *h, const struct held_new *n)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "INSERT INTO files(sha256, size, code, type, held_at, expires, has_copy) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1)"
				" ON CONFLICT(sha256) DO UPDATE SET code=excluded.code, type=excluded.type, held_at=excluded.held_at,"
				" expires=excluded.expires, has_copy=1", &s);

	if (r < 0)
		return r;
	held_bind(s, 1, n->sha256);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)n->size);
	held_bind(s, 3, n->code);
	held_bind(s, 4, n->type);
	(void)sqlite3_bind_int64(s, 5, n->held_at);
	(void)sqlite3_bind_int64(s, 6, n->expires);
	return sqlite_errno(sqlite3_step(s));
}

int held_put(struct held_store *h, const struct held_new *n)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = put_file(h, n);

	if (r == 0)
		r = held_prepare(h, "INSERT OR REPLACE INTO places(sha256, transfer, path, shown, entry, started, pending)"
				    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, 1 WHERE (SELECT count(*) FROM places WHERE sha256 = ?1) < ?7", &s);
	if (r < 0)
		return r;
	held_bind(s, 1, n->sha256);
	held_bind(s, 2, n->place.transfer);
	(void)sqlite3_bind_blob(s, 3, n->place.path, (int)n->place.path_size, SQLITE_STATIC);
	held_bind(s, 4, n->place.shown);
	held_bind(s, 5, n->place.entry);
	(void)sqlite3_bind_int64(s, 6, n->place.started);
	(void)sqlite3_bind_int(s, 7, HELD_PLACES);
	return sqlite_errno(sqlite3_step(s));
}

int held_put_member(struct held_store *h, const char *sha256, const char *member)
{
	const char *const texts[] = { sha256, member };

	return held_run(h, "INSERT OR IGNORE INTO members(sha256, member) VALUES(?1, ?2)", texts, 2);
}

int held_put_transfer(struct held_store *h, const char *transfer, const char *facts)
{
	const char *const texts[] = { transfer, facts };

	return held_run(h, "INSERT OR REPLACE INTO transfers(transfer, facts) VALUES(?1, ?2)", texts, 2);
}

int held_confirm(struct held_store *h, const char *transfer)
{
	return held_run(h, "UPDATE places SET pending = 0 WHERE transfer = ?1", &transfer, 1);
}

static int remove_placeless(struct held_store *h)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT sha256 FROM files f WHERE NOT EXISTS (SELECT 1 FROM places p WHERE p.sha256 = f.sha256)", &s), c;

	if (r < 0)
		return r;
	while (r == 0 && (c = sqlite3_step(s)) == SQLITE_ROW)
		r = remove_copy(h, (const char *)sqlite3_column_text(s, 0));
	if (r == 0)
		r = sqlite_errno(c);
	if (r == 0)
		r = execute(h, "DELETE FROM files WHERE NOT EXISTS (SELECT 1 FROM places p WHERE p.sha256 = files.sha256)");
	return r < 0 ? r : execute(h, "DELETE FROM members WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = members.sha256)");
}

static int remove_transferless(struct held_store *h)
{
	return execute(h, "DELETE FROM transfers WHERE NOT EXISTS (SELECT 1 FROM places p WHERE p.transfer = transfers.transfer)");
}

/* The copies first: a power cut in between leaves rows without copies, which are found to be lost. */
static int end_change(struct held_store *h, int r)
{
	if (r == 0)
		r = remove_placeless(h);
	if (r == 0)
		r = remove_transferless(h);
	if (r == 0)
		r = held_commit(h);
	if (r < 0)
		held_rollback(h);
	return r;
}

int held_forget_transfer(struct held_store *h, const char *transfer)
{
	int r = held_begin(h, h->wait_ms);

	if (r < 0)
		return r;
	return end_change(h, held_run(h, "DELETE FROM places WHERE transfer = ?1 AND pending = 1", &transfer, 1));
}

/* -- what becomes of it ------------------------------------------------------------------------------------------------------ */

int held_drop_copy(struct held_store *h, const char *sha256)
{
	int r = remove_copy(h, sha256);

	return r < 0 ? r : held_run(h, "UPDATE files SET has_copy = 0 WHERE sha256 = ?1", &sha256, 1);
}

int held_decided(struct held_store *h, const char *sha256, enum decision d, int64_t until)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "UPDATE files SET decision = ?2, until = ?3 WHERE sha256 = ?1", &s);

	if (r < 0)
		return r;
	held_bind(s, 1, sha256);
	(void)sqlite3_bind_int(s, 2, d == DECISION_REMOVE ? DECISION_NONE : d);
	(void)sqlite3_bind_int64(s, 3, until);
	r = sqlite_errno(sqlite3_step(s));
	return r == 0 && (d == DECISION_REJECT || d == DECISION_DENY) && sqlite3_changes(h->db) > 0 ? held_drop_copy(h, sha256) : r;
}

int held_forget_decisions(struct held_store *h, int64_t now)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "UPDATE files SET decision = 0, until = 0 WHERE decision <> 0 AND (until = 0 OR until > ?1)", &s);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, now);
	return sqlite_errno(sqlite3_step(s));
}

int held_released(struct held_store *h, const char *sha256, const char *transfer)
{
	const char *const texts[] = { sha256, transfer };

	return held_run(h, "UPDATE files SET released_as = ?2 WHERE sha256 = ?1", texts, 2);
}

int held_has_expired(struct held_store *h, const char *sha256, int64_t now)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT 1 FROM files WHERE sha256 = ?1 AND expires <= ?2", &s), c;

	if (r < 0)
		return r;
	held_bind(s, 1, sha256);
	(void)sqlite3_bind_int64(s, 2, now);
	c = sqlite3_step(s);
	return c == SQLITE_ROW ? 1 : sqlite_errno(c);
}

int held_remove(struct held_store *h, const char *sha256)
{
	int r = remove_copy(h, sha256);

	if (r == 0)
		r = held_run(h, "DELETE FROM places WHERE sha256 = ?1", &sha256, 1);
	if (r == 0)
		r = held_run(h, "DELETE FROM members WHERE sha256 = ?1", &sha256, 1);
	return r < 0 ? r : held_run(h, "DELETE FROM files WHERE sha256 = ?1", &sha256, 1);
}

static bool is_copy(const char *name)
{
	return (*name == '.' && strlen(name + 1) == SHA256_HEX_LEN) ||
	       (strlen(name) == SHA256_HEX_LEN && strspn(name, "0123456789abcdef") == SHA256_HEX_LEN);
}

int held_remove_strays(struct held_store *h)
{
	int fd = openat(h->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count = 0;
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r;

	if (!dir)
		return -errno;
	r = remove_transferless(h);
	if (r < 0)
		return r;
	while ((errno = 0, entry = readdir(dir))) {
		r = is_copy(entry->d_name) ? held_has_copy(h, entry->d_name) : 1;

		if (r < 0)
			return r;
		if (r == 0 && unlinkat(h->dir_fd, entry->d_name, 0) == 0)
			count++;
	}
	return errno ? -errno : count;
}
