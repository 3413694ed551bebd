/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* System-call filters, by group (libseccomp). Everything that is not listed kills the process: an error code
 * could be turned into "clean" by a library that ignores it.
 */
#include "sandbox/layers.h"

#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/netlink.h>

#include "sandbox/sandbox.h"

static const char *const base_calls[] = {
	/* descriptors that are open already */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "close", "fstat", "newfstatat", "lseek",
	"dup", "dup3", "poll", /* fcntl: rules of its own, below */ "ppoll", "sendmsg", "recvmsg", "sendto", "recvfrom", "fstatfs",
	/* memory (mmap, mprotect: rules of their own, below) */
	"munmap", "mremap", "brk", "madvise",
	/* time, signals, end */
	"clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "getrandom", "getpid", "gettid", "futex",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "sched_yield", "exit",
	"exit_group", "getuid", "geteuid", "getgid", "getegid", "set_robust_list", "rseq",
	/* qsort() of glibc before 2.37 asks how much memory there is when it sorts more than 1 KiB */
	"sysinfo", NULL
};

static const char *const read_tree_calls[] = { "openat", "openat2", "getdents64", "statx", "readlinkat",
					       "fadvise64", "readahead", NULL };

static const char *const write_tree_calls[] = {
	"mkdirat", "unlinkat", "renameat", "renameat2", "linkat", "fchmod", "fchmodat", "fsync", "fdatasync",
	"syncfs", "ftruncate", "fallocate", "copy_file_range", "flock", "utimensat", "unlink", "access", "faccessat",
	"faccessat2", "getcwd", "stat", "lstat", NULL
};

static const char *const scratch_calls[] = { "openat", "mkdir", "rmdir", "unlink", "unlinkat", "chmod",
					     "getdents64", "getcwd", "ftruncate", "statx", "access", "stat", "lstat",
					     "faccessat", "faccessat2", NULL };

static const char *const sandbox_calls[] = {
	"clone", "clone3", "wait4", "waitid", "pidfd_open", "pidfd_send_signal", "socketpair", "mount", "chdir",
	"prctl", "capget", "capset", "setresuid", "setresgid", "setgroups", "close_range",
	"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp", "openat", "kill", NULL
};

static const char *const probe_calls[] = { "fadvise64", "ioctl", "openat", "statx", NULL };

/* No clone: libfuse's loop of one thread. What a driver started would outlive it, and its volume. */
static const char *const fuse_calls[] = {
	"splice", "vmsplice", "tee", "pipe2", "openat", "ioctl", "umount2", "getpid", "sched_getaffinity", "fadvise64", "statx", "access",
	"readlink", "readlinkat", NULL
};

/* What libudev looks at besides (252 and 257): paths, in whichever way its release goes about it, and its socket. */
static const char *const devices_calls[] = {
	"stat", "lstat", "access", "faccessat", "faccessat2", "readlink", "getcwd", "statfs", "fchdir", "umask", "getsockopt",
	"getsockname", "recvmmsg", "name_to_handle_at", "getppid", NULL
};

/* libcryptsetup 2.6 to 2.8 with OpenSSL, measured with strace. openat, ioctl and clone (Argon2's threads): rules of their own. */
static const char *const unlock_calls[] = {
	"statx", "stat", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "fadvise64", "uname",
	"mlock", "munlock", "getpriority", "getrusage", "sched_getaffinity", "flock", NULL
};

/* A program of somebody else's, with the C library's start, an interpreter, threads and children. clone, execve, mmap, mprotect,
 * prctl, ioctl: rules of their own. */
static const char *const program_calls[] = {
	"arch_prctl", "set_tid_address", "wait4", "waitid", "uname", "pipe", "pipe2", "dup2", "kill", "tgkill", "close_range",
	"openat", "stat", "lstat", "statx", "statfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd",
	"chdir", "fchdir", "umask", "getrusage", "times", "time", "clock_getres", "getppid", "getpgrp", "getpgid", "getresuid",
	"getresgid", "getgroups", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "eventfd2", "select", "pselect6", "fadvise64", "readahead", "membarrier", "rt_sigtimedwait", "rt_sigsuspend", "getrlimit",
	/* in its own /tmp */
	"mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "ftruncate", "fallocate", "fsync", "fdatasync",
	"chmod", "fchmod", "fchmodat", "utimensat", "flock", "link", "linkat", "symlink", "symlinkat", "copy_file_range", "sendfile", NULL
};

/* Asked for, and done without when refused. */
static const char *const program_refused[] = { "socket", "socketpair", "connect", "bind", "listen", "setrlimit", "getpriority", "setpriority",
					       "sched_setaffinity", "mlock", "munlock", "mlockall", "setsid", "setpgid", "chown", "fchown",
					       "fchownat", "mknod", "mknodat", "inotify_init1", "get_mempolicy", "mbind", "set_mempolicy", "setresuid", "setresgid", "setuid", "setgid", "setgroups", NULL };

/* libpq and libssl (15 to 17, 3.0 to 3.5): SIGPIPE is kept away by masks; options and names of the socket. */
static const char *const link_calls[] = { "rt_sigpending", "rt_sigtimedwait", "getsockopt", "setsockopt", "getsockname", "getpeername",
					  "shutdown", "uname", NULL };

/* A block of memory to make a device of, the trail's lock, and what the kernel says of its routes. ioctl and socket: rules of their own. */
static const char *const selfcheck_calls[] = { "memfd_create", "ftruncate", "fdatasync", "flock", "readlink", "access", "faccessat", "faccessat2",
					       "stat", "lstat", "statfs", NULL };

/* clone, prctl: rules of their own, below. */
static const char *const fork_calls[] = { "socketpair", "wait4", "getppid", "close_range", "seccomp", NULL };

#define NAMESPACE_FLAGS                                                                                            \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* What nothing on this station ever needs: ways into the kernel, into other processes, out to a network. Used
 * where an allow-list cannot hold because other programs are started (intake). */
static const char *const denied_calls[] = {
	"io_uring_setup", "io_uring_enter", "io_uring_register" /* calls past this filter */, "pidfd_getfd",
	"ptrace", "process_vm_readv", "process_vm_writev", "kexec_load", "kexec_file_load", "init_module",
	"finit_module", "delete_module", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key",
	"request_key", "swapon", "swapoff", "reboot", "acct", "quotactl", "nfsservctl", "iopl", "ioperm", "settimeofday",
	"clock_settime", "adjtimex", "clock_adjtime", "connect", "bind", "listen", "accept", "accept4", NULL
};

/* Of CALLS_LOGIN. Refused rather than killed: a module that looks what it may must not end the attempt. */
static const char *const login_refused[] = {
	"io_uring_setup", "io_uring_enter", "io_uring_register", "pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev",
	"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "bpf", "perf_event_open", "userfaultfd",
	"swapon", "swapoff", "reboot", "acct", "quotactl", "nfsservctl", "iopl", "ioperm", "settimeofday", "clock_settime", "adjtimex",
	"clock_adjtime", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsmount", "mount_setattr", "unshare",
	"setns", "chroot", "mknod", "mknodat", "open_by_handle_at", "listen", "accept", "accept4", NULL
};

static const struct {
	unsigned int group;
	const char *const *calls;
} groups_table[] = {
	{ CALLS_BASE, base_calls },	      { CALLS_READ_TREE, read_tree_calls },
	{ CALLS_WRITE_TREE, write_tree_calls }, { CALLS_SCRATCH, scratch_calls },
	{ CALLS_SANDBOX, sandbox_calls },     { CALLS_PROBE, probe_calls },
	{ CALLS_FUSE, fuse_calls },	      { CALLS_DEVICES, devices_calls },
	{ CALLS_UNLOCK, unlock_calls },	      { CALLS_PROGRAM, program_calls },
	{ CALLS_LINK, link_calls },	      { CALLS_SELFCHECK, selfcheck_calls },
	{ CALLS_FORK, fork_calls },
};

static void filter_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static int add_calls(scmp_filter_ctx ctx, uint32_t action, const char *const *calls)
{
	for (; *calls; calls++) {
		int nr = seccomp_syscall_resolve_name(*calls);
		int r;

		if (nr == __NR_SCMP_ERROR) /* older libseccomp: an unknown call stays forbidden */
			continue;
		r = seccomp_rule_add(ctx, action, nr, 0);
		if (r < 0 && r != -EEXIST && r != -EACCES)
			return r;
	}
	return 0;
}

#define ALL(op)                                                                                                                       \
	(CALLS_BASE op CALLS_READ_TREE op CALLS_WRITE_TREE op CALLS_SCRATCH op CALLS_SANDBOX op CALLS_DENY_ONLY op CALLS_PROBE op CALLS_FUSE \
		 op CALLS_DEVICES op CALLS_UNLOCK op CALLS_PROGRAM op CALLS_LOGIN op CALLS_LINK op CALLS_NETWORK op CALLS_SELFCHECK op CALLS_FORK)
_Static_assert(ALL(+) == ALL(|), "two groups of calls that share a bit: a role would get what another one may");
#undef ALL

static const char *const any_memory[] = { "mmap", "mprotect", NULL };

/* No memory that is executable and was not so at the start: no code can be brought in. And none that is shared and of no file:
 * RLIMIT_DATA counts private memory only, so that a role could take all that the machine has. */
static int add_memory_rules(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				 SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_SHARED, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				     SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

/* Limits of itself alone: not of what else runs under its account. */
static int add_limit_rules(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0, 0));
}

/* fcntl by command. Not: F_SETOWN and F_SETSIG, by which a role could send SIGKILL to what else runs under its account,
 * and leases, by which it could hold up whoever opens a copy; the vault uses a lease to prove that nobody writes. */
static int add_fcntl_rules(scmp_filter_ctx ctx, unsigned int groups)
{
	static const unsigned int harmless[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
						 F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GETPIPE_SZ, F_SETPIPE_SZ };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(harmless); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, harmless[i], 0));
	if (r == 0 && groups & CALLS_WRITE_TREE)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_SETLEASE, 0));
	return r;
}

/* ioctl by request: position of files, reflinks, "is it a terminal" (stdio asks). */
static int add_ioctl_rules(scmp_filter_ctx ctx, unsigned int groups)
{
	static const unsigned long harmless[] = { TCGETS, FS_IOC_FIEMAP, FIGETBSZ };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(harmless); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, harmless[i], 0));
	if (r == 0 && groups & CALLS_WRITE_TREE)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FICLONE, 0));
	return r;
}

/* "Opened for writing?" has the answer "it is read-only", on which libcryptsetup opens for reading; what it may ask a block
 * device is how large it is and how it likes to be read. No sockets: without the kernel's ciphers (AF_ALG) only those of
 * OpenSSL are there, and the library is told so. */
static int add_unlock_rules(scmp_filter_ctx ctx)
{
	static const unsigned long block[] = { BLKGETSIZE64, BLKSSZGET, BLKPBSZGET, BLKROGET, BLKRAGET, BLKIOMIN, BLKIOOPT,
					       BLKALIGNOFF };
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));

	/* Threads, which end with the process, and no process. clone3 hides its flags in memory: glibc takes clone instead. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS | CLONE_THREAD, CLONE_THREAD));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (unsigned int mode = O_WRONLY; r == 0 && mode <= O_RDWR; mode++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EROFS), SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, mode));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0));
	if (r == 0) /* its own */
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 1, SCMP_A1(SCMP_CMP_EQ, 0, 0));
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(block); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, block[i], 0));
	return r;
}

/* Streams alone: no datagram leaves (names are looked up before), nothing listens. To whom, Landlock and the service manager say. */
static int add_network_rules(scmp_filter_ctx ctx)
{
	static const unsigned int families[] = { AF_INET, AF_INET6, AF_UNIX };
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(families); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, families[i], 0),
				     SCMP_A1(SCMP_CMP_MASKED_EQ, ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_STREAM));
	return r;
}

/* A driver is bound to intake's life after its change of account (intake/child.h). */
static int add_fuse_rules(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0));
}

/* A child in the same namespaces, by exactly the call that forkserver.c makes; that it dies with its parent; no_new_privs, which libseccomp
 * asks for once more before a filter. */
static int add_fork_rules(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_EQ, CLONE_PIDFD | SIGCHLD, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 2, SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0),
				     SCMP_A1(SCMP_CMP_EQ, SIGKILL, 0));
	return r < 0 ? r : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS, 0));
}

/* Loop devices, and their write protection; the kernel's routes, and nobody else's socket. */
static int add_selfcheck_rules(scmp_filter_ctx ctx)
{
	static const unsigned long requests[] = { BLKROSET, BLKROGET, LOOP_CTL_GET_FREE, LOOP_CONFIGURE, LOOP_CLR_FD };
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
				 SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE, 0));

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(requests); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, requests[i], 0));
	return r;
}

#ifdef LAZARET_SANITIZE
/* AddressSanitizer's allocator and its reports; never in a product build. The first is ruled by CALLS_UNLOCK itself. */
static const char *const sanitizer_calls[] = { "openat", "sched_getaffinity", "prctl", "readlink", "readlinkat",
					       "getrlimit", "prlimit64", "tgkill", "uname", "sysinfo", "ioctl",
					       "gettid", "getppid", "stat", "access", "personality", NULL };
#endif

/* One program, of which the pointer is known (sandbox_program_path()), and no other: what starts it can name no second one, and
 * it itself has something else at that address. Processes and threads, but no namespace; clone3 hides its flags in memory: glibc
 * takes clone instead. Just-in-time compilers may make code: there is nothing in this root that they could harm. */
static int add_program_rules(scmp_filter_ctx ctx, unsigned int groups)
{
	static const unsigned long harmless[] = { FIOCLEX, FIONCLEX, FIONREAD, FIONBIO, TIOCGWINSZ, TIOCGPGRP };
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(execve), 1,
				 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)(uintptr_t)sandbox_program_path(), 0));

	if (r == 0)
		r = add_calls(ctx, SCMP_ACT_ERRNO(EACCES), program_refused);
	if (r == 0 && !(groups & CALLS_SANDBOX)) {
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS, 0));
		if (r == 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
		if (r == 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
		if (r == 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_NE, PR_SET_NAME, 0));
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(harmless); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, harmless[i], 0));
	return r;
}

/* libpam lets root's program in nowhere when it could open the kernel's audit and may not write to it (_pam_auditlog()); a kernel
 * without audit is fine. The station has a trail of its own, and the capability less. */
static int add_login_rules(scmp_filter_ctx ctx)
{
	int r = add_calls(ctx, SCMP_ACT_ERRNO(EPERM), login_refused);

	return r < 0 ? r : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
					    SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2(SCMP_CMP_EQ, NETLINK_AUDIT, 0));
}

static int add_groups(scmp_filter_ctx ctx, unsigned int groups)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(groups_table); i++)
		if (groups & groups_table[i].group)
			r = add_calls(ctx, SCMP_ACT_ALLOW, groups_table[i].calls);
	if (r == 0)
		r = groups & CALLS_PROGRAM ? add_calls(ctx, SCMP_ACT_ALLOW, any_memory) : add_memory_rules(ctx);
	if (r == 0 && groups & CALLS_PROGRAM)
		r = add_program_rules(ctx, groups);
	if (r == 0 && groups & (CALLS_SANDBOX | CALLS_DEVICES | CALLS_PROGRAM | CALLS_FORK))
		r = add_limit_rules(ctx);
	if (r == 0)
		r = add_fcntl_rules(ctx, groups);
	if (r == 0 && !(groups & (CALLS_PROBE | CALLS_FUSE)))
		r = add_ioctl_rules(ctx, groups);
	if (r == 0 && groups & CALLS_FUSE)
		r = add_fuse_rules(ctx);
	if (r == 0 && groups & CALLS_UNLOCK)
		r = add_unlock_rules(ctx);
	if (r == 0 && groups & CALLS_NETWORK)
		r = add_network_rules(ctx);
	if (r == 0 && groups & CALLS_SELFCHECK)
		r = add_selfcheck_rules(ctx);
	if (r == 0 && groups & CALLS_FORK)
		r = add_fork_rules(ctx);
#ifdef LAZARET_SANITIZE
	if (r == 0)
		r = add_calls(ctx, SCMP_ACT_ALLOW, &sanitizer_calls[groups & CALLS_UNLOCK ? 1 : 0]);
#endif
	return r;
}

int seccomp_enter(unsigned int groups)
{
	_cleanup_(filter_release) scmp_filter_ctx ctx = NULL;
	bool is_deny = (groups & (CALLS_DENY_ONLY | CALLS_LOGIN)) != 0;
	int r;

	ctx = seccomp_init(is_deny ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	if (groups & CALLS_LOGIN)
		r = add_login_rules(ctx);
	else
		r = is_deny ? add_calls(ctx, SCMP_ACT_KILL_PROCESS, denied_calls) : add_groups(ctx, groups);
	return r < 0 ? r : seccomp_load(ctx);
}
