/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A pack that brings the appliance itself. Only a machine that is one has lazaret-slots, which knows whether it could run what was brought;
 * it reads files here, and writes none. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli/update.h"
#include "common/fd.h"
#include "common/program.h"
#include "common/text.h"
#include "station/sets.h"

#define PROGRAM "lazaret-slots"
#define SAID_MAX 1000 /* bytes that are kept of what it says */

int update_appliance_is_here(char **ret_why)
{
	char path[PATH_MAX];

	return program_find(PROGRAM, path) == 0 ? 0 :
						  pack_fail(ret_why, -EPERM, "it brings an appliance, and this machine is none: here lazaret and its "
							    "system come as packages (docs/install.md)");
}

static _noreturn_ void become_slots(const char *path, const char *directory, int fd, pid_t parent)
{
	const char *argv[] = { PROGRAM, "check", directory, NULL };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
		_exit(127);
	execv(path, (char *const *)argv);
	_exit(127);
}

/* To its end; what is beyond `size` is thrown away. */
static void read_all(int fd, char *text, size_t size)
{
	char more[256];
	size_t got = 0;
	ssize_t n;

	do {
		n = got < size - 1 ? read(fd, text + got, size - 1 - got) : read(fd, more, sizeof(more));
		if (n > 0 && got < size - 1)
			got += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	while (got > 0 && text[got - 1] == '\n')
		got--;
	text[got] = '\0';
}

int update_appliance_check(struct update *u)
{
	_cleanup_free_ char *directory = NULL, *clean = NULL;
	char path[PATH_MAX], said[SAID_MAX];
	pid_t pid, self = getpid();
	int fds[2], status = 0, r = program_find(PROGRAM, path);

	if (r == 0 && asprintf(&directory, "%s/" SETS_DIRECTORY "/%s/%s", u->config->dir, u->set, pack_kind_directory(PACK_APPLIANCE)) < 0)
		r = -ENOMEM;
	if (r == 0 && pipe2(fds, O_CLOEXEC) < 0)
		r = -errno;
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		become_slots(path, directory, fds[1], self);
	r = pid < 0 ? -errno : 0;
	close_p(&fds[1]);
	read_all(fds[0], said, sizeof(said));
	close_p(&fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return r;
	clean = text_escape(said, strlen(said));
	return clean ? pack_fail(&u->why, -EPERM, "%s", *clean ? clean : "lazaret-slots could not look at it") : -ENOMEM;
}
