/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cli/records.h"
#include "common/log.h"
#include "common/program.h"

#define EVENTS_FD 3
#define ARGUMENTS_MAX 65536

static _noreturn_ void become_daemon(const char *const *argv, int fd)
{
	char path[PATH_MAX];
	const char **all;
	size_t n = 0;

	while (n < ARGUMENTS_MAX && argv[n])
		n++;
	all = calloc(n + 3, sizeof(*all));
	if (!all)
		_exit(127);
	all[0] = "lazaretd";
	all[1] = "--events-fd=3";
	memcpy(all + 2, argv, n * sizeof(*all));
	/* If we are killed, it must end the inspection in good order: a signal, not SIGKILL. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || (fd == EVENTS_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, EVENTS_FD)) < 0 ||
	    signal(SIGINT, SIG_DFL) == SIG_ERR)
		_exit(127);
	if (program_find("lazaretd", path) == 0)
		execv(path, (char *const *)all);
	_exit(127);
}

int daemon_start(const char *const *argv, pid_t *ret_pid)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_daemon(argv, pair[1]);
	close_p(&pair[1]);
	if (pid < 0) {
		int r = -errno;

		close_p(&pair[0]);
		return r;
	}
	*ret_pid = pid;
	return pair[0];
}

int daemon_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_CANNOT;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 127)
		return WEXITSTATUS(status);
	log_error("lazaretd could not be run, or was killed; the next inspection cleans up after it");
	return EXIT_CANNOT;
}
