/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/keeper.h"

#include <linux/vt.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

#include <curses.h>
#include <term.h>

#include "common/macros.h"

static volatile pid_t child = -1;

static void pass_on(int signal_number)
{
	int saved = errno;

	if (child > 0)
		(void)kill(child, signal_number);
	errno = saved;
}

/* Ctrl-Alt-F2 and the like. VT_LOCKSWITCH would need a capability (CAP_SYS_TTY_CONFIG), for the machine as a whole; a terminal's
 * own process is asked before it is left (VT_PROCESS), and says no. When it dies the kernel asks nobody any more: what can be
 * switched to then is the machine's set-up (docs/install.md). */
static void refuse_switch(int signal_number)
{
	int saved = errno;

	(void)ioctl(STDIN_FILENO, VT_RELDISP, 0);
	errno = saved;
}

static bool hold_screen(bool is_held)
{
	struct vt_mode mode = { .mode = is_held ? VT_PROCESS : VT_AUTO, .relsig = SIGUSR1, .acqsig = SIGUSR2 };
	struct sigaction refuse = { .sa_handler = refuse_switch }, ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGUSR1, &refuse, NULL);
	(void)sigaction(SIGUSR2, &ignore, NULL);
	return ioctl(STDIN_FILENO, VT_SETMODE, &mode) == 0; /* fails where there is no virtual terminal: nothing to hold */
}

static void set_signals(void)
{
	struct sigaction pass = { .sa_handler = pass_on }, ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGTERM, &pass, NULL);
	(void)sigaction(SIGHUP, &pass, NULL);
	(void)sigaction(SIGINT, &pass, NULL); /* the console ignores it as a kiosk */
	(void)sigaction(SIGQUIT, &ignore, NULL);
	(void)sigaction(SIGTSTP, &ignore, NULL);
	(void)sigaction(SIGTTOU, &ignore, NULL); /* we may be in the background by the time we restore */
}

/* The console died without leaving the full-screen mode. */
static void leave_screen(void)
{
	static const char *const names[] = { "sgr0", "rmacs", "rmcup", "cnorm" };
	int error;

	if (setupterm(NULL, STDOUT_FILENO, &error) == ERR)
		return;
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		const char *s = tigetstr(names[k]);

		if (s && s != (char *)-1)
			(void)putp(s);
	}
	(void)fputs("\r\n", stdout);
	(void)fflush(stdout);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 128;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static _noreturn_ void be_child(int (*run)(void *context), void *context, pid_t parent, const sigset_t *before)
{
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(1);
	(void)sigprocmask(SIG_SETMASK, before, NULL);
	exit(run(context));
}

int keeper_run(int (*run)(void *context), void *context, bool is_kiosk)
{
	struct termios before;
	bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0, is_held;
	pid_t self = getpid();
	sigset_t all, mask;
	int status;

	set_signals();
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &mask); /* none gets lost between fork() and `child` */
	child = fork();
	if (child < 0) {
		perror("lazaret-console: fork");
		return 1;
	}
	if (child == 0)
		be_child(run, context, self, &mask);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	is_held = is_kiosk && is_terminal && hold_screen(true);
	status = wait_for(child);
	child = -1;
	if (is_terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
		if (status > 128)
			leave_screen();
	}
	if (is_held)
		(void)hold_screen(false);
	return status;
}
