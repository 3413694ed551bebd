/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One attempt to log in, in the daemon's loop: lazaret-login asks PAM, the client is asked what PAM asks. The loop never waits
 * for either. What is counted, recorded and told is decided in people/attempt.c.
 */
#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "daemon/sessions.h"

#define START_MS 10000 /* for a program to start, and PAM to load its modules */
#define SILENT_RECORDS 20 /* of refused tries that nobody need know of one by one; a minute */

enum login_state {
	LOGIN_STARTING,
	LOGIN_WORKING, /* PAM is at work; a request waits */
	LOGIN_ASKING,  /* the client has been asked; no request waits */
	LOGIN_REFUSING,	/* all is decided, and told when its time has come */
};

struct login {
	struct daemon *d;
	struct visitor *v;
	uint64_t token; /* of the request that waits; 0: none */
	enum login_state state;
	struct login_wish wish; /* its person and secret are not valid any more */
	struct attempt attempt;
	int begun;
	struct attempt_result result; /* LOGIN_REFUSING */
	struct process process;
	sd_event_source *io, *timer;
	char secret[LOGIN_REPLY_MAX + 1];
	bool has_secret;
	int64_t typed_ms;
};

static void login_free(struct login *l)
{
	l->io = sd_event_source_disable_unref(l->io);
	l->timer = sd_event_source_disable_unref(l->timer);
	process_kill(&l->process);
	l->v->login = NULL;
	if (*l->v->note) {
		*l->v->note = '\0';
		control_touch_client(l->d->control, l->v->client);
	}
	if (l->wish.drop)
		l->wish.drop(l->wish.data);
	attempt_result_done(&l->result);
	attempt_done(&l->attempt);
	explicit_bzero(l, sizeof(*l));
	free(l);
}

static int set_timer(struct login *l, int64_t ms, sd_event_time_handler_t handler)
{
	uint64_t now;
	int r = sd_event_now(l->d->loop, CLOCK_MONOTONIC, &now);

	l->timer = sd_event_source_disable_unref(l->timer);
	return r < 0 ? r : sd_event_add_time(l->d->loop, &l->timer, CLOCK_MONOTONIC, now + (uint64_t)ms * 1000, 10000, handler, l);
}

/* -- what came of it ------------------------------------------------------------------------------------------------ */

/* A client that tries names all day must not fill the disk; how many there were is kept. */
static bool is_worth_a_record(struct sessions *s, const char *type, json_t *body)
{
	const char *why = json_string_value(json_object_get(body, "why"));
	int64_t minute = time(NULL) / 60;

	if (strcmp(type, "login-failed") != 0 || !why ||
	    (json_is_string(json_object_get(body, "person")) && strcmp(why, "locked-out") != 0))
		return true;
	if (minute != s->minute) {
		s->minute = minute;
		s->recorded = 0;
	}
	if (s->recorded >= SILENT_RECORDS) {
		s->unrecorded++;
		return false;
	}
	s->recorded++;
	if (s->unrecorded > 0 && json_object_set_new(body, "unrecorded", json_integer((json_int_t)s->unrecorded)) == 0)
		s->unrecorded = 0;
	return true;
}

static bool write_records(struct login *l)
{
	bool is_good = true;

	for (size_t k = 0; k < l->result.record_count; k++) {
		json_t *body = l->result.records[k].body;

		if (is_worth_a_record(l->d->sessions, l->result.records[k].type, body) &&
		    !sessions_record(l->d, l->result.records[k].type, json_incref(body)))
			is_good = false;
	}
	return is_good;
}

static int on_refusal(sd_event_source *source, uint64_t usec, void *context)
{
	struct login *l = context;

	control_refuse(l->d->control, l->token, l->result.code, "%s", l->result.text);
	login_free(l);
	return 0;
}

static void refuse_later(struct login *l)
{
	l->state = LOGIN_REFUSING;
	if (!l->token)
		login_free(l);
	else if (set_timer(l, attempt_wait_ms(l->typed_ms, monotonic_ms()), on_refusal) < 0)
		on_refusal(NULL, 0, l);
}

static void cannot(struct login *l, const char *text)
{
	l->result.code = "unavailable";
	(void)snprintf(l->result.text, sizeof(l->result.text), "%s", text);
	refuse_later(l);
}

static void grant(struct login *l)
{
	uint64_t token = l->token;
	void (*done)(struct daemon *d, uint64_t token, const struct person *who, void *data) = l->wish.done;

	l->token = 0;
	done(l->d, token, l->result.who, l->wish.data);
	login_free(l);
}

static json_t *facts_of(const struct login *l)
{
	return json_pack("{s:s,s:I,s:I}", "for", l->wish.what, "uid", (json_int_t)l->v->peer.uid, "pid", (json_int_t)l->v->peer.pid);
}

static void conclude(struct login *l, enum attempt_how how, enum login_outcome outcome)
{
	json_t *facts = facts_of(l);
	int r;

	l->io = sd_event_source_disable_unref(l->io);
	l->timer = sd_event_source_disable_unref(l->timer);
	if (how == ATTEMPT_BY_PAM)
		child_reap(l->d, process_release(&l->process)); /* it ends by itself */
	else
		process_kill(&l->process);
	explicit_bzero(l->secret, sizeof(l->secret));
	r = facts ? attempt_end(&l->attempt, l->begun, how, outcome, facts, time(NULL), &l->result) : -ENOMEM;
	json_decref(facts);
	if (r < 0) {
		cannot(l, "No memory is left.");
		return;
	}
	if (!write_records(l))
		cannot(l, "The audit trail cannot be written: nobody can log in.");
	else if ((r = attempt_settle(&l->attempt)) < 0)
		cannot(l, "The list of failed tries cannot be written.");
	else if (!l->result.who)
		refuse_later(l);
	else if (!l->token) /* PAM did not wait for the answer: nobody is there to be told */
		login_free(l);
	else
		grant(l);
}

/* -- lazaret-login ------------------------------------------------------------------------------------------------------ */

static void ask_client(struct login *l, enum login_style style, const char *text)
{
	json_t *prompt = json_pack("{s:{s:s,s:b}}", "prompt", "text", text, "echo", style == LOGIN_ASKS_VISIBLE);
	uint64_t token = l->token;

	l->token = 0;
	l->state = LOGIN_ASKING;
	if (prompt)
		control_answer(l->d->control, token, prompt);
	else
		control_refuse(l->d->control, token, "unavailable", "no memory is left");
}

static void reply(struct login *l, const char *secret)
{
	if (login_send_reply(&l->process.channel, secret) < 0)
		conclude(l, ATTEMPT_BROKEN, LOGIN_CANNOT_TELL);
}

static int take_text(struct login *l, struct message *m)
{
	char text[LOGIN_TEXT_MAX];
	enum login_style style;
	int r = login_take_text(m, &style, text);

	if (r < 0 || l->state == LOGIN_ASKING)
		return -EPROTO; /* it asks twice */
	attempt_text(&l->attempt, text);
	if (style == LOGIN_SAYS) {
		memcpy(l->v->note, text, sizeof(text));
		control_touch_client(l->d->control, l->v->client);
	} else if (style == LOGIN_ASKS_SECRET && l->has_secret) {
		l->has_secret = false;
		reply(l, l->secret);
	} else {
		ask_client(l, style, text);
	}
	return 0;
}

static int take_result(struct login *l, struct message *m)
{
	char detail[LOGIN_TEXT_MAX];
	enum login_outcome outcome;
	int r = login_take_result(m, &outcome, detail);

	if (r < 0)
		return r;
	if (outcome == LOGIN_CANNOT_TELL)
		log_error("lazaret-login: %s", detail);
	conclude(l, ATTEMPT_BY_PAM, outcome);
	return 0;
}

static int take_message(struct login *l)
{
	struct message *m = malloc(sizeof(*m));
	int r = m ? channel_receive(&l->process.channel, m, true) : -ENOMEM;

	if (r == 0) {
		r = m->type == MESSAGE_LOGIN_TEXT   ? take_text(l, m) :
		    m->type == MESSAGE_LOGIN_RESULT ? take_result(l, m) :
						      -EPROTO;
		message_done(m);
	}
	free(m);
	return r;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *context)
{
	const struct patience now = { .signal_fd = -1, .deadline_ms = monotonic_ms() + 1000 };
	struct login *l = context;
	_cleanup_free_ char *why = NULL;
	int r;

	if (l->state == LOGIN_STARTING) {
		r = process_ready(&l->process, &now, &why);
		if (r == 0)
			r = login_send_try(&l->process.channel, attempt_pam_name(&l->attempt));
		l->state = LOGIN_WORKING;
	} else {
		r = take_message(l); /* may have freed `l` */
	}
	if (r < 0 && r != -EAGAIN) {
		log_error("lazaret-login: %s%s%s", why ? why : "", why ? ": " : "", strerror(-r));
		conclude(l, ATTEMPT_BROKEN, LOGIN_CANNOT_TELL);
	}
	return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *context)
{
	conclude(context, ATTEMPT_TOO_LATE, LOGIN_IS_WRONG);
	return 0;
}

static int start(struct login *l)
{
	const struct station_config *config = l->d->station->config;
	int r = process_start(ROLE_LOGIN, &l->process);

	if (r == 0)
		r = login_send_start(&l->process.channel, config);
	if (r == 0)
		r = sd_event_add_io(l->d->loop, &l->io, l->process.channel.fd, POLLIN, on_channel, l);
	/* a moment before its own end, which would look like a crash */
	return r < 0 ? r : set_timer(l, MAX((int64_t)config->people.answer_time_s * 1000 - 100, (int64_t)500), on_late);
}

/* -- from sessions.c ------------------------------------------------------------------------------------------------------ */

void login_begin(struct daemon *d, struct visitor *v, uint64_t token, const struct login_wish *wish)
{
	struct login *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		control_refuse(d->control, token, "unavailable", "no memory is left");
		if (wish->drop)
			wish->drop(wish->data);
		return;
	}
	*l = (struct login){ .d = d, .v = v, .token = token, .wish = *wish, .typed_ms = monotonic_ms() };
	v->login = l;
	l->has_secret = *wish->secret != '\0';
	(void)snprintf(l->secret, sizeof(l->secret), "%s", wish->secret); /* sessions.c has looked how long it is */
	l->begun = attempt_begin(&l->attempt, d->station->config, wish->person, time(NULL));
	if (l->begun < 0) {
		conclude(l, ATTEMPT_BY_PAM, LOGIN_IS_WRONG);
		return;
	}
	r = start(l);
	if (r < 0) {
		log_error("lazaret-login: %s", strerror(-r));
		conclude(l, ATTEMPT_BROKEN, LOGIN_CANNOT_TELL);
	}
}

void login_reply(struct login *l, uint64_t token, const char *secret)
{
	if (l->state != LOGIN_ASKING) {
		control_refuse(l->d->control, token, "not-now", "nothing was asked");
		return;
	}
	l->token = token;
	l->state = LOGIN_WORKING;
	l->typed_ms = monotonic_ms();
	reply(l, secret);
}

void login_break(struct login *l)
{
	struct visitor *v = l->v;

	if (l->state != LOGIN_REFUSING) /* there it is counted and recorded already, and only was not told yet */
		conclude(l, ATTEMPT_BROKEN_OFF, LOGIN_IS_WRONG);
	if (v->login)
		(void)on_refusal(NULL, 0, v->login); /* at once: whoever breaks off learns nothing from the time it takes */
}
