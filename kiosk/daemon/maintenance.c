/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/maintenance.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon.h"
#include "daemon/machine.h"
#include "daemon/sessions.h"
#include "daemon/setup.h"
#include "people/change.h"
#include "people/lockout.h"
#include "people/store.h"
#include "setup/answers.h"
#include "update/offers.h"

#define CLOCK_MIN INT64_C(1704067200) /* 2024: what is older is a slip of the finger, or a battery that is empty */
#define CLOCK_MAX INT64_C(4102444800) /* 2100 */

struct call {
	struct daemon *d;
	const struct control_request *q;
	const char *by; /* who has logged in; of a machine that is not set up: nobody yet */
};

static void refuse(const struct call *c, const char *code, const char *words)
{
	control_refuse(c->d->control, c->q->token, code, "%s", words);
}

/* `body` is taken over and gets who it was. False: refused, since what cannot be recorded is not done. */
static bool record(const struct call *c, const char *type, json_t *body)
{
	bool is_kept = body && json_object_set_new(body, "by", json_string(c->by)) == 0 && sessions_record(c->d, type, json_incref(body));

	json_decref(body);
	if (!is_kept)
		refuse(c, "unavailable", "the audit trail cannot be written: nothing was changed");
	return is_kept;
}

/* -- the mode --------------------------------------------------------------------------------------------------------- */

static void on_maintenance(struct call *c)
{
	const char *action = control_text(c->q, "action");

	if (strcmp(action, "enter") != 0 && strcmp(action, "leave") != 0)
		refuse(c, "bad-request", "action: enter or leave");
	else if (record(c, "maintenance", json_pack("{s:s}", "action", action)))
		control_answer(c->d->control, c->q->token, NULL);
}

/* -- the machine ------------------------------------------------------------------------------------------------------ */

struct wish {
	uint64_t token;
	char action[16];
};

static void machine_done_for(struct daemon *d, const char *why, void *data)
{
	struct wish *w = data;

	if (why)
		station_audit(d, "maintenance", json_pack("{s:s,s:s}", "action", w->action, "failed", why));
	if (d->control && why)
		control_refuse(d->control, w->token, "unavailable", "%s", why);
	else if (d->control)
		control_answer(d->control, w->token, NULL);
	if (d->control)
		control_touch(d->control, CONTROL_STATION);
	free(w);
}

/* The helper's words for it; false: refused. */
static bool line_of(const struct call *c, const char *action, char line[static MACHINE_LINE_MAX])
{
	const json_t *value = json_object_get(c->q->fields, "value");
	const char *text = json_string_value(value);

	if (strcmp(action, "restart") == 0 || strcmp(action, "power-off") == 0) {
		(void)snprintf(line, MACHINE_LINE_MAX, "%s", action);
		return true;
	}
	if (strcmp(action, "clock") == 0 && json_integer_value(value) >= CLOCK_MIN && json_integer_value(value) < CLOCK_MAX) {
		(void)snprintf(line, MACHINE_LINE_MAX, "clock %" JSON_INTEGER_FORMAT, json_integer_value(value));
		return true;
	}
	if (strcmp(action, "zone") == 0 && text && time_zone_valid(text)) {
		(void)snprintf(line, MACHINE_LINE_MAX, "zone %s", text);
		return true;
	}
	refuse(c, "bad-request", strcmp(action, "clock") == 0 ? "value: a time from 2024 to 2099, in seconds since 1970" :
				 strcmp(action, "zone") == 0  ? "there is no such time zone: a name such as Europe/Berlin" :
								"action: restart, power-off, clock or zone");
	return false;
}

static void on_machine(struct call *c)
{
	const char *action = control_text(c->q, "action");
	const json_t *value = json_object_get(c->q->fields, "value");
	char line[MACHINE_LINE_MAX];
	struct wish *w;

	if (!machine_is_there(c->d)) {
		refuse(c, "not-now", "this is no appliance: its power and clock are its system's");
		return;
	}
	if (!line_of(c, action, line) || !record(c, "maintenance", json_pack("{s:s,s:O*,s:I}", "action", action, "value", value, "clock_was", (json_int_t)time(NULL))))
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		refuse(c, "unavailable", "out of memory");
		return;
	}
	w->token = c->q->token;
	(void)snprintf(w->action, sizeof(w->action), "%s", action);
	machine_ask(c->d, line, machine_done_for, w);
}

/* -- people ----------------------------------------------------------------------------------------------------------- */

static json_t *listed(const struct daemon *d, const struct person *p)
{
	const struct lockout_rule rule = { d->station->config->people.tries, d->station->config->people.lock_time_s };
	struct lockout l = { 0 };
	json_t *o = person_json(p);
	int has_password = -1, fd = -EBADF;

	if (people_open(d->dir, false, &fd) == 0)
		has_password = passwd_has(fd, p->name);
	close_p(&fd);
	if (lockout_get(d->dir, p->name, &rule, time(NULL), &l) < 0)
		l = (struct lockout){ 0 }; /* told as not locked; the log-in itself looks again */
	if (o && (json_object_set_new(o, "until", json_integer((json_int_t)p->until)) < 0 ||
		  json_object_set_new(o, "locked_until", json_integer((json_int_t)l.until)) < 0 ||
		  json_object_set_new(o, "password", json_boolean(has_password > 0)) < 0)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

#define LIST_BYTES_MAX 60000 /* an answer is one line */

static void on_people(struct call *c)
{
	_cleanup_(people_freep) struct people *people = NULL;
	json_t *list = json_array();
	size_t room = LIST_BYTES_MAX, k = 0;
	int r = people_load(c->d->dir, &people, NULL);

	for (; r == 0 && list && k < people->count; k++) {
		json_t *o = listed(c->d, &people->list[k]);
		size_t size = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) + 1 : 0;

		if (size == 0 || size > room || json_array_append(list, o) < 0)
			size = 0;
		json_decref(o);
		if (size == 0)
			break;
		room -= size;
	}
	if (r < 0 || !list) {
		json_decref(list);
		refuse(c, "unavailable", "the people of the station cannot be read");
		return;
	}
	control_answer(c->d->control, c->q->token, json_pack("{s:o,s:b}", "people", list, "more", k < people->count));
}

static bool take_roles(const struct call *c, unsigned int *ret)
{
	json_t *word;
	size_t k;

	*ret = 0;
	json_array_foreach(json_object_get(c->q->fields, "roles"), k, word) {
		int role = json_is_string(word) ? person_role_by_name(json_string_value(word)) : -1;

		if (role < 0)
			return false;
		*ret |= 1u << role;
	}
	return *ret != 0;
}

/* False: refused. `*ret` is the caller's. A tenth of a second, in which the loop waits: nobody sets passwords all day. */
static bool take_secret(const struct call *c, const char *name, char **ret)
{
	const char *secret = control_text(c->q, "secret"), *why = password_refused(secret, name, c->d->station->config->people.password_length);

	if (why)
		control_refuse(c->d->control, c->q->token, "bad-request", "this password is refused: %s", why);
	else if (password_hash(secret, ret) < 0)
		refuse(c, "unavailable", "it could not be hashed");
	else
		return true;
	return false;
}

static void change(struct call *c, struct people_change *change)
{
	_cleanup_(people_change_done) struct people_change *h = change;
	const char *why = NULL;
	int r = people_change_check(h, &why);

	if (r < 0) {
		refuse(c, r == -ENOENT ? "not-found" : r == -EINVAL ? "bad-request" : "not-now", why);
		return;
	}
	if (!record(c, people_change_record(h), people_change_body(h)))
		return;
	r = people_change_make(h);
	if (r < 0)
		control_refuse(c->d->control, c->q->token, "unavailable", "recorded, but it could not be kept: %s", strerror(-r));
	else
		control_answer(c->d->control, c->q->token, NULL);
}

static void on_person(struct call *c)
{
	struct people_change h = { .people_fd = -EBADF, .dir = c->d->dir, .by = c->by, .name = control_text(c->q, "person"), .until = -1 };
	const char *action = control_text(c->q, "action"), *full_name = json_string_value(json_object_get(c->q->fields, "full_name"));
	bool has_roles = take_roles(c, &h.roles), is_add;

	h.kind = people_change_kind(action);
	is_add = h.kind == PEOPLE_ADD;
	h.full_name = full_name;
	if (h.kind == PEOPLE_CHANGES)
		refuse(c, "bad-request", "action: add, change, remove, password or unlock");
	else if (!person_name_valid(h.name))
		refuse(c, "bad-request", "a name has 1 to 64 of a-z 0-9 . _ - @, a letter or digit first");
	else if ((is_add || h.kind == PEOPLE_ALTER) && !has_roles)
		refuse(c, "bad-request", "roles: at least one of operator, officer, auditor, administrator");
	else if ((!is_add && h.kind != PEOPLE_PASSWORD) || take_secret(c, h.name, &h.hash))
		change(c, &h);
}

/* -- update packs ----------------------------------------------------------------------------------------------------- */

/* Applying takes privileges that lazaretd has not: lazaret-brought.service sees the approval, and looks at everything again. */
static void on_update(struct call *c)
{
	const char *action = control_text(c->q, "action"), *pack = control_text(c->q, "pack");
	_cleanup_free_ char *sha256 = NULL;
	bool is_drop = strcmp(action, "drop") == 0;
	int r;

	if (!machine_is_there(c->d)) {
		refuse(c, "not-now", "packs are applied by command here: lazaret update apply");
		return;
	}
	if ((!is_drop && strcmp(action, "approve") != 0) || !offers_name_ok(pack)) {
		refuse(c, "bad-request", "action: approve or drop; pack: the name of one that waits");
		return;
	}
	/* A newer pack of the same name takes its place, whoever looks at the list: what was on the screen is meant. */
	sha256 = offers_sha256(c->d->dir, pack);
	if (!sha256 || strcmp(sha256, control_text(c->q, "sha256")) != 0) {
		refuse(c, "not-found", sha256 ? "another pack of this name waits now: look at it first" : "no such pack waits any more");
		control_touch(c->d->control, CONTROL_STATION);
		return;
	}
	if (!record(c, is_drop ? "update-dropped" : "update-approved", json_pack("{s:s,s:s}", "pack", pack, "sha256", sha256)))
		return;
	r = is_drop ? offers_remove(c->d->dir, pack) : offers_approve(c->d->dir, pack, c->by, sha256);
	if (r < 0)
		control_refuse(c->d->control, c->q->token, "unavailable", "recorded, but not done: %s", strerror(-r));
	else
		control_answer(c->d->control, c->q->token, NULL);
	control_touch(c->d->control, CONTROL_STATION);
}

/* -- who may ----------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*handle)(struct call *c);
	enum person_role role;
} calls[] = {
	{ "maintenance", on_maintenance, PERSON_ADMINISTRATOR }, { "machine", on_machine, PERSON_ADMINISTRATOR },
	{ "people", on_people, PERSON_ADMINISTRATOR },		 { "person", on_person, PERSON_ADMINISTRATOR },
	{ "update", on_update, PERSON_OFFICER },
};

bool maintenance_request(struct daemon *d, const struct control_request *q)
{
	struct call c = { .d = d, .q = q, .by = "nobody yet: the machine is not set up" };
	bool is_clock = strcmp(q->name, "machine") == 0 && strcmp(control_text(c.q, "action"), "clock") == 0;

	for (size_t k = 0; k < ARRAY_LEN(calls); k++) {
		if (strcmp(calls[k].name, q->name) != 0)
			continue;
		/* Who sets it up may set the clock: there is nobody who could log in. */
		if (!(setup_is_awaited(d) && is_clock)) {
			const struct session *s;

			if (!session_has_role(d, q->token, calls[k].role))
				return true;
			s = session_of(d, q->token);
			if (!s) {
				refuse(&c, "not-permitted", "log in first: the session has ended");
				return true;
			}
			c.by = s->person;
		}
		calls[k].handle(&c);
		return true;
	}
	return false;
}
