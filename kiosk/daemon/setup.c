/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/setup.h"

#include <string.h>
#include <time.h>

#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/machine.h"
#include "people/store.h"
#include "setup/answers.h"
#include "setup/kept.h"

#define READ_S 6      /* "the machine restarts" can be read for so long */
#define RETRY_S 60    /* after a restart that did not come */
#define BY_HAND "typed at the machine"

bool setup_is_awaited(const struct daemon *d)
{
	return d->station && d->station->config->awaits_set_up;
}

json_t *setup_object(const struct daemon *d)
{
	_cleanup_free_ char *by = NULL, *refused = NULL;

	if (!setup_is_awaited(d))
		return json_null();
	by = kept_line(d->dir, "by");
	refused = kept_line(d->dir, "refused");
	return json_pack("{s:s?,s:s?,s:i}", "by", by, "refused", refused, "password_length", (int)d->station->config->people.password_length);
}

/* -- the end --------------------------------------------------------------------------------------------------------- */

static void restarted(struct daemon *d, const char *why, void *data)
{
	if (why)
		log_error("the machine does not restart by itself: %s", why);
	d->setup_again_ms = monotonic_ms() + RETRY_S * 1000;
}

void setup_tick(struct daemon *d)
{
	_cleanup_free_ char *by = setup_is_awaited(d) ? kept_line(d->dir, "by") : NULL;

	if (!by || d->is_ending)
		return;
	if (d->setup_again_ms == 0) {
		d->setup_again_ms = monotonic_ms() + READ_S * 1000;
		station_audit(d, "set-up-answered", json_pack("{s:s}", "by", by));
		log_info("set-up: answers by %s: the machine restarts", by);
		control_touch(d->control, CONTROL_STATION);
	} else if (monotonic_ms() >= d->setup_again_ms) {
		machine_ask(d, "restart", restarted, NULL);
	}
}

/* -- typed at the machine ---------------------------------------------------------------------------------------------- */

/* A secret becomes a hash, and is not kept. Words (static) when it is refused, or "" when something else went wrong. */
static const char *hash_secret(const struct daemon *d, json_t *person)
{
	const char *secret = json_string_value(json_object_get(person, "secret")), *name = json_string_value(json_object_get(person, "name"));
	_cleanup_free_ char *hash = NULL;
	const char *why;

	if (!secret || !name)
		return "each person needs a name and a password";
	why = password_refused(secret, name, d->station->config->people.password_length);
	if (!why && (password_hash(secret, &hash) < 0 || json_object_set_new(person, "hash", json_string(hash)) < 0))
		why = "it could not be hashed";
	(void)json_object_del(person, "secret"); /* it is there */
	return why;
}

static bool has_role(const json_t *person, const char *wanted)
{
	json_t *role;
	size_t k;

	json_array_foreach(json_object_get(person, "roles"), k, role)
		if (json_is_string(role) && strcmp(json_string_value(role), wanted) == 0)
			return true;
	return false;
}

/* At least an administrator, and an officer who is somebody else (a name that is there twice is refused with the rest). */
static bool has_two(const json_t *persons)
{
	json_t *a, *b;
	size_t i, k;

	json_array_foreach((json_t *)persons, i, a)
		json_array_foreach((json_t *)persons, k, b)
			if (i != k && has_role(a, "administrator") && has_role(b, "officer"))
				return true;
	return false;
}

static bool hash_all(struct daemon *d, const struct control_request *q, json_t *persons)
{
	json_t *p;
	size_t k;

	json_array_foreach(persons, k, p) {
		const char *why = hash_secret(d, p), *name = json_string_value(json_object_get(p, "name"));

		if (why) {
			control_refuse(d->control, q->token, "bad-request", "the password of %s is refused: %s", name ? name : "?", why);
			return false;
		}
	}
	return true;
}

/* JSON is YAML that libyaml reads: what was typed goes the way of every answer. Owned by the caller; NULL: refused. */
static char *checked(struct daemon *d, const struct control_request *q, const json_t *answers)
{
	_cleanup_free_ char *text = json_dumps(answers, JSON_SORT_KEYS | JSON_INDENT(1));
	_cleanup_(answers_freep) struct answers *a = NULL;
	struct yaml_errors errors = { 0 };
	int r = text ? answers_parse("answers", text, strlen(text), &errors, &a) : -ENOMEM;

	if (r < 0)
		control_refuse(d->control, q->token, r == -EINVAL ? "bad-request" : "unavailable", "%s",
			       errors.count > 0 ? errors.list[0].message : strerror(-r));
	yaml_errors_done(&errors);
	return r < 0 ? NULL : TAKE_PTR(text);
}

/* In YAML a list that is empty is a slip. */
static void drop_empty(json_t *answers)
{
	static const char *const lists[] = { "media-ports", "inputs", "hubs" };

	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		const json_t *list = json_object_get(answers, lists[k]);

		if (json_is_array(list) && json_array_size(list) == 0)
			(void)json_object_del(answers, lists[k]); /* it is there */
	}
}

static void take(struct daemon *d, const struct control_request *q, json_t *answers)
{
	json_t *persons = json_object_get(answers, "persons");
	_cleanup_free_ char *text = NULL;
	int r;

	drop_empty(answers);
	if (json_array_size(persons) > ANSWERS_PERSONS_MAX) { /* before each costs a hash */
		control_refuse(d->control, q->token, "bad-request", "at most %d persons", ANSWERS_PERSONS_MAX);
		return;
	}
	if (!has_two(persons)) {
		control_refuse(d->control, q->token, "bad-request", "it takes an administrator and an officer: two different persons");
		return;
	}
	if (!hash_all(d, q, persons))
		return;
	text = checked(d, q, answers);
	if (!text)
		return;
	r = kept_answers(d->dir, text, strlen(text), BY_HAND);
	if (r < 0) {
		control_refuse(d->control, q->token, r == -EEXIST ? "not-now" : "unavailable", "%s",
			       r == -EEXIST ? "there are answers already: the machine is about to restart" : strerror(-r));
		return;
	}
	control_answer(d->control, q->token, NULL);
	setup_tick(d);
}

bool setup_request(struct daemon *d, const struct control_request *q)
{
	json_t *answers;

	if (strcmp(q->name, "set-up") != 0)
		return false;
	if (!setup_is_awaited(d)) {
		control_refuse(d->control, q->token, "not-now", "this station has been set up");
		return true;
	}
	answers = json_deep_copy(json_object_get(q->fields, "answers"));
	if (json_is_object(answers))
		take(d, q, answers);
	else
		control_refuse(d->control, q->token, "bad-request", "answers: an object");
	json_decref(answers);
	return true;
}
