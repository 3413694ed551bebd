/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ledger/remembered.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sqlite3.h>
#include <openssl/crypto.h>

#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/sqlite_errno.h"

#define PURPOSE "lazaret remembered findings 1"
#define BUSY_TIMEOUT_MS 20000 /* the ledger of another inspection keeps what it has */
#define ROWS_AT_ONCE 10000    /* in one transaction: others wait for no longer than that takes */
#define DAY 86400

/* at: s since 1970. auto_vacuum: what was forgotten is given back to the disk on which the trail is. */
static const char settings[] =
	"PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
	"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=4194304;"
	"CREATE TABLE IF NOT EXISTS findings (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, at INTEGER NOT NULL, transfer TEXT NOT NULL,"
	"  body BLOB NOT NULL, code BLOB NOT NULL) STRICT;"
	"CREATE INDEX IF NOT EXISTS findings_at ON findings (at);";

enum statement {
	GET,
	PUT,
	BEGIN,
	COMMIT,
	ROLLBACK,
	FORGET_OLD,
	FORGET_SOME,
	FORGET_ALL,
	VACUUM,
	BYTES,
	STATEMENT_COUNT_
};

static const char *const sql[STATEMENT_COUNT_] = {
	[GET] = "SELECT at, transfer, body, code FROM findings WHERE key = ?1",
	[PUT] = "INSERT OR REPLACE INTO findings (key, at, transfer, body, code) VALUES (?1, ?2, ?3, ?4, ?5)",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[FORGET_OLD] = "DELETE FROM findings WHERE at < ?1",
	[FORGET_SOME] = "DELETE FROM findings WHERE id IN (SELECT id FROM findings ORDER BY at, id LIMIT (SELECT count(*) / 8 + 1 FROM findings))",
	[FORGET_ALL] = "DELETE FROM findings",
	[VACUUM] = "PRAGMA incremental_vacuum",
	[BYTES] = "SELECT (c.page_count - f.freelist_count) * s.page_size FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s",
};

struct remembered {
	int dir_fd;
	uint8_t key[32];
	sqlite3 *db; /* NULL: not asked yet */
	sqlite3_stmt *statements[STATEMENT_COUNT_];
};

int remembered_new(int dir_fd, const struct minisign_secret *key, struct remembered **ret)
{
	struct remembered *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->dir_fd = dir_fd;
	r = minisign_secret_derive(key, PURPOSE, m->key);
	if (r < 0) {
		remembered_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void close_database(struct remembered *m)
{
	for (size_t k = 0; k < STATEMENT_COUNT_; k++) {
		(void)sqlite3_finalize(m->statements[k]); /* repeats the error of its last step */
		m->statements[k] = NULL;
	}
	(void)sqlite3_close(m->db); /* cannot be busy: every statement is finalized */
	m->db = NULL;
}

struct remembered *remembered_free(struct remembered *m)
{
	if (m) {
		close_database(m);
		OPENSSL_cleanse(m->key, sizeof(m->key));
	}
	free(m);
	return NULL;
}

static int open_once(struct remembered *m)
{
	int c = sqlite3_open_v2("/" REMEMBERED_FILE, &m->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_busy_timeout(m->db, BUSY_TIMEOUT_MS);
	if (c == SQLITE_OK)
		c = sqlite3_exec(m->db, settings, NULL, NULL, NULL);
	for (size_t k = 0; c == SQLITE_OK && k < STATEMENT_COUNT_; k++)
		c = sqlite3_prepare_v3(m->db, sql[k], -1, SQLITE_PREPARE_PERSISTENT, &m->statements[k], NULL);
	if (c != SQLITE_OK)
		close_database(m);
	return sqlite_errno(c);
}

/* Another ledger may have it open: then that one goes on with what is no longer there. */
static int remove_files(const struct remembered *m)
{
	static const char *const names[] = { REMEMBERED_FILE, REMEMBERED_FILE "-wal", REMEMBERED_FILE "-shm" };
	int r = 0;

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		if (unlinkat(m->dir_fd, names[k], 0) < 0 && errno != ENOENT)
			r = -errno;
	return r;
}

/* Power may have failed, a disk may lie: what is damaged is begun anew. */
static int ensure(struct remembered *m)
{
	int r = m->db ? 0 : open_once(m);

	if (r == -EUCLEAN) {
		log_warning(REMEMBERED_FILE " err=%s: damaged; begun anew", errno_name(r));
		r = remove_files(m);
		if (r == 0)
			r = open_once(m);
	}
	return r;
}

static sqlite3_stmt *begin(struct remembered *m, enum statement which)
{
	sqlite3_stmt *s = m->statements[which];

	(void)sqlite3_reset(s); /* repeats an error that was told already */
	(void)sqlite3_clear_bindings(s); /* never fails */
	return s;
}

static int run(struct remembered *m, enum statement which)
{
	int c = sqlite3_step(m->statements[which]);

	(void)sqlite3_reset(m->statements[which]); /* repeats the code of the step */
	return sqlite_errno(c);
}

static int run_alone(struct remembered *m, enum statement which)
{
	(void)begin(m, which);
	return run(m, which);
}

/* Over everything that an entry says. */
static int code_of(const struct remembered *m, const uint8_t *key, int64_t at, const char *transfer, const void *body, size_t size,
		   uint8_t ret[static SHA256_LEN])
{
	struct {
		uint8_t key[REMEMBERED_KEY_LEN], body[SHA256_LEN];
		int64_t at;
		char transfer[REMEMBERED_TRANSFER_MAX + 1];
	} said = { .at = at };
	int r = sha256(body, size, said.body);

	memcpy(said.key, key, sizeof(said.key));
	(void)snprintf(said.transfer, sizeof(said.transfer), "%s", transfer);
	return r == 0 ? hmac_sha256(m->key, sizeof(m->key), &said, sizeof(said), ret) : r;
}

/* -- asking ------------------------------------------------------------------------------------------------------ */

static int take_row(const struct remembered *m, sqlite3_stmt *s, const uint8_t *key, int64_t not_before, int fd, enum recall *ret,
		    uint64_t *ret_size, char *ret_transfer)
{
	int64_t at = sqlite3_column_int64(s, 0);
	const char *transfer = (const char *)sqlite3_column_text(s, 1);
	const void *body = sqlite3_column_blob(s, 2), *told = sqlite3_column_blob(s, 3);
	size_t size = (size_t)sqlite3_column_bytes(s, 2);
	uint8_t code[SHA256_LEN];
	int r;

	*ret = RECALL_ALTERED;
	if (!transfer || !body || sqlite3_column_bytes(s, 3) != sizeof(code) || strlen(transfer) > REMEMBERED_TRANSFER_MAX)
		return 0;
	r = code_of(m, key, at, transfer, body, size, code);
	if (r < 0 || CRYPTO_memcmp(code, told, sizeof(code)) != 0)
		return r;
	*ret = RECALL_UNKNOWN;
	if (at < not_before || at > time(NULL) + DAY)
		return 0;
	r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd_write_all(fd, body, size);
	if (r < 0)
		return r;
	*ret = RECALL_KNOWN;
	*ret_size = size;
	(void)snprintf(ret_transfer, REMEMBERED_TRANSFER_MAX + 1, "%s", transfer);
	return 0;
}

int remembered_recall(struct remembered *m, const uint8_t key[static REMEMBERED_KEY_LEN], int64_t not_before, int fd, enum recall *ret,
		      uint64_t *ret_size, char ret_transfer[static REMEMBERED_TRANSFER_MAX + 1])
{
	sqlite3_stmt *s;
	int c, r = ensure(m);

	*ret = RECALL_UNKNOWN;
	*ret_size = 0;
	ret_transfer[0] = '\0';
	if (r < 0)
		return r;
	s = begin(m, GET);
	c = sqlite3_bind_blob(s, 1, key, REMEMBERED_KEY_LEN, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	r = c == SQLITE_ROW ? take_row(m, s, key, not_before, fd, ret, ret_size, ret_transfer) : sqlite_errno(c);
	(void)sqlite3_reset(s); /* repeats the code of the step */
	if (r == -EUCLEAN)
		close_database(m); /* the next question begins anew */
	if (*ret == RECALL_ALTERED) {
		log_warning(REMEMBERED_FILE ": an entry that this station has not written; all are forgotten");
		r = remembered_forget(m);
	}
	return r;
}

/* -- keeping ----------------------------------------------------------------------------------------------------- */

static int put(struct remembered *m, const uint8_t *key, int64_t at, const char *transfer, const void *body, size_t size)
{
	sqlite3_stmt *s = begin(m, PUT);
	uint8_t code[SHA256_LEN];
	int c, r = code_of(m, key, at, transfer, body, size, code);

	if (r < 0)
		return r;
	c = sqlite3_bind_blob(s, 1, key, REMEMBERED_KEY_LEN, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, at);
	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 3, transfer, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_blob64(s, 4, body, size, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_blob(s, 5, code, sizeof(code), SQLITE_STATIC);
	return c == SQLITE_OK ? run(m, PUT) : sqlite_errno(c);
}

static uint64_t size_in(const uint8_t *at)
{
	uint64_t v = 0;

	for (int k = 7; k >= 0; k--)
		v = v << 8 | at[k];
	return v;
}

/* 1: an entry; 0: the end; or a negative errno. `*body` is the caller's, and grows. */
static int next_entry(FILE *f, uint8_t head[static REMEMBERED_HEAD_LEN], char **body, size_t *room, size_t *ret_size)
{
	size_t n = fread(head, 1, REMEMBERED_HEAD_LEN, f);
	uint64_t size;

	if (n == 0 && feof(f))
		return 0;
	size = n == REMEMBERED_HEAD_LEN ? size_in(head + REMEMBERED_KEY_LEN) : UINT64_MAX;
	if (size == 0 || size > REMEMBERED_BODY_MAX)
		return -EBADMSG;
	if (size > *room) {
		char *more = realloc(*body, (size_t)size);

		if (!more)
			return -ENOMEM;
		*body = more;
		*room = (size_t)size;
	}
	*ret_size = (size_t)size;
	return fread(*body, 1, (size_t)size, f) == size ? 1 : -EBADMSG;
}

static int keep_all(struct remembered *m, FILE *f, const char *transfer, uint64_t *ret_count)
{
	_cleanup_free_ char *body = NULL;
	uint8_t head[REMEMBERED_HEAD_LEN];
	const int64_t now = time(NULL);
	size_t room = 0, size;
	int r = run_alone(m, BEGIN), n = 1;

	if (r < 0)
		return r;
	while (r == 0 && (n = next_entry(f, head, &body, &room, &size)) > 0) {
		r = put(m, head, now, transfer, body, size);
		*ret_count += r == 0;
		if (r == 0 && *ret_count % ROWS_AT_ONCE == 0) {
			r = run_alone(m, COMMIT);
			if (r == 0)
				r = run_alone(m, BEGIN);
		}
	}
	if (r == 0)
		r = n < 0 ? n : run_alone(m, COMMIT);
	if (r < 0 && sqlite3_get_autocommit(m->db) == 0 && run_alone(m, ROLLBACK) < 0)
		close_database(m); /* which does it as well */
	return r;
}

static int bytes_kept(struct remembered *m, uint64_t *ret)
{
	sqlite3_stmt *s = begin(m, BYTES);
	int c = sqlite3_step(s);

	*ret = c == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_reset(s); /* repeats the code of the step */
	return sqlite_errno(c);
}

/* PRAGMA incremental_vacuum gives a row back for each page. */
static int vacuum(struct remembered *m)
{
	sqlite3_stmt *s = begin(m, VACUUM);
	int c;

	do
		c = sqlite3_step(s);
	while (c == SQLITE_ROW);
	(void)sqlite3_reset(s); /* repeats the code of the step */
	return sqlite_errno(c);
}

static int make_room(struct remembered *m, uint64_t bytes, int64_t not_before)
{
	uint64_t kept = 0;
	int r;

	(void)sqlite3_bind_int64(begin(m, FORGET_OLD), 1, not_before); /* cannot fail: the index is right */
	r = run(m, FORGET_OLD);
	if (r == 0)
		r = bytes_kept(m, &kept);
	while (r == 0 && kept > bytes) {
		r = run_alone(m, FORGET_SOME);
		if (r == 0 && sqlite3_changes(m->db) == 0)
			break; /* empty: what is left is its own tables */
		if (r == 0)
			r = bytes_kept(m, &kept);
	}
	return r == 0 ? vacuum(m) : r;
}

int remembered_keep(struct remembered *m, const char *transfer, uint64_t bytes, int64_t not_before, int fd, uint64_t *ret_count)
{
	int r = strlen(transfer) <= REMEMBERED_TRANSFER_MAX ? ensure(m) : -EINVAL;
	FILE *f;

	*ret_count = 0;
	if (r < 0)
		return r;
	f = lseek(fd, 0, SEEK_SET) < 0 ? NULL : fd_stream(fd, "r");
	if (!f)
		return -errno;
	r = keep_all(m, f, transfer, ret_count);
	(void)fclose(f); /* was read alone */
	if (r == 0)
		r = make_room(m, bytes, not_before);
	if (r == -EUCLEAN)
		close_database(m);
	return r;
}

int remembered_forget(struct remembered *m)
{
	int r = ensure(m);

	if (r == 0)
		r = run_alone(m, FORGET_ALL);
	if (r == 0)
		return vacuum(m);
	close_database(m);
	return remove_files(m);
}
