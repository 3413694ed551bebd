/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/text.h"

#define RELAY_LINE_MAX 4096 /* bytes; longer lines are cut into several */
#define RELAY_END_MS 1000   /* a role that the kernel does not let go of keeps its end open */

/* Our own lines are escaped already: a backslash alone is no reason to escape once more. */
static bool is_safe(const char *line, size_t size)
{
	char probe[RELAY_LINE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		if (line[i] != '\\')
			probe[n++] = line[i];
	return text_clean(probe, n);
}

static void put_line(int fd, const char *line, size_t size)
{
	_cleanup_free_ char *clean = is_safe(line, size) ? strndup(line, size) : text_escape(line, size);

	if (clean)
		dprintf(fd, "%s\n", clean);
}

/* Whole lines of buffer[0, size); returns what is left at its front. */
static size_t put_lines(int fd, char *buffer, size_t size, size_t room)
{
	char *newline;

	while ((newline = memchr(buffer, '\n', size))) {
		size_t used = (size_t)(newline - buffer) + 1;

		put_line(fd, buffer, used - 1);
		size -= used;
		memmove(buffer, buffer + used, size);
	}
	if (size < room)
		return size;
	put_line(fd, buffer, size);
	return 0;
}

static _noreturn_ void relay(int in_fd, int out_fd)
{
	char buffer[RELAY_LINE_MAX];
	size_t have = 0;
	ssize_t n;

	while ((n = read(in_fd, buffer + have, sizeof(buffer) - have)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			have = put_lines(out_fd, buffer, have + (size_t)n, sizeof(buffer));
	}
	if (have > 0)
		put_line(out_fd, buffer, have);
	_exit(EXIT_SUCCESS);
}

/* It ends when nobody can write any more, not when the terminal's foreground group is told to. */
static _noreturn_ void become_relay(int in_fd)
{
	(void)signal(SIGINT, SIG_IGN); /* cannot fail for these signals */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (dup2(in_fd, STDIN_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
	relay(STDIN_FILENO, STDERR_FILENO);
}

int relay_start(struct relay *ret)
{
	_cleanup_close_ int in_fd = -EBADF, out_fd = -EBADF, end_in = -EBADF, end_out = -EBADF;
	int lines[2], end[2];
	pid_t pid;

	if (pipe2(lines, O_CLOEXEC) < 0)
		return -errno;
	in_fd = lines[0];
	out_fd = lines[1];
	if (pipe2(end, O_CLOEXEC) < 0)
		return -errno;
	end_in = end[0];
	end_out = end[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* stdout is not needed there: it is held open until the end, and so tells of it */
		if (dup2(end_out, STDOUT_FILENO) < 0)
			_exit(EXIT_FAILURE);
		become_relay(in_fd);
	}
	if (dup2(out_fd, STDERR_FILENO) < 0)
		return -errno;
	*ret = (struct relay){ .pid = pid, .end_fd = TAKE_FD(end_in) };
	return 0;
}

void relay_end(struct relay *r)
{
	struct pollfd ended = { .fd = r->end_fd, .events = POLLIN };
	int null_fd;

	if (r->pid <= 0)
		return;
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null_fd < 0 || dup2(null_fd, STDERR_FILENO) < 0)
		(void)close(STDERR_FILENO); /* nothing can be said any more */
	close_p(&null_fd);
	if (poll(&ended, 1, RELAY_END_MS) > 0)
		(void)waitpid(r->pid, NULL, 0);
	close_p(&r->end_fd);
	r->pid = 0;
}
