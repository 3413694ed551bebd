/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "share/push.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/log.h"
#include "verify/transfer.h"

#define BLOCK (1u << 20) /* bytes; a write of a network file system */
#define DEPTH_MAX 80	 /* NAME_DEPTH_MAX and what stands above a transfer's files */

struct copy {
	const struct push *p;
	uint8_t *here, *there; /* of BLOCK bytes each */
	enum push_outcome outcome; /* of what went wrong */
};

/* Whatever fails at the far end is an outage until the opposite is shown: it is tried again. */
static int away(struct copy *c, const char *what, const char *name, int error)
{
	log_error("%s: %s: %s %s: %s", c->p->directory, c->p->name, what, name, strerror(-error));
	c->outcome = PUSH_AWAY;
	return error;
}

static int broken(struct copy *c, const char *name, int error)
{
	log_error("staging: %s: %s: %s", c->p->name, name, strerror(-error));
	c->outcome = PUSH_BROKEN;
	return error;
}

static ssize_t read_some(int fd, uint8_t *data, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, data + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* -- one file -------------------------------------------------------------------------------------------- */
/* What an earlier try has written stays, as far as it is equal; from the first difference on it is written anew. */
static int copy_bytes(struct copy *c, int from_fd, int to_fd, const char *name)
{
	bool is_equal = true;
	off_t at = 0;

	for (;;) {
		ssize_t n = read_some(from_fd, c->here, BLOCK), m = 0;
		int r;

		if (n < 0)
			return broken(c, name, (int)n);
		if (is_equal) {
			m = read_some(to_fd, c->there, BLOCK);
			if (m < 0)
				return away(c, "reading back", name, (int)m);
			if (m == n && memcmp(c->here, c->there, (size_t)n) == 0) {
				if (n == 0)
					return 0;
				at += n;
				continue;
			}
			is_equal = false;
			if (ftruncate(to_fd, at) < 0 || lseek(to_fd, at, SEEK_SET) < 0)
				return away(c, "writing", name, -errno);
		}
		if (n == 0)
			return 0;
		r = fd_write_all(to_fd, c->here, (size_t)n);
		if (r < 0)
			return away(c, "writing", name, r);
		at += n;
	}
}

static int copy_file(struct copy *c, int from_dir_fd, int to_dir_fd, const char *name)
{
	_cleanup_close_ int from_fd = openat(from_dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), to_fd = -EBADF;
	struct stat st;
	int r;

	if (from_fd < 0)
		return broken(c, name, -errno);
	to_fd = openat(to_dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (to_fd < 0 || fstat(to_fd, &st) < 0)
		return away(c, "making", name, -errno);
	if (!S_ISREG(st.st_mode))
		return away(c, "making", name, -EEXIST);
	r = copy_bytes(c, from_fd, to_fd, name);
	if (r < 0)
		return r;
	if (fsync(to_fd) < 0)
		return away(c, "syncing", name, -errno);
	(void)posix_fadvise(to_fd, 0, 0, POSIX_FADV_DONTNEED); /* what is verified is to come from the far end, not from memory */
	return 0;
}

/* -- the tree -------------------------------------------------------------------------------------------- */
static int copy_dir(struct copy *c, int from_fd, int to_fd, unsigned int depth);

static int copy_entry(struct copy *c, int from_fd, int to_fd, const char *name, unsigned int depth)
{
	_cleanup_close_ int below_from_fd = -EBADF, below_to_fd = -EBADF;
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return broken(c, name, -errno);
	if (S_ISREG(st.st_mode))
		return copy_file(c, from_fd, to_fd, name);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return broken(c, name, -EINVAL); /* the publisher makes no such thing */
	below_from_fd = openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below_from_fd < 0)
		return broken(c, name, -errno);
	if (mkdirat(to_fd, name, 0755) < 0 && errno != EEXIST)
		return away(c, "making", name, -errno);
	below_to_fd = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below_to_fd < 0)
		return away(c, "opening", name, -errno);
	return copy_dir(c, below_from_fd, below_to_fd, depth + 1);
}

/* Network file systems that have no fsync(2) of directories say EINVAL: their server keeps the order. */
static int sync_dir(int fd)
{
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int copy_dir(struct copy *c, int from_fd, int to_fd, unsigned int depth)
{
	int list_fd = fcntl(from_fd, F_DUPFD_CLOEXEC, 3), r = 0;
	_cleanup_(closedir_p) DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		close_p(&list_fd);
		return broken(c, ".", r);
	}
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = copy_entry(c, from_fd, to_fd, entry->d_name, depth);
	if (r == 0 && errno)
		return broken(c, ".", -errno);
	if (r == 0) {
		r = sync_dir(to_fd);
		if (r < 0)
			return away(c, "syncing", "a directory", r);
	}
	return r;
}

/* -- the far copy ---------------------------------------------------------------------------------------- */
static bool exists(int far_fd, const char *name)
{
	return faccessat(far_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_same_file(int from_fd, int to_fd, const char *name)
{
	_cleanup_free_ char *a = NULL, *b = NULL;
	size_t a_size = 0, b_size = 1;

	return file_read(from_fd, name, UINT32_MAX, &a, &a_size) == 0 && file_read(to_fd, name, UINT32_MAX, &b, &b_size) == 0 && a_size == b_size &&
	       memcmp(a, b, a_size) == 0;
}

/* Is what is there by that name all of this transfer, and signed by this station? Not another transfer of ours, either. */
static bool is_whole(const struct push *p, int from_fd, int far_fd, const char *name)
{
	_cleanup_close_ int to_fd = openat(far_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (to_fd < 0 || !is_same_file(from_fd, to_fd, "manifest.json") || !is_same_file(from_fd, to_fd, "manifest.json.minisig")) {
		log_error("%s: %s: its manifest is not the one that was copied", p->directory, name);
		return false;
	}
	return transfer_verify(name, p->key, 1); /* beneath the working directory, which is the far one */
}

static enum push_outcome make_visible(const struct push *p, int far_fd, const char *hidden)
{
	int r = p->may_rename(p->context);

	if (r < 0)
		return PUSH_BROKEN; /* told there */
	if (renameat2(far_fd, hidden, far_fd, p->name, RENAME_NOREPLACE) < 0) {
		/* not every network file system has it; a directory that is not empty is never replaced (rename(2)) */
		if ((errno != EINVAL && errno != ENOSYS) || renameat(far_fd, hidden, far_fd, p->name) < 0) {
			log_error("%s: %s: cannot be renamed: %s", p->directory, p->name, strerror(errno));
			return errno == EEXIST || errno == ENOTEMPTY ? PUSH_BAD : PUSH_AWAY;
		}
	}
	r = sync_dir(far_fd);
	if (r < 0) { /* the next try finds it there, or not */
		log_error("%s: cannot be synced: %s", p->directory, strerror(-r));
		return PUSH_AWAY;
	}
	return PUSH_DONE;
}

static enum push_outcome copy_and_check(const struct push *p, int from_fd, int far_fd, const char *hidden)
{
	_cleanup_free_ uint8_t *here = malloc(BLOCK), *there = malloc(BLOCK);
	struct copy c = { .p = p, .here = here, .there = there, .outcome = PUSH_BROKEN };
	_cleanup_close_ int to_fd = -EBADF;
	int r;

	if (!here || !there)
		return PUSH_BROKEN;
	if ((mkdirat(far_fd, hidden, 0755) < 0 && errno != EEXIST) ||
	    (to_fd = openat(far_fd, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
		(void)away(&c, "making", hidden, -errno);
		return PUSH_AWAY;
	}
	if (copy_dir(&c, from_fd, to_fd, 0) < 0)
		return c.outcome;
	if (is_whole(p, from_fd, far_fd, hidden))
		return make_visible(p, far_fd, hidden);
	r = dir_remove_tree(far_fd, hidden);
	if (r < 0)
		log_warning("%s: %s: cannot be removed: %s", p->directory, hidden, strerror(-r));
	return PUSH_BAD;
}

enum push_outcome push_transfer(const struct push *p)
{
	_cleanup_close_ int from_fd = openat(p->staging_fd, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int far_fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char hidden[NAME_MAX + 1];

	if (from_fd < 0 || snprintf(hidden, sizeof(hidden), PUSH_HIDDEN "%s", p->name) >= (int)sizeof(hidden)) {
		log_error("staging: %s: %s", p->name, from_fd < 0 ? strerror(errno) : "its name is too long");
		return PUSH_BROKEN;
	}
	if (far_fd < 0 || fchdir(far_fd) < 0) {
		log_error("%s: %s", p->directory, strerror(errno));
		return PUSH_AWAY;
	}
	if (!exists(far_fd, PUSH_MARKER)) {
		log_error("%s: has no file " PUSH_MARKER ": nothing is mounted there, or it was not made ready (docs/share.md)", p->directory);
		return PUSH_AWAY;
	}
	if (exists(far_fd, p->name)) /* renamed, and this end could not take note of it any more; or it is another's */
		return is_whole(p, from_fd, far_fd, p->name) ? PUSH_DONE : PUSH_BAD;
	if (p->was_renaming && !exists(far_fd, hidden))
		return PUSH_TAKEN;
	return copy_and_check(p, from_fd, far_fd, hidden);
}
