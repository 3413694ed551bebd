/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What each role's sandbox forbids, tried: a forbidden call dies, a forbidden path is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/layers.h"
#include "sandbox/sandbox.h"

#define ENTER_FAILED 99

struct attempt {
	const char *name;
	void (*try)(int dir_fd); /* exits 0 when it succeeded, errno when refused */
};

static void try_nothing(int dir_fd)
{
	_exit(0);
}

static void try_socket(int dir_fd)
{
	_exit(socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0);
}

static void try_exec(int dir_fd)
{
	execl("/bin/true", "true", NULL);
	_exit(errno);
}

static void try_fork(int dir_fd)
{
	_exit(fork() < 0 ? errno : 0);
}

static void try_ptrace(int dir_fd)
{
	_exit(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? errno : 0);
}

static void try_kill(int dir_fd)
{
	_exit(kill(getppid(), 0) < 0 ? errno : 0);
}

static void try_mount(int dir_fd)
{
	_exit(mount("none", "/tmp", "tmpfs", 0, NULL) < 0 ? errno : 0);
}

static void try_unshare(int dir_fd)
{
	_exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
}

static void try_exec_memory(int dir_fd)
{
	_exit(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			      MAP_FAILED
		      ? errno
		      : 0);
}

/* RLIMIT_DATA does not count it. */
static void try_shared_memory(int dir_fd)
{
	_exit(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
}

static void try_limit_another(int dir_fd)
{
	struct rlimit l;

	_exit(prlimit(getppid(), RLIMIT_NOFILE, NULL, &l) < 0 ? errno : 0);
}

static void try_slow_another(int dir_fd)
{
	_exit(setpriority(PRIO_PROCESS, (id_t)getppid(), 19) < 0 ? errno : 0);
}

static void try_clone(int dir_fd)
{
	_exit(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL) < 0 ? errno : 0);
}

static void try_signal_thread(int dir_fd)
{
	_exit(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 ? errno : 0);
}

static void try_open_passwd(int dir_fd)
{
	_exit(open("/etc/passwd", O_RDONLY) < 0 ? errno : 0);
}

static void try_open_up(int dir_fd)
{
	_exit(openat(dir_fd, "../..", O_RDONLY | O_DIRECTORY) < 0 ? errno : 0);
}

static void try_read_here(int dir_fd)
{
	char c;
	int fd = openat(dir_fd, "here", O_RDONLY);

	_exit(fd < 0 || read(fd, &c, 1) != 1 ? errno : 0);
}

static void try_read_private(int dir_fd)
{
	char c;
	int fd = openat(dir_fd, "private", O_RDONLY);

	_exit(fd < 0 || read(fd, &c, 1) != 1 ? errno : 0);
}

static void try_create_here(int dir_fd)
{
	_exit(openat(dir_fd, "made", O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 ? errno : 0);
}

static void try_symlink_here(int dir_fd)
{
	_exit(symlinkat("/etc", dir_fd, "link") < 0 ? errno : 0);
}

/* Exit status of the attempt in the sandbox, or -SIGNAL that killed it. */
static int attempt(enum role_id role, void (*try)(int), const char *dir)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const char *where = "";
		int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = dir_fd < 0 ? -errno : sandbox_enter(role, &dir_fd, 1, &where);

		if (r < 0) {
			dprintf(2, "%s: sandbox %s: %s\n", role_get(role)->name, where, strerror(-r));
			_exit(ENTER_FAILED);
		}
		try(dir_fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static char directory[] = "/tmp/lazaret-sandbox.XXXXXX";

static int make_directory(void **state)
{
	char path[64];
	int fd;

	if (!mkdtemp(directory) || chmod(directory, 0777) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/here", directory);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || write(fd, "x", 1) != 1 || fchmod(fd, 0644) < 0 || close(fd) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/private", directory);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	return fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "here", "made", "private" };
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)unlink(path);
	}
	return rmdir(directory);
}

static const enum role_id confined[] = { ROLE_LEDGER, ROLE_VAULT, ROLE_PROBE, ROLE_READER,
					 ROLE_ORIGIN, ROLE_PUBLISH };

static void test_every_role_can_enter(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(confined); i++)
		assert_int_equal(attempt(confined[i], try_nothing, directory), 0);
	assert_int_equal(attempt(ROLE_EXAMINE, try_nothing, directory), 0);
}

static void test_forbidden_calls_kill(void **state)
{
	static void (*const forbidden[])(int) = { try_socket, try_exec,	   try_fork,	    try_ptrace,
						  try_kill,   try_mount,   try_unshare, try_exec_memory,
						  try_symlink_here, try_shared_memory, try_limit_another,
						  try_slow_another, try_clone };

	for (size_t i = 0; i < ARRAY_LEN(confined); i++)
		for (size_t k = 0; k < ARRAY_LEN(forbidden); k++)
			assert_int_equal(attempt(confined[i], forbidden[k], directory), -SIGSYS);
}

#ifndef LAZARET_SANITIZE /* lets these through */
/* What a driver of user space forked lived on when its volume had long gone. */
static void test_driver_starts_no_process(void **state)
{
	static void (*const forbidden[])(int) = { try_fork, try_clone, try_signal_thread, try_shared_memory, try_limit_another };

	for (size_t k = 0; k < ARRAY_LEN(forbidden); k++)
		assert_int_equal(attempt(ROLE_DRIVER, forbidden[k], directory), -SIGSYS);
}

static void test_limits_of_others_are_not_touched(void **state)
{
	static const enum role_id limiters[] = { ROLE_EXAMINE, ROLE_YARA };

	for (size_t i = 0; i < ARRAY_LEN(limiters); i++)
		assert_int_equal(attempt(limiters[i], try_limit_another, directory), -SIGSYS);
	if (geteuid() == 0)
		assert_int_equal(attempt(ROLE_DEVICES, try_limit_another, directory), -SIGSYS);
}
#endif

static void test_examine_parent_cannot_reach_out(void **state)
{
	assert_int_equal(attempt(ROLE_EXAMINE, try_socket, directory), -SIGSYS);
	assert_int_equal(attempt(ROLE_EXAMINE, try_exec, directory), -SIGSYS);
	assert_int_equal(attempt(ROLE_EXAMINE, try_ptrace, directory), -SIGSYS);
	assert_int_equal(attempt(ROLE_EXAMINE, try_open_passwd, directory), ENOENT);
}

static void test_paths_outside_are_refused(void **state)
{
	static const enum role_id walkers[] = { ROLE_READER, ROLE_VAULT, ROLE_PUBLISH, ROLE_LEDGER };

	for (size_t i = 0; i < ARRAY_LEN(walkers); i++) {
		int up = attempt(walkers[i], try_open_up, directory);

		assert_true(attempt(walkers[i], try_open_passwd, directory) != 0);
		assert_true(up == EACCES || up == EPERM);
	}
}

static void test_reader_reads_and_cannot_write(void **state)
{
	assert_int_equal(attempt(ROLE_READER, try_read_here, directory), 0);
	assert_int_equal(attempt(ROLE_READER, try_create_here, directory), EACCES);
}

/* A stick written elsewhere holds files of owners that this station does not know. */
static void test_reader_reads_files_of_other_owners(void **state)
{
	assert_int_equal(attempt(ROLE_READER, try_read_private, directory), 0);
	if (geteuid() == 0)
		assert_int_equal(attempt(ROLE_VAULT, try_read_private, directory), EACCES);
}

static void test_vault_creates_in_its_directory(void **state)
{
	assert_int_equal(attempt(ROLE_VAULT, try_create_here, directory), 0);
}

static void test_unreachable_directory_for_roles_without_access(void **state)
{
#ifdef LAZARET_SANITIZE /* the sanitizer's own calls are let through, openat among them: then Landlock says no */
	assert_int_equal(attempt(ROLE_ORIGIN, try_read_here, directory), EACCES);
#else
	assert_int_equal(attempt(ROLE_ORIGIN, try_read_here, directory), -SIGSYS);
#endif
}

/* The grandchild is the role. It says that its sandbox has closed, then its parent dies. */
static _noreturn_ void be_parent_of(enum role_id role, int fd)
{
	char c;
	int pair[2];

	if (pipe(pair) < 0)
		_exit(1);
	if (fork() == 0) {
		const int keep[] = { fd, pair[1] };
		const char *where = "";

		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sandbox_enter(role, keep, ARRAY_LEN(keep), &where) < 0)
			_exit(ENTER_FAILED);
		if (write(fd, "x", 1) != 1 || write(pair[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)poll(NULL, 0, -1);
	}
	_exit(read(pair[0], &c, 1) == 1 ? 0 : 1);
}

/* The kernel forgets that with the change of account, and with the user namespace: a role that hung outlived its supervisor. */
static void test_a_role_dies_with_its_parent(void **state)
{
	static const enum role_id roles[] = { ROLE_ORIGIN, ROLE_VAULT, ROLE_READER, ROLE_EXAMINE, ROLE_INTAKE, ROLE_SELFCHECK };

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		struct pollfd polled = { .events = POLLIN };
		int pair[2], status;
		pid_t pid;
		char c;

		assert_int_equal(pipe(pair), 0);
		pid = fork();
		if (pid == 0) {
			(void)close(pair[0]);
			be_parent_of(roles[i], pair[1]);
		}
		(void)close(pair[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		polled.fd = pair[0];
		assert_int_equal(read(pair[0], &c, 1), 1);
		assert_int_equal(poll(&polled, 1, 10000), 1);
		assert_int_equal(read(pair[0], &c, 1), 0); /* nobody holds the other end any more */
		(void)close(pair[0]);
	}
}

static void test_probe_of_the_kernel_succeeds(void **state)
{
	const char *where;

	assert_int_equal(sandbox_probe(&where), 0);
}

/* A worker: child of a confined parent, own tmpfs, nothing else. */
static int worker_attempt(void (*try)(int))
{
	int status;
	pid_t parent = fork();

	if (parent == 0) {
		const char *where = "";
		pid_t child;

		if (sandbox_enter(ROLE_EXAMINE, NULL, 0, &where) < 0)
			_exit(ENTER_FAILED);
		child = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
		if (child == 0) {
			if (sandbox_enter_worker(ROLE_WORKER, 1 << 20, NULL, 0, &where) < 0) {
				dprintf(2, "worker: %s: %s\n", where, strerror(errno));
				_exit(ENTER_FAILED);
			}
			try(AT_FDCWD);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			_exit(ENTER_FAILED);
		_exit(WIFSIGNALED(status) ? 200 + WTERMSIG(status) : WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void try_scratch(int dir_fd)
{
	int fd = open("/tmp/x", O_RDWR | O_CREAT | O_EXCL, 0600);

	_exit(fd < 0 || write(fd, "x", 1) != 1 || mkdir("/tmp/d", 0700) < 0 || unlink("/tmp/x") < 0 ? errno : 0);
}

static void try_write_root(int dir_fd)
{
	_exit(open("/x", O_RDWR | O_CREAT, 0600) < 0 ? errno : 0);
}

static void test_worker_has_its_own_tmpfs_only(void **state)
{
	int r;

	assert_int_equal(worker_attempt(try_scratch), 0);
	r = worker_attempt(try_write_root);
	assert_true(r == EACCES || r == EROFS);
	assert_int_equal(worker_attempt(try_socket), 200 + SIGSYS);
	assert_int_equal(worker_attempt(try_mount), 200 + SIGSYS);
	assert_int_equal(worker_attempt(try_fork), 200 + SIGSYS);
	assert_int_equal(worker_attempt(try_kill), 200 + SIGSYS);
}

static void try_audit(int dir_fd)
{
	_exit(socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) < 0 ? errno : 0);
}

static void try_local_socket(int dir_fd)
{
	_exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0);
}

static void try_gain(int dir_fd)
{
	_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 1);
}

static void try_capability(int dir_fd)
{
	_exit(prctl(PR_CAPBSET_READ, 21 /* CAP_SYS_ADMIN */, 0, 0, 0) == 0 || geteuid() != 0 ? 0 : 1);
}

/* That group lets nearly everything through. */
static void test_no_role_but_login_has_its_calls(void **state)
{
	for (int id = 0; id < ROLE_COUNT_; id++)
		assert_int_equal((role_get((enum role_id)id)->calls & CALLS_LOGIN) != 0, id == ROLE_LOGIN);
}

/* What modules of PAM need it may; what none needs is refused, and does not kill. */
static void test_login_can_what_pam_needs(void **state)
{
	assert_int_equal(attempt(ROLE_LOGIN, try_open_passwd, directory), 0);
	assert_int_equal(attempt(ROLE_LOGIN, try_local_socket, directory), 0);
	assert_int_equal(attempt(ROLE_LOGIN, try_exec, directory), 0);
	assert_int_equal(attempt(ROLE_LOGIN, try_mount, directory), EPERM);
	assert_int_equal(attempt(ROLE_LOGIN, try_unshare, directory), EPERM);
	assert_int_equal(attempt(ROLE_LOGIN, try_ptrace, directory), EPERM);
	assert_int_equal(attempt(ROLE_LOGIN, try_audit, directory), EPROTONOSUPPORT);
	assert_int_equal(attempt(ROLE_LOGIN, try_gain, directory), 0);
	assert_int_equal(attempt(ROLE_LOGIN, try_capability, directory), 0);
}

static void try_routes(int dir_fd)
{
	_exit(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) < 0 ? errno : 0);
}

static void try_read_only(int dir_fd)
{
	int one = 1;

	_exit(ioctl(dir_fd, BLKROSET, &one) < 0 && errno == ENOTTY ? 0 : 1);
}

static void try_size(int dir_fd)
{
	unsigned long long size;

	_exit(ioctl(dir_fd, BLKGETSIZE64, &size) < 0 ? errno : 0);
}

static void try_null(int dir_fd)
{
	_exit(open("/dev/null", O_WRONLY) < 0 ? errno : 0);
}

static void try_create_other(int dir_fd)
{
	_exit(openat(dir_fd, "other", O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 ? errno : 0);
}

static void try_overwrite(int dir_fd)
{
	_exit(openat(dir_fd, "here", O_WRONLY) < 0 ? errno : 0);
}

/* It sees the system as it is, and may do nothing with it. */
static void test_selfcheck_looks_and_cannot_touch(void **state)
{
	assert_int_equal(attempt(ROLE_SELFCHECK, try_open_passwd, directory), 0);
	assert_int_equal(attempt(ROLE_SELFCHECK, try_read_private, directory), 0);
	assert_int_equal(attempt(ROLE_SELFCHECK, try_null, directory), 0);
	assert_int_equal(attempt(ROLE_SELFCHECK, try_routes, directory), 0);
	assert_int_equal(attempt(ROLE_SELFCHECK, try_read_only, directory), 0);
	assert_int_equal(attempt(ROLE_SELFCHECK, try_create_other, directory), EACCES);
	assert_int_equal(attempt(ROLE_SELFCHECK, try_overwrite, directory), EACCES);
	for (size_t k = 0; k < 8; k++) {
		static void (*const forbidden[])(int) = { try_socket, try_local_socket, try_audit, try_exec, try_fork, try_ptrace, try_kill, try_mount };

		assert_int_equal(attempt(ROLE_SELFCHECK, forbidden[k], directory), -SIGSYS);
	}
	assert_int_equal(attempt(ROLE_SELFCHECK, try_exec_memory, directory), -SIGSYS);
#ifndef LAZARET_SANITIZE /* lets every ioctl through */
	assert_int_equal(attempt(ROLE_SELFCHECK, try_size, directory), -SIGSYS);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_role_can_enter),
		cmocka_unit_test(test_forbidden_calls_kill),
#ifndef LAZARET_SANITIZE
		cmocka_unit_test(test_driver_starts_no_process),
		cmocka_unit_test(test_limits_of_others_are_not_touched),
#endif
		cmocka_unit_test(test_examine_parent_cannot_reach_out),
		cmocka_unit_test(test_paths_outside_are_refused),
		cmocka_unit_test(test_reader_reads_and_cannot_write),
		cmocka_unit_test(test_reader_reads_files_of_other_owners),
		cmocka_unit_test(test_vault_creates_in_its_directory),
		cmocka_unit_test(test_unreachable_directory_for_roles_without_access),
		cmocka_unit_test(test_a_role_dies_with_its_parent),
		cmocka_unit_test(test_probe_of_the_kernel_succeeds),
		cmocka_unit_test(test_worker_has_its_own_tmpfs_only),
		cmocka_unit_test(test_no_role_but_login_has_its_calls),
		cmocka_unit_test(test_login_can_what_pam_needs),
		cmocka_unit_test(test_selfcheck_looks_and_cannot_touch),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
