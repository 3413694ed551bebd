/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COPY_STEP (64u << 20) /* bytes a call, so that a signal is answered in between */
#define COPY_BLOCK (1u << 18)
#define KEEP_MAX 32

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* POSIX leaves it open; never spin on it */
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_read_exact(int fd, void *data, size_t size)
{
	char *p = data;

	while (size > 0) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

FILE *fd_stream(int fd, const char *mode)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = copy < 0 ? NULL : fdopen(copy, mode);

	if (!f && copy >= 0) {
		int error = errno;

		close_p(&copy);
		errno = error;
	}
	return f;
}

int file_read(int dir_fd, const char *path, size_t limit, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t size = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if ((uint64_t)st.st_size > limit)
		return -EFBIG;
	data = malloc((size_t)st.st_size + 2); /* one more than announced, to notice growth */
	if (!data)
		return -ENOMEM;
	while (size <= (size_t)st.st_size) {
		ssize_t n = read(fd, data + size, (size_t)st.st_size + 1 - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > (size_t)st.st_size)
		return -EFBIG; /* it grew while it was read */
	data[size] = '\0';
	if (ret_size)
		*ret_size = size;
	*ret = TAKE_PTR(data);
	return 0;
}

static int write_temporary(int dir_fd, const char *name, const void *data, size_t size, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, size);
	if (r < 0)
		return r;
	return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	int n = snprintf(temporary, sizeof(temporary), ".%s.new", name);
	int r;

	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_temporary(dir_fd, temporary, data, size, mode);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0); /* best effort: the old file is untouched */
		return r;
	}
	return fsync(dir_fd) < 0 ? -errno : 0;
}

static int copy_plain(int dst_fd, int src_fd, uint64_t at, uint64_t size)
{
	_cleanup_free_ char *block = malloc(COPY_BLOCK);

	if (!block)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(src_fd, block, MIN(size - at, (uint64_t)COPY_BLOCK), (off_t)at);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		r = fd_write_all(dst_fd, block, (size_t)n);
		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
	return 0;
}

int fd_copy(int dst_fd, int src_fd, uint64_t size)
{
	uint64_t at = 0;

	while (at < size) {
		off64_t in = (off64_t)at, out = (off64_t)at;
		ssize_t n = copy_file_range(src_fd, &in, dst_fd, &out, MIN(size - at, (uint64_t)COPY_STEP), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* other file systems, old kernels: the plain way finds out what is wrong */
			break;
		at += (uint64_t)n;
	}
	if (lseek(dst_fd, (off_t)at, SEEK_SET) < 0)
		return -errno;
	return copy_plain(dst_fd, src_fd, at, size);
}

int dir_open_make(int dir_fd, const char *name, mode_t mode, int *ret_fd)
{
	int fd;

	if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int remove_entries(int fd, dev_t device);

static int remove_entry(int dir_fd, const char *name, dev_t device)
{
	struct stat st;
	int fd, r;

	if (unlinkat(dir_fd, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && st.st_dev != device)
		r = -EXDEV;
	if (r < 0) {
		close_p(&fd);
		return r;
	}
	(void)fchmod(fd, 0700); /* published trees are read-only; failure shows below */
	r = remove_entries(fd, device);
	return r == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : r;
}

/* Takes `fd`. Depth is bounded by what we created ourselves (NAME_DEPTH_MAX), so that recursion is; one descriptor a
 * level, which a role's limit has room for. */
static int remove_entries(int fd, dev_t device)
{
	_cleanup_(closedir_p) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		int r = -errno;

		close_p(&fd);
		return r;
	}
	while ((errno = 0, entry = readdir(dir))) {
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = remove_entry(dirfd(dir), entry->d_name, device);
		if (r < 0)
			return r;
	}
	return -errno;
}

int dir_remove_tree(int dir_fd, const char *name)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	(void)fchmod(fd, 0700); /* as above */
	r = remove_entries(TAKE_FD(fd), st.st_dev);
	if (r < 0)
		return r;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int fd_close_others(int first, const int *keep_fds, size_t keep_count)
{
	int keep[KEEP_MAX];
	unsigned int next = (unsigned int)first;

	if (keep_count > KEEP_MAX)
		return -E2BIG;
	if (keep_count > 0)
		memcpy(keep, keep_fds, keep_count * sizeof(int));
	qsort(keep, keep_count, sizeof(int), compare_int);
	for (size_t i = 0; i < keep_count; i++) {
		if (keep[i] < (int)next) /* below `first`, or named twice */
			continue;
		if ((unsigned int)keep[i] > next && close_range(next, (unsigned int)keep[i] - 1, 0) < 0)
			return -errno;
		next = (unsigned int)keep[i] + 1;
	}
	return close_range(next, ~0u, 0) < 0 ? -errno : 0;
}

int fd_connect(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		if (errno != EINTR)
			return -errno;
	return TAKE_FD(fd);
}
