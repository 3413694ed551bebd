/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/docket_members.h"
#include "supervisor/docket_sql.h"

#include <jansson.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "common/text.h"

/* No journal and no sync: after a crash the docket is thrown away with the spool. The page cache (2 MiB) is what bounds
 * this role's memory on a medium of a million files. */
static const char schema[] =
	"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-2048;"
	"PRAGMA temp_store=FILE;"
	"CREATE TABLE entry (id INTEGER PRIMARY KEY, volume INTEGER NOT NULL, kind INTEGER NOT NULL, path BLOB NOT NULL,"
	"  size INTEGER NOT NULL, mtime INTEGER NOT NULL, sum BLOB, status INTEGER NOT NULL DEFAULT 5," /* STREAM_CUT, until we know better */
	"  trouble TEXT NOT NULL DEFAULT '', types TEXT NOT NULL DEFAULT '[]', findings TEXT NOT NULL DEFAULT '[]',"
	"  done INTEGER NOT NULL DEFAULT 0, verdict INTEGER NOT NULL DEFAULT 2, rule TEXT NOT NULL DEFAULT '',"
	"  reasons TEXT NOT NULL DEFAULT '[]', published_as TEXT) STRICT;"
	"CREATE UNIQUE INDEX entry_path ON entry (volume, path);"
	"CREATE TABLE fold (volume INTEGER NOT NULL, key BLOB NOT NULL, path BLOB NOT NULL,"
	"  PRIMARY KEY (volume, key, path)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE evidence (id INTEGER PRIMARY KEY, format INTEGER NOT NULL, lists_as INTEGER NOT NULL,"
	"  volume INTEGER NOT NULL, path BLOB NOT NULL, distrusted INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE allowed (key_name TEXT NOT NULL, format INTEGER NOT NULL, PRIMARY KEY (key_name, format)) STRICT, WITHOUT ROWID;"
	/* a line that is repeated says nothing new */
	"CREATE TABLE listing (volume INTEGER NOT NULL, key BLOB NOT NULL, list_id INTEGER NOT NULL,"
	"  algorithm TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (key, list_id, algorithm, digest)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE listed_digest (sum BLOB NOT NULL, list_id INTEGER NOT NULL, PRIMARY KEY (sum, list_id)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE stranger (id INTEGER NOT NULL, evidence INTEGER NOT NULL, words BLOB NOT NULL) STRICT;"
	"CREATE INDEX stranger_id ON stranger (id);"
	"CREATE TABLE cover (id INTEGER NOT NULL, list_id INTEGER NOT NULL, algorithm TEXT NOT NULL,"
	"  is_strong INTEGER NOT NULL, PRIMARY KEY (id, list_id, algorithm)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE signer (id INTEGER NOT NULL, key_name TEXT NOT NULL, key_id TEXT NOT NULL, via BLOB NOT NULL,"
	"  UNIQUE (id, key_name)) STRICT;"
	"CREATE TABLE series (id INTEGER NOT NULL, series TEXT NOT NULL, date INTEGER NOT NULL, valid_until INTEGER NOT NULL) STRICT;"
	"CREATE TABLE seen (series TEXT NOT NULL, key_name TEXT NOT NULL, date INTEGER NOT NULL,"
	"  PRIMARY KEY (series, key_name)) STRICT, WITHOUT ROWID;"
	MEMBER_TABLES
	TREE_TABLES
	DECISION_TABLES
	"BEGIN;";

static const char *const sql[STATEMENT_COUNT_] = {
	[ADD] = "INSERT INTO entry (id, volume, kind, path, size, mtime) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ADD_FOLD] = "INSERT OR IGNORE INTO fold (volume, key, path) VALUES (?1, ?2, ?3)",
	/* once, of a file, and only while nobody said that there is trouble with it (5: STREAM_CUT, as at first) */
	[SEALED] = "UPDATE entry SET size = ?2, sum = ?3, status = 0 WHERE id = ?1 AND kind = 0 AND sum IS NULL AND status = 5",
	/* the vault and the reader tell of the same stream, in any order: words are not replaced by none */
	[TROUBLE] = "UPDATE entry SET status = ?2, trouble = iif(?3 = '', trouble, ?3), sum = NULL WHERE id = ?1",
	[EXAMINED] = "UPDATE entry SET done = done | ?2, types = ?3, findings = ?4 WHERE id = ?1",
	[FINDINGS] = "SELECT findings FROM entry WHERE id = ?1",
	[SET_FINDINGS] = "UPDATE entry SET findings = ?2 WHERE id = ?1",
	[DONE] = "UPDATE entry SET done = done | ?2 WHERE id = ?1",
	[JUDGED] = "UPDATE entry SET verdict = ?2, rule = ?3, reasons = ?4, published_as = ?5 WHERE id = ?1",
	[GET] = "SELECT " ENTRY_COLUMNS " FROM entry e WHERE id = ?1",
	[FIND_PATH] = "SELECT " ENTRY_COLUMNS " FROM entry e WHERE volume = ?1 AND path = ?2",
	[EACH] = "SELECT " ENTRY_COLUMNS " FROM entry e ORDER BY volume, path",
	[COLLISION] = "SELECT path FROM fold WHERE volume = ?1 AND key = ?2 AND path <> ?3 LIMIT 1",
	ORIGIN_STATEMENTS,
	TREE_STATEMENTS,
	MEMBER_STATEMENTS,
	DECISION_STATEMENTS,
	[COUNT] = ("SELECT count(*), coalesce(sum(iif(sum IS NULL, 0, size)), 0), coalesce(sum(verdict = 0), 0), coalesce(sum(verdict = 1), 0),"
		  " coalesce(sum(verdict = 2), 0) FROM entry"),
};

int docket_error(struct docket *d, int code)
{
	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
		return 0;
	log_error("docket: %s", sqlite3_errmsg(d->db));
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	default:
		return -EIO;
	}
}

int docket_open(const char *path, struct docket **ret)
{
	struct docket *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = docket_error(d, sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
					    NULL));
	if (r == 0)
		r = docket_error(d, sqlite3_exec(d->db, schema, NULL, NULL, NULL));
	for (size_t i = 0; r == 0 && i < STATEMENT_COUNT_; i++)
		r = docket_error(d, sqlite3_prepare_v3(d->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[i],
						       NULL));
	if (r < 0) {
		docket_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct docket *docket_free(struct docket *d)
{
	if (!d)
		return NULL;
	for (size_t i = 0; i < STATEMENT_COUNT_; i++)
		sqlite3_finalize(d->statements[i]);
	sqlite3_close(d->db);
	free(d->last_parent);
	free(d);
	return NULL;
}

void docket_entry_done(struct docket_entry *e)
{
	free(e->path);
	free(e->trouble);
	free(e->types);
	free(e->findings);
	free(e->rule);
	free(e->reasons);
	free(e->published_as);
	memset(e, 0, sizeof(*e));
}

sqlite3_stmt *docket_begin(struct docket *d, enum statement which)
{
	sqlite3_stmt *s = d->statements[which];

	sqlite3_reset(s); /* its return repeats an error that was told already */
	sqlite3_clear_bindings(s);
	return s;
}

void docket_bind_u64(sqlite3_stmt *s, int at, uint64_t v)
{
	sqlite3_bind_int64(s, at, (sqlite3_int64)v); /* out of range only for a wrong `at`: our bug, seen in tests */
}

void docket_bind_path(sqlite3_stmt *s, int at, const char *path)
{
	sqlite3_bind_blob(s, at, path, (int)strlen(path), SQLITE_STATIC);
}

void docket_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

int docket_run(struct docket *d, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	int r = docket_error(d, code);

	sqlite3_reset(s);
	return r;
}

int docket_number(struct docket *d, enum statement which, uint64_t id, int64_t *ret)
{
	sqlite3_stmt *s = docket_begin(d, which);
	int code, r;

	docket_bind_u64(s, 1, id);
	code = sqlite3_step(s);
	r = code == SQLITE_ROW ? 1 : docket_error(d, code);
	if (r == 1 && ret)
		*ret = sqlite3_column_int64(s, 0);
	sqlite3_reset(s); /* its return repeats the code of the step */
	return r;
}

/* What a path collides with is every other path of its key; a directory's has a '/' behind it, so that a file "a" beside
 * a file "a/b", which only a corrupt file system has, is a collision like any other. */
static int fold_name(const char *path, bool is_dir, char **ret_key, char **ret_path)
{
	*ret_key = name_fold(path);
	if (!*ret_key || asprintf(ret_path, "%s%s", path, is_dir ? "/" : "") < 0) {
		free(TAKE_PTR(*ret_key));
		*ret_path = NULL;
		return -ENOMEM;
	}
	return 0;
}

int docket_add_fold(struct docket *d, uint32_t volume, const char *path, bool is_dir)
{
	_cleanup_free_ char *key = NULL, *stored = NULL;
	sqlite3_stmt *s;
	int r;

	if (!text_utf8_valid(path, strlen(path)))
		return 0; /* such a name is unsafe anyway */
	r = fold_name(path, is_dir, &key, &stored);
	if (r < 0)
		return r;
	s = docket_begin(d, ADD_FOLD);
	docket_bind_u64(s, 1, volume);
	docket_bind_path(s, 2, key);
	docket_bind_path(s, 3, stored);
	return docket_run(d, s);
}

/* Directories collide as well: "A/x" and "a/y" become one tree on a case-insensitive system. */
static int add_folds(struct docket *d, uint32_t volume, const char *path)
{
	const char *last = strrchr(path, '/');
	size_t parent_len = last ? (size_t)(last - path) : 0;
	int r = docket_add_fold(d, volume, path, false);

	if (r < 0 || parent_len == 0 ||
	    (d->last_parent && d->last_volume == volume && strlen(d->last_parent) == parent_len && memcmp(d->last_parent, path, parent_len) == 0))
		return r;
	free(d->last_parent);
	d->last_volume = volume;
	d->last_parent = strndup(path, parent_len);
	if (!d->last_parent)
		return -ENOMEM;
	for (char *part = d->last_parent; r == 0 && part; ) {
		char *slash = strchr(part, '/');

		if (slash)
			*slash = '\0';
		r = docket_add_fold(d, volume, d->last_parent, true);
		if (slash)
			*slash = '/';
		part = slash ? slash + 1 : NULL;
	}
	return r;
}

int docket_add(struct docket *d, uint64_t id, uint32_t volume, enum entry_kind kind, const char *path, uint64_t size,
	       int64_t mtime)
{
	sqlite3_stmt *s = docket_begin(d, ADD);
	int r;

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, volume);
	docket_bind_u64(s, 3, kind);
	docket_bind_path(s, 4, path);
	docket_bind_u64(s, 5, size);
	docket_bind_u64(s, 6, (uint64_t)mtime);
	r = docket_run(d, s);
	d->entries++;
	return r == 0 && kind != ENTRY_DIR_TROUBLE ? add_folds(d, volume, path) : r;
}

int docket_sealed(struct docket *d, uint64_t id, uint64_t size, const uint8_t sum[static SHA256_LEN])
{
	sqlite3_stmt *s = docket_begin(d, docket_is_member(id) ? MEMBER_SEALED : SEALED);
	int r;

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, size);
	sqlite3_bind_blob(s, 3, sum, SHA256_LEN, SQLITE_STATIC);
	r = docket_run(d, s);
	return r < 0 ? r : sqlite3_changes(d->db) == 1 ? 0 : -ENOENT;
}

int docket_trouble(struct docket *d, uint64_t id, enum stream_status status, const char *detail)
{
	_cleanup_free_ char *clean = text_escape(detail, strlen(detail));
	sqlite3_stmt *s = docket_begin(d, docket_is_member(id) ? MEMBER_TROUBLE : TROUBLE);

	if (!clean)
		return -ENOMEM;
	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, status);
	docket_bind_text(s, 3, clean);
	return docket_run(d, s);
}

int docket_examined(struct docket *d, uint64_t id, uint32_t done, const char *types, const char *findings)
{
	sqlite3_stmt *s = docket_begin(d, docket_is_member(id) ? MEMBER_EXAMINED : EXAMINED);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, done);
	docket_bind_text(s, 3, types);
	docket_bind_text(s, 4, findings);
	return docket_run(d, s);
}

static int current_findings(struct docket *d, uint64_t id, json_t **ret)
{
	sqlite3_stmt *s = docket_begin(d, docket_is_member(id) ? MEMBER_FINDINGS : FINDINGS);
	json_t *list = NULL;
	int r;

	docket_bind_u64(s, 1, id);
	if (sqlite3_step(s) == SQLITE_ROW)
		list = json_loads((const char *)sqlite3_column_text(s, 0), 0, NULL);
	r = json_is_array(list) ? 0 : -EIO;
	sqlite3_reset(s);
	*ret = list;
	return r;
}

/* A list of half a million lines may say as many wrong digests of one file, and a thousand signatures may be by strangers. Those
 * of one reason are limited, not all together: many that hold a file must not hide one that blocks it. */
static bool is_same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool is_told(const json_t *list, const char *code, const char *member, const char *detail)
{
	size_t k, count = 0;
	json_t *o;

	json_array_foreach((json_t *)list, k, o) {
		const char *told = json_string_value(json_object_get(o, "code")), *words = json_string_value(json_object_get(o, "detail"));

		if (!told || strcmp(told, code) != 0)
			continue;
		if (++count == DOCKET_FINDINGS_OF_ONE_REASON ||
		    (is_same(words, detail) && is_same(json_string_value(json_object_get(o, "member")), member)))
			return true;
	}
	return false;
}

int docket_find_in(struct docket *d, uint64_t id, enum reason reason, const char *raw_member, const char *detail)
{
	_cleanup_free_ char *clean = text_escape(detail, strlen(detail));
	_cleanup_free_ char *member = raw_member ? text_escape(raw_member, strlen(raw_member)) : NULL;
	_cleanup_free_ char *text = NULL;
	json_t *list = NULL;
	int r = clean && (member || !raw_member) ? current_findings(d, id, &list) : -ENOMEM;

	if (r == 0 && is_told(list, reason_code(reason), member, clean)) {
		json_decref(list);
		return 0;
	}
	if (r == 0 && json_array_append_new(list, json_pack("{s:s,s:s,s:s?}", "code", reason_code(reason), "detail", clean, "member",
							   member)) < 0)
		r = -ENOMEM;
	if (r == 0) {
		text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
		r = text ? docket_set_findings(d, id, text) : -ENOMEM;
	}
	json_decref(list);
	return r;
}

int docket_find(struct docket *d, uint64_t id, enum reason reason, const char *detail)
{
	return docket_find_in(d, id, reason, NULL, detail);
}

int docket_set_findings(struct docket *d, uint64_t id, const char *findings)
{
	sqlite3_stmt *s = docket_begin(d, docket_is_member(id) ? MEMBER_SET_FINDINGS : SET_FINDINGS);

	docket_bind_u64(s, 1, id);
	docket_bind_text(s, 2, findings);
	return docket_run(d, s);
}

int docket_note(struct docket *d, uint64_t id, const char *note)
{
	sqlite3_stmt *s = docket_begin(d, ADD_NOTE);

	docket_bind_u64(s, 1, id);
	docket_bind_text(s, 2, note);
	docket_bind_u64(s, 3, DOCKET_NOTES);
	return docket_run(d, s);
}

int docket_notes(struct docket *d, uint64_t id, docket_note_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, NOTES);
	int code, r = 0;

	docket_bind_u64(s, 1, id);
	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		_cleanup_free_ char *note = NULL;

		r = docket_error(d, code);
		if (r < 0)
			break;
		note = docket_column_bytes(s, 0);
		r = note ? each(context, note) : -ENOMEM;
	}
	sqlite3_reset(s);
	return r;
}

int docket_done(struct docket *d, uint64_t id, uint32_t done)
{
	sqlite3_stmt *s = docket_begin(d, docket_is_member(id) ? MEMBER_ADD_DONE : DONE);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, done);
	return docket_run(d, s);
}

int docket_judged(struct docket *d, uint64_t id, enum verdict verdict, const char *rule, const char *reasons,
		  const char *published_as)
{
	sqlite3_stmt *s = docket_begin(d, JUDGED);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, verdict);
	docket_bind_text(s, 3, rule);
	docket_bind_text(s, 4, reasons);
	if (published_as)
		docket_bind_text(s, 5, published_as);
	return docket_run(d, s);
}

char *docket_column_bytes(sqlite3_stmt *s, int at)
{
	const void *data = sqlite3_column_blob(s, at);
	size_t size = (size_t)sqlite3_column_bytes(s, at);
	char *copy = malloc(size + 1);

	if (copy) {
		if (size > 0)
			memcpy(copy, data, size);
		copy[size] = '\0';
	}
	return copy;
}

int docket_load_entry(sqlite3_stmt *s, struct docket_entry *e)
{
	*e = (struct docket_entry){
		.id = (uint64_t)sqlite3_column_int64(s, 0),
		.volume = (uint32_t)sqlite3_column_int64(s, 1),
		.kind = (enum entry_kind)sqlite3_column_int(s, 2),
		.path = docket_column_bytes(s, 3),
		.size = (uint64_t)sqlite3_column_int64(s, 4),
		.mtime = sqlite3_column_int64(s, 5),
		.has_sum = sqlite3_column_bytes(s, 6) == SHA256_LEN,
		.status = (enum stream_status)sqlite3_column_int(s, 7),
		.trouble = docket_column_bytes(s, 8),
		.types = docket_column_bytes(s, 9),
		.findings = docket_column_bytes(s, 10),
		.done = (uint32_t)sqlite3_column_int64(s, 11),
		.verdict = (enum verdict)sqlite3_column_int(s, 12),
		.rule = docket_column_bytes(s, 13),
		.reasons = docket_column_bytes(s, 14),
		.published_as = sqlite3_column_type(s, 15) == SQLITE_NULL ? NULL : docket_column_bytes(s, 15),
	};
	if (e->has_sum)
		memcpy(e->sum, sqlite3_column_blob(s, 6), SHA256_LEN);
	return e->path && e->trouble && e->types && e->findings && e->rule && e->reasons ? 0 : -ENOMEM;
}

int docket_get_one(struct docket *d, sqlite3_stmt *s, struct docket_entry *ret)
{
	int code = sqlite3_step(s);
	int r = docket_error(d, code);

	if (code == SQLITE_ROW) {
		r = docket_load_entry(s, ret);
		if (r < 0)
			docket_entry_done(ret);
		else
			r = 1;
	}
	sqlite3_reset(s);
	return r;
}

int docket_get(struct docket *d, uint64_t id, struct docket_entry *ret)
{
	sqlite3_stmt *s = docket_begin(d, GET);

	docket_bind_u64(s, 1, id);
	return docket_get_one(d, s, ret);
}

int docket_find_path(struct docket *d, uint32_t volume, const char *path, struct docket_entry *ret)
{
	sqlite3_stmt *s = docket_begin(d, FIND_PATH);

	docket_bind_u64(s, 1, volume);
	docket_bind_path(s, 2, path);
	return docket_get_one(d, s, ret);
}

int docket_walk(struct docket *d, enum statement which, docket_evidence_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, which);
	int code, r = 0;

	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		struct docket_entry e = { 0 };

		r = docket_error(d, code);
		if (r == 0)
			r = docket_load_entry(s, &e);
		if (r == 0)
			r = each(context, &e, (uint32_t)sqlite3_column_int64(s, ENTRY_COLUMN_COUNT)); /* 0 where there is none */
		docket_entry_done(&e);
	}
	sqlite3_reset(s);
	return r;
}

struct entries {
	docket_each_fn each;
	void *context;
};

static int each_entry(void *context, struct docket_entry *e, uint32_t format)
{
	struct entries *all = context;

	return all->each(all->context, e);
}

int docket_each(struct docket *d, docket_each_fn each, void *context)
{
	return docket_walk(d, EACH, each_entry, &(struct entries){ each, context });
}

static int collision_of(struct docket *d, uint32_t volume, const char *path, bool is_dir, char **ret_other)
{
	_cleanup_free_ char *key = NULL, *stored = NULL;
	sqlite3_stmt *s;
	int r = fold_name(path, is_dir, &key, &stored);

	if (r < 0)
		return r;
	s = docket_begin(d, COLLISION);
	docket_bind_u64(s, 1, volume);
	docket_bind_path(s, 2, key);
	docket_bind_path(s, 3, stored);
	if (sqlite3_step(s) == SQLITE_ROW) {
		*ret_other = docket_column_bytes(s, 0);
		r = *ret_other ? 0 : -ENOMEM;
	}
	sqlite3_reset(s);
	return r;
}

int docket_collision(struct docket *d, uint32_t volume, const char *path, char **ret_other)
{
	_cleanup_free_ char *copy = strdup(path);
	char *slash;
	int r;

	*ret_other = NULL;
	r = copy ? collision_of(d, volume, copy, false, ret_other) : -ENOMEM;
	while (r == 0 && !*ret_other && (slash = strrchr(copy, '/'))) { /* each directory above it */
		*slash = '\0';
		r = collision_of(d, volume, copy, true, ret_other);
	}
	return r;
}

int docket_count(struct docket *d, struct docket_counts *ret)
{
	sqlite3_stmt *s = docket_begin(d, COUNT);
	int code = sqlite3_step(s);
	int r = docket_error(d, code);

	if (code == SQLITE_ROW)
		*ret = (struct docket_counts){ (uint64_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_int64(s, 1),
					       (uint64_t)sqlite3_column_int64(s, 2), (uint64_t)sqlite3_column_int64(s, 3),
					       (uint64_t)sqlite3_column_int64(s, 4) };
	sqlite3_reset(s);
	return r;
}
