/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* fcntl(2) sends signals (F_SETOWN, F_SETSIG) and holds up others' opens (F_SETLEASE): where roles share an account, a role
 * that was taken over could kill the supervisor or stall the vault with descriptors that it has anyway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/testing.h"
#include "sandbox/sandbox.h"

#define ENTER_FAILED 99

/* Wait status of a child that enters the sandbox of `role` and makes this call on a socket (or on a file). */
static int attempt(enum role_id role, int command, int argument, bool on_file)
{
	char path[64];
	int dir_fd = private_directory(path), status, pair[2], fd;
	pid_t pid;

	write_file(dir_fd, "copy", "x", 1);
	assert_int_equal(fchmodat(dir_fd, "copy", 0444, 0), 0);
	assert_int_equal(sandbox_own(role, dir_fd), 0);
	fd = openat(dir_fd, "copy", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(sandbox_own(role, fd), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const int keep[] = { dir_fd, pair[0], fd };
		const char *where;

		if (sandbox_enter(role, keep, ARRAY_LEN(keep), &where) < 0)
			_exit(ENTER_FAILED);
		_exit(fcntl(on_file ? fd : pair[0], command, argument) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)close(fd);
	remove_private_directory(dir_fd, path);
	return status;
}

static void no_role_sends_signals_by_way_of_a_descriptor(void **state)
{
	static const enum role_id roles[] = { ROLE_READER, ROLE_VAULT, ROLE_EXAMINE, ROLE_ORIGIN, ROLE_PUBLISH, ROLE_LEDGER };

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		int status = attempt(roles[i], F_SETOWN, getpid(), false);

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
		status = attempt(roles[i], F_SETSIG, SIGKILL, false);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
		assert_int_equal(attempt(roles[i], F_SETFL, O_NONBLOCK, false), 0);
	}
}

static void the_vault_alone_proves_with_leases(void **state)
{
	int status = attempt(ROLE_READER, F_SETLEASE, F_WRLCK, true);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = attempt(ROLE_EXAMINE, F_SETLEASE, F_WRLCK, true);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = attempt(ROLE_VAULT, F_SETLEASE, F_RDLCK, true);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != ENTER_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_role_sends_signals_by_way_of_a_descriptor),
		cmocka_unit_test(the_vault_alone_proves_with_leases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
