/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What nobody may do from inside of a sandbox. Each attempt has done harm, or could, when it returns 0. */
#include "hostile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_alg.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT(call) ((call) < 0 ? errno : 0)

static int opened(const char *path, int flags)
{
	return RESULT(open(path, flags, 0600));
}

/* -- files ------------------------------------------------------------------------------------------------------------------------ */

static int read_accounts(void) { return opened("/etc/passwd", O_RDONLY); }
static int read_key(void) { return opened(target.key, O_RDONLY); }
static int write_key(void) { return opened(target.key, O_WRONLY); }
static int read_other_files(void) { return opened(target.copies, O_RDONLY); }
static int list_root(void)
{
	char entries[4096];
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	ssize_t n = fd < 0 ? -1 : syscall(SYS_getdents64, fd, entries, sizeof(entries));
	int count = 0;

	for (ssize_t at = 0; n > 0 && at < n; count++)
		at += *(unsigned short *)(entries + at + 16); /* d_reclen */
	return n < 0 ? errno : count > 4 ? 0 : ENOENT; /* "." and "..", and what its own root holds: never the system's */
}
static int open_processes(void) { return opened("/proc/self/status", O_RDONLY); }
/* What was made is looked for from outside, too. */
static int create_in_root(void)
{
	int error = opened("/lazaret-hostile", O_RDWR | O_CREAT);

	return error ? error : RESULT(unlink("/lazaret-hostile"));
}
static int create_in_tmp(void)
{
	int error = opened("/tmp/lazaret-hostile", O_RDWR | O_CREAT);

	return error ? error : RESULT(unlink("/tmp/lazaret-hostile"));
}
static int open_device(void) { return opened("/dev/zero", O_RDWR); }

/* Out of each directory that it has. */
static int climb(void)
{
	int error = ENOENT;

	for (int fd = 0; fd < 64; fd++) {
		struct stat st, above;
		int up;

		if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		up = openat(fd, "..", O_RDONLY | O_DIRECTORY);
		error = up < 0 ? errno : ENOENT;
		if (up >= 0 && fstat(up, &above) == 0 && (above.st_dev != st.st_dev || above.st_ino != st.st_ino))
			return 0; /* of the root of a mount ".." is itself */
	}
	return error;
}

static int open_by_handle(void)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} handle = { .h.handle_bytes = 128 };
	int mount_id;
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	if (fd < 0 || name_to_handle_at(fd, "", &handle.h, &mount_id, AT_EMPTY_PATH) < 0)
		return errno;
	return RESULT(open_by_handle_at(fd, &handle.h, O_RDONLY));
}

/* -- descriptors ------------------------------------------------------------------------------------------------------------------- */

static int use_stray_descriptor(void) { return RESULT(fcntl(target.stray_fd, F_GETFD)); }

static int descriptors_without_end(void)
{
	for (uint64_t n = 0; n <= target.files_max; n++)
		if (dup(2) < 0)
			return errno;
	return 0;
}

static int type_on_terminal(void)
{
	char c = '\n';
	int error = EBADF;

	for (int fd = 0; fd < 3; fd++) {
		if (ioctl(fd, TIOCSTI, &c) == 0)
			return 0;
		error = errno;
	}
	return error;
}

/* -- processes --------------------------------------------------------------------------------------------------------------------- */

static int trace_another(void) { return RESULT(ptrace(PTRACE_ATTACH, target.victim, NULL, NULL)); }
static int read_another(void)
{
	char c;
	struct iovec here = { &c, 1 }, there = { (void *)&target, 1 };

	return RESULT(process_vm_readv(target.victim, &here, 1, &there, 1, 0));
}
static int write_another(void)
{
	char c = 0;
	struct iovec here = { &c, 1 }, there = { (void *)&target, 1 };

	return RESULT(process_vm_writev(target.victim, &here, 1, &there, 1, 0));
}
static int signal_another(void) { return RESULT(kill(target.victim, SIGURG)); }
static int signal_thread(void) { return RESULT(syscall(SYS_tgkill, target.victim, target.victim, SIGURG)); }
static int signal_queued(void)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return RESULT(syscall(SYS_rt_sigqueueinfo, target.victim, SIGURG, &info));
}
static int signal_by_descriptor(void) { return RESULT(fcntl(2, F_SETOWN, target.victim)); }
static int hold_another(void) { return RESULT(syscall(SYS_pidfd_open, target.victim, 0)); }
static int limit_another(void)
{
	struct rlimit l = { 3, 3 };

	return RESULT(prlimit(target.victim, RLIMIT_NOFILE, &l, NULL));
}
static int slow_another(void) { return RESULT(setpriority(PRIO_PROCESS, (id_t)target.victim, 19)); }
static int bind_another(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return RESULT(sched_setaffinity(target.victim, sizeof(set), &set));
}
static int fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return RESULT(pid);
}
static int end_thread(void *unused)
{
	(void)unused;
	syscall(SYS_exit, 0);
	return 0;
}
static int clone_thread(void)
{
	static _Alignas(64) char stack[65536];

	return RESULT(clone(end_thread, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL));
}
static int clone_newer(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return RESULT(pid);
}
static int run_program(void)
{
	execl("/bin/true", "true", NULL);
	return errno;
}
static int run_descriptor(void)
{
	char *const argv[] = { (char *)"x", NULL };

	syscall(SYS_execveat, 2, "", argv, argv + 1, AT_EMPTY_PATH);
	return errno == EACCES ? 0 : errno; /* it is no program, but the call was heard */
}

/* -- privileges and views ----------------------------------------------------------------------------------------------------------- */

static int mount_something(void) { return RESULT(mount("none", "/tmp", "tmpfs", 0, NULL)); }
static int new_user_namespace(void) { return RESULT(unshare(CLONE_NEWUSER)); }
static int change_root(void) { return RESULT(chroot("/")); }
static int become_root(void) { return geteuid() == 0 ? 0 : RESULT(setuid(0)); }
static int gain_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 1u << CAP_KILL, 1u << CAP_KILL, 0 }, { 0, 0, 0 } };

	return RESULT(syscall(SYS_capset, &header, data));
}
static int become_traceable(void) { return RESULT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
static int raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return errno;
	l.rlim_cur = l.rlim_max = l.rlim_max > 1 ? l.rlim_max - 1 : 1; /* lowering is enough to show that the call is heard */
	return RESULT(setrlimit(RLIMIT_NOFILE, &l));
}

/* -- out ---------------------------------------------------------------------------------------------------------------------------- */

static int connect_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(target.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : RESULT(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}
static int send_udp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(target.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? errno : RESULT(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
}
static int connect_local(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, target.control, strnlen(target.control, sizeof(a.sun_path) - 1));
	return fd < 0 ? errno : RESULT(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}
static int ask_netlink(void) { return RESULT(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int use_kernel_ciphers(void) { return RESULT(socket(AF_ALG, SOCK_SEQPACKET, 0)); }
static int new_socket_pair(void)
{
	int pair[2];

	return RESULT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

/* -- into the kernel ------------------------------------------------------------------------------------------------------------------ */

static int submit_by_ring(void)
{
	struct io_uring_params p = { 0 };

	return RESULT(syscall(SYS_io_uring_setup, 1, &p));
}
static int load_bpf(void)
{
	char attr[128] = { 1 }; /* BPF_MAP_TYPE_HASH */

	attr[4] = attr[8] = 4; /* sizes of key and value */
	attr[12] = 1;
	return RESULT(syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, attr, sizeof(attr)));
}
static int fault_handler(void) { return RESULT(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */)); }
static int add_kernel_key(void) { return RESULT(syscall(SYS_add_key, "user", "lazaret-hostile", "x", 1, -3 /* of the session */)); }
static int shared_segment(void)
{
	long id = syscall(SYS_shmget, 0, 4096, 0600);

	return id < 0 ? errno : RESULT(syscall(SYS_shmctl, id, 0 /* IPC_RMID */, NULL));
}
static int memory_file(void) { return RESULT(memfd_create("x", 0)); }
static int watch_files(void) { return RESULT(inotify_init1(0)); }
static int change_personality(void) { return RESULT(syscall(SYS_personality, 0xffffffff)); }
static int call_of_32_bits(void)
{
#ifdef __x86_64__
	long r = 20; /* getpid of i386; what number 20 is here does not matter: another table */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : 0;
#else
	return ENOSYS;
#endif
}
static int call_of_x32(void) { return RESULT(syscall(0x40000000 | SYS_getpid)); }

/* -- memory ---------------------------------------------------------------------------------------------------------------------------- */

static int bring_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int change_code(void)
{
	return RESULT(mprotect((void *)((uintptr_t)change_code & ~4095ul), 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
}
static int private_memory(void)
{
	uint64_t wanted = target.memory_max ? target.memory_max : 1ull << 46;

	return mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED ? errno : 0;
}
static int shared_memory(void)
{
	uint64_t wanted = target.memory_max ? target.memory_max : 1ull << 46;

	return mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED ? errno : 0;
}

#define A(name) { #name, name }
const struct hostile_attempt hostile_attempts[] = {
	A(read_accounts), A(read_key), A(write_key), A(read_other_files), A(list_root), A(open_processes), A(create_in_root),
	A(create_in_tmp), A(open_device), A(climb), A(open_by_handle), A(use_stray_descriptor), A(descriptors_without_end),
	A(type_on_terminal), A(trace_another), A(read_another), A(write_another), A(signal_another), A(signal_thread), A(signal_queued),
	A(signal_by_descriptor), A(hold_another), A(limit_another), A(slow_another), A(bind_another), A(fork_once), A(clone_thread),
	A(clone_newer), A(run_program), A(run_descriptor), A(mount_something), A(new_user_namespace), A(change_root),
	A(become_root), A(gain_capabilities), A(become_traceable), A(raise_limits), A(connect_tcp), A(send_udp), A(connect_local),
	A(ask_netlink), A(use_kernel_ciphers), A(new_socket_pair), A(submit_by_ring), A(load_bpf), A(fault_handler), A(add_kernel_key),
	A(shared_segment), A(memory_file), A(watch_files), A(change_personality), A(call_of_32_bits), A(call_of_x32), A(bring_code),
	A(change_code), A(private_memory), A(shared_memory),
};
const size_t hostile_attempt_count = sizeof(hostile_attempts) / sizeof(hostile_attempts[0]);

/* -- a sealed copy ---------------------------------------------------------------------------------------------------------------------- */

static int write_it(int fd) { return RESULT(pwrite(fd, "LIE", 3, 0)); }
static int map_it(int fd)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0;
}
static int write_through_map(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? errno : RESULT(mprotect(p, 4096, PROT_READ | PROT_WRITE));
}
static int cut_it(int fd) { return RESULT(ftruncate(fd, 0)); }
static int lengthen_it(int fd) { return RESULT(fallocate(fd, 0, 0, 1 << 20)); }
static int change_its_mode(int fd) { return RESULT(fchmod(fd, 0666)); }
static int open_it_again(int fd)
{
	char path[64] = "/proc/self/fd/00";

	path[14] = (char)('0' + fd / 10 % 10);
	path[15] = (char)('0' + fd % 10);
	return opened(path, O_RDWR);
}
static int lease_it(int fd) { return RESULT(fcntl(fd, F_SETLEASE, F_RDLCK)); }

const struct hostile_write hostile_writes[] = {
	A(write_it), A(map_it), A(write_through_map), A(cut_it), A(lengthen_it), A(change_its_mode), A(open_it_again), A(lease_it),
};
const size_t hostile_write_count = sizeof(hostile_writes) / sizeof(hostile_writes[0]);
