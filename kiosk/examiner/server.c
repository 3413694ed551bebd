/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The parent of the workers. It looks at nothing itself: what a look leaves behind in a library (the generator of temporary
 * names of libclamav above all) would be the same in every worker.
 */
#include "examiner/examiner.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "sandbox/sandbox.h"

/* Inspections at a time, and those of an older set that have not ended (station/config.h: at-once is at most 16). */
#define CLIENTS_MAX 64

struct server {
	const struct examiner_role *role;
	void *context;
	struct examiner_settings settings;
	struct channel channel;
	struct channel clients[CLIENTS_MAX]; /* one an inspection; they may ask for workers, nothing else */
	size_t client_count;
	bool is_ending;
	char sandbox[128];
};

static int load(struct server *s)
{
	char why[EXAMINER_WHY_MAX] = "";
	int r = s->role->load(s->context, &s->channel, &s->settings, why);

	if (r < 0 && *why) {
		log_error("err=%s: %s", errno_name(r), why);
		(void)channel_fail(&s->channel, r, "engines", "%s", why); /* our end says it too */
	}
	return r;
}

static int enter(struct server *s)
{
	const char *where = "";
	int r;

	(void)snprintf(s->sandbox, sizeof(s->sandbox), "%s", sandbox_describe());
	r = s->role->enter ? s->role->enter(s->context, &where) : sandbox_enter(s->role->parent, NULL, 0, &where);
	if (r < 0) {
		log_error("sandbox: %s: %s", where, strerror(-r));
		(void)channel_fail(&s->channel, r, where, "%s", strerror(-r)); /* our end says it too */
		return r;
	}
	return channel_ready(&s->channel, s->role->name, s->sandbox);
}

static int spawn(struct server *s, struct channel *c)
{
	_cleanup_close_ int channel_fd = -EBADF, pid_fd = -EBADF;
	int r = examiner_spawn(s->role, s->context, &s->settings, s->sandbox, &channel_fd, &pid_fd);

	if (r < 0)
		return channel_fail(c, r, "spawn", "%s", strerror(-r));
	return channel_send(c, MESSAGE_EXAMINE_SPAWNED, NULL, (int[]){ channel_fd, pid_fd }, 2);
}

static int attach(struct server *s, int *fd)
{
	struct channel *c = &s->clients[s->client_count];

	if (s->client_count == CLIENTS_MAX)
		return 0; /* it sees its channel closed */
	channel_init(c, TAKE_FD(*fd), false, CHANNEL_EXAMINE);
	c->state = STATE_IDLE;
	s->client_count++;
	return 0;
}

static int serve_supervisor(struct server *s)
{
	struct message m;
	int r = channel_receive(&s->channel, &m, false);

	if (r < 0)
		return r;
	if (m.type == MESSAGE_END)
		s->is_ending = true;
	else
		r = m.type == MESSAGE_EXAMINE_ATTACH ? attach(s, &m.fds[0]) : spawn(s, &s->channel);
	message_done(&m);
	return r;
}

/* Whatever goes wrong here costs the one inspection. */
static bool serve_client(struct server *s, struct channel *c)
{
	struct message m;
	int r = channel_receive(c, &m, false);

	if (r < 0)
		return false;
	message_done(&m);
	return m.type == MESSAGE_EXAMINE_SPAWN && spawn(s, c) == 0;
}

static void serve_clients(struct server *s, const struct pollfd *polled)
{
	for (size_t i = s->client_count; i-- > 0;)
		if (polled[i].revents && !serve_client(s, &s->clients[i])) {
			channel_done(&s->clients[i]);
			s->clients[i] = s->clients[--s->client_count];
		}
}

/* Until END has come and the last inspection is over; without END (the supervisor has died) at once. */
static int loop(struct server *s)
{
	while (!s->is_ending || s->client_count > 0) {
		struct pollfd polled[1 + CLIENTS_MAX];
		size_t n = s->client_count;
		int r;

		polled[0] = (struct pollfd){ .fd = s->is_ending ? -1 : s->channel.fd, .events = POLLIN };
		for (size_t i = 0; i < n; i++)
			polled[1 + i] = (struct pollfd){ .fd = s->clients[i].fd, .events = POLLIN };
		if (poll(polled, 1 + n, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		serve_clients(s, polled + 1); /* first: attaching moves nothing that was polled */
		r = polled[0].revents ? serve_supervisor(s) : 0;
		if (r < 0)
			return r == -ENOTCONN ? 0 : r;
	}
	return 0;
}

int examiner_main(const struct examiner_role *role, void *context)
{
	static struct server s;
	int r;

	s.role = role;
	s.context = context;
	log_open(role_get(role->parent)->executable);
	/* Workers are reaped by the kernel; their fate is the supervisor's business, by pidfd. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		return EXIT_FAILURE;
	channel_init(&s.channel, CHANNEL_FD, false, CHANNEL_EXAMINE);
	r = load(&s);
	if (r == 0)
		r = enter(&s);
	if (r == 0)
		r = loop(&s);
	if (r < 0)
		log_error("err=%s: ends", errno_name(r));
	/* Nothing is left to write, and a database of a gigabyte is not worth freeing. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
