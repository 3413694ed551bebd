/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/history.h"
#include "common/log.h"
#include "common/text.h"
#include "daemon/daemon.h"
#include "daemon/review.h"
#include "supervisor/release.h"

#define REASON_MAX (DECISION_REASON_MAX / 2) /* bytes as typed: escaping makes it longer */
#define HASHES_MAX 100 /* of one request; a page of `held` */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

static json_t *clean_text(const char *raw)
{
	_cleanup_free_ char *clean = text_escape(raw, strlen(raw));

	return clean ? json_string(clean) : NULL;
}

/* Who asks; each look may find that his session has ended. NULL: refused. */
static const char *asker(struct daemon *d, uint64_t token)
{
	const struct session *s = session_of(d, token);

	if (!s)
		control_refuse(d->control, token, "not-permitted", "log in first: the session has ended");
	return s ? s->person : NULL;
}

static bool has_reason(struct daemon *d, const struct control_request *q)
{
	const char *reason = text_of(q->fields, "reason");

	if (strspn(reason, " \t") < strlen(reason) && strlen(reason) <= REASON_MAX)
		return true;
	control_refuse(d->control, q->token, "bad-request", "reason: 1 to %d bytes", REASON_MAX);
	return false;
}

#define WAIT_MS 500 /* for an inspection that keeps what it holds */

/* The store follows the trail; where it cannot now, the next tick does it. */
static void note_decision(struct daemon *d, const json_t *record)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	const json_t *list = json_object_get(record, "sha256");
	enum decision decision = DECISION_NONE;
	int r = decision_parse(text_of(record, "decision"), &decision);

	if (r == 0)
		r = held_open(d->station->config->held.dir, HELD_LOOP_MS, &h);
	if (r == 0)
		r = held_begin(h, WAIT_MS);
	for (size_t k = 0; r == 0 && k < json_array_size(list); k++)
		r = held_decided(h, json_string_value(json_array_get(list, k)), decision, json_integer_value(json_object_get(record, "until")));
	if (r == 0)
		r = held_commit(h);
	if (r == 0)
		return;
	log_warning("%s: %s", d->station->config->held.dir, strerror(-r));
	d->review.swept_day = -1;
}

static json_t *decision_json(const json_t *record, uint64_t seq)
{
	return json_pack("{s:O,s:I}", "id", json_object_get(record, "id"), "seq", (json_int_t)seq);
}

/* -- propose -------------------------------------------------------------------------------------------------------------------- */

/* s since 1970, 0: no end, -1: refused. */
static int64_t end_of(struct daemon *d, const struct control_request *q, enum decision decision)
{
	const json_t *until = json_object_get(q->fields, "until");
	int64_t now = time(NULL), latest = now + (int64_t)d->station->config->review.release_time_s;

	if (!decision_has_end(decision)) {
		if (!until || json_is_null(until))
			return 0;
		control_refuse(d->control, q->token, "bad-request", "until: this decision has no end");
		return -1;
	}
	if (!until || json_is_null(until))
		return latest;
	if (json_is_integer(until) && json_integer_value(until) > now && json_integer_value(until) <= latest)
		return json_integer_value(until);
	control_refuse(d->control, q->token, "bad-request", "until: in the future, and not later than this station allows (review.release-time)");
	return -1;
}

static bool has_hashes(struct daemon *d, const struct control_request *q)
{
	const json_t *list = json_object_get(q->fields, "sha256");
	bool is_good = json_is_array(list) && json_array_size(list) >= 1 && json_array_size(list) <= HASHES_MAX;

	for (size_t k = 0; is_good && k < json_array_size(list); k++) {
		const char *hex = json_string_value(json_array_get(list, k));

		is_good = hex && strlen(hex) == SHA256_HEX_LEN && strspn(hex, "0123456789abcdef") == SHA256_HEX_LEN;
	}
	if (!is_good)
		control_refuse(d->control, q->token, "bad-request", "sha256: 1 to %d hashes of 64 lower-case hex digits", HASHES_MAX);
	return is_good;
}

/* `*ret_of` (owned by the caller): the transfer that a release is out of. */
static bool is_held(struct daemon *d, const struct control_request *q, enum decision decision, char **ret_of)
{
	const json_t *list = json_object_get(q->fields, "sha256");
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_free_ char *why = NULL;
	int r;

	if (decision != DECISION_RELEASE && decision != DECISION_REJECT)
		return true;
	r = held_open(d->station->config->held.dir, HELD_LOOP_MS, &h);
	if (r == 0)
		r = decision == DECISION_RELEASE ? held_may_release(h, list, NULL, ret_of, &why) : held_may_reject(h, list, &why);
	if (r == -ENOENT)
		control_refuse(d->control, q->token, "not-held", "%s", why ? why : "it is not held");
	else if (r < 0)
		review_refuse(d, q->token, r, why);
	return r == 0;
}

static json_t *make_record(struct daemon *d, const struct control_request *q, const char *by, enum decision decision, int64_t until,
			   const char *of)
{
	uint8_t random[DECISION_ID_LEN / 2];
	char id[DECISION_ID_LEN + 1];
	int64_t now = time(NULL);
	json_t *o;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return NULL;
	hex_encode(random, sizeof(random), id);
	o = json_pack("{s:I,s:s,s:s,s:s,s:s*,s:o,s:O,s:o}", "at", (json_int_t)now, "by", by, "decision",
		      decision_name(decision), "id", id, "of", of, "reason", clean_text(text_of(q->fields, "reason")), "sha256",
		      json_object_get(q->fields, "sha256"), "until", until ? json_integer(until) : json_null());
	if (o && (decision_needs_second(decision) ?
			  json_object_set_new(o, "expires", json_integer(now + (json_int_t)d->station->config->review.proposal_time_s)) :
			  json_object_set_new(o, "second", json_null())) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void answer_proposed(struct daemon *d, const struct control_request *q, const json_t *record, bool needs_second, uint64_t seq)
{
	json_t *told = json_copy((json_t *)record), *answer;

	if (told)
		(void)json_object_set_new(told, "needs_second", json_boolean(needs_second)); /* its absence would be told, too */
	answer = needs_second ? json_pack("{s:o}", "proposal", told) :
				json_pack("{s:o,s:o}", "proposal", told, "decision", decision_json(record, seq));
	control_answer(d->control, q->token, answer);
}

void review_propose(struct daemon *d, const struct control_request *q)
{
	_cleanup_(json_decref_p) json_t *record = NULL;
	_cleanup_free_ char *of = NULL, *why = NULL;
	enum decision decision = DECISION_NONE;
	const char *by;
	int64_t until;
	uint64_t seq;
	bool needs_second;
	int r;

	if (decision_parse(text_of(q->fields, "decision"), &decision) < 0 || decision == DECISION_WITHDRAW) {
		control_refuse(d->control, q->token, "bad-request", "decision: release, reject, allow, deny or remove");
		return;
	}
	until = end_of(d, q, decision);
	if (until < 0 || !has_reason(d, q) || !has_hashes(d, q) || !is_held(d, q, decision, &of))
		return;
	by = asker(d, q->token);
	if (!by)
		return;
	needs_second = decision_needs_second(decision);
	record = make_record(d, q, by, decision, until, of);
	r = record ? review_append(d, needs_second ? HISTORY_TYPE_PROPOSAL : HISTORY_TYPE_DECISION, record, &seq, &why) : -ENOMEM;
	if (r < 0) {
		review_refuse(d, q->token, r, why);
		return;
	}
	if (!needs_second)
		note_decision(d, record);
	answer_proposed(d, q, record, needs_second, seq);
	review_count(d);
}

/* The open proposal that the request names; NULL: it has been refused. */
static json_t *find(struct daemon *d, uint64_t token, const char *id)
{
	_cleanup_(json_decref_p) json_t *list = NULL;
	_cleanup_free_ char *why = NULL;
	json_t *p;

	if (!decision_id_valid(id)) {
		control_refuse(d->control, token, "bad-request", "proposal: %d hex digits", DECISION_ID_LEN);
		return NULL;
	}
	list = review_proposals(d, id, &why);
	p = json_incref(json_array_get(list, 0));
	if (!list)
		control_refuse(d->control, token, "unavailable", "%s", why ? why : "the audit trail cannot be read");
	else if (!p)
		control_refuse(d->control, token, "not-found", "there is no such proposal");
	if (p)
		(void)json_object_del(p, "needs_second");
	return p;
}

/* -- withdraw ------------------------------------------------------------------------------------------------------------------- */

void review_withdraw(struct daemon *d, const struct control_request *q)
{
	_cleanup_(json_decref_p) json_t *p = find(d, q->token, text_of(q->fields, "proposal")), *record = NULL;
	const char *reason = *text_of(q->fields, "reason") ? text_of(q->fields, "reason") : "withdrawn at the console";
	const char *by = p ? asker(d, q->token) : NULL;
	_cleanup_free_ char *why = NULL;
	uint64_t seq;
	int r;

	if (!by)
		return;
	record = json_pack("{s:I,s:s,s:s,s:O,s:o,s:n,s:O,s:n}", "at", (json_int_t)time(NULL), "by", by, "decision",
			   "withdraw", "id", json_object_get(p, "id"), "reason", clean_text(reason), "second", "sha256",
			   json_object_get(p, "sha256"), "until");
	r = record ? review_append(d, HISTORY_TYPE_DECISION, record, &seq, &why) : -ENOMEM;
	if (r < 0) {
		review_refuse(d, q->token, r, why);
		return;
	}
	control_answer(d->control, q->token, NULL);
	review_count(d);
}

/* -- confirm -------------------------------------------------------------------------------------------------------------------- */

/* While the second person is found out, only this stays of the request. */
struct confirm {
	char id[DECISION_ID_LEN + 1];
};

static void confirm_release(struct daemon *d, uint64_t token, const json_t *p, const char *second)
{
	_cleanup_(release_freep) struct release *r = NULL;
	_cleanup_free_ char *why = NULL;
	uint64_t seq;
	int e;

	if (review_is_running(d)) {
		control_refuse(d->control, token, "not-now", "another release is being published; confirm when it has ended");
		return;
	}
	e = release_prepare(d->station, p, second, &r, &why);
	if (e < 0) {
		control_refuse(d->control, token, e == -ENOENT ? "not-held" : e == -EEXIST ? "not-now" : e == -EINVAL ? "bad-request" : "unavailable", "%s",
			       why ? why : strerror(-e));
		return;
	}
	e = release_decide(r, &seq, &why);
	if (e < 0) {
		review_refuse(d, token, e, why);
		return;
	}
	control_answer(d->control, token, json_pack("{s:o}", "decision", decision_json(p, seq)));
	e = review_release(d, TAKE_PTR(r), text_of(p, "id"));
	if (e < 0)
		log_error("release %s: %s", text_of(p, "id"), strerror(-e));
}

static void confirm_other(struct daemon *d, uint64_t token, const json_t *p, const char *second)
{
	_cleanup_(json_decref_p) json_t *record = release_record(p, second, NULL);
	_cleanup_free_ char *why = NULL;
	uint64_t seq;
	int r = record ? review_append(d, HISTORY_TYPE_DECISION, record, &seq, &why) : -ENOMEM;

	if (r < 0) {
		review_refuse(d, token, r, why);
		return;
	}
	note_decision(d, record);
	control_answer(d->control, token, json_pack("{s:o}", "decision", decision_json(record, seq)));
}

static void on_known(struct daemon *d, uint64_t token, const struct person *who, void *data)
{
	const struct confirm *c = data;
	_cleanup_(json_decref_p) json_t *p = NULL;

	if (!review_is_ready(d, token)) /* it may have been a minute */
		return;
	p = find(d, token, c->id);
	if (!p)
		return;
	if (!(who->roles & d->station->config->people.second_roles))
		control_refuse(d->control, token, "not-permitted", "this person may not be the second one (people.second in lazaret.yaml)");
	else if (strcmp(text_of(p, "by"), who->name) == 0)
		control_refuse(d->control, token, "same-person", "the second person must be another one");
	else if (strcmp(text_of(p, "decision"), "release") == 0)
		confirm_release(d, token, p, who->name);
	else
		confirm_other(d, token, p, who->name);
	review_count(d);
}

/* What would be refused anyway is, before anybody gives a secret away. */
void review_confirm(struct daemon *d, const struct control_request *q)
{
	_cleanup_(json_decref_p) json_t *p = find(d, q->token, text_of(q->fields, "proposal"));
	struct confirm *c;

	if (!p)
		return;
	if (strcmp(text_of(p, "by"), text_of(q->fields, "person")) == 0) {
		control_refuse(d->control, q->token, "same-person", "the second person must be another one");
		return;
	}
	if (json_integer_value(json_object_get(p, "expires")) <= time(NULL)) {
		control_refuse(d->control, q->token, "expired", "the proposal has expired; propose it again");
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		control_refuse(d->control, q->token, "unavailable", "%s", strerror(ENOMEM));
		return;
	}
	(void)snprintf(c->id, sizeof(c->id), "%s", text_of(p, "id")); /* it is valid, hence that long */
	sessions_authenticate(d, q->token, text_of(q->fields, "person"), text_of(q->fields, "secret"), "confirm", on_known, free, c);
}
