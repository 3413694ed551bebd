/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaretd, as root. The clients are other accounts' programs and are believed nothing: who they are says the
 * kernel, how many there may be is decided here, what each may cost in connection.c.
 */
#include "control/server.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "control/connection.h"
#include "control/limits.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */

struct control_server {
	struct connections connections;
	sd_event_source *accepting, *pause;
	int listen_fd;
	gid_t group;
};

/* -- who is there ------------------------------------------------------------------------------------------ */

/* The groups that the peer had when it connected, from the kernel: no look-up that a peer could race. */
static bool is_member(int fd, const struct ucred *cred, gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	socklen_t size = 64 * sizeof(gid_t);

	if (group == (gid_t)-1)
		return false;
	if (cred->gid == group)
		return true;
	for (int tries = 0; tries < 2; tries++) {
		gid_t *more = realloc(groups, size);

		if (!more)
			return false;
		groups = more;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
			break;
		if (errno != ERANGE || size > GROUPS_MAX * sizeof(gid_t) || tries > 0)
			return false; /* size is now what it takes */
	}
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* Returns 0, or -EPERM and the like for a peer that may not connect. */
static int identify(const struct control_server *s, int fd, struct control_peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	*ret = (struct control_peer){ .uid = cred.uid, .pid = cred.pid,
				      .is_admin = cred.uid == 0 || cred.uid == geteuid() };
	return ret->is_admin || is_member(fd, &cred, s->group) ? 0 : -EPERM;
}

/* A slot for this peer, or -EUSERS. */
static int find_slot(const struct control_server *s, const struct control_peer *peer)
{
	size_t used = 0, same = 0;
	int slot = -EUSERS;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct connection *c = s->connections.all[i];

		if (!c)
			slot = (int)i;
		used += c != NULL;
		same += c && connection_peer(c)->uid == peer->uid;
	}
	if (!peer->is_admin && (same >= CLIENTS_OF_ONE || used >= CONTROL_CLIENTS_MAX - CLIENTS_FOR_ADMIN))
		return -EUSERS;
	return slot;
}

/* -- accepting ------------------------------------------------------------------------------------------- */

static void turn_away(int fd, const char *code, const char *text)
{
	char line[256];
	size_t size = control_error_line(line, sizeof(line), code, text);

	/* a new socket has room for it; if not, the disconnection says enough */
	(void)send(fd, line, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void admit(struct control_server *s, int taken_fd)
{
	_cleanup_close_ int fd = taken_fd;
	struct control_peer peer = { .uid = (uid_t)-1 };
	int slot, r = identify(s, fd, &peer);

	if (r < 0) {
		control_log_client(&s->connections, &peer, "refused: neither root, nor our account, nor in the group");
		turn_away(fd, "not-permitted", "Your account may not speak with this station.");
		return;
	}
	slot = find_slot(s, &peer);
	if (slot < 0) {
		turn_away(fd, "too-many", "Too many programs are connected.");
		return;
	}
	r = connection_new(&s->connections, (size_t)slot, TAKE_FD(fd), &peer);
	if (r < 0)
		log_error("control: err=%s: a client was not served", errno_name(r));
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control_server *s = userdata;

	return sd_event_source_set_enabled(s->accepting, SD_EVENT_ON);
}

/* accept() would fail again at once, and the loop would spin. */
static int pause_accepting(struct control_server *s, int error)
{
	int r = sd_event_source_set_enabled(s->accepting, SD_EVENT_OFF);

	log_error("control: err=%s: no client is accepted for a second", errno_name(error));
	if (r >= 0)
		r = sd_event_source_set_time_relative(s->pause, ACCEPT_PAUSE_USEC);
	return r < 0 ? r : sd_event_source_set_enabled(s->pause, SD_EVENT_ONESHOT);
}

static int on_connect(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata)
{
	struct control_server *s = userdata;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		admit(s, fd);
		return 0;
	}
	/* others: of the connection that has gone meanwhile */
	return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? pause_accepting(s, errno) : 0;
}

/* -- the daemon's calls ------------------------------------------------------------------------------------ */

int control_server_new(sd_event *loop, int listen_fd, gid_t group, const struct control_handler *handler,
		       struct control_server **ret)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close_p(&listen_fd);
		return -ENOMEM;
	}
	s->connections.loop = loop;
	s->connections.handler = *handler;
	s->listen_fd = listen_fd;
	s->group = group;
	r = sd_event_add_io(loop, &s->accepting, listen_fd, EPOLLIN, on_connect, s);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &s->pause, CLOCK_MONOTONIC, ACCEPT_PAUSE_USEC, 0, on_pause_over, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->pause, SD_EVENT_OFF);
	if (r < 0) {
		control_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct control_server *control_server_free(struct control_server *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		connection_free(s->connections.all[i]);
	sd_event_source_disable_unref(s->accepting);
	sd_event_source_disable_unref(s->pause);
	close_p(&s->listen_fd);
	free(s);
	return NULL;
}

void control_touch(struct control_server *s, uint64_t topic)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (s->connections.all[i])
			connection_touch(s->connections.all[i], topic);
}

void control_touch_client(struct control_server *s, uint64_t client)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (s->connections.all[i] && connection_number(s->connections.all[i]) == client)
			connection_touch(s->connections.all[i], CONTROL_CLIENT + client);
}

static struct connection *find_token(struct control_server *s, uint64_t token)
{
	for (size_t i = 0; token && i < CONTROL_CLIENTS_MAX; i++)
		if (s->connections.all[i] && connection_awaits(s->connections.all[i], token))
			return s->connections.all[i];
	return NULL; /* it has gone */
}

uint64_t control_client(struct control_server *s, uint64_t token, const struct control_peer **ret_peer)
{
	const struct connection *c = find_token(s, token);

	if (c && ret_peer)
		*ret_peer = connection_peer(c);
	return c ? connection_number(c) : 0;
}

void control_answer(struct control_server *s, uint64_t token, json_t *fields)
{
	struct connection *c = find_token(s, token);
	json_t *answer = fields ? fields : json_object();

	if (c)
		connection_answer(c, answer, true);
	json_decref(answer);
}

const char *control_text(const struct control_request *q, const char *key)
{
	const char *text = json_string_value(json_object_get(q->fields, key));

	return text ? text : "";
}

void control_refuse(struct control_server *s, uint64_t token, const char *code, const char *fmt, ...)
{
	struct connection *c = find_token(s, token);
	char text[1024];
	json_t *answer;
	va_list args;

	if (!c)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* cut when it is longer */
	va_end(args);
	answer = json_pack("{s{ssss}}", "error", "code", code, "text", text);
	/* text that was cut within a character is no UTF-8 */
	if (!answer)
		answer = json_pack("{s{ssss}}", "error", "code", code, "text", "");
	connection_answer(c, answer, false);
	json_decref(answer);
}
