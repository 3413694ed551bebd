/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"

struct archive_out {
	char *path, *name, *hidden; /* name, hidden: in parent_fd */
	int parent_fd;
	int fd;	     /* the archive's file, or the hidden directory */
	int file_fd; /* the file under way in a directory */
	struct archive *tar; /* NULL: a directory */
	uint64_t left;	     /* bytes of the file under way */
	int64_t time_s;
	bool is_published, is_told;
};

static int tell(struct archive_out *o, int error)
{
	if (!o->is_told)
		log_error("%s: %s: nothing was exported", o->path, error == -ENOSPC ? "there is no room left" : strerror(-error));
	o->is_told = true;
	return error;
}

static int tar_error(struct archive_out *o)
{
	int error = archive_errno(o->tar);

	return tell(o, error > 0 ? -error : -EIO);
}

/* -- beginning and end ----------------------------------------------------------------------------------------------- */

static int split(struct archive_out *o, const char *path)
{
	const char *slash;
	size_t size = strlen(path);
	_cleanup_free_ char *dir = NULL;

	while (size > 1 && path[size - 1] == '/')
		size--;
	o->path = strndup(path, size);
	if (!o->path)
		return -ENOMEM;
	slash = strrchr(o->path, '/');
	o->name = strdup(slash ? slash + 1 : o->path);
	dir = slash ? strndup(o->path, slash == o->path ? 1 : (size_t)(slash - o->path)) : strdup(".");
	if (!o->name || !dir || asprintf(&o->hidden, ".%s.part", o->name) < 0)
		return -ENOMEM;
	if (!o->name[0] || strcmp(o->name, ".") == 0 || strcmp(o->name, "..") == 0 || strlen(o->hidden) > NAME_MAX)
		return -EINVAL;
	o->parent_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return o->parent_fd < 0 ? -errno : 0;
}

/* What an interrupted attempt left, or ours: a file or a directory. */
static int remove_hidden(struct archive_out *o)
{
	int r = dir_remove_tree(o->parent_fd, o->hidden);

	if (r == -ENOTDIR || r == -ELOOP)
		r = unlinkat(o->parent_fd, o->hidden, 0) < 0 ? -errno : 0;
	return r;
}

static int begin_tar(struct archive_out *o)
{
	o->fd = openat(o->parent_fd, o->hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (o->fd < 0)
		return -errno;
	o->tar = archive_write_new();
	if (!o->tar)
		return -ENOMEM;
	if (archive_write_set_format_ustar(o->tar) != ARCHIVE_OK || archive_write_add_filter_none(o->tar) != ARCHIVE_OK ||
	    archive_write_open_fd(o->tar, o->fd) != ARCHIVE_OK)
		return -EIO;
	return 0;
}

static int begin(struct archive_out *o, const char *path)
{
	struct stat st;
	int r = split(o, path);

	if (r < 0)
		return r;
	if (fstatat(o->parent_fd, o->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	r = remove_hidden(o);
	if (r < 0)
		return r;
	if (strlen(o->name) > 4 && strcmp(o->name + strlen(o->name) - 4, ".tar") == 0)
		return begin_tar(o);
	if (mkdirat(o->parent_fd, o->hidden, 0700) < 0)
		return -errno;
	o->fd = openat(o->parent_fd, o->hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return o->fd < 0 ? -errno : 0;
}

int archive_out_new(const char *path, struct archive_out **ret)
{
	_cleanup_(archive_out_freep) struct archive_out *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->parent_fd = o->fd = o->file_fd = -EBADF;
	o->time_s = time(NULL);
	r = begin(o, path);
	if (r < 0) {
		log_error("%s: %s", path, r == -EEXIST ? "something of this name is there already" : strerror(-r));
		o->is_published = r == -EEXIST; /* not ours */
		return r;
	}
	*ret = TAKE_PTR(o);
	return 0;
}

struct archive_out *archive_out_free(struct archive_out *o)
{
	if (!o)
		return NULL;
	if (o->tar)
		(void)archive_write_free(o->tar); /* what it could not write is thrown away */
	close_p(&o->file_fd);
	close_p(&o->fd);
	if (!o->is_published && o->parent_fd >= 0 && o->hidden)
		if (remove_hidden(o) < 0)
			log_warning("%s: what was written of it could not be removed: %s", o->path, o->hidden);
	close_p(&o->parent_fd);
	free(o->path);
	free(o->name);
	free(o->hidden);
	free(o);
	return NULL;
}

/* -- files ----------------------------------------------------------------------------------------------------------- */

static int begin_entry(struct archive_out *o, const char *name, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (!entry)
		return -ENOMEM;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (int64_t)size);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, o->time_s, 0);
	r = archive_write_header(o->tar, entry) == ARCHIVE_OK ? 0 : tar_error(o);
	archive_entry_free(entry);
	return r;
}

static int begin_file(struct archive_out *o, const char *name)
{
	const char *slash = strchr(name, '/');
	_cleanup_free_ char *dir = slash ? strndup(name, (size_t)(slash - name)) : NULL;

	if (slash && !dir)
		return -ENOMEM;
	if (dir && mkdirat(o->fd, dir, 0700) < 0 && errno != EEXIST)
		return tell(o, -errno);
	o->file_fd = openat(o->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return o->file_fd < 0 ? tell(o, -errno) : 0;
}

int archive_out_begin(struct archive_out *o, const char *name, uint64_t size)
{
	o->left = size;
	return o->tar ? begin_entry(o, name, size) : begin_file(o, name);
}

int archive_out_data(struct archive_out *o, const void *data, size_t size)
{
	int r;

	if (size > o->left)
		return tell(o, -EFBIG);
	o->left -= size;
	if (o->tar)
		return archive_write_data(o->tar, data, size) == (la_ssize_t)size ? 0 : tar_error(o);
	r = fd_write_all(o->file_fd, data, size);
	return r < 0 ? tell(o, r) : 0;
}

int archive_out_end(struct archive_out *o)
{
	int r = 0;

	if (o->left > 0)
		return tell(o, -ENODATA);
	if (o->tar)
		return archive_write_finish_entry(o->tar) == ARCHIVE_OK ? 0 : tar_error(o);
	if (fchmod(o->file_fd, 0644) < 0 && errno != EPERM && errno != EOPNOTSUPP) /* FAT has no modes */
		r = -errno;
	if (r == 0 && fsync(o->file_fd) < 0)
		r = -errno;
	close_p(&o->file_fd);
	return r < 0 ? tell(o, r) : 0;
}

static int sync_directories(struct archive_out *o)
{
	_cleanup_close_ int reports_fd = openat(o->fd, "reports", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (reports_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fchmod(reports_fd, 0755) < 0 && errno != EPERM && errno != EOPNOTSUPP)
		return -errno;
	return fsync(reports_fd) < 0 ? -errno : 0;
}

int archive_out_finish(struct archive_out *o)
{
	int r = 0;

	if (o->tar && archive_write_close(o->tar) != ARCHIVE_OK)
		return tar_error(o);
	if (!o->tar)
		r = sync_directories(o);
	if (r == 0 && fchmod(o->fd, o->tar ? 0644 : 0755) < 0 && errno != EPERM && errno != EOPNOTSUPP)
		r = -errno;
	if (r == 0 && fsync(o->fd) < 0)
		r = -errno;
	return r < 0 ? tell(o, r) : 0;
}

int archive_out_publish(struct archive_out *o)
{
	struct stat st;
	int r = 0;

	if (renameat2(o->parent_fd, o->hidden, o->parent_fd, o->name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == -EINVAL || r == -ENOSYS) { /* a file system without that flag */
		r = fstatat(o->parent_fd, o->name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? -EEXIST : 0;
		if (r == 0 && renameat(o->parent_fd, o->hidden, o->parent_fd, o->name) < 0)
			r = -errno;
	}
	o->is_published = r == 0;
	if (r == 0 && fsync(o->parent_fd) < 0)
		r = -errno;
	return r < 0 ? tell(o, r) : 0;
}
