/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What devices and its guard cannot do, tried; and the little that they can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/macros.h"
#include "devices/sysfs.h"
#include "sandbox/sandbox.h"

#define ENTER_FAILED 99
#define HARMLESS "/sys/devices/virtual/block/loop0/queue/read_ahead_kb" /* written back as it is */

static int read_path(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, &c, 1) < 0 ? errno : 0;
}

static int write_back(const char *path)
{
	char text[64];
	ssize_t n;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	n = read(fd, text, sizeof(text));
	return n < 0 || pwrite(fd, text, (size_t)n, 0) != n ? errno : 0;
}

static void try_nothing(void)
{
}

static void try_read_sys(void)
{
	_exit(read_path(HARMLESS));
}

static void try_write_sys(void)
{
	_exit(write_back(HARMLESS));
}

static void try_write_module(void)
{
	_exit(write_back("/sys/module/kernel/parameters/panic"));
}

static void try_write_kernel(void)
{
	_exit(write_back("/sys/kernel/mm/transparent_hugepage/enabled"));
}

static void try_open_null(void)
{
	_exit(read_path("/dev/null"));
}

static void try_open_passwd(void)
{
	_exit(read_path("/etc/passwd"));
}

static void try_open_proc(void)
{
	_exit(read_path("/proc/self/status"));
}

static void try_cgroup(void)
{
	struct stat st;

	_exit(stat("/sys/fs/cgroup/systemd", &st) < 0 ? errno : 0);
}

static void try_create(void)
{
	_exit(open("/made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0);
}

static int count(void *context, const char *name)
{
	++*(int *)context;
	return 0;
}

static void try_list(void)
{
	char text[64];
	int disks = 0;

	if (sysfs_list("/sys/block", count, &disks) < 0 || disks == 0)
		_exit(1);
	_exit(sysfs_text("/sys/class/block/loop0", "dev", text, sizeof(text)) < 0 || strcmp(text, "7:0") != 0 ? 2 : 0);
}

static void try_socket(void)
{
	_exit(socket(AF_NETLINK, SOCK_RAW, 15) < 0 ? errno : 0);
}

static void try_exec(void)
{
	_exit(execl("/bin/true", "true", NULL) < 0 ? errno : 0);
}

static void try_fork(void)
{
	_exit(fork() < 0 ? errno : 0);
}

static void try_ptrace(void)
{
	_exit(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? errno : 0);
}

static void try_kill(void)
{
	_exit(kill(getppid(), 0) < 0 ? errno : 0);
}

static void try_mount(void)
{
	_exit(mount("none", "/", "tmpfs", 0, NULL) < 0 ? errno : 0);
}

static void try_unshare(void)
{
	_exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
}

static void try_mknod(void)
{
	_exit(mknod("/node", S_IFBLK | 0600, 0x800) < 0 ? errno : 0);
}

/* Exit status of the attempt, or -SIGNAL that killed it. */
static int attempt(enum role_id role, void (*try)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const char *where = "";
		int r = sandbox_enter(role, NULL, 0, &where);

		if (r < 0) {
			dprintf(2, "%s: sandbox %s: %s\n", role_get(role)->name, where, strerror(-r));
			_exit(ENTER_FAILED);
		}
		try();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static const enum role_id roles[] = { ROLE_DEVICES, ROLE_GUARD };

static bool can_run(void)
{
	return geteuid() == 0 && access(HARMLESS, F_OK) == 0;
}

static void test_only_root_can_enter(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		assert_int_equal(attempt(roles[i], try_nothing), geteuid() == 0 ? 0 : ENTER_FAILED);
}

static void test_forbidden_calls_kill(void **state)
{
	static void (*const forbidden[])(void) = { try_socket, try_exec,  try_fork,    try_ptrace,
						   try_kill,   try_mount, try_unshare, try_mknod };

	for (size_t i = 0; can_run() && i < ARRAY_LEN(roles); i++)
		for (size_t k = 0; k < ARRAY_LEN(forbidden); k++)
			assert_int_equal(attempt(roles[i], forbidden[k]), -SIGSYS);
}

static void test_nothing_but_sys_is_there(void **state)
{
	static void (*const paths[])(void) = { try_open_null, try_open_passwd, try_open_proc, try_cgroup };

	for (size_t i = 0; can_run() && i < ARRAY_LEN(roles); i++) {
		int made = attempt(roles[i], try_create);

		for (size_t k = 0; k < ARRAY_LEN(paths); k++)
			assert_int_equal(attempt(roles[i], paths[k]), ENOENT);
		assert_true(made == EROFS || made == EACCES);
	}
}

static void test_devices_reads_and_cannot_write(void **state)
{
	int r;

	if (!can_run())
		return;
	assert_int_equal(attempt(ROLE_DEVICES, try_read_sys), 0);
	assert_int_equal(attempt(ROLE_DEVICES, try_list), 0);
	r = attempt(ROLE_DEVICES, try_write_sys);
	assert_true(r == EACCES || r == EROFS);
}

static void test_guard_writes_beneath_devices_only(void **state)
{
	int module, kernel;

	if (!can_run())
		return;
	assert_int_equal(attempt(ROLE_GUARD, try_write_sys), 0);
	module = attempt(ROLE_GUARD, try_write_module);
	kernel = attempt(ROLE_GUARD, try_write_kernel);
	assert_true(module == EACCES || module == ENOENT);
	assert_true(kernel == EACCES || kernel == ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_root_can_enter),
		cmocka_unit_test(test_forbidden_calls_kill),
		cmocka_unit_test(test_nothing_but_sys_is_there),
		cmocka_unit_test(test_devices_reads_and_cannot_write),
		cmocka_unit_test(test_guard_writes_beneath_devices_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
