/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The root of a driver. Runs in a child of intake that still has its privileges, before the driver is started. */
#include "intake/jail.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/fd.h"

#define ROOT_OPTIONS "size=64k,nr_inodes=64,mode=0755"

/* Place `mount_fd` (detached) at `target` beneath the working directory. */
static int attach(int mount_fd, const char *target, uint64_t attributes)
{
	struct mount_attr attr = { .attr_set = attributes };

	if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int bind_at(const char *source, const char *target, uint64_t attributes)
{
	_cleanup_close_ int fd = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? -errno : attach(fd, target, attributes | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
}

static int make_dirs(const char *path)
{
	char part[PATH_MAX];

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (char *p = part; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);

	return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int make_file(const char *path)
{
	return make_text(path, "");
}

static int bind_file(const char *source, const char *target, uint64_t attributes)
{
	int r = make_file(target);

	return r < 0 ? r : bind_at(source, target, attributes);
}

/* The directory of the C library that this very process uses: /usr/lib/x86_64-linux-gnu on amd64. Debian keeps the
 * drivers' other libraries beside it. */
static int library_dir(char ret[static PATH_MAX])
{
	Dl_info info;
	char *slash;

	if (!dladdr((void *)(uintptr_t)&getenv, &info) || !info.dli_fname || !realpath(info.dli_fname, ret))
		return -ENOENT;
	slash = strrchr(ret, '/');
	if (!slash || slash == ret || strncmp(ret, "/usr/lib", 8) != 0)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

/* Merged /usr, as in every Debian since 12: /bin, /lib, /lib64 are links into it; the loader's path leads through one
 * of them. */
static int place_libraries(void)
{
	char dir[PATH_MAX];
	int r = library_dir(dir);

	if (r == 0)
		r = make_dirs(dir + 1);
	if (r == 0)
		r = bind_at(dir, dir + 1, MOUNT_ATTR_NODEV);
	if (r == 0 && access("/usr/lib64", F_OK) == 0) {
		r = make_dirs("usr/lib64");
		if (r == 0)
			r = bind_at("/usr/lib64", "usr/lib64", MOUNT_ATTR_NODEV);
	}
	if (r == 0 && (symlink("usr/lib", "lib") < 0 || symlink("usr/lib64", "lib64") < 0))
		r = -errno;
	return r;
}

static int place_program(const char *program)
{
	int r = make_dirs("usr/bin");

	if (r == 0)
		r = make_dirs("usr/sbin");
	return r < 0 ? r : bind_file(program, program + 1, MOUNT_ATTR_NODEV);
}

/* libfuse wants to see a device at /dev/fuse; the open that follows is answered by intake (jail_hand_over). */
static int place_devices(void)
{
	int r = make_dirs("dev");

	if (r == 0)
		r = bind_file("/dev/null", "dev/null", MOUNT_ATTR_NOEXEC);
	return r < 0 ? r : bind_file("/dev/null", "dev/fuse", MOUNT_ATTR_NOEXEC);
}

static int place_window(int window_fd)
{
	int r = make_file(&JAIL_VOLUME[1]);

	if (r == 0)
		r = attach(window_fd, &JAIL_VOLUME[1],
			   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return r;
}

/* ntfs-3g checks that a user may write to the mount point: a tmpfs without room for a single file. It also wants to
 * know whether the kernel has FUSE, what is mounted, and the user's name. */
static int place_formalities(uid_t uid)
{
	char passwd[64];
	int r = make_dirs(&JAIL_MOUNTPOINT[1]);

	if (r == 0 && mount("none", &JAIL_MOUNTPOINT[1], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			    "size=4k,nr_inodes=1,mode=0777") < 0)
		r = -errno;
	if (r == 0)
		r = make_dirs("proc");
	if (r == 0)
		r = make_text("proc/filesystems", "nodev\tfuse\n");
	if (r == 0)
		r = make_dirs("etc");
	if (r == 0)
		r = make_file("etc/mtab");
	(void)snprintf(passwd, sizeof(passwd), "driver:x:%u:%u::/:/\n", uid, uid);
	return r < 0 ? r : make_text("etc/passwd", passwd);
}

/* Mounted over /tmp only to have a place; it becomes the root at once (pivot_root(2), NOTES). */
static int enter_root(void)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

int jail_build(const char *program, int window_fd, uid_t uid, const char **ret_where)
{
	int r;

	*ret_where = "driver's root";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, ROOT_OPTIONS) < 0 || chdir("/tmp") < 0)
		return -errno;
	*ret_where = "driver's libraries";
	r = place_libraries();
	if (r < 0)
		return r;
	*ret_where = "driver's program";
	r = place_program(program);
	if (r < 0)
		return r;
	*ret_where = "driver's /dev";
	r = place_devices();
	if (r < 0)
		return r;
	*ret_where = "driver's window";
	r = place_window(window_fd);
	if (r == 0)
		r = place_formalities(uid);
	if (r < 0)
		return r;
	*ret_where = "driver's root";
	return enter_root();
}
