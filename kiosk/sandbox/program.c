/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The root of a program that is not ours (a plug-in): its own directory and the libraries of the system, nothing else. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/fd.h"
#include "sandbox/layers.h"
#include "sandbox/sandbox.h"

#define IMAGE "image"
#define HARMLESS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID)

/* Written before the sandbox is complete, and the same in every child: seccomp.c lets execve(2) take its address. */
static char path[sizeof(SANDBOX_PROGRAM_DIR "/") + NAME_MAX];

const char *sandbox_program_path(void)
{
	return path;
}

static int open_one(const char *source, int *ret)
{
	*ret = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	return *ret < 0 ? -errno : 0;
}

int program_open_trees(const struct sandbox_program *p, struct program_trees *ret)
{
	char real[PATH_MAX];
	struct stat st;
	int r = open_one("/usr/lib", &ret->libraries);

	if (r == 0 && lstat("/usr/lib64", &st) == 0 && S_ISDIR(st.st_mode))
		r = open_one("/usr/lib64", &ret->libraries64);
	if (r == 0)
		r = open_one("/dev/null", &ret->null);
	if (r == 0)
		r = open_one(p->directory, &ret->directory);
	if (r == 0 && p->interpreter)
		r = realpath(p->interpreter, real) ? open_one(real, &ret->interpreter) : -errno;
	return r;
}

void program_trees_done(struct program_trees *t)
{
	int *const all[] = { &t->libraries, &t->libraries64, &t->null, &t->directory, &t->interpreter };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		close_p(all[i]);
}

static int attach(int mount_fd, const char *target, uint64_t attributes)
{
	struct mount_attr attr = { .attr_set = attributes };

	if (mount_setattr(mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ||
	    move_mount(mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int make_dirs(const char *const *names)
{
	for (; *names; names++)
		if (mkdir(*names, 0755) < 0)
			return -errno;
	return 0;
}

static int make_file(const char *name)
{
	_cleanup_close_ int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);

	return fd < 0 ? -errno : 0;
}

static int write_image(const struct sandbox_program *p)
{
	_cleanup_close_ int fd = open(IMAGE, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0555);

	if (fd < 0 || lseek(p->image_fd, 0, SEEK_SET) < 0)
		return -errno;
	return fd_copy(fd, p->image_fd, p->image_size);
}

/* Merged /usr, as in every Debian since 12. */
static int place_system(struct program_trees *t)
{
	static const char *const dirs[] = { "tmp", "dev", "usr", "usr/lib", "usr/lib64", "usr/bin", &SANDBOX_PROGRAM_DIR[1], NULL };
	int r = make_dirs(dirs);

	if (r == 0)
		r = attach(t->libraries, "usr/lib", HARMLESS | MOUNT_ATTR_NODEV);
	if (r == 0 && t->libraries64 >= 0)
		r = attach(t->libraries64, "usr/lib64", HARMLESS | MOUNT_ATTR_NODEV);
	if (r == 0 && (symlink("usr/lib", "lib") < 0 || symlink("usr/lib64", "lib64") < 0 || symlink("usr/bin", "bin") < 0))
		r = -errno;
	if (r == 0)
		r = make_file("dev/null");
	return r < 0 ? r : attach(t->null, "dev/null", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int place_interpreter(const struct sandbox_program *p, struct program_trees *t)
{
	char target[sizeof("usr/bin/") + NAME_MAX];
	int r;

	if (!p->interpreter)
		return 0;
	if ((size_t)snprintf(target, sizeof(target), "usr/bin/%s", strrchr(p->interpreter, '/') + 1) >= sizeof(target))
		return -ENAMETOOLONG;
	r = make_file(target);
	return r < 0 ? r : attach(t->interpreter, target, HARMLESS | MOUNT_ATTR_NODEV);
}

/* What was checked is what runs: a copy of it stands over the file of its name. */
static int place_program(const struct sandbox_program *p, struct program_trees *t)
{
	_cleanup_close_ int image = -EBADF;
	int r = attach(t->directory, &SANDBOX_PROGRAM_DIR[1], HARMLESS | MOUNT_ATTR_NODEV);

	if (r == 0)
		r = write_image(p);
	if (r < 0)
		return r;
	image = open_tree(AT_FDCWD, IMAGE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return image < 0 ? -errno : attach(image, path + 1, HARMLESS | MOUNT_ATTR_NODEV);
}

int root_enter_program(const struct sandbox_program *p, struct program_trees *t)
{
	char options[64];
	int r;

	if ((size_t)snprintf(path, sizeof(path), SANDBOX_PROGRAM_DIR "/%s", p->name) >= sizeof(path))
		return -ENAMETOOLONG;
	(void)snprintf(options, sizeof(options), "size=%lluk,nr_inodes=64,mode=0755", (unsigned long long)p->image_size / 1024 + 128);
	/* Mounted over /tmp only to have a place; it becomes the root at once (pivot_root(2), NOTES). */
	if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0 || chdir("/tmp") < 0)
		return -errno;
	r = place_system(t);
	if (r == 0)
		r = place_interpreter(p, t);
	if (r == 0)
		r = place_program(p, t);
	if (r < 0)
		return r;
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}
