/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who is logged in, on which connection. A session belongs to one connection: there is no token that could be stolen and used
 * from another. What is believed of a person is what people.json says now, not what it said when he logged in.
 */
#include "daemon/sessions.h"

#include <string.h>
#include <time.h>

#include "common/log.h"
#include "station/config.h"

bool sessions_record(struct daemon *d, const char *type, json_t *body)
{
	station_audit(d, type, body);
	return d->station && !d->is_trail_lost;
}

static struct visitor *find(struct daemon *d, uint64_t client)
{
	for (size_t k = 0; client && d->sessions && k < CONTROL_CLIENTS_MAX; k++)
		if (d->sessions->visitors[k].client == client)
			return &d->sessions->visitors[k];
	return NULL;
}

/* NULL: no memory, or nobody waits for this token. */
static struct visitor *find_or_add(struct daemon *d, uint64_t token)
{
	const struct control_peer *peer = NULL;
	uint64_t client = control_client(d->control, token, &peer);
	struct visitor *v = find(d, client);

	if (!d->sessions)
		d->sessions = calloc(1, sizeof(*d->sessions));
	for (size_t k = 0; !v && client && d->sessions && k < CONTROL_CLIENTS_MAX; k++)
		if (d->sessions->visitors[k].client == 0) {
			v = &d->sessions->visitors[k];
			*v = (struct visitor){ .client = client, .peer = *peer };
		}
	return v;
}

/* -- a session's end ---------------------------------------------------------------------------------------------------- */

static void end_session(struct daemon *d, struct visitor *v, const char *why)
{
	if (!v->session.person)
		return;
	/* It ends in any case. */
	if (!sessions_record(d, "logout", json_pack("{s:s,s:s}", "person", v->session.person, "why", why)))
		log_warning("the end of %s's session is not in the trail", v->session.person);
	free(v->session.person);
	free(v->session.full_name);
	v->session = (struct session){ 0 };
	v->expiry = sd_event_source_disable_unref(v->expiry);
	if (d->control)
		control_touch_client(d->control, v->client);
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;
	uint64_t now = 0;

	(void)sd_event_now(d->loop, CLOCK_MONOTONIC, &now); /* fails for other clocks and after a fork alone */
	for (size_t k = 0; k < CONTROL_CLIENTS_MAX; k++) {
		struct visitor *v = &d->sessions->visitors[k];
		uint64_t at = UINT64_MAX;

		if (v->expiry && sd_event_source_get_time(v->expiry, &at) >= 0 && at <= now)
			end_session(d, v, "time");
	}
	return 0;
}

/* False: there is no timer, and so there can be no session. */
static bool prolong(struct daemon *d, struct visitor *v)
{
	uint64_t seconds = d->station ? d->station->config->people.session_time_s : 60, now;
	sd_event_source *expiry = NULL;

	if (sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0 ||
	    sd_event_add_time(d->loop, &expiry, CLOCK_MONOTONIC, now + seconds * 1000000, 10000, on_expiry, d) < 0)
		return false;
	sd_event_source_disable_unref(v->expiry);
	v->expiry = expiry;
	v->session.ends = (int64_t)time(NULL) + (int64_t)seconds;
	return true;
}

/* What people.json says of him now; false: nothing good, and the session has ended. */
static bool is_still_there(struct daemon *d, struct visitor *v)
{
	_cleanup_(people_freep) struct people *people = NULL;
	_cleanup_free_ char *why = NULL;
	const struct person *p;

	if (!v->session.person)
		return false;
	if (people_load(d->dir, &people, &why) < 0)
		log_error("%s", why ? why : "the people of the station cannot be read");
	p = person_find(people, v->session.person);
	if (!p || person_has_ended(p, time(NULL))) {
		end_session(d, v, p ? "expired" : "removed");
		return false;
	}
	if (v->session.roles != p->roles) {
		v->session.roles = p->roles;
		control_touch_client(d->control, v->client);
	}
	return true;
}

/* -- for the others -------------------------------------------------------------------------------------------------- */

const struct session *session_of(struct daemon *d, uint64_t token)
{
	struct visitor *v = find(d, control_client(d->control, token, NULL));

	return v && is_still_there(d, v) ? &v->session : NULL;
}

bool session_has_role(struct daemon *d, uint64_t token, enum person_role role)
{
	const struct session *s = session_of(d, token);

	if (s && s->roles & 1u << role)
		return true;
	if (s)
		control_refuse(d->control, token, "not-permitted", "this takes the role %s, which %s has not", person_role_name(role), s->person);
	else
		control_refuse(d->control, token, "not-permitted", "log in first: this takes the role %s", person_role_name(role));
	return false;
}

static bool are_too_many(const struct daemon *d, const struct control_peer *peer)
{
	size_t all = 0, of_one = 0;

	for (size_t k = 0; k < CONTROL_CLIENTS_MAX; k++) {
		const struct visitor *v = &d->sessions->visitors[k];

		all += v->login != NULL;
		of_one += v->login && v->peer.uid == peer->uid;
	}
	if (peer->is_admin)
		return all >= LOGINS_MAX;
	return all >= LOGINS_MAX - LOGINS_RESERVED || of_one >= LOGINS_OF_ONE;
}

void sessions_authenticate(struct daemon *d, uint64_t token, const char *person, const char *secret, const char *what,
			   void (*done)(struct daemon *d, uint64_t token, const struct person *who, void *data), void (*drop)(void *data),
			   void *data)
{
	const struct login_wish wish = { person, secret, what, done, drop, data };
	struct visitor *v = find_or_add(d, token);
	const char *code = NULL, *text = NULL;

	if (v && v->login)
		login_break(v->login);
	if (!d->station || d->is_trail_lost) {
		code = "not-now";
		text = d->station ? "the audit trail cannot be written: nobody can log in" : "the station has not started";
	} else if (!v) {
		code = "unavailable";
		text = "no memory is left";
	} else if (strlen(secret) > LOGIN_REPLY_MAX || !*person) {
		code = "bad-request";
		text = "person: not empty; secret: at most 511 bytes";
	} else if (are_too_many(d, &v->peer)) {
		code = "too-many";
		text = "too many people log in at this moment";
	}
	if (!code) {
		login_begin(d, v, token, &wish);
		return;
	}
	control_refuse(d->control, token, code, "%s", text);
	if (drop)
		drop(data);
}

/* -- requests ---------------------------------------------------------------------------------------------------------- */

static json_t *session_fields(const struct visitor *v)
{
	const struct person p = { .name = v->session.person, .full_name = v->session.full_name, .roles = v->session.roles };
	json_t *o = person_json(&p);

	if (o && json_object_set_new(o, "ends", json_integer(v->session.ends)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void logged_in(struct daemon *d, uint64_t token, const struct person *who, void *data)
{
	struct visitor *v = find_or_add(d, token);
	char *name = strdup(who->name), *full_name = strdup(who->full_name);
	json_t *fields = NULL;

	if (v && name && full_name) {
		end_session(d, v, "another");
		v->session = (struct session){ .person = name, .full_name = full_name, .roles = who->roles };
		name = full_name = NULL;
		if (prolong(d, v))
			fields = session_fields(v);
		if (!fields)
			end_session(d, v, "no memory");
	}
	free(name);
	free(full_name);
	if (!fields) {
		control_refuse(d->control, token, "unavailable", "no memory is left");
		return;
	}
	control_touch_client(d->control, v->client);
	control_answer(d->control, token, json_pack("{s:o}", "session", fields));
}

static void on_login(struct daemon *d, const struct control_request *q)
{
	sessions_authenticate(d, q->token, control_text(q, "person"), control_text(q, "secret"), "login", logged_in, NULL, NULL);
}

static void on_login_answer(struct daemon *d, const struct control_request *q)
{
	struct visitor *v = find(d, q->client);
	const char *secret = control_text(q, "secret");

	if (!v || !v->login)
		control_refuse(d->control, q->token, "not-now", "nothing was asked");
	else if (strlen(secret) > LOGIN_REPLY_MAX)
		control_refuse(d->control, q->token, "bad-request", "secret: at most %d bytes", LOGIN_REPLY_MAX);
	else
		login_reply(v->login, q->token, secret);
}

static void on_login_cancel(struct daemon *d, const struct control_request *q)
{
	struct visitor *v = find(d, q->client);

	if (v && v->login)
		login_break(v->login);
	control_answer(d->control, q->token, NULL);
}

static void on_logout(struct daemon *d, const struct control_request *q)
{
	struct visitor *v = find(d, q->client);

	if (v)
		end_session(d, v, "logout");
	control_answer(d->control, q->token, NULL);
}

static const struct {
	const char *name;
	void (*handle)(struct daemon *d, const struct control_request *q);
} calls[] = {
	{ "login", on_login },
	{ "login-answer", on_login_answer },
	{ "login-cancel", on_login_cancel },
	{ "logout", on_logout },
};

bool sessions_request(struct daemon *d, const struct control_request *q)
{
	for (size_t k = 0; k < ARRAY_LEN(calls); k++)
		if (strcmp(calls[k].name, q->name) == 0) {
			calls[k].handle(d, q);
			return true;
		}
	return false;
}

void sessions_seen(struct daemon *d, uint64_t client)
{
	struct visitor *v = find(d, client);

	if (!v || !v->session.person)
		return;
	if (!prolong(d, v))
		end_session(d, v, "no memory");
	control_touch_client(d->control, client);
}

void sessions_gone(struct daemon *d, uint64_t client)
{
	struct visitor *v = find(d, client);

	if (!v)
		return;
	if (v->login)
		login_break(v->login);
	end_session(d, v, d->is_ending ? "station" : "gone");
	*v = (struct visitor){ 0 };
}

json_t *sessions_object(struct daemon *d, uint64_t client)
{
	const struct visitor *v = find(d, client);
	json_t *o, *who;

	if (!v)
		return NULL;
	o = json_pack("{s:s,s:n,s:s,s:[],s:n,s:o}", "event", "session", "person", "full_name", "", "roles", "ends", "note",
		      *v->note ? json_string(v->note) : json_null());
	if (!o || !v->session.person)
		return o;
	who = session_fields(v);
	if (!who || json_object_update(o, who) < 0) {
		json_decref(o);
		o = NULL;
	}
	json_decref(who);
	return o;
}

void sessions_tick(struct daemon *d)
{
	for (size_t k = 0; d->sessions && k < CONTROL_CLIENTS_MAX; k++)
		if (d->sessions->visitors[k].session.person)
			(void)is_still_there(d, &d->sessions->visitors[k]); /* ends it if he is not */
}

bool sessions_are_any(const struct daemon *d)
{
	for (size_t k = 0; d->sessions && k < CONTROL_CLIENTS_MAX; k++)
		if (d->sessions->visitors[k].client && (d->sessions->visitors[k].session.person || d->sessions->visitors[k].login))
			return true;
	return false;
}

void sessions_done(struct daemon *d)
{
	for (size_t k = 0; d->sessions && k < CONTROL_CLIENTS_MAX; k++)
		if (d->sessions->visitors[k].client)
			sessions_gone(d, d->sessions->visitors[k].client);
	free(d->sessions);
	d->sessions = NULL;
}
