/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/scratch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/fd.h"

#define MAKE_TRIES 16 /* a cleaner would have to come in between each time */

static int open_directory(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_still_there(int dir_fd, const char *name, int fd)
{
	struct stat st, named;

	return fstat(fd, &st) == 0 && fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == st.st_ino &&
	       named.st_dev == st.st_dev;
}

/* Whoever cleans may come between making and locking and take it for abandoned: then once more. */
int scratch_make(int dir_fd, const char *name, int *ret_fd)
{
	for (unsigned int i = 0; i < MAKE_TRIES; i++) {
		_cleanup_close_ int fd = -EBADF;

		if (mkdirat(dir_fd, name, 0700) < 0)
			return -errno;
		fd = open_directory(dir_fd, name);
		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (fd >= 0 && flock(fd, LOCK_EX) < 0)
			return -errno;
		if (fd >= 0 && is_still_there(dir_fd, name, fd)) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
	}
	return -EAGAIN;
}

/* 1: nobody held its lock, and it is gone. The lock is kept until then: whoever made it a moment ago waits for it, and
 * sees that the directory is no longer there. */
static int remove_abandoned(int dir_fd, const char *name)
{
	_cleanup_close_ int fd = open_directory(dir_fd, name);
	int r;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	r = dir_remove_tree(dir_fd, name);
	return r < 0 ? r : 1;
}

int scratch_clean(int dir_fd, const char *prefix)
{
	int fd = open_directory(dir_fd, ".");
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return fd < 0 ? fd : -errno;
	while ((errno = 0, entry = readdir(dir))) {
		int r;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		r = remove_abandoned(dir_fd, entry->d_name);
		if (r < 0)
			return r;
		count += r;
	}
	return errno ? -errno : count;
}
