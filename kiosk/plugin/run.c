/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "plugin/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "sandbox/sandbox.h"

#define FILE_DESCRIPTOR 3
#define TICK_MS 20 /* how late its end is seen when something that it started keeps its output open */

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool limit(int resource, uint64_t value)
{
	struct rlimit wanted = { value, value };

	return setrlimit((__rlimit_resource_t)resource, &wanted) == 0;
}

struct ends {
	int in[2], out[2], err[2]; /* pipes: [0] to read */
};

static _noreturn_ void become(const struct ends *e, int file_fd, uint64_t time_ms)
{
	static char *const argv[] = { (char *)(uintptr_t) "plugin", NULL };
	static char *const envp[] = { (char *)(uintptr_t) "PATH=/usr/bin", (char *)(uintptr_t) "LC_ALL=C.UTF-8",
				      (char *)(uintptr_t) "HOME=/tmp", (char *)(uintptr_t) "TMPDIR=/tmp", NULL };
	int file = fcntl(file_fd, F_DUPFD, 10); /* the channel is descriptor 3 yet */

	if (file < 0 || dup2(e->in[0], STDIN_FILENO) < 0 || dup2(e->out[1], STDOUT_FILENO) < 0 || dup2(e->err[1], STDERR_FILENO) < 0 ||
	    dup2(file, FILE_DESCRIPTOR) < 0 || close_range(FILE_DESCRIPTOR + 1, ~0u, 0) < 0)
		_exit(127);
	if (!limit(RLIMIT_NPROC, PLUGIN_PROCESSES) || !limit(RLIMIT_CPU, time_ms / 1000 * 4 + 1) || !limit(RLIMIT_FSIZE, PLUGIN_TMPFS) ||
	    !limit(RLIMIT_CORE, 0))
		_exit(127);
	execve(sandbox_program_path(), argv, envp);
	_exit(127);
}

static void close_ends(struct ends *e)
{
	int *const all[] = { &e->in[0], &e->in[1], &e->out[0], &e->out[1], &e->err[0], &e->err[1] };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		close_p(all[i]);
}

static int open_ends(struct ends *e)
{
	*e = (struct ends){ { -EBADF, -EBADF }, { -EBADF, -EBADF }, { -EBADF, -EBADF } };
	if (pipe2(e->in, O_CLOEXEC) < 0 || pipe2(e->out, O_CLOEXEC) < 0 || pipe2(e->err, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* A request fits into an empty pipe (pipe(7): 64 KiB), so that a plug-in that reads nothing keeps nobody. */
static int give_request(int fd, const char *request)
{
	size_t size = strlen(request);

	return size > 32768 ? -EMSGSIZE : write(fd, request, size) == (ssize_t)size ? 0 : -EIO;
}

/* True: more may come. */
static bool take_answer(struct run *r, int fd)
{
	char more[4096];
	ssize_t n = read(fd, more, sizeof(more));

	if (n <= 0)
		return false;
	if ((size_t)n > sizeof(r->answer) - r->answer_size) {
		r->end = RUN_TOO_MUCH;
		return false;
	}
	memcpy(r->answer + r->answer_size, more, (size_t)n);
	r->answer_size += (size_t)n;
	return true;
}

static bool take_words(struct run *r, int fd)
{
	char more[4096];
	ssize_t n = read(fd, more, sizeof(more));
	size_t kept;

	if (n <= 0)
		return false;
	r->words_read += (size_t)n;
	if (r->words_read > PLUGIN_WORDS_READ) {
		r->end = RUN_TOO_MUCH;
		return false;
	}
	kept = MIN((size_t)n, sizeof(r->words) - r->words_size);
	memcpy(r->words + r->words_size, more, kept);
	r->words_size += kept;
	return true;
}

/* Listen until it has ended. What it wrote before its end is in the pipes then. */
static void listen_to(struct run *r, struct ends *e, pid_t pid, int64_t deadline_ms)
{
	bool has_ended = false;
	int status = 0;

	while (r->end == RUN_ANSWERED) {
		struct pollfd polled[2] = { { .fd = e->out[0], .events = POLLIN }, { .fd = e->err[0], .events = POLLIN } };
		int n = poll(polled, 2, has_ended ? 0 : TICK_MS);

		if (polled[0].revents && !take_answer(r, e->out[0]))
			close_p(&e->out[0]);
		if (polled[1].revents && !take_words(r, e->err[0]))
			close_p(&e->err[0]);
		if (has_ended && n <= 0)
			break;
		if (has_ended && e->out[0] < 0 && e->err[0] < 0)
			break;
		if (!has_ended)
			has_ended = waitpid(pid, &status, WNOHANG) == pid;
		if (!has_ended && now_ms() >= deadline_ms)
			r->end = RUN_TIMEOUT;
	}
	if (r->end != RUN_ANSWERED)
		return;
	if (WIFSIGNALED(status)) {
		r->end = RUN_KILLED;
		r->status = WTERMSIG(status);
	} else if (WEXITSTATUS(status) != 0) {
		r->end = RUN_STATUS;
		r->status = WEXITSTATUS(status);
	}
}

/* We are the first of our PID namespace: this reaches all that it started, and nobody else. */
static void kill_all(void)
{
	(void)kill(-1, SIGKILL); /* ESRCH: nobody is left */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

int plugin_run(int file_fd, const char *request, uint64_t time_ms, struct run *ret)
{
	int64_t deadline_ms = now_ms() + (int64_t)time_ms;
	struct ends e;
	pid_t pid = -1;
	int r = open_ends(&e);

	*ret = (struct run){ .end = RUN_ANSWERED };
	if (r == 0 && lseek(file_fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = give_request(e.in[1], request);
	if (r == 0) {
		pid = fork();
		r = pid < 0 ? -errno : 0;
	}
	if (r == 0 && pid == 0)
		become(&e, file_fd, time_ms);
	if (r == 0) {
		close_p(&e.in[0]);
		close_p(&e.in[1]);
		close_p(&e.out[1]);
		close_p(&e.err[1]);
		listen_to(ret, &e, pid, deadline_ms);
		kill_all();
		r = lseek(file_fd, 0, SEEK_SET) < 0 ? -errno : 0; /* the offset is shared with whoever gave it to us */
	}
	close_ends(&e);
	return r;
}
