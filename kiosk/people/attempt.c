/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "people/attempt.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "people/store.h"

int attempt_begin(struct attempt *a, const struct station_config *config, const char *raw_name, int64_t now)
{
	_cleanup_(people_freep) struct people *people = NULL;
	int r;

	*a = (struct attempt){ .station_dir = strdup(config->dir), .rule = { config->people.tries, config->people.lock_time_s },
			       .typed = text_escape(raw_name, strnlen(raw_name, 2 * PERSON_NAME_MAX)) };
	if (!a->station_dir || !a->typed)
		return -ENOMEM;
	r = people_load(a->station_dir, &people, NULL);
	if (r < 0 || !person_name_valid(raw_name))
		return r;
	(void)snprintf(a->name, sizeof(a->name), "%s", raw_name); /* it is that short */
	a->is_known = person_find(people, a->name) != NULL;
	r = lockout_begin(a->station_dir, a->name, &a->rule, now, &a->lockout);
	a->is_counted = r == 0;
	return r;
}

const char *attempt_pam_name(const struct attempt *a)
{
	return a->is_known ? a->name : PEOPLE_NOBODY;
}

void attempt_text(const struct attempt *a, char text[static LOGIN_TEXT_MAX])
{
	char whole[2 * LOGIN_TEXT_MAX];
	const char *at = a->is_known ? NULL : strstr(text, PEOPLE_NOBODY);
	size_t end = LOGIN_TEXT_MAX - 1;

	if (!at)
		return;
	(void)snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - text), text, a->typed, at + strlen(PEOPLE_NOBODY));
	while (strlen(whole) >= LOGIN_TEXT_MAX && end > 0 && ((unsigned char)whole[end] & 0xc0) == 0x80)
		end--; /* between two characters */
	whole[end] = '\0';
	memcpy(text, whole, strlen(whole) + 1); /* at most `end` bytes and the NUL */
}

/* -- what came of it ------------------------------------------------------------------------------------------------- */

static void say(struct attempt_result *ret, const char *code, const char *fmt, ...) _printf_(3, 4);
static void say(struct attempt_result *ret, const char *code, const char *fmt, ...)
{
	va_list ap;

	ret->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(ret->text, sizeof(ret->text), fmt, ap); /* words of ours, short enough */
	va_end(ap);
}

static int add_record(struct attempt_result *ret, const char *type, json_t *body, const json_t *facts)
{
	if (!body || json_object_update(body, (json_t *)facts) < 0) {
		json_decref(body);
		return -ENOMEM;
	}
	ret->records[ret->record_count].type = type;
	ret->records[ret->record_count++].body = body;
	return 0;
}

/* What was typed for a name that nobody has is not kept: often it is a password, typed one line too early. */
static json_t *name_json(const struct attempt *a)
{
	return a->is_known ? json_string(a->name) : json_null();
}

static void say_locked(struct attempt_result *ret, int64_t until)
{
	char at[32];
	time_t t = (time_t)until;
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(at, sizeof(at), "%Y-%m-%d %H:%M", &tm) == 0)
		(void)snprintf(at, sizeof(at), "?");
	say(ret, "locked-out", "Too many failed tries: this name is locked until %s. An administrator can unlock it.", at);
}

static int failed(const struct attempt *a, const char *why, const json_t *facts, struct attempt_result *ret)
{
	json_t *body = json_pack("{s:o,s:s,s:I}", "person", name_json(a), "why", why, "failed", (json_int_t)a->lockout.failed);
	int r = add_record(ret, "login-failed", body, facts);

	/* the try that locks: once, and for persons only */
	if (r == 0 && a->is_known && a->is_counted && !a->is_taken_back && a->lockout.until > 0)
		r = add_record(ret, "locked-out", json_pack("{s:s,s:I,s:I}", "person", a->name, "failed", (json_int_t)a->lockout.failed,
							    "until", (json_int_t)a->lockout.until), facts);
	return r;
}

static int refuse(struct attempt *a, enum attempt_how how, enum login_outcome outcome, const json_t *facts, struct attempt_result *ret)
{
	if (how == ATTEMPT_BROKEN_OFF) {
		say(ret, "wrong", "The log-in was broken off.");
		return failed(a, "broken-off", facts, ret);
	}
	if (how == ATTEMPT_TOO_LATE) {
		say(ret, "expired", "It took too long. Log in again.");
		return failed(a, "time", facts, ret);
	}
	if (how == ATTEMPT_BROKEN || outcome == LOGIN_CANNOT_TELL) {
		a->is_taken_back = true;
		say(ret, "unavailable", "The station cannot find out now whether it is you. The log says why.");
		return failed(a, "unavailable", facts, ret);
	}
	say(ret, "wrong", "The name or the secret is wrong.");
	return failed(a, "wrong", facts, ret);
}

/* PAM is content; the station's own word comes on top. Only who knows the secret is told that his time is over. */
static int judge_person(struct attempt *a, enum login_outcome outcome, const json_t *facts, int64_t now, struct attempt_result *ret)
{
	const struct person *who = person_find(ret->people, a->name);
	json_t *body;

	if (!who) /* taken out meanwhile */
		return refuse(a, ATTEMPT_BY_PAM, LOGIN_IS_WRONG, facts, ret);
	if (person_has_ended(who, now) || outcome == LOGIN_HAS_ENDED) {
		a->is_taken_back = true;
		say(ret, "expired", person_has_ended(who, now) ? "Your account at this station has ended. Ask an administrator." :
								 "Your account or its secret has expired. Ask an administrator.");
		return failed(a, "expired", facts, ret);
	}
	a->is_good = true;
	ret->who = who;
	body = person_json(who);
	return add_record(ret, "login", body, facts);
}

static int decide(struct attempt *a, int begun, enum attempt_how how, enum login_outcome outcome, const json_t *facts, int64_t now,
		  struct attempt_result *ret)
{
	if (begun == -EBUSY) {
		say_locked(ret, a->lockout.until);
		return failed(a, "locked-out", facts, ret);
	}
	if (begun < 0) {
		say(ret, "unavailable", "The station's list of persons or tries cannot be used: %s.", strerror(-begun));
		return failed(a, "unavailable", facts, ret);
	}
	if (how != ATTEMPT_BY_PAM || !a->is_known || (outcome != LOGIN_IS_HIM && outcome != LOGIN_HAS_ENDED))
		/* of nobody PAM's good word is not taken: a site's stack may let in whoever it does not know */
		return refuse(a, how, !a->is_known && outcome != LOGIN_CANNOT_TELL ? LOGIN_IS_WRONG : outcome, facts, ret);
	return judge_person(a, outcome, facts, now, ret);
}

int attempt_end(struct attempt *a, int begun, enum attempt_how how, enum login_outcome outcome, const json_t *facts, int64_t now,
		struct attempt_result *ret)
{
	int r;

	*ret = (struct attempt_result){ 0 };
	if (begun == 0) {
		r = people_load(a->station_dir, &ret->people, NULL);
		begun = r; /* nobody is let in from a list that cannot be read */
	}
	r = decide(a, begun, how, outcome, facts, now, ret);
	if (r < 0) {
		attempt_result_done(ret);
		a->is_good = false;
	}
	return r;
}

int attempt_settle(struct attempt *a)
{
	if (!a->is_counted)
		return 0;
	if (a->is_good)
		return lockout_good(a->station_dir, a->name);
	return a->is_taken_back ? lockout_take_back(a->station_dir, a->name) : 0;
}

void attempt_done(struct attempt *a)
{
	free(a->station_dir);
	free(a->typed);
	*a = (struct attempt){ 0 };
}

void attempt_result_done(struct attempt_result *r)
{
	for (size_t k = 0; k < r->record_count; k++)
		json_decref(r->records[k].body);
	people_free(r->people);
	*r = (struct attempt_result){ 0 };
}

int64_t attempt_wait_ms(int64_t since_ms, int64_t now_ms)
{
	int64_t passed = MAX(now_ms - since_ms, (int64_t)0);

	return ATTEMPT_STEP_MS - passed % ATTEMPT_STEP_MS;
}
