/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "sandbox/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>

#include "common/program.h"

#define CHANNEL_DESCRIPTOR 3 /* ipc/channel.h: CHANNEL_FD; the sandbox knows no protocol */

static _noreturn_ void become_role(const char *path, const char *name, int fd, pid_t parent)
{
	char *const argv[] = { (char *)name, NULL };
	char *const envp[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C.UTF-8", NULL };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	/* Ctrl-C reaches the whole foreground group: the supervisor alone decides what it means. And a role has no
	 * controlling terminal, to which it could type (TIOCSTI). */
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	/* dup2 onto itself would leave close-on-exec set */
	if (fd == CHANNEL_DESCRIPTOR ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, CHANNEL_DESCRIPTOR) < 0)
		_exit(127);
	if (close_range(CHANNEL_DESCRIPTOR + 1, ~0u, 0) < 0)
		_exit(127);
	execve(path, argv, envp);
	_exit(127);
}

int role_spawn(enum role_id id, int channel_fd, pid_t *ret)
{
	const struct role *role = role_get(id);
	char path[PATH_MAX];
	int r = program_find(role->executable, path);
	pid_t pid, parent;

	if (r < 0)
		return r;
	parent = getpid();
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_role(path, role->executable, channel_fd, parent);
	*ret = pid;
	return 0;
}
