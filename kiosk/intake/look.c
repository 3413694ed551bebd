/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs with intake's privileges; the child that looks does nothing else, and its answer is a number. */
#include "intake/look.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "intake/jail.h"
#include "intake/limits.h"

/* A look at the root: the first answer of a driver that has started. In a child, because it blocks until then. */
static int look_run(void *arg, int sock)
{
	int mount_fd = *(int *)arg;
	char entries[4096];
	int fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || syscall(SYS_getdents64, fd, entries, sizeof(entries)) < 0 ? -errno : 0;

	return child_send(sock, &r, sizeof(r), -EBADF);
}

/* Until the look has an answer, give the program /dev/fuse when it asks. */
static int wait_for_look(const struct child *server, const struct child *look, int notify_fd, int fuse_fd)
{
	struct pollfd polled[3] = { { .fd = look->sock, .events = POLLIN },
				    { .fd = server->pid_fd, .events = POLLIN },
				    { .fd = notify_fd, .events = POLLIN } };
	int64_t end = child_clock_ms() + DRIVER_TIME_MS;

	for (;;) {
		int64_t left = end - child_clock_ms();
		int r = left > 0 ? poll(polled, ARRAY_LEN(polled), (int)left) : 0;

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r < 0)
			continue;
		if (polled[0].revents)
			return 0;
		if (polled[1].revents)
			return -ECHILD;
		r = jail_answer(notify_fd, fuse_fd);
		if (r < 0)
			return r;
	}
}

int look_at_root(const struct child *server, int mount_fd, int notify_fd, int fuse_fd)
{
	_cleanup_(child_end) struct child look = CHILD_NONE;
	size_t size = 0;
	int answer = 0;
	int r = child_start(&look, 0, look_run, &mount_fd);

	if (r == 0)
		r = wait_for_look(server, &look, notify_fd, fuse_fd);
	if (r == 0)
		r = child_receive(&look, 0, &answer, sizeof(answer), &size, NULL);
	return r < 0 ? r : size == sizeof(answer) ? answer : -EPROTO;
}
