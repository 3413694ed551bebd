/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by unit tests: files in memory, a private directory, a role as a process with the test as its supervisor.
 * Include after <cmocka.h>.
 */
#ifndef LAZARET_TESTS_TESTING_H
#define LAZARET_TESTS_TESTING_H

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/macros.h"

/* A file in memory with these bytes, at offset 0. */
_unused_ static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, size), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

_unused_ static int memory_text(const char *text)
{
	return memory_file(text, strlen(text));
}

/* A fresh directory on disk; its path is kept in `path`. The account of a role can pass through it. */
_unused_ static int private_directory(char path[static 64])
{
	int fd;

	(void)snprintf(path, 64, "/var/tmp/lazaret-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

_unused_ static void remove_private_directory(int fd, const char *path)
{
	(void)close(fd);
	assert_int_equal(dir_remove_tree(AT_FDCWD, path), 0);
}

_unused_ static void write_file(int dir_fd, const char *name, const void *data, size_t size)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, size), 0);
	assert_int_equal(close(fd), 0);
}

_unused_ static bool exists(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many descriptors this process has open: what leaks shows here. */
_unused_ static size_t open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#ifdef LAZARET_IPC_CHANNEL_H
struct peer {
	struct channel channel; /* the supervisor's end */
	pid_t pid;
};

/* Start BUILD/bin/PROGRAM beside this test's BUILD/tests with its channel, as the supervisor does. */
_unused_ static void peer_start(struct peer *p, const char *program, enum message_channel role)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	int ends[2];
	char *slash;

	assert_true(n > 0);
	path[n] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/../bin/%s", program);
	if (access(path, X_OK) < 0)
		fail_msg("%s is not built: run make first", path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		if (ends[1] == CHANNEL_FD ? fcntl(CHANNEL_FD, F_SETFD, 0) < 0 : dup2(ends[1], CHANNEL_FD) < 0)
			_exit(126);
#ifdef LAZARET_SANITIZE /* looking for leaks at the end takes a tracer, which the sandbox kills */
		(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
#endif
		execl(path, program, (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	channel_init(&p->channel, ends[0], true, role);
}

/* The next message must be of this type. */
_unused_ static void peer_expect(struct peer *p, enum message_type type, struct message *m)
{
	_cleanup_free_ char *why = NULL;
	int r = channel_expect(&p->channel, type, m, &why);

	if (r < 0)
		fail_msg("expected %s, got %s: %s", message_rule(type)->name, strerrorname_np(-r), why ? why : "");
}

_unused_ static void peer_ready(struct peer *p)
{
	struct message m;

	peer_expect(p, MESSAGE_READY, &m);
	message_done(&m);
}

_unused_ static void peer_send(struct peer *p, enum message_type type, const struct encoder *e, const int *fds,
			       size_t count)
{
	assert_int_equal(channel_send(&p->channel, type, e, fds, count), 0);
}

/* Close the channel and return the exit status, or -SIGNAL. */
_unused_ static int peer_wait(struct peer *p)
{
	int status;

	channel_done(&p->channel);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* END, and a clean exit. */
_unused_ static void peer_end(struct peer *p)
{
	peer_send(p, MESSAGE_END, NULL, NULL, 0);
	assert_int_equal(peer_wait(p), 0);
}
#endif

#endif
