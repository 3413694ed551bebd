/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What officers have decided, and proposed. As with series, somebody decides by these: up to which record of the trail they are whole
 * is kept beside them, and compared with what the ledger notes elsewhere (ledger/decisions.c). */
#include "common/history_sqlite.h"

#include <string.h>

/* -- the form of records ---------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *body, const char *field)
{
	const char *text = json_string_value(json_object_get(body, field));

	return text ? text : "";
}

static bool is_sha256(const json_t *o, uint8_t ret[static SHA256_LEN])
{
	const char *hex = json_string_value(o);

	return hex && strlen(hex) == SHA256_HEX_LEN && strspn(hex, "0123456789abcdef") == SHA256_HEX_LEN &&
	       hex_decode(hex, ret, SHA256_LEN) == 0;
}

static bool has_hashes(const json_t *body, bool may_be_none)
{
	const json_t *list = json_object_get(body, "sha256");
	size_t count = json_array_size(list);
	uint8_t sum[SHA256_LEN];

	if (!json_is_array(list) || count > DECISION_HASHES_MAX || (count == 0 && !may_be_none))
		return false;
	for (size_t k = 0; k < count; k++) {
		if (!is_sha256(json_array_get(list, k), sum))
			return false;
		for (size_t n = 0; n < k; n++)
			if (json_equal(json_array_get(list, n), json_array_get(list, k)))
				return false;
	}
	return true;
}

/* Without an end where it must have one, or with one where none belongs, it would hold for another time than it says. */
static bool has_right_end(const json_t *body, enum decision d)
{
	const json_t *until = json_object_get(body, "until");

	return decision_has_end(d) ? json_integer_value(until) > 0 : json_is_null(until);
}

static bool is_name(const char *text)
{
	return *text && strlen(text) <= DECISION_PERSON_MAX;
}

static bool is_common(const json_t *body, enum decision *ret)
{
	return decision_id_valid(text_of(body, "id")) && decision_parse(text_of(body, "decision"), ret) == 0 &&
	       is_name(text_of(body, "by")) && *text_of(body, "reason") && strlen(text_of(body, "reason")) <= DECISION_REASON_MAX &&
	       json_integer_value(json_object_get(body, "at")) > 0 && has_hashes(body, *ret == DECISION_WITHDRAW) &&
	       has_right_end(body, *ret);
}

bool history_decisions_valid(const char *type, const json_t *body)
{
	enum decision d;

	if (!is_common(body, &d))
		return false;
	if (strcmp(type, HISTORY_TYPE_PROPOSAL) == 0)
		return decision_needs_second(d) && json_integer_value(json_object_get(body, "expires")) > 0;
	return decision_needs_second(d) ? is_name(text_of(body, "second")) && strcmp(text_of(body, "second"), text_of(body, "by")) != 0 :
					  json_is_null(json_object_get(body, "second"));
}

/* -- taking in --------------------------------------------------------------------------------------------------------- */

static int run(sqlite3_stmt *s)
{
	int c = sqlite3_step(s);

	(void)sqlite3_reset(s); /* repeats the code of the step */
	return sqlite_errno(c);
}

static int prepare(struct history *h, const char *sql, sqlite3_stmt **ret)
{
	return sqlite_errno(sqlite3_prepare_v2(h->db, sql, -1, ret, NULL));
}

/* A failed bind leaves NULL, which NOT NULL columns refuse. */
static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	(void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static void bind_int(sqlite3_stmt *s, int at, int64_t value)
{
	(void)sqlite3_bind_int64(s, at, value);
}

static int add_proposal(struct history *h, const json_t *body, uint64_t seq)
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = text ? prepare(h, "INSERT OR IGNORE INTO proposals(id, body, expires, seq) VALUES(?1, ?2, ?3, ?4)", &s) : -ENOMEM;

	if (r < 0)
		return r;
	bind_text(s, 1, text_of(body, "id"));
	bind_text(s, 2, text);
	bind_int(s, 3, json_integer_value(json_object_get(body, "expires")));
	bind_int(s, 4, (int64_t)seq);
	return run(s);
}

static int close_proposal(struct history *h, const json_t *body, enum decision d, uint64_t seq)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, "INSERT OR IGNORE INTO closed(id, decision, seq) VALUES(?1, ?2, ?3)", &s);

	if (r < 0)
		return r;
	bind_text(s, 1, text_of(body, "id"));
	bind_int(s, 2, d);
	bind_int(s, 3, (int64_t)seq);
	return run(s);
}

static int add_decided(struct history *h, const json_t *body, enum decision d, uint64_t seq)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	const json_t *list = json_object_get(body, "sha256");
	int r = prepare(h, "INSERT INTO decided(sha256, decision, id, by_name, second, reason, until, at, seq)"
			   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(sha256) DO UPDATE SET decision=excluded.decision,"
			   " id=excluded.id, by_name=excluded.by_name, second=excluded.second, reason=excluded.reason,"
			   " until=excluded.until, at=excluded.at, seq=excluded.seq WHERE excluded.seq > seq", &s);

	for (size_t k = 0; r == 0 && k < json_array_size(list); k++) {
		uint8_t sum[SHA256_LEN];

		if (!is_sha256(json_array_get(list, k), sum))
			return -EINVAL;
		(void)sqlite3_bind_blob(s, 1, sum, SHA256_LEN, SQLITE_STATIC);
		bind_int(s, 2, d);
		bind_text(s, 3, text_of(body, "id"));
		bind_text(s, 4, text_of(body, "by"));
		bind_text(s, 5, text_of(body, "second"));
		bind_text(s, 6, text_of(body, "reason"));
		bind_int(s, 7, json_integer_value(json_object_get(body, "until")));
		bind_int(s, 8, json_integer_value(json_object_get(body, "at")));
		bind_int(s, 9, (int64_t)seq);
		r = run(s);
	}
	return r;
}

int history_decisions_add(struct history *h, const char *type, const json_t *body, uint64_t seq)
{
	bool is_proposal = strcmp(type, HISTORY_TYPE_PROPOSAL) == 0;
	enum decision d;
	int r;

	if ((!is_proposal && strcmp(type, HISTORY_TYPE_DECISION) != 0) || !history_decisions_valid(type, body))
		return 0;
	if (is_proposal)
		return add_proposal(h, body, seq);
	if (decision_parse(text_of(body, "decision"), &d) < 0)
		return -EINVAL;
	r = close_proposal(h, body, d, seq);
	return r == 0 && d != DECISION_WITHDRAW ? add_decided(h, body, d, seq) : r;
}

/* -- up to where ------------------------------------------------------------------------------------------------------- */

int history_decisions_place(struct history *h, int64_t *ret_seq)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	/* the other tables are named so that an index that lacks one is found out here */
	int r = prepare(h, "SELECT seq, (SELECT count(*) FROM (SELECT 1 FROM decided LIMIT 1)), (SELECT count(*) FROM (SELECT 1 FROM"
			   " proposals LIMIT 1)), (SELECT count(*) FROM (SELECT 1 FROM closed LIMIT 1)) FROM decisions_place", &s), c;

	if (r < 0)
		return r;
	c = sqlite3_step(s);
	*ret_seq = c == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	return sqlite_errno(c);
}

int history_decisions_set_place(struct history *h, int64_t seq)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, "INSERT OR REPLACE INTO decisions_place(one, seq) VALUES(1, ?1)", &s);

	if (r < 0)
		return r;
	bind_int(s, 1, seq);
	return run(s);
}

int history_decisions_begin(struct history *h)
{
	return sqlite_errno(sqlite3_exec(h->db,
					  "BEGIN IMMEDIATE; DELETE FROM decided; DELETE FROM proposals; DELETE FROM closed;"
					  "DELETE FROM decisions_place",
					  NULL, NULL, NULL));
}

int history_decisions_end(struct history *h, int64_t seq)
{
	int r = history_decisions_set_place(h, seq);

	return r < 0 ? r : sqlite_errno(sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL));
}

/* -- questions --------------------------------------------------------------------------------------------------------- */

static const char *column_text(sqlite3_stmt *s, int at)
{
	const char *text = (const char *)sqlite3_column_text(s, at);

	return text ? text : "";
}

#define DECIDED "SELECT sha256, decision, id, by_name, second, reason, until, at, seq FROM decided "

/* 0: no further row; 1: there was one, and `each` returned 0 (or `*ret`). */
static int give_decision(sqlite3_stmt *s, int (*each)(void *context, const struct history_decision *d), void *context, int *ret)
{
	struct history_decision d;
	int c = sqlite3_step(s);

	if (c != SQLITE_ROW)
		return sqlite_errno(c);
	if (sqlite3_column_bytes(s, 0) != SHA256_LEN)
		return -EUCLEAN;
	memcpy(d.sha256, sqlite3_column_blob(s, 0), SHA256_LEN);
	d.decision = (enum decision)sqlite3_column_int(s, 1);
	d.id = column_text(s, 2);
	d.by = column_text(s, 3);
	d.second = column_text(s, 4);
	d.reason = column_text(s, 5);
	d.until = sqlite3_column_int64(s, 6);
	d.at = sqlite3_column_int64(s, 7);
	d.seq = (uint64_t)sqlite3_column_int64(s, 8);
	*ret = each(context, &d);
	return 1;
}

int history_decision_of(struct history *h, const uint8_t sha256[static SHA256_LEN],
			int (*each)(void *context, const struct history_decision *d), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, DECIDED "WHERE sha256 = ?1", &s), said = 0;

	if (r == 0) {
		(void)sqlite3_bind_blob(s, 1, sha256, SHA256_LEN, SQLITE_STATIC);
		r = give_decision(s, each, context, &said);
	}
	return r > 0 && said != 0 ? said : r;
}

bool history_decision_holds(const struct history_decision *d, int64_t now)
{
	return d->decision != DECISION_REMOVE && d->decision != DECISION_NONE && (d->until == 0 || d->until > now);
}

int history_decisions(struct history *h, int64_t now, const uint8_t *after, int64_t limit,
		      int (*each)(void *context, const struct history_decision *d), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, DECIDED "WHERE sha256 > ?1 AND decision <> ?2 AND (until = 0 OR until > ?3) ORDER BY sha256 LIMIT ?4", &s);
	int said = 0;

	if (r < 0)
		return r;
	(void)sqlite3_bind_blob(s, 1, after ? after : (const uint8_t *)"", after ? SHA256_LEN : 0, SQLITE_STATIC);
	bind_int(s, 2, DECISION_REMOVE);
	bind_int(s, 3, now);
	bind_int(s, 4, limit);
	do {
		r = give_decision(s, each, context, &said);
	} while (r > 0 && said == 0);
	return r > 0 ? said : r;
}

int history_decisions_knows(struct history *h, const char *id)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, "SELECT 1 FROM proposals WHERE id = ?1 UNION ALL SELECT 1 FROM closed WHERE id = ?1", &s), c;

	if (r < 0)
		return r;
	bind_text(s, 1, id);
	c = sqlite3_step(s);
	return c == SQLITE_ROW ? 1 : sqlite_errno(c);
}

#define PROPOSED "SELECT p.id, p.body, p.expires, p.seq, c.decision FROM proposals p LEFT JOIN closed c ON c.id = p.id "

static int give_proposal(sqlite3_stmt *s, int (*each)(void *context, const struct history_proposal *p), void *context, int *ret)
{
	struct history_proposal p;
	int c = sqlite3_step(s);

	if (c != SQLITE_ROW)
		return sqlite_errno(c);
	p.id = column_text(s, 0);
	p.body = column_text(s, 1);
	p.expires = sqlite3_column_int64(s, 2);
	p.seq = (uint64_t)sqlite3_column_int64(s, 3);
	p.closed = sqlite3_column_type(s, 4) == SQLITE_NULL ? "" : decision_name((enum decision)sqlite3_column_int(s, 4));
	if (!p.closed)
		return -EUCLEAN;
	*ret = each(context, &p);
	return 1;
}

int history_proposal_of(struct history *h, const char *id, int (*each)(void *context, const struct history_proposal *p), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, PROPOSED "WHERE p.id = ?1", &s), said = 0;

	if (r == 0) {
		bind_text(s, 1, id);
		r = give_proposal(s, each, context, &said);
	}
	return r > 0 && said != 0 ? said : r;
}

int history_proposals(struct history *h, int64_t now, uint64_t after, int (*each)(void *context, const struct history_proposal *p),
		      void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = prepare(h, PROPOSED "WHERE p.seq > ?1 AND p.expires > ?2 AND c.id IS NULL ORDER BY p.seq", &s), said = 0;

	if (r < 0)
		return r;
	bind_int(s, 1, (int64_t)after);
	bind_int(s, 2, now);
	do {
		r = give_proposal(s, each, context, &said);
	} while (r > 0 && said == 0);
	return r > 0 ? said : r;
}
