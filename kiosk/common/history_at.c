/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* SQLite without paths, for roles whose root is empty.
 *
 * The unix VFS lets its system calls be replaced (sqlite3_vfs.xSetSystemCall, made for tests). Each takes the
 * last component beneath one directory: nothing else can be reached even if a path were wrong. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/history_sqlite.h"

static int base_fd = -EBADF;

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int at_open(const char *path, int flags, int mode)
{
	return openat(base_fd, base_name(path), flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int at_access(const char *path, int mode)
{
	struct stat st;

	/* mere readers may not call faccessat(), and ask for existence alone */
	return mode == F_OK ? fstatat(base_fd, base_name(path), &st, AT_SYMLINK_NOFOLLOW) :
			      faccessat(base_fd, base_name(path), mode, 0);
}

static int at_stat(const char *path, struct stat *st)
{
	return fstatat(base_fd, base_name(path), st, AT_SYMLINK_NOFOLLOW);
}

static int at_unlink(const char *path)
{
	return unlinkat(base_fd, base_name(path), 0);
}

static ssize_t at_readlink(const char *path, char *out, size_t size)
{
	errno = EINVAL; /* "not a symbolic link": those are never followed here */
	return -1;
}

static int at_open_directory(const char *path, int *ret_fd)
{
	*ret_fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? SQLITE_CANTOPEN : SQLITE_OK;
}

int sqlite_use_directory(int dir_fd)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr function;
	} calls[] = {
		{ "open", (sqlite3_syscall_ptr)at_open },
		{ "access", (sqlite3_syscall_ptr)at_access },
		{ "stat", (sqlite3_syscall_ptr)at_stat },
		{ "lstat", (sqlite3_syscall_ptr)at_stat },
		{ "unlink", (sqlite3_syscall_ptr)at_unlink },
		{ "readlink", (sqlite3_syscall_ptr)at_readlink },
		{ "openDirectory", (sqlite3_syscall_ptr)at_open_directory },
	};
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	if (!vfs || vfs->iVersion < 3)
		return -ENOSYS;
	base_fd = dir_fd;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (vfs->xSetSystemCall(vfs, calls[i].name, calls[i].function) != SQLITE_OK)
			return -ENOSYS;
	return 0;
}

int history_open_at(int dir_fd, struct history **ret)
{
	int r = sqlite_use_directory(dir_fd);

	return r < 0 ? r : history_open("/" HISTORY_FILE, ret);
}

int history_open_read_at(int dir_fd, struct history **ret)
{
	int r = sqlite_use_directory(dir_fd);

	return r < 0 ? r : history_open_read("/" HISTORY_FILE, ret);
}
