/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/layers.h"

#define CHANNEL_DESCRIPTOR 3 /* ipc/channel.h: CHANNEL_FD; the sandbox knows no protocol */
#define KEEP_MAX 16

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int close_strays(const int *keep_fds, size_t keep_count)
{
	int keep[KEEP_MAX + 1];
	unsigned int next = CHANNEL_DESCRIPTOR + 1;

	if (keep_count > KEEP_MAX)
		return -E2BIG;
	if (keep_count > 0)
		memcpy(keep, keep_fds, keep_count * sizeof(int));
	qsort(keep, keep_count, sizeof(int), compare_int);
	for (size_t i = 0; i < keep_count; i++) {
		if (keep[i] < (int)next) /* 0-3, or named twice */
			continue;
		if ((unsigned int)keep[i] > next && close_range(next, (unsigned int)keep[i] - 1, 0) < 0)
			return -errno;
		next = (unsigned int)keep[i] + 1;
	}
	return close_range(next, ~0u, 0) < 0 ? -errno : 0;
}

/* A change of credentials, and a user namespace of one's own is one, makes the kernel forget that this process is to die with its parent
 * (prctl(2), PR_SET_PDEATHSIG): a role that hangs or is hostile would outlive the supervisor. */
static int death_signal;
static pid_t death_parent;

static int note_parent(void)
{
	death_parent = getppid();
	return prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0) < 0 ? -errno : 0;
}

static int bind_to_parent(void)
{
	if (death_signal == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) < 0)
		return -errno;
	return getppid() == death_parent ? 0 : -ESRCH; /* it died meanwhile */
}

static int account_of(const struct role *role, uid_t *ret_uid, gid_t *ret_gid)
{
	struct passwd *pw;

	if (geteuid() != 0) {
		*ret_uid = geteuid();
		*ret_gid = getegid();
		return 0;
	}
	errno = 0;
	pw = getpwnam(role->account);
	if (!pw || pw->pw_uid == 0)
		return -ESRCH;
	*ret_uid = pw->pw_uid;
	*ret_gid = pw->pw_gid;
	return 0;
}

int sandbox_own(enum role_id id, int fd)
{
	struct stat st;
	uid_t uid;
	gid_t gid;
	int r;

	if (geteuid() != 0)
		return 0;
	r = account_of(role_get(id), &uid, &gid);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == uid && st.st_gid == gid)
		return 0; /* each write to a disk that hangs is one that hangs the caller */
	return fchown(fd, uid, gid) < 0 ? -errno : 0;
}

/* By raw capset(2): libcap-ng remembers the process id of its first use, and in a child made by clone() it
 * then fails (0.8.3: ESRCH) and reads /proc to say so. */
static int set_capabilities(uint64_t effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		data[i].effective = data[i].permitted = (uint32_t)(effective >> (32 * i));
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int raise_permitted(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	return set_capabilities(data[0].permitted | (uint64_t)data[1].permitted << 32);
}

static int drop_capabilities(enum role_privilege privilege)
{
	uint64_t keep = privilege == PRIVILEGE_NAMESPACE || privilege == PRIVILEGE_PROGRAM ? 1ull << CAP_SYS_ADMIN | 1ull << CAP_SETPCAP :
			privilege == PRIVILEGE_READ || privilege == PRIVILEGE_NETWORK ? 1ull << CAP_DAC_READ_SEARCH :
							   0;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned int cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno; /* EINVAL: past this kernel's last capability */
	return set_capabilities(keep);
}

static int become(uid_t uid, gid_t gid, bool was_root)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	/* Without root the kernel refuses setgroups in a user namespace (user_namespaces(7)): the groups stay,
	 * worth nothing where no path can be opened. */
	if (was_root && setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* What is left to do (the empty root) takes CAP_SYS_ADMIN in the role's own user namespace, for a moment. */
	return raise_permitted();
}

static int limit(int resource, uint64_t value)
{
	struct rlimit current, wanted;

	if (getrlimit((__rlimit_resource_t)resource, &current) < 0)
		return -errno;
	wanted.rlim_cur = wanted.rlim_max = MIN(value, (uint64_t)current.rlim_max);
	return setrlimit((__rlimit_resource_t)resource, &wanted) < 0 ? -errno : 0;
}

/* Operators wait for the medium to be read and look at the screen: reader, vault, supervisor and console go before whoever examines. */
#define EXAMINERS_NICE 10

static int set_limits(const struct role *role)
{
	int r = limit(RLIMIT_CORE, 0); /* a core dump would hold untrusted bytes or keys */

	if (r == 0)
		r = limit(RLIMIT_NOFILE, role->files_max);
#ifndef LAZARET_SANITIZE /* shadow memory counts as data */
	if (r == 0 && role->data_max > 0)
		r = limit(RLIMIT_DATA, role->data_max);
#endif
	/* its children have it from it. Relative, and not checked: nobody may lower what the station was started with, and 19 is the end. */
	if (r == 0 && role->forks != ROLE_LEDGER)
		(void)!nice(EXAMINERS_NICE);
	return r;
}

static bool is_sysfs(const struct role *role)
{
	return role->privilege == PRIVILEGE_DEVICES || role->privilege == PRIVILEGE_GUARD;
}

/* From here on nothing can be gained back; the same for roles and for workers. */
static int confine(const struct role *role, const struct sandbox_network *network, const int *fds, size_t count, const char *path,
		   const char **ret_where)
{
	int r;

	*ret_where = "capabilities";
	r = drop_capabilities(role->privilege);
	if (r < 0)
		return r;
	*ret_where = "parent";
	r = bind_to_parent();
	if (r < 0)
		return r;
	*ret_where = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*ret_where = "resource limits";
	r = set_limits(role);
	/* Landlock refuses mount(2): the parent of the examiners, whose root is empty already, cannot have it and
	 * still give each child a file system of its own. Its children have it. */
	if (r == 0 && role->privilege != PRIVILEGE_NAMESPACE && role->privilege != PRIVILEGE_PROGRAM) {
		*ret_where = "Landlock";
		r = network	   ? landlock_enter_network(network->read_fds, network->read_count, network->write_fd, network->port) :
		    is_sysfs(role) ? landlock_enter_sysfs(role->privilege == PRIVILEGE_GUARD) :
				     landlock_enter(role->access, fds, count, path);
	}
	if (r < 0)
		return r;
	*ret_where = "seccomp";
	return seccomp_enter(role->calls);
}

static int enter_mounter(const struct role *role, const char **ret_where)
{
	int r;

	(void)umask(022); /* the roots that it makes are entered by other accounts, whatever the station was started with */
	*ret_where = "namespaces";
	if (geteuid() == 0)
		r = namespaces_enter_privileged();
	else
		r = namespaces_enter(geteuid(), getegid(), false);
	if (r < 0)
		return r;
	*ret_where = "parent";
	r = bind_to_parent();
	if (r < 0)
		return r;
	*ret_where = "resource limits";
	r = set_limits(role);
	if (r < 0)
		return r;
	*ret_where = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	*ret_where = "seccomp";
	return seccomp_enter(role->calls);
}

/* What a stack of PAM may need (role.c). Only what the process has already can stay: lazaret-starter has fewer. */
#define LOGIN_CAPABILITIES                                                                                                       \
	(1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_CHOWN | 1ull << CAP_FOWNER | 1ull << CAP_SETUID |      \
	 1ull << CAP_SETGID)

static int keep_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	/* An ordinary user has none to drop, and may not change the bounding set; nor may who has no CAP_SETPCAP, but what the service
	 * manager has taken out of it is none left to drop. */
	for (unsigned int cap = 0; geteuid() == 0 && cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	return set_capabilities((data[0].permitted | (uint64_t)data[1].permitted << 32) & keep);
}

/* To read files of other owners and set up a loop device; to see the system's own network, mounts and processes it has no namespaces.
 * What it has not: writing (Landlock: to devices alone, and these are the unit's DeviceAllow=), programs, connections. */
#define SYSTEM_CAPABILITIES (1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_SYS_ADMIN)

static int enter_system(const struct role *role, const char **ret_where)
{
	int r;

	(void)umask(077);
	*ret_where = "resource limits";
	r = set_limits(role);
	if (r < 0)
		return r;
	*ret_where = "capabilities";
	r = keep_capabilities(SYSTEM_CAPABILITIES);
	if (r < 0)
		return r;
	*ret_where = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*ret_where = "Landlock";
	r = landlock_enter_system();
	if (r < 0)
		return r;
	*ret_where = "seccomp";
	return seccomp_enter(role->calls);
}

static int enter_login(const struct role *role, const char **ret_where)
{
	int r;

	(void)umask(077);
	*ret_where = "resource limits";
	r = set_limits(role);
	if (r < 0)
		return r;
	*ret_where = "capabilities";
	r = keep_capabilities(LOGIN_CAPABILITIES);
	if (r < 0)
		return r;
	*ret_where = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*ret_where = "seccomp";
	return seccomp_enter(role->calls);
}

/* The guard stays root, which owns the files that it writes, and has no capability: what an owner may is all that is left.
 * The monitor is an account that owns nothing; every id is mapped, since libudev takes only messages that come from root. */
static int enter_sysfs(const struct role *role, const char **ret_where)
{
	bool is_guard = role->privilege == PRIVILEGE_GUARD;
	uid_t uid = 0;
	gid_t gid = 0;
	int r = 0;

	(void)umask(022); /* its root is made by root, and entered by its account */
	*ret_where = "root (media are waited for by root only)";
	if (geteuid() != 0)
		return -EPERM;
	*ret_where = "account (create it with systemd-sysusers)";
	if (!is_guard)
		r = account_of(role, &uid, &gid);
	if (r < 0)
		return r;
	*ret_where = "private /sys";
	r = root_prepare_sysfs(is_guard);
	if (r < 0)
		return r;
	*ret_where = "namespaces";
	r = namespaces_enter(uid, gid, !is_guard);
	if (r < 0)
		return r;
	*ret_where = "account";
	r = become(uid, gid, true);
	if (r < 0)
		return r;
	*ret_where = "private root";
	r = root_enter_sysfs();
	return r < 0 ? r : confine(role, NULL, NULL, 0, NULL, ret_where);
}

static int enter_root(const struct role *role, const int *keep_fds, size_t keep_count, const struct sandbox_program *program,
		      struct program_trees *trees)
{
	if (program)
		return root_enter_program(program, trees);
	if (role->privilege == PRIVILEGE_MAP)
		return keep_count > 0 ? root_enter_mount(keep_fds[0]) : -EINVAL;
	return root_enter_empty(role->privilege == PRIVILEGE_NAMESPACE);
}

static int enter_with(const struct role *role, const int *keep_fds, size_t keep_count, const struct sandbox_program *program,
		      struct program_trees *trees, const char **ret_where)
{
	bool was_root = geteuid() == 0;
	uid_t uid;
	gid_t gid;
	int r;

	*ret_where = "account (create it with systemd-sysusers)";
	r = account_of(role, &uid, &gid);
	if (r < 0)
		return r;
	*ret_where = "namespaces";
	r = namespaces_enter(uid, gid, role->privilege == PRIVILEGE_READ);
	if (r < 0)
		return r;
	*ret_where = "files of the program";
	r = program ? program_open_trees(program, trees) : 0;
	if (r < 0)
		return r;
	*ret_where = "account";
	r = become(uid, gid, was_root);
	if (r < 0)
		return r;
	*ret_where = program ? "root of the program" : "empty root";
	r = enter_root(role, keep_fds, keep_count, program, trees);
	return r < 0 ? r : confine(role, NULL, keep_fds, keep_count, NULL, ret_where);
}

int sandbox_enter(enum role_id id, const int *keep_fds, size_t keep_count, const char **ret_where)
{
	const struct role *role = role_get(id);
	int r;

	*ret_where = "parent";
	r = note_parent();
	if (r < 0)
		return r;
	*ret_where = "descriptors";
	r = close_strays(keep_fds, keep_count);
	if (r < 0)
		return r;
	if (role->privilege == PRIVILEGE_MOUNT)
		return enter_mounter(role, ret_where);
	if (role->privilege == PRIVILEGE_LOGIN)
		return enter_login(role, ret_where);
	if (role->privilege == PRIVILEGE_SYSTEM)
		return enter_system(role, ret_where);
	if (is_sysfs(role))
		return enter_sysfs(role, ret_where);
	if (role->privilege == PRIVILEGE_PROGRAM || role->privilege == PRIVILEGE_NETWORK)
		return -EINVAL; /* sandbox_enter_program(), sandbox_enter_network() */
	return enter_with(role, keep_fds, keep_count, NULL, NULL, ret_where);
}

int sandbox_enter_program(enum role_id id, const struct sandbox_program *program, const char **ret_where)
{
	struct program_trees trees = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF };
	int r;

	*ret_where = "parent";
	r = note_parent();
	if (r < 0)
		return r;
	*ret_where = "descriptors";
	r = close_strays(&program->image_fd, 1);
	if (r == 0)
		r = enter_with(role_get(id), NULL, 0, program, &trees, ret_where);
	program_trees_done(&trees);
	return r;
}

static int enter_network(const struct role *role, const struct sandbox_network *n, int *socket_fd, const char **ret_where)
{
	bool was_root = geteuid() == 0;
	uid_t uid;
	gid_t gid;
	int r;

	*ret_where = "account (create it with systemd-sysusers)";
	r = account_of(role, &uid, &gid);
	if (r < 0)
		return r;
	*ret_where = "namespaces";
	r = n->socket_dir ? namespaces_enter(uid, gid, true) : namespaces_enter_networked(uid, gid);
	if (r < 0)
		return r;
	*ret_where = "directory of the socket";
	if (n->socket_dir) {
		*socket_fd = open_tree(AT_FDCWD, n->socket_dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (*socket_fd < 0)
			return -errno;
	}
	*ret_where = "account";
	r = become(uid, gid, was_root);
	if (r < 0)
		return r;
	*ret_where = "private root";
	r = root_enter_network(n, *socket_fd);
	return r < 0 ? r : confine(role, n, NULL, 0, NULL, ret_where);
}

int sandbox_enter_network(enum role_id id, const struct sandbox_network *n, const char **ret_where)
{
	_cleanup_close_ int socket_fd = -EBADF;
	int keep[KEEP_MAX];
	int r;

	*ret_where = "parent";
	r = note_parent();
	if (r < 0)
		return r;
	*ret_where = "descriptors";
	if (n->read_count + 1 > KEEP_MAX)
		return -E2BIG;
	if (n->read_count > 0)
		memcpy(keep, n->read_fds, n->read_count * sizeof(int));
	keep[n->read_count] = n->write_fd;
	r = close_strays(keep, n->read_count + 1);
	return r < 0 ? r : enter_network(role_get(id), n, &socket_fd, ret_where);
}

const char *sandbox_describe_network(bool is_tcp)
{
	return !is_tcp				     ? "no network, one Unix socket" :
	       landlock_abi() >= LANDLOCK_ABI_TCP ? "TCP to one port" :
						     "TCP to any port: this kernel cannot confine that (Landlock ABI 4, Linux 6.7)";
}

int sandbox_enter_worker(enum role_id id, uint64_t tmpfs_bytes, const int *keep_fds, size_t keep_count,
			 const char **ret_where)
{
	int r;

	death_signal = 0; /* its parent's; a worker's own stays, since nothing here changes who it is */
	*ret_where = "descriptors";
	r = close_strays(keep_fds, keep_count);
	if (r < 0)
		return r;
	*ret_where = "private tmpfs";
	r = root_mount_tmp(tmpfs_bytes);
	if (r < 0)
		return r;
	return confine(role_get(id), NULL, keep_fds, keep_count, "/tmp", ret_where);
}

int sandbox_enter_child(enum role_id id, const char **ret_where)
{
	int r;

	*ret_where = "descriptors";
	r = close_strays(NULL, 0);
	if (r < 0)
		return r;
	*ret_where = "limits"; /* its parent sends descriptors, and needs more of them */
	r = set_limits(role_get(id));
	if (r < 0)
		return r;
	*ret_where = "seccomp";
	return seccomp_enter(role_get(id)->calls);
}

const char *sandbox_describe(void)
{
	static char line[80];

	(void)snprintf(line, sizeof(line), "%s+namespaces+landlock%d+seccomp",
		       geteuid() == 0 ? "accounts" : "one-account", landlock_abi());
	return line;
}

/* The child reports errno as exit status and the layer through a pipe of static pointers: same address space
 * layout, since it is our fork. */
int sandbox_probe(const char **ret_where)
{
	int report[2];
	const char *where = "fork";
	int status;
	pid_t pid;

	*ret_where = where;
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close_p(&report[0]);
		close_p(&report[1]);
		return r;
	}
	if (pid == 0) {
		int r = sandbox_enter(ROLE_VAULT, &report[1], 1, &where);

		if (write(report[1], &where, sizeof(where)) != (ssize_t)sizeof(where))
			_exit(EIO);
		_exit(-r);
	}
	close_p(&report[1]);
	if (read(report[0], &where, sizeof(where)) == (ssize_t)sizeof(where))
		*ret_where = where;
	close_p(&report[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOSYS;
}
