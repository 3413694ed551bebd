/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Namespaces and the empty root.
 *
 * Every role but a privileged intake gets a user namespace of its own, also when the station was started by root:
 * what a role keeps (CAP_SYS_ADMIN for the examiners' parent) is then worth nothing outside. Only the role's own
 * account is mapped.
 */
#include "sandbox/layers.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/fd.h"

#define OTHER_NAMESPACES                                                                           \
	(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

#define EMPTY_ROOT_OPTIONS "size=64k,nr_inodes=16,mode=0755"

static int write_proc(pid_t pid, const char *name, const char *text, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_write_all(fd, text, size);
}

static int write_map(pid_t pid, const char *name, unsigned int id, bool maps_all)
{
	char map[64];
	int n = maps_all ? snprintf(map, sizeof(map), "0 0 4294967295\n") : snprintf(map, sizeof(map), "%u %u 1\n", id, id);

	return write_proc(pid, name, map, (size_t)n);
}

static int write_maps(pid_t pid, uid_t uid, gid_t gid, bool is_root, bool maps_all)
{
	/* An unprivileged process may map its group only after giving up setgroups (user_namespaces(7)). */
	int r = is_root ? 0 : write_proc(pid, "setgroups", "deny", 4);

	if (r == 0)
		r = write_map(pid, "gid_map", gid, is_root && maps_all);
	return r == 0 ? write_map(pid, "uid_map", uid, is_root && maps_all) : r;
}

/* Root maps an account that is not its own: that takes CAP_SETUID in the parent namespace, hence a helper that
 * stays there. It waits for one byte, writes the maps, and answers with an errno (not by its exit status: a role may
 * ignore SIGCHLD). The other end must not stay open here: a parent that gives up (user namespaces refused) closes it, and
 * that is how the helper learns to end. */
static pid_t start_map_helper(uid_t uid, gid_t gid, bool maps_all, int parent_fd, int fd)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	uint8_t byte;

	if (pid != 0)
		return pid;
	close_p(&parent_fd);
	if (fd_read_exact(fd, &byte, 1) < 0)
		_exit(EXIT_FAILURE);
	byte = (uint8_t)-write_maps(parent, uid, gid, true, maps_all);
	_exit(fd_write_all(fd, &byte, 1) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int user_namespace_as_root(uid_t uid, gid_t gid, bool maps_all, int others)
{
	int pair[2];
	pid_t helper;
	uint8_t byte = 0;
	int r = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	helper = start_map_helper(uid, gid, maps_all, pair[0], pair[1]);
	close_p(&pair[1]);
	if (helper < 0 || unshare(CLONE_NEWUSER | others) < 0)
		r = -errno;
	if (r == 0)
		r = fd_write_all(pair[0], &byte, 1);
	if (r == 0)
		r = fd_read_exact(pair[0], &byte, 1);
	close_p(&pair[0]);
	if (helper > 0)
		while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
			;
	return r < 0 ? r : -(int)byte;
}

static int enter(uid_t uid, gid_t gid, bool maps_all, int others)
{
	int r;

	if (geteuid() == 0) {
		r = user_namespace_as_root(uid, gid, maps_all, others);
	} else {
		r = unshare(CLONE_NEWUSER | others) < 0 ? -errno : 0;
		if (r == 0)
			r = write_maps(getpid(), uid, gid, false, false);
	}
	if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		r = -errno;
	return r;
}

int namespaces_enter(uid_t uid, gid_t gid, bool maps_all)
{
	return enter(uid, gid, maps_all, OTHER_NAMESPACES);
}

int namespaces_enter_networked(uid_t uid, gid_t gid)
{
	return enter(uid, gid, true, OTHER_NAMESPACES & ~CLONE_NEWNET);
}

int namespaces_enter_privileged(void)
{
	if (unshare(OTHER_NAMESPACES) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

int root_enter_empty(bool has_tmp)
{
	/* Mounted over /tmp only to have a place; it becomes the root at once (pivot_root(2), NOTES). */
	if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, EMPTY_ROOT_OPTIONS) < 0 ||
	    chdir("/tmp") < 0 || (has_tmp && mkdir("tmp", 0700) < 0) ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

#define HARMLESS_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* `from` alone, without what is mounted beneath it (/sys/fs/cgroup, /sys/kernel/debug). */
static int bind_at(const char *from, const char *to, bool writes)
{
	if (mount(from, to, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | HARMLESS_FLAGS | (writes ? 0 : MS_RDONLY), NULL) < 0)
		return -errno;
	return 0;
}

/* The order is what the kernel lets one do. In a mount namespace that a user namespace owns, /sys is locked together
 * with what is mounted beneath it (mount_namespaces(7)): it could be bound only with all of that. So the new root is
 * made before there is a user namespace. Only there the role goes into it, since the helper that maps accounts needs /proc. */
int root_prepare_sysfs(bool writes)
{
	int r;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", HARMLESS_FLAGS, EMPTY_ROOT_OPTIONS) < 0 || mkdir("/tmp/sys", 0755) < 0)
		return -errno;
	r = bind_at("/sys", "/tmp/sys", writes);
	if (r < 0 || writes || access("/run/udev", F_OK) < 0) /* no udevd: nothing to be known from it */
		return r;
	if (mkdir("/tmp/run", 0755) < 0 || mkdir("/tmp/run/udev", 0755) < 0)
		return -errno;
	return bind_at("/run/udev", "/tmp/run/udev", false);
}

int root_enter_sysfs(void)
{
	/* Bound onto itself: what came with the namespace is locked and cannot become the root, a copy of it can. */
	if (mount("/tmp", "/tmp", NULL, MS_BIND | MS_REC, NULL) < 0 || chdir("/tmp") < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | HARMLESS_FLAGS, NULL) < 0)
		return -errno;
	return 0;
}

int root_enter_mount(int mount_fd)
{
	if (move_mount(mount_fd, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) < 0 || chdir("/tmp") < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int root_mount_tmp(unsigned long long size_bytes)
{
	char options[64];

	(void)snprintf(options, sizeof(options), "size=%llu,mode=0700", size_bytes);
	if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 || chdir("/tmp") < 0)
		return -errno;
	return 0;
}
