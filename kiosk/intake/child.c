/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Children of intake. Runs with intake's privileges until the child enters its own sandbox. */
#include "intake/child.h"

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "ipc/channel.h"

#define END_TIME_MS 5000 /* a killed child normally goes within a millisecond */

static pid_t fork_with(uint64_t namespaces, int *ret_pid_fd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | namespaces,
		.pidfd = (uint64_t)(uintptr_t)ret_pid_fd,
		.exit_signal = SIGCHLD,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int child_bind_life(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}

/* In the child. The byte says that the parent was alive after PDEATHSIG had been set. */
static _noreturn_ void run_child(int (*run)(void *arg, int sock), void *arg, int sock)
{
	sigset_t none;
	char go;
	int r;

	(void)close(CHANNEL_FD); /* absent in tests; a child must never speak to the supervisor */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	r = child_bind_life();
	if (r == 0 && recv(sock, &go, 1, 0) != 1)
		r = -ESRCH;
	if (r == 0)
		r = run(arg, sock);
	_exit(-r & 0x7f);
}

int child_start(struct child *ret, uint64_t namespaces, int (*run)(void *arg, int sock), void *arg)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2], pid_fd = -EBADF;
	pid_t pid;

	*ret = CHILD_NONE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = fork_with(namespaces, &pid_fd);
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close_p(&ours);
		run_child(run, arg, theirs);
	}
	*ret = (struct child){ .pid = pid, .pid_fd = pid_fd, .sock = TAKE_FD(ours) };
	if (send(ret->sock, "g", 1, MSG_NOSIGNAL) != 1) {
		child_end(ret);
		return -ECHILD;
	}
	return 0;
}

union fd_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

int child_send(int sock, const void *data, size_t size, int fd)
{
	union fd_control control = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
}

static int receive_packet(int sock, void *data, size_t size, size_t *ret_size, int *ret_fd)
{
	union fd_control control;
	struct iovec iov = { data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	_cleanup_close_ int fd = -EBADF;
	struct cmsghdr *c;
	ssize_t n;

	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == ECONNRESET ? -ECHILD : -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (fd >= 0 && !ret_fd))
		return -EPROTO;
	if (n == 0)
		return -ECHILD;
	*ret_size = (size_t)n;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 0;
}

int64_t child_clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t end = child_clock_ms() + timeout_ms;

	for (;;) {
		int64_t left = end - child_clock_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

int child_receive(struct child *c, int timeout_ms, void *data, size_t size, size_t *ret_size, int *ret_fd)
{
	int r = wait_readable(c->sock, timeout_ms);

	return r < 0 ? r : receive_packet(c->sock, data, size, ret_size, ret_fd);
}

bool child_has_ended(const struct child *c)
{
	return c->pid == 0 || wait_readable(c->pid_fd, 0) == 0;
}

void child_end(struct child *c)
{
	if (c->pid > 0) {
		(void)syscall(SYS_pidfd_send_signal, c->pid_fd, SIGKILL, NULL, 0); /* gone already is fine */
		if (wait_readable(c->pid_fd, END_TIME_MS) == 0)
			(void)waitpid(c->pid, NULL, 0);
		close_p(&c->pid_fd);
		close_p(&c->sock);
	}
	*c = CHILD_NONE;
}
