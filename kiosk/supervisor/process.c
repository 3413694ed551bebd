/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/log.h"
#include "common/program.h"

#define END_PATIENCE_MS 2000 /* a role that was asked to end has nothing left to do but to close files */
/* A process that waits for a device or a driver that does not answer survives SIGKILL until it does. */
#define KILL_PATIENCE_MS 2000

int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _noreturn_ void become_role(const char *path, const char *name, int fd)
{
	char *const argv[] = { (char *)name, NULL };
	char *const envp[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C.UTF-8", NULL };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	/* Ctrl-C reaches the whole foreground group: the supervisor alone decides what it means. And a role has no
	 * controlling terminal, to which it could type (TIOCSTI). */
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	/* dup2 onto itself would leave close-on-exec set */
	if (fd == CHANNEL_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, CHANNEL_FD) < 0)
		_exit(127);
	if (close_range(CHANNEL_FD + 1, ~0u, 0) < 0)
		_exit(127);
	execve(path, argv, envp);
	_exit(127);
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
		return CHANNEL_EXAMINE;
	case ROLE_ORIGIN:
		return CHANNEL_ORIGIN;
	case ROLE_PUBLISH:
		return CHANNEL_PUBLISH;
	case ROLE_DEVICES:
		return CHANNEL_DEVICES;
	case ROLE_RECORDS:
		return CHANNEL_RECORDS;
	default:
		return CHANNEL_WORKER;
	}
}

int process_start(enum role_id id, struct process *ret)
{
	const struct role *role = role_get(id);
	char path[PATH_MAX];
	int pair[2];
	pid_t pid;
	int r = program_find(role->executable, path);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close_p(&pair[0]);
		close_p(&pair[1]);
		return r;
	}
	if (pid == 0)
		become_role(path, role->executable, pair[1]);
	close_p(&pair[1]);
	*ret = (struct process){ .role = id, .pid = pid };
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
	uint8_t theirs[PROTOCOL_HASH_LEN], ours[PROTOCOL_HASH_LEN];
	char name[64];
	int r;

	if (!m)
		return -ENOMEM;
	r = process_expect(p, MESSAGE_READY, patience, m, ret_why);
	if (r < 0)
		return r;
	decode_str_into(&m->payload, name, sizeof(name));
	decode_exact(&m->payload, theirs, sizeof(theirs));
	decode_str_into(&m->payload, p->sandbox, sizeof(p->sandbox));
	r = decoder_end(&m->payload);
	message_done(m);
	if (r == 0)
		r = protocol_hash(ours);
	if (r == 0 && memcmp(ours, theirs, sizeof(ours)) != 0)
		r = -EPROTONOSUPPORT;
	return r;
}

static int reap(pid_t pid, int64_t deadline_ms)
{
	for (;;) {
		int status;
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return -1;
		if (monotonic_ms() >= deadline_ms)
			return -2;
		(void)poll(NULL, 0, 5);
	}
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
	p->pid = 0;
}

pid_t process_release(struct process *p)
{
	pid_t pid = p->pid;

	if (pid == 0)
		return 0;
	if (p->channel.state & (STATE_IDLE | STATE_BUSY) && channel_send(&p->channel, MESSAGE_END, NULL, NULL, 0) < 0)
		log_warning("%s had gone before it was told to end", role_get(p->role)->name);
	channel_done(&p->channel);
	p->pid = 0;
	return pid == PROCESS_ATTACHED ? 0 : pid;
}

void process_kill(struct process *p)
{
	if (p->pid == PROCESS_ATTACHED)
		process_forget(p);
	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL); /* our child, not reaped yet: the id is still its own */
		if (reap(p->pid, monotonic_ms() + KILL_PATIENCE_MS) == -2)
			log_error("role=%s pid=%d: killed, but the kernel still waits for the medium; it is left behind",
				  role_get(p->role)->name, (int)p->pid);
		p->pid = 0;
		channel_done(&p->channel);
	}
}

int process_end(struct process *p)
{
	pid_t pid;
	int status;

	if (p->pid == PROCESS_ATTACHED)
		process_forget(p);
	if (p->pid == 0)
		return 0;
	pid = process_release(p);
	status = reap(pid, monotonic_ms() + END_PATIENCE_MS);
	if (status == -2) {
		*p = (struct process){ .role = p->role, .pid = pid, .channel.fd = -EBADF };
		process_kill(p);
		return -1;
	}
	return status;
}
