/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What clients ask for: docs/control.md. Nothing in a request is believed but what the kernel says of its sender. */
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/maintenance.h"
#include "daemon/monitor.h"
#include "daemon/ports.h"
#include "daemon/setup.h"
#include "daemon/undo.h"
#include "station/config.h"
#include "supervisor/answer.h"
#include "update/slots.h"

#define NAME_TEXT_MAX 128 /* who brings a medium */
#define REASON_TEXT_MAX 512

/* -- objects ---------------------------------------------------------------------------------------------------- */

static json_t *object(void *context, uint64_t topic)
{
	struct daemon *d = context;

	if (topic >= CONTROL_CLIENT)
		return sessions_object(d, topic - CONTROL_CLIENT);
	return topic == CONTROL_STATION ? station_object(d) :
	       topic == CONTROL_DEVICES ? devices_object(d) :
	       topic == CONTROL_RELEASE ? review_object(d) :
					  media_object(d, (uint32_t)(topic - CONTROL_MEDIUM));
}

static size_t topics(void *context, uint64_t *list, size_t max)
{
	const struct daemon *d = context;
	size_t n = 0;

	if (max > 0)
		list[n++] = CONTROL_STATION;
	if (n < max)
		list[n++] = CONTROL_DEVICES;
	if (n < max)
		list[n++] = CONTROL_RELEASE;
	for (size_t k = 0; k < d->media_count && n < max; k++)
		list[n++] = CONTROL_MEDIUM + d->media[k]->number;
	return n;
}

/* -- requests --------------------------------------------------------------------------------------------------- */

struct call {
	struct daemon *d;
	const struct control_request *q;
	struct medium *m; /* of requests that name one */
};

static void on_state(struct call *c)
{
	json_t *media = json_array(), *answer;

	/* An answer has to fit in one line; `watch` has no such limit. */
	for (size_t k = 0, room = CONTROL_LINE_MAX - 24576; media && k < c->d->media_count; k++) {
		json_t *o = media_object(c->d, c->d->media[k]->number);
		size_t size = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) : 0;

		if (size > room || json_array_append(media, o) < 0)
			size = 0;
		room -= size;
		json_decref(o);
	}
	answer = json_pack("{s:o,s:o,s:o}", "station", station_object(c->d), "devices", devices_object(c->d), "media", media);
	control_answer(c->d->control, c->q->token, answer);
}

static void on_cancel(struct call *c)
{
	if (c->m->fold.state == MEDIUM_DONE) {
		control_refuse(c->d->control, c->q->token, "not-now", "its inspection has ended");
		return;
	}
	media_cancel(c->m);
	control_answer(c->d->control, c->q->token, NULL);
}

/* As it was typed: whoever shows or records it escapes it. */
static char *take_text(const struct call *c, const char *key, size_t max)
{
	const char *s = control_text(c->q, key);

	return strlen(s) > max ? NULL : strdup(s);
}

/* With `operators: authenticated` it is who has logged in on this connection, whatever the request says. False: refused. */
static bool take_operator(const struct call *c, char **ret)
{
	const struct session *who;

	if (!c->d->station || c->d->station->config->operators != STATION_OPERATORS_AUTHENTICATED) {
		*ret = take_text(c, "operator", NAME_TEXT_MAX);
		return true;
	}
	if (!session_has_role(c->d, c->q->token, PERSON_OPERATOR))
		return false;
	who = session_of(c->d, c->q->token);
	if (!who) { /* each look may find that it has ended */
		control_refuse(c->d->control, c->q->token, "not-permitted", "log in first: the session has ended");
		return false;
	}
	if (*control_text(c->q, "operator") && strcmp(control_text(c->q, "operator"), who->person) != 0) {
		control_refuse(c->d->control, c->q->token, "bad-request", "operator: %s has logged in here, nobody else", who->person);
		return false;
	}
	*ret = strdup(who->person);
	return true;
}

static void on_identify(struct call *c)
{
	_cleanup_free_ char *name = NULL, *reason = take_text(c, "reason", REASON_TEXT_MAX), *missing = NULL;
	_cleanup_free_ char *owner = take_text(c, "owner", NAME_TEXT_MAX), *ticket = take_text(c, "ticket", NAME_TEXT_MAX);
	struct medium *m = c->m;

	if (!take_operator(c, &name))
		return;
	if (!name || !reason || !owner || !ticket || strspn(name, " ") == strlen(name)) {
		control_refuse(c->d->control, c->q->token, "bad-request",
			       "operator: 1 to %d bytes; reason: at most %d; owner, ticket: at most %d", NAME_TEXT_MAX, REASON_TEXT_MAX,
			       NAME_TEXT_MAX);
		return;
	}
	missing = media_missing(c->d, owner, ticket, reason);
	if (missing) {
		control_refuse(c->d->control, c->q->token, "bad-request", "%s", missing);
		return;
	}
	if (m->fold.state != MEDIUM_IDENTIFY && m->fold.state != MEDIUM_QUEUED) {
		control_refuse(c->d->control, c->q->token, "not-now", "its inspection has begun");
		return;
	}
	free(m->operator_name);
	free(m->reason);
	free(m->owner);
	free(m->ticket);
	m->operator_name = TAKE_PTR(name);
	m->reason = TAKE_PTR(reason);
	m->owner = TAKE_PTR(owner);
	m->ticket = TAKE_PTR(ticket);
	m->is_authenticated = c->d->station && c->d->station->config->operators == STATION_OPERATORS_AUTHENTICATED;
	media_schedule(c->d);
	control_answer(c->d->control, c->q->token, NULL);
}

static void on_unlock(struct call *c)
{
	const char *passphrase = control_text(c->q, "passphrase");
	const json_t *volume = json_object_get(c->q->fields, "volume"), *asked = json_object_get(c->m->fold.locked, "volume");
	bool is_skip = json_is_true(json_object_get(c->q->fields, "skip"));
	size_t size = is_skip ? 0 : strlen(passphrase);
	struct answer a = { .volume = (uint32_t)json_integer_value(volume), .size = (uint32_t)size };
	ssize_t n;

	if (c->m->fold.state != MEDIUM_LOCKED || json_integer_value(volume) != json_integer_value(asked)) {
		control_refuse(c->d->control, c->q->token, "not-now", "no passphrase is asked for");
		return;
	}
	if ((size == 0 && !is_skip) || size > sizeof(a.passphrase)) {
		control_refuse(c->d->control, c->q->token, "bad-request", "passphrase: 1 to %d bytes, or skip", ANSWER_PASSPHRASE_MAX);
		return;
	}
	memcpy(a.passphrase, passphrase, size);
	n = send(c->m->answers_fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL);
	explicit_bzero(&a, sizeof(a));
	if (n < 0) {
		control_refuse(c->d->control, c->q->token, "unavailable", "the inspection does not listen");
		return;
	}
	fold_answered(&c->m->fold); /* one answer a question: a second would be taken for that to the next volume's */
	media_changed(c->m);
	control_answer(c->d->control, c->q->token, NULL);
}

static void on_dismiss(struct call *c)
{
	if (c->m->fold.state != MEDIUM_DONE) {
		control_refuse(c->d->control, c->q->token, "not-now", "it is still inspected");
		return;
	}
	media_dismiss(c->m);
	control_answer(c->d->control, c->q->token, NULL);
}

static void on_eject(struct call *c)
{
	struct medium *m = c->m;

	if (strcmp(m->device.kind, "optical") != 0 || !m->is_present)
		control_refuse(c->d->control, c->q->token, "bad-request", "not a disc in a drive");
	else if (!m->fold.is_removable && m->pid > 0)
		control_refuse(c->d->control, c->q->token, "not-now", "it is being read: cancel the inspection first");
	else {
		child_eject(c->d, m->device.node);
		control_answer(c->d->control, c->q->token, NULL);
	}
}

static void on_again(struct call *c)
{
	if (media_again(c->m))
		control_answer(c->d->control, c->q->token, NULL);
	else
		control_refuse(c->d->control, c->q->token, "not-now", "it is not there, or still inspected");
}

static void on_reload(struct call *c)
{
	if (!c->q->peer->is_admin) {
		control_refuse(c->d->control, c->q->token, "not-permitted", "only root and the station's own account may");
		return;
	}
	sets_wake(c->d);
	station_load(c->d);
	control_answer(c->d->control, c->q->token, NULL);
}

static void on_rest(struct call *c)
{
	if (!c->q->peer->is_admin)
		control_refuse(c->d->control, c->q->token, "not-permitted", "only root and the station's own account may");
	else
		sets_rest(c->d, c->q->token);
}

static void on_slot(struct call *c)
{
	if (!c->q->peer->is_admin)
		control_refuse(c->d->control, c->q->token, "not-permitted", "only root and the station's own account may");
	else
		slots_note(c->d, c->q->token, c->q->fields);
}

static void on_restart(struct call *c)
{
	const char *version = control_text(c->q, "version");

	if (!c->q->peer->is_admin)
		control_refuse(c->d->control, c->q->token, "not-permitted", "only root and the station's own account may");
	else if (!slots_version_ok(version))
		control_refuse(c->d->control, c->q->token, "bad-request", "version: numbers with dots between them");
	else
		restart_ask(c->d, c->q->token, version);
}

static void on_selfcheck(struct call *c)
{
	if (c->q->peer->is_admin || session_has_role(c->d, c->q->token, PERSON_ADMINISTRATOR))
		selfcheck_ask(c->d, c->q->token);
}

static void on_archive(struct call *c)
{
	archive_ask(c->d, c->q->token, c->q->fields);
}

static void on_metrics(struct call *c)
{
	monitor_ask(c->d, c->q->token);
}

static const struct {
	const char *name;
	bool has_medium;
	void (*handle)(struct call *c);
} calls[] = {
	{ "state", false, on_state },	{ "cancel", true, on_cancel },	 { "identify", true, on_identify },
	{ "unlock", true, on_unlock },	{ "dismiss", true, on_dismiss }, { "eject", true, on_eject },
	{ "rest", false, on_rest },	{ "restart", false, on_restart },
	{ "slot", false, on_slot },
	{ "again", true, on_again },	{ "reload", false, on_reload },	 { "transfers", false, on_archive },
	{ "files", false, on_archive }, { "file", false, on_archive },
	{ "metrics", false, on_metrics },
	{ "selfcheck", false, on_selfcheck },
};

static void request(void *context, const struct control_request *q)
{
	struct call c = { .d = context, .q = q };
	json_int_t number = json_integer_value(json_object_get(q->fields, "medium"));

	sessions_seen(c.d, q->client);
	if (sessions_request(c.d, q) || review_request(c.d, q) || setup_request(c.d, q) || maintenance_request(c.d, q) || undo_request(c.d, q) ||
	    ports_request(c.d, q))
		return;
	for (size_t k = 0; k < ARRAY_LEN(calls); k++) {
		if (strcmp(calls[k].name, q->name) != 0)
			continue;
		c.m = number > 0 && number <= UINT32_MAX ? media_find(c.d, (uint32_t)number) : NULL;
		if (calls[k].has_medium && !c.m)
			control_refuse(c.d->control, q->token, "not-found", "no such medium");
		else
			calls[k].handle(&c);
		return;
	}
	control_refuse(c.d->control, q->token, "unknown-request", "%s", "not in " CONTROL_PROTOCOL);
}

static void gone(void *context, uint64_t client)
{
	sessions_gone(context, client);
}

/* -- the socket ------------------------------------------------------------------------------------------------- */

/* Before anything else is loaded, so that the console can say why a station does not start: a configuration that cannot be
 * read leaves the defaults. */
static int listen_here(struct daemon *d, int *ret_fd, gid_t *ret_gid)
{
	_cleanup_(station_config_freep) struct station_config *c = NULL;
	_cleanup_free_ char *usual = NULL;
	struct yaml_errors errors = { 0 };
	const struct group *group;
	int r = station_config_load(d->dir, &errors, &c);

	yaml_errors_done(&errors); /* told when the station is loaded */
	if (r == -ENOMEM || asprintf(&usual, "%s/control.sock", d->dir) < 0)
		return -ENOMEM;
	group = getgrnam(c ? c->control.group : "lazaret");
	*ret_gid = group ? group->gr_gid : (gid_t)-1;
	if (sd_listen_fds(1) > 0) {
		*ret_fd = SD_LISTEN_FDS_START;
		return sd_is_socket_unix(*ret_fd, SOCK_STREAM, 1, NULL, 0) > 0 ? 0 : -ENOTSOCK;
	}
	return control_listen(c ? c->control.socket : usual, *ret_gid, ret_fd);
}

int requests_open(struct daemon *d)
{
	const struct control_handler handler = { .context = d, .object = object, .topics = topics, .request = request,
						 .gone = gone };
	gid_t gid = (gid_t)-1;
	int fd = -EBADF;
	int r = listen_here(d, &fd, &gid);

	if (r < 0) {
		close_p(&fd);
		log_error("control socket: %s%s", strerror(-r), r == -EADDRINUSE ? ": another lazaretd runs for this station" : "");
		return r;
	}
	return control_server_new(d->loop, fd, gid, &handler, &d->control);
}
