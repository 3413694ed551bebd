/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Questions to the store of held files. */
#include "common/held_sql.h"

#include <fcntl.h>
#include <string.h>

static const char *const state_names[HELD_STATE_COUNT_] = { "open", "proposed", "released", "rejected", "expired" };
static const char *const filter_names[HELD_FILTER_COUNT_] = { "open", "proposed", "decided", "all" };

const char *held_state_name(enum held_state s)
{
	return (unsigned int)s < HELD_STATE_COUNT_ ? state_names[s] : "";
}

int held_filter_parse(const char *name, enum held_filter *ret)
{
	for (unsigned int k = 0; k < HELD_FILTER_COUNT_; k++) {
		if (strcmp(filter_names[k], name) == 0) {
			*ret = (enum held_filter)k;
			return 0;
		}
	}
	return -ENOENT;
}

static const char *column_text(sqlite3_stmt *s, int at)
{
	const char *text = (const char *)sqlite3_column_text(s, at);

	return text ? text : "";
}

/* 1 or 0 by the first row's first column. */
static int ask(struct held_store *h, const char *sql, const char *text)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, sql, &s), c;

	if (r < 0)
		return r;
	held_bind(s, 1, text);
	c = sqlite3_step(s);
	return c == SQLITE_ROW ? sqlite3_column_int(s, 0) != 0 : sqlite_errno(c);
}

int held_has_copy(struct held_store *h, const char *sha256)
{
	return ask(h, "SELECT has_copy FROM files WHERE sha256 = ?1", sha256);
}

int held_usage(struct held_store *h, struct held_usage *ret)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT count(*), coalesce(sum(size), 0) FROM files WHERE has_copy", &s);

	if (r == 0)
		r = sqlite_errno(sqlite3_step(s));
	if (r < 0)
		return r;
	ret->files = (uint64_t)sqlite3_column_int64(s, 0);
	ret->bytes = (uint64_t)sqlite3_column_int64(s, 1);
	return 0;
}

int held_set_proposals(struct held_store *h, const json_t *proposals)
{
	size_t k, n;
	json_t *p, *sum;
	int r = held_run(h, "DELETE FROM proposed", NULL, 0);

	json_array_foreach((json_t *)proposals, k, p) {
		json_array_foreach(json_object_get(p, "sha256"), n, sum) {
			const char *const texts[] = { json_string_value(sum), json_string_value(json_object_get(p, "id")) };

			if (r == 0)
				r = held_run(h, "INSERT OR REPLACE INTO proposed(sha256, id) VALUES(?1, ?2)", texts, 2);
		}
	}
	return r;
}

/* -- files ------------------------------------------------------------------------------------------------------------------ */

/* ?1: now. The newest place that counts; the state, as enum held_state has it. */
#define FILES                                                                                                                    \
	"SELECT f.sha256, f.size, f.code, f.type, f.held_at, f.expires, f.has_copy, f.decision, f.until, f.released_as, p.transfer, p.shown,"  \
	" coalesce(o.id, ''),"                                                                                                      \
	" CASE WHEN o.id IS NOT NULL THEN 1 WHEN f.decision IN (2, 4) THEN 3"                                                       \
	"  WHEN f.decision IN (1, 3) AND f.until > ?1 THEN 2 WHEN f.decision IN (1, 3) THEN 4 ELSE 0 END AS state"                 \
	" FROM files f JOIN places p ON p.sha256 = f.sha256 AND p.pending = 0 AND (p.transfer, p.path) ="                          \
	"  (SELECT q.transfer, q.path FROM places q WHERE q.sha256 = f.sha256 AND q.pending = 0 ORDER BY q.started DESC, q.transfer, q.path LIMIT 1)"  \
	" LEFT JOIN proposed o ON o.sha256 = f.sha256"

_Static_assert(DECISION_RELEASE == 1 && DECISION_REJECT == 2 && DECISION_ALLOW == 3 && DECISION_DENY == 4, "numbers in FILES");
_Static_assert(HELD_PROPOSED == 1 && HELD_RELEASED == 2 && HELD_REJECTED == 3 && HELD_EXPIRED == 4, "numbers in FILES");

static int give(sqlite3_stmt *s, int (*each)(void *context, const struct held_file *f), void *context)
{
	const struct held_file f = {
		.sha256 = column_text(s, 0),
		.size = (uint64_t)sqlite3_column_int64(s, 1),
		.code = column_text(s, 2),
		.type = column_text(s, 3),
		.held_at = sqlite3_column_int64(s, 4),
		.expires = sqlite3_column_int64(s, 5),
		.has_copy = sqlite3_column_int(s, 6) != 0,
		.decision = (enum decision)sqlite3_column_int(s, 7),
		.until = sqlite3_column_int64(s, 8),
		.released_as = column_text(s, 9),
		.transfer = column_text(s, 10),
		.path = column_text(s, 11),
		.proposal = column_text(s, 12),
		.state = (enum held_state)sqlite3_column_int(s, 13),
	};

	return each(context, &f);
}

#define FILTERED                                                                                                                 \
	" WHERE (?2 = 3 OR (?2 = 0 AND state IN (0, 4)) OR (?2 = 1 AND state = 1) OR (?2 = 2 AND state IN (2, 3)))"                \
	" AND (?3 IS NULL OR instr(lower(shown), lower(?3)) > 0 OR instr(transfer, ?3) > 0 OR instr(sha256, lower(?3)) > 0)"

static int count(struct held_store *h, enum held_filter filter, const char *search, int64_t now, uint64_t *ret)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT count(*) FROM (" FILES ")" FILTERED, &s);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, now);
	(void)sqlite3_bind_int(s, 2, filter);
	held_bind(s, 3, search && *search ? search : NULL);
	r = sqlite_errno(sqlite3_step(s));
	if (r == 0)
		*ret = (uint64_t)sqlite3_column_int64(s, 0);
	return r;
}

int held_list(struct held_store *h, enum held_filter filter, const char *search, int64_t now, int64_t offset, int64_t limit,
	      uint64_t *ret_total, int (*each)(void *context, const struct held_file *f), void *context)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = count(h, filter, search, now, ret_total), c = SQLITE_DONE;

	if (r == 0)
		r = held_prepare(h, "SELECT * FROM (" FILES ")" FILTERED " ORDER BY held_at DESC, transfer, shown, sha256 LIMIT ?4 OFFSET ?5", &s);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, now);
	(void)sqlite3_bind_int(s, 2, filter);
	held_bind(s, 3, search && *search ? search : NULL);
	(void)sqlite3_bind_int64(s, 4, limit);
	(void)sqlite3_bind_int64(s, 5, offset);
	while (r == 0 && (c = sqlite3_step(s)) == SQLITE_ROW)
		r = give(s, each, context);
	return r != 0 ? r : sqlite_errno(c);
}

int held_find(struct held_store *h, const char *sha256, int64_t now, int (*each)(void *context, const struct held_file *f), void *context)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, FILES " WHERE f.sha256 = ?2", &s), c;

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, now);
	held_bind(s, 2, sha256);
	c = sqlite3_step(s);
	if (c != SQLITE_ROW)
		return sqlite_errno(c);
	r = give(s, each, context);
	return r != 0 ? r : 1;
}

int held_complete(struct held_store *h, const char *beginning, char ret[static SHA256_HEX_LEN + 1])
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT sha256 FROM files WHERE substr(sha256, 1, length(?1)) = ?1 LIMIT 2", &s), found = 0, c = SQLITE_DONE;

	if (r < 0)
		return r;
	held_bind(s, 1, beginning);
	while ((c = sqlite3_step(s)) == SQLITE_ROW) {
		(void)snprintf(ret, SHA256_HEX_LEN + 1, "%s", column_text(s, 0));
		found++;
	}
	r = sqlite_errno(c);
	return r < 0 ? r : found;
}

int held_places(struct held_store *h, const char *sha256, int (*each)(void *context, const struct held_place *p), void *context)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT transfer, path, shown, entry, started FROM places WHERE sha256 = ?1 AND pending = 0"
				" ORDER BY started DESC, transfer, path", &s), c = SQLITE_DONE;

	if (r < 0)
		return r;
	held_bind(s, 1, sha256);
	while (r == 0 && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const struct held_place p = {
			.transfer = column_text(s, 0),
			.path = sqlite3_column_blob(s, 1),
			.path_size = (size_t)sqlite3_column_bytes(s, 1),
			.shown = column_text(s, 2),
			.entry = column_text(s, 3),
			.started = sqlite3_column_int64(s, 4),
		};

		r = each(context, &p);
	}
	return r != 0 ? r : sqlite_errno(c);
}

int held_transfer(struct held_store *h, const char *transfer, char **ret_facts)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT facts FROM transfers WHERE transfer = ?1", &s), c;

	*ret_facts = NULL;
	if (r < 0)
		return r;
	held_bind(s, 1, transfer);
	c = sqlite3_step(s);
	if (c == SQLITE_ROW && !(*ret_facts = strdup(column_text(s, 0))))
		return -ENOMEM;
	return sqlite_errno(c);
}

int held_each_expired(struct held_store *h, int64_t now, int (*each)(void *context, const char *sha256), void *context)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT sha256 FROM files WHERE expires <= ?1 ORDER BY sha256", &s), c = SQLITE_DONE;

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s, 1, now);
	while (r == 0 && (c = sqlite3_step(s)) == SQLITE_ROW)
		r = each(context, column_text(s, 0));
	return r != 0 ? r : sqlite_errno(c);
}

int held_each_lost(struct held_store *h, int (*each)(void *context, const char *sha256), void *context)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT sha256 FROM files WHERE has_copy ORDER BY sha256", &s), c = SQLITE_DONE;

	while (r == 0 && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const char *sha256 = column_text(s, 0);

		if (faccessat(h->dir_fd, sha256, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			r = each(context, sha256);
	}
	return r != 0 ? r : sqlite_errno(c);
}

int held_has_member(struct held_store *h, const char *sha256, const char *member)
{
	_cleanup_(held_finalize_p) sqlite3_stmt *s = NULL;
	int r = held_prepare(h, "SELECT 1 FROM members WHERE sha256 = ?1 AND member IN (?2, '" HELD_MEMBERS_UNKNOWN "')", &s), c;

	if (r < 0)
		return r;
	held_bind(s, 1, sha256);
	held_bind(s, 2, member);
	c = sqlite3_step(s);
	return c == SQLITE_ROW ? 1 : sqlite_errno(c);
}
