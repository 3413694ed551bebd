/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Questions about past transfers go to the records role, one at a time; it is started by the first one. */
#include <poll.h>
#include <string.h>

#include "common/log.h"
#include "daemon/daemon.h"

/* The role limits a search itself; one that does not come back has a fault and is replaced. */
#define READY_MS 30000
#define ANSWER_US (15 * UINT64_C(1000000))

struct question {
	struct question *next;
	uint64_t token;
	void (*take)(struct daemon *d, const json_t *answer); /* NULL: a client's */
	char *text; /* JSON */
};

static void send_next(struct daemon *d);

static void drop_first(struct daemon *d)
{
	struct question *q = d->questions;
	void (*take)(struct daemon *d, const json_t *answer) = q->take;

	d->questions = q->next;
	free(q->text);
	free(q);
	if (take)
		take(d, NULL); /* it was not answered */
}

static void give_up(struct daemon *d, const char *why)
{
	while (d->questions) {
		control_refuse(d->control, d->questions->token, "unavailable", "%s", why);
		drop_first(d);
	}
	d->records_io = sd_event_source_disable_unref(d->records_io);
	d->records_timeout = sd_event_source_disable_unref(d->records_timeout);
	process_kill(&d->records);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *context)
{
	give_up(context, "the records do not answer");
	return 0;
}

static void take_answer(struct daemon *d, struct message *m)
{
	_cleanup_free_ char *where = NULL, *text = NULL;
	json_t *answer;

	if (m->type == MESSAGE_FAILED) {
		(void)decode_u32(&m->payload); /* errno: the words say it */
		where = decode_str(&m->payload, 1024);
		text = decode_str(&m->payload, 7000);
		if (!where || (strcmp(where, "not-found") != 0 && strcmp(where, "bad-request") != 0))
			control_refuse(d->control, d->questions->token, "unavailable", "%s", text ? text : "");
		else
			control_refuse(d->control, d->questions->token, where, "%s", text ? text : "");
		return;
	}
	text = decode_str(&m->payload, 60000);
	answer = text && decoder_end(&m->payload) == 0 ? json_loads(text, 0, NULL) : NULL;
	if (json_is_object(answer) && d->questions->take) {
		void (*take)(struct daemon *d, const json_t *answer) = d->questions->take;

		d->questions->take = NULL;
		take(d, answer); /* may ask again, behind all others */
		json_decref(answer);
	} else if (json_is_object(answer)) {
		control_answer(d->control, d->questions->token, answer);
	} else {
		json_decref(answer);
		control_refuse(d->control, d->questions->token, "unavailable", "the records answer nonsense");
	}
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *context)
{
	const struct patience now = { .signal_fd = -1, .deadline_ms = monotonic_ms() + 1000 };
	struct daemon *d = context;
	bool is_booting = d->records.channel.state == STATE_BOOT;
	_cleanup_free_ char *why = NULL;
	struct message *m = is_booting ? NULL : malloc(sizeof(*m));
	int r;

	if (is_booting)
		r = process_ready(&d->records, &now, &why);
	else
		r = m ? channel_receive(&d->records.channel, m, true) : -ENOMEM;
	if (r == 0 && m) {
		d->records_timeout = sd_event_source_disable_unref(d->records_timeout);
		if (d->questions) {
			take_answer(d, m);
			drop_first(d);
		}
		message_done(m);
	}
	free(m);
	if (r == 0)
		send_next(d);
	else if (r != -EAGAIN) {
		log_error("the records role: %s", why ? why : strerror(-r));
		give_up(d, "the records cannot be read now");
	}
	return 0;
}

static void send_next(struct daemon *d)
{
	_cleanup_free_ struct encoder *e = NULL;
	uint64_t now;
	int r;

	if (!d->questions || d->records.channel.state != STATE_IDLE)
		return;
	e = malloc(sizeof(*e));
	r = e ? 0 : -ENOMEM;
	if (r == 0) {
		encoder_init(e);
		encode_str(e, d->questions->text);
		r = channel_send(&d->records.channel, MESSAGE_RECORDS_QUERY, e, NULL, 0);
	}
	if (r == 0 && (sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0 ||
		       sd_event_add_time(d->loop, &d->records_timeout, CLOCK_MONOTONIC, now + ANSWER_US, 0, on_timeout, d) < 0))
		r = -ENOMEM;
	if (r < 0)
		give_up(d, strerror(-r));
}

static int start(struct daemon *d)
{
	const struct supervisor *s = d->station;
	const int fds[] = { s->reports_fd, s->history_fd };
	int r = process_start(ROLE_RECORDS, &d->records);

	d->records_deadline_ms = monotonic_ms() + READY_MS;
	if (r == 0)
		r = channel_send(&d->records.channel, MESSAGE_RECORDS_START, NULL, fds, ARRAY_LEN(fds));
	return r < 0 ? r : sd_event_add_io(d->loop, &d->records_io, d->records.channel.fd, POLLIN, on_channel, d);
}

static void ask(struct daemon *d, uint64_t token, void (*take)(struct daemon *d, const json_t *answer), const json_t *request)
{
	struct question *q, **last = &d->questions;
	int r;

	if (!d->station) {
		control_refuse(d->control, token, "not-now", "the station has not started");
		return;
	}
	q = calloc(1, sizeof(*q));
	if (q) {
		q->token = token;
		q->take = take;
		q->text = json_dumps(request, JSON_COMPACT);
	}
	if (!q || !q->text || strlen(q->text) > 8000) {
		control_refuse(d->control, token, "bad-request", "too long");
		if (q)
			free(q->text);
		free(q);
		if (take)
			take(d, NULL);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = q;
	r = d->records.pid > 0 ? 0 : start(d);
	if (r < 0)
		give_up(d, strerror(-r));
	else if (d->questions == q)
		send_next(d);
}

void archive_ask(struct daemon *d, uint64_t token, const json_t *request)
{
	ask(d, token, NULL, request);
}

void archive_count(struct daemon *d, const json_t *request, void (*take)(struct daemon *d, const json_t *answer))
{
	ask(d, 0, take, request);
}

void archive_tick(struct daemon *d)
{
	if (d->records.pid > 0 && d->records.channel.state == STATE_BOOT && monotonic_ms() >= d->records_deadline_ms)
		give_up(d, "the records did not become ready");
}

void archive_done(struct daemon *d)
{
	give_up(d, "the records are opened anew; ask again");
}
