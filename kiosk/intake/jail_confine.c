/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a driver may do. sandbox_enter() cannot serve here: it ends in a root without any program, and its filters
 * forbid to start one. Same layers, same order; the filter was measured with strace on exfat-fuse (libfuse 2), squashfuse
 * (libfuse 3) and ntfs-3g (its own libfuse), and also has to let the dynamic loader work. */
#include "intake/jail.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "intake/child.h"
#include "sandbox/role.h"

#define NAMESPACE_FLAGS                                                                                            \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static const char *const allowed_calls[] = {
	/* start of a program and of its threads */
	"execve", "brk", "mmap", "mprotect", "munmap", "mremap", "madvise", "arch_prctl", "set_tid_address",
	"set_robust_list", "rseq", "prlimit64", "getrandom", "futex", "exit", "exit_group", "wait4", "uname",
	/* files: the root is read-only and holds nothing but the driver, its libraries and the volume */
	"close", "read", "readv", "pread64", "write", "writev", "lseek", "fstat", "newfstatat",
	"stat", "lstat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
	"getdents64", "getcwd", "chdir", "fchdir", "fcntl", "dup", "dup2", "dup3", "pipe", "pipe2", "poll", "ppoll", "splice",
	"vmsplice", "tee", "fadvise64", "umask",
	"sendmsg", /* by ourselves: the notification descriptor, before the program starts */
	/* time, signals, identity */
	"clock_gettime", "gettimeofday", "time", "nanosleep", "clock_nanosleep", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sigaltstack", "restart_syscall", "sched_yield", "sched_getaffinity", "getpid", "getppid",
	"gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "tgkill",
	"setresuid", "setresgid", "setfsuid", "setfsgid" /* to itself only, without capabilities */, "setsid", "getpgrp", "sysinfo", NULL
};

/* Asked for, and done without when refused: libselinux, libdevmapper and ntfs-3g look around at their start, libfuse
 * unmounts by itself at the end. */
static const char *const refused_calls[] = { "umount2", "socket", "ioctl", "unlink", "mknodat", "rmdir", "setrlimit",
					     NULL };

static void filter_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static int add_calls(scmp_filter_ctx ctx, uint32_t action, const char *const *calls)
{
	for (; *calls; calls++) {
		int nr = seccomp_syscall_resolve_name(*calls);
		int r = nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(ctx, action, nr, 0);

		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}

/* Processes and threads, but no namespace. clone3 hides its flags in memory: glibc takes clone instead. */
static int add_process_rules(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
				     SCMP_A0(SCMP_CMP_NE, PR_SET_NAME, 0));
	return r;
}

/* All that a driver opens for writing is /dev/fuse, and /dev/null to fill descriptors 0-2. */
static int add_fuse_rules(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDONLY));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(0), SCMP_SYS(mount), 0);
	return r;
}

static int filter_enter(int *ret_notify_fd)
{
	_cleanup_(filter_release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = add_calls(ctx, SCMP_ACT_ALLOW, allowed_calls);
	if (r == 0)
		r = add_calls(ctx, SCMP_ACT_ERRNO(EPERM), refused_calls);
	if (r == 0)
		r = add_process_rules(ctx);
	if (r == 0)
		r = add_fuse_rules(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	if (r < 0)
		return r;
	*ret_notify_fd = seccomp_notify_fd(ctx);
	return *ret_notify_fd < 0 ? -ENOSYS : 0;
}

/* Read and run beneath the root; nothing that changes anything, whatever mount might allow it. The rights are those of
 * ABI 2, which the station requires. */
static int landlock_read_only(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = (1ull << 14) - 1 };
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
				  LANDLOCK_ACCESS_FS_EXECUTE,
	};
	struct landlock_path_beneath_attr null_rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int null = open("/dev/null", O_PATH | O_CLOEXEC);
	_cleanup_close_ int ruleset = -EBADF;

	if (root < 0 || null < 0)
		return -errno;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	rule.parent_fd = root;
	null_rule.parent_fd = null;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &null_rule, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}

static int limit(int resource, uint64_t value)
{
	struct rlimit wanted = { value, value };

	return setrlimit((__rlimit_resource_t)resource, &wanted) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	const struct role *role = role_get(ROLE_DRIVER);
	int r = limit(RLIMIT_CORE, 0);

	if (r == 0)
		r = limit(RLIMIT_NOFILE, role->files_max);
#ifndef LAZARET_SANITIZE /* shadow memory counts as data until the program starts */
	if (r == 0 && role->data_max > 0)
		r = limit(RLIMIT_DATA, role->data_max);
#endif
	return r;
}

/* The account first, the capabilities after it: the change needs CAP_SETUID, and clears nothing by itself when the
 * number stays the same (without root). */
static int drop_account(uid_t uid, gid_t gid)
{
	if (geteuid() == 0 && setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* Takes CAP_SETPCAP: it comes before the account. */
static int drop_bounding_set(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno; /* EINVAL: past this kernel's last capability */
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int jail_confine(uid_t uid, gid_t gid, int *ret_notify_fd, const char **ret_where)
{
	int r;

	*ret_where = "driver's bounding set";
	r = drop_bounding_set();
	if (r < 0)
		return r;
	*ret_where = "driver's account";
	r = drop_account(uid, gid);
	if (r == 0)
		r = child_bind_life(); /* cleared by the change */
	if (r < 0)
		return r;
	*ret_where = "driver's capabilities";
	r = drop_capabilities();
	if (r < 0)
		return r;
	*ret_where = "driver's no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	*ret_where = "driver's limits";
	r = set_limits();
	if (r < 0)
		return r;
	*ret_where = "driver's Landlock";
	r = landlock_read_only();
	if (r < 0)
		return r;
	*ret_where = "driver's seccomp";
	return filter_enter(ret_notify_fd);
}

/* SECCOMP_ADDFD_FLAG_SEND (Linux 5.14): place the descriptor and return its number from openat(), in one step. */
int jail_answer(int notify_fd, int fuse_fd)
{
	struct seccomp_notif request = { 0 };
	struct seccomp_notif_addfd answer = {
		.flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (unsigned int)fuse_fd, .newfd_flags = O_CLOEXEC
	};

	if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return errno == ENOENT ? -ECHILD : -errno;
	answer.id = request.id;
	if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &answer) < 0)
		return errno == ENOENT ? -ECHILD : -errno;
	return 0;
}
