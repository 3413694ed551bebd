/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/process.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/log.h"
#include "sandbox/spawn.h"
#include "supervisor/starter.h"

#define END_PATIENCE_MS 2000 /* a role that was asked to end has nothing left to do but to close files */
/* A process that waits for a device or a driver that does not answer survives SIGKILL until it does. */
#define KILL_PATIENCE_MS 2000

int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum message_channel channel_of(enum role_id role)
{
	switch (role) {
	case ROLE_LEDGER:
		return CHANNEL_LEDGER;
	case ROLE_VAULT:
		return CHANNEL_VAULT;
	case ROLE_INTAKE:
		return CHANNEL_INTAKE;
	case ROLE_READER:
		return CHANNEL_READER;
	case ROLE_EXAMINE:
	case ROLE_YARA:
	case ROLE_PLUGIN:
	case ROLE_UNPACK:
	case ROLE_OLE:
	case ROLE_PDF:
	case ROLE_DISK:
		return CHANNEL_FORKSERVER;
	case ROLE_ORIGIN:
	case ROLE_OPENPGP:
	case ROLE_CMS:
	case ROLE_RPM:
	case ROLE_AUTHENTICODE:
		return CHANNEL_ORIGIN;
	case ROLE_UNPACK_OPENER:
	case ROLE_OLE_OPENER:
	case ROLE_PDF_OPENER:
	case ROLE_DISK_OPENER:
		return CHANNEL_CONTAINER;
	case ROLE_PUBLISH:
		return CHANNEL_PUBLISH;
	case ROLE_DEVICES:
		return CHANNEL_DEVICES;
	case ROLE_RECORDS:
		return CHANNEL_RECORDS;
	case ROLE_LOGIN:
		return CHANNEL_LOGIN;
	case ROLE_PRINTER:
		return CHANNEL_PRINTER;
	default:
		return CHANNEL_WORKER;
	}
}

int process_start(enum role_id id, struct process *ret)
{
	struct process p = { .role = id };
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = starter_is_used() ? starter_start(id, pair[1], &p.life_fd, &p.pid) : role_spawn(id, pair[1], &p.pid);
	close_p(&pair[1]);
	if (r < 0) {
		close_p(&pair[0]);
		return r;
	}
	*ret = p;
	channel_init(&ret->channel, pair[0], true, channel_of(id));
	return 0;
}

int wait_readable(int fd, const struct patience *patience)
{
	for (;;) {
		struct pollfd polled[2] = { { .fd = fd, .events = POLLIN },
					    { .fd = patience->signal_fd, .events = POLLIN } };
		int64_t left = patience->deadline_ms == INT64_MAX ? -1 : patience->deadline_ms - monotonic_ms();
		int n;

		if (left < 0 && patience->deadline_ms != INT64_MAX)
			return -ETIMEDOUT;
		n = poll(polled, 2, left < 0 ? -1 : (int)MIN(left, (int64_t)INT32_MAX));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (polled[1].revents)
			return -ECANCELED; /* first: a role that never stops talking must not keep us. It stays readable. */
		if (polled[0].revents)
			return 0;
	}
}

int process_expect(struct process *p, enum message_type type, const struct patience *patience, struct message *m,
		   char **ret_why)
{
	int r;

	if (ret_why)
		*ret_why = NULL;
	if (p->pid == 0)
		return -ENOTCONN;
	r = wait_readable(p->channel.fd, patience);
	return r < 0 ? r : channel_expect(&p->channel, type, m, ret_why);
}

int process_ready(struct process *p, const struct patience *patience, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	struct ready ready;
	int r;

	if (!m)
		return -ENOMEM;
	r = process_expect(p, MESSAGE_READY, patience, m, ret_why);
	if (r == 0)
		r = channel_take_ready(m, &ready);
	if (r == 0) {
		(void)snprintf(p->sandbox, sizeof(p->sandbox), "%s", ready.sandbox);
		memcpy(p->made_of, ready.made_of, sizeof(p->made_of));
	}
	return r;
}

int process_fork(struct process *parent, const struct patience *patience, struct process *ret, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	int r = m ? channel_send(&parent->channel, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0) : -ENOMEM;

	if (ret_why)
		*ret_why = NULL;
	if (r == 0)
		r = process_expect(parent, MESSAGE_FORKSERVER_SPAWNED, patience, m, ret_why);
	if (r < 0)
		return r;
	*ret = (struct process){ .role = role_get(parent->role)->forks, .pid = PROCESS_FORKED, .pid_fd = TAKE_FD(m->fds[1]) };
	channel_init(&ret->channel, TAKE_FD(m->fds[0]), true, channel_of(ret->role));
	message_done(m);
	r = process_ready(ret, patience, ret_why);
	if (r < 0)
		process_kill(ret);
	return r;
}

#define REAP_LATE (-2)
#define REAP_LOST (-1)

/* Its wait status, REAP_LATE, or REAP_LOST when nobody can tell any more. */
static int reap(pid_t pid, int life_fd, int patience_ms)
{
	int64_t deadline_ms = monotonic_ms() + patience_ms;
	int status;

	if (life_fd > 0) {
		int r = starter_wait(life_fd, patience_ms, &status);

		return r == 0 ? status : r == -ETIMEDOUT ? REAP_LATE : REAP_LOST;
	}
	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return REAP_LOST;
		if (monotonic_ms() >= deadline_ms)
			return REAP_LATE;
		(void)poll(NULL, 0, 5);
	}
}

static void drop_life(struct process *p)
{
	if (p->life_fd > 0)
		close_p(&p->life_fd);
	p->life_fd = 0;
}

void process_attach(enum role_id role, int fd, struct process *ret)
{
	*ret = (struct process){ .role = role, .pid = PROCESS_ATTACHED };
	channel_init(&ret->channel, fd, true, channel_of(role));
	ret->channel.state = STATE_IDLE;
}

void process_forget(struct process *p)
{
	if (p->pid != 0)
		channel_done(&p->channel);
	if (p->pid == PROCESS_FORKED)
		close_p(&p->pid_fd);
	drop_life(p);
	p->pid = 0;
}

static void tell_to_end(struct process *p)
{
	if (p->channel.state & (STATE_IDLE | STATE_BUSY) && channel_send(&p->channel, MESSAGE_END, NULL, NULL, 0) < 0)
		log_warning("%s had gone before it was told to end", role_get(p->role)->name);
	channel_done(&p->channel);
}

pid_t process_release(struct process *p)
{
	pid_t pid = p->pid == PROCESS_ATTACHED || p->life_fd > 0 ? 0 : p->pid;

	if (p->pid == 0)
		return 0;
	tell_to_end(p);
	if (p->life_fd > 0)
		starter_release(p->life_fd);
	drop_life(p);
	p->pid = 0;
	return pid;
}

static void kill_and_reap(struct process *p)
{
	if (p->life_fd > 0)
		starter_kill(p->life_fd);
	else
		(void)kill(p->pid, SIGKILL); /* our child, not reaped yet: the id is still its own */
	if (reap(p->pid, p->life_fd, KILL_PATIENCE_MS) == REAP_LATE)
		log_error("role=%s pid=%d: killed, but the kernel still waits for the medium; it is left behind",
			  role_get(p->role)->name, (int)p->pid);
}

/* Its parent reaps it. Under systemd lazaretd has no CAP_KILL, and needs none: it is the owner of the child's user namespace
 * (user_namespaces(7)), as root there, or of the same account. */
static void kill_forked(struct process *p)
{
	if (syscall(SYS_pidfd_send_signal, p->pid_fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH) /* ESRCH: it has died by itself */
		log_error("role=%s err=%s: could not be killed", role_get(p->role)->name, errno_name(errno));
	process_forget(p);
}

void process_kill(struct process *p)
{
	if (p->pid == PROCESS_ATTACHED)
		process_forget(p);
	if (p->pid == PROCESS_FORKED)
		kill_forked(p);
	if (p->pid > 0) {
		kill_and_reap(p);
		drop_life(p);
		p->pid = 0;
		channel_done(&p->channel);
	}
}

int process_end(struct process *p)
{
	int status;

	if (p->pid == PROCESS_ATTACHED)
		process_forget(p);
	if (p->pid == PROCESS_FORKED)
		kill_forked(p);
	if (p->pid == 0)
		return 0;
	tell_to_end(p);
	status = reap(p->pid, p->life_fd, END_PATIENCE_MS);
	if (status == REAP_LATE) {
		kill_and_reap(p);
		status = REAP_LOST;
	}
	drop_life(p);
	p->pid = 0;
	return status;
}
