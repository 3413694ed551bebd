/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The parent looks at nothing itself: what a look leaves behind in a library (the generator of temporary names of libclamav above
 * all) would be the same in every child.
 */
#include "forkserver/forkserver.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/log.h"
#include "sandbox/sandbox.h"

/* Inspections at a time, and those of an older set that have not ended (station/config.h: at-once is at most 16). */
#define CLIENTS_MAX 64

struct server {
	const struct forkserver_role *role;
	void *context;
	struct channel channel;
	struct channel clients[CLIENTS_MAX]; /* one an inspection; they may ask for children, nothing else */
	size_t client_count;
	bool is_ending;
	char sandbox[128];
};

static int load(struct server *s)
{
	char why[FORKSERVER_WHY_MAX] = "";
	int r = s->role->load(s->context, &s->channel, why);

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
	return channel_ready(&s->channel, role_get(s->role->parent)->name, s->sandbox);
}

/* -- children ------------------------------------------------------------------------------------------------------------- */

static sigset_t outside; /* the signals that were blocked at the start */

/* A child that is killed for what it does says nothing any more: 31 (SIGSYS) is the system-call filter. SIGKILL is how all of them end. */
static void reap(const struct server *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			log_warning("role=%s pid=%d: killed by signal %d (SIG%s)", role_get(role_get(s->role->parent)->forks)->name, (int)pid,
				    WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
}

/* Who asked knows a child's fate by its channel and its pidfd; the signal is for the loop to come round. */
static void on_child(int unused)
{
	(void)unused;
}

static int expect_children(void)
{
	const struct sigaction action = { .sa_handler = on_child };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return sigprocmask(SIG_BLOCK, &set, &outside) < 0 || sigaction(SIGCHLD, &action, NULL) < 0 ? -errno : 0;
}

/* fork(2) with namespaces and a pidfd at once. The raw call skips the C library's fork handlers: this process has
 * one thread and needs none of them. */
static pid_t fork_with_pidfd(unsigned long namespaces, int *ret_pid_fd)
{
	return (pid_t)syscall(SYS_clone, namespaces | CLONE_PIDFD | SIGCHLD, NULL, ret_pid_fd, NULL, NULL);
}

static _noreturn_ void become_child(struct server *s, int channel_fd, pid_t parent)
{
	/* In a PID namespace of its own it cannot see whether its parent still lives; its channel closes when it does not. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || (!(s->role->namespaces & CLONE_NEWPID) && getppid() != parent) ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &outside, NULL) < 0 ||
	    dup3(channel_fd, CHANNEL_FD, O_CLOEXEC) < 0)
		_exit(EXIT_FAILURE);
	s->role->child(s->context, s->sandbox);
	_exit(EXIT_FAILURE);
}

static int split(struct server *s, int *ret_channel_fd, int *ret_pid_fd)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	pid_t parent = getpid(), pid;
	int pair[2], pid_fd = -EBADF;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = fork_with_pidfd(s->role->namespaces, &pid_fd);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_child(s, theirs, parent);
	*ret_channel_fd = TAKE_FD(ours);
	*ret_pid_fd = pid_fd;
	return 0;
}

static int spawn(struct server *s, struct channel *c)
{
	_cleanup_close_ int channel_fd = -EBADF, pid_fd = -EBADF;
	int r = split(s, &channel_fd, &pid_fd);

	if (r < 0)
		return channel_fail(c, r, "spawn", "%s", strerror(-r));
	return channel_send(c, MESSAGE_FORKSERVER_SPAWNED, NULL, (int[]){ channel_fd, pid_fd }, 2);
}

/* -- who asks ------------------------------------------------------------------------------------------------------------- */

static int attach(struct server *s, int *fd)
{
	struct channel *c = &s->clients[s->client_count];

	if (s->client_count == CLIENTS_MAX)
		return 0; /* it sees its channel closed */
	channel_init(c, TAKE_FD(*fd), false, CHANNEL_FORKSERVER);
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
		r = m.type == MESSAGE_FORKSERVER_ATTACH ? attach(s, &m.fds[0]) : spawn(s, &s->channel);
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
	return m.type == MESSAGE_FORKSERVER_SPAWN && spawn(s, c) == 0;
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
		r = ppoll(polled, 1 + n, NULL, &outside) < 0 ? -errno : 0;
		if (r < 0 && r != -EINTR)
			return r;
		reap(s);
		if (r < 0)
			continue;
		serve_clients(s, polled + 1); /* first: attaching moves nothing that was polled */
		r = polled[0].revents ? serve_supervisor(s) : 0;
		if (r < 0)
			return r == -ENOTCONN ? 0 : r;
	}
	return 0;
}

int forkserver_main(const struct forkserver_role *role, void *context)
{
	static struct server s;
	int r;

	s.role = role;
	s.context = context;
	log_open(role_get(role->parent)->executable);
	channel_init(&s.channel, CHANNEL_FD, false, CHANNEL_FORKSERVER);
	r = load(&s);
	if (r == 0)
		r = enter(&s);
	if (r == 0)
		r = expect_children();
	if (r == 0)
		r = loop(&s);
	if (r < 0)
		log_error("err=%s: ends", errno_name(r));
	/* Nothing is left to write, and a database of a gigabyte is not worth freeing. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
