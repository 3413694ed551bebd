/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/explain_stage.h"

#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/evidence_name.h"
#include "common/fd.h"

struct stage {
	int dir_fd;
	uint64_t bytes, files;
	char *path; /* of the file, once it has been met */
};

static int copy(int dir_fd, const char *name, int src)
{
	_cleanup_close_ int dst = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (dst < 0 || fstat(src, &st) < 0)
		return -errno;
	return fd_copy(dst, src, (uint64_t)st.st_size);
}

/* "a/b/c" into the directories a and b, which are made. */
static int copy_to(int dir_fd, const char *path, int src)
{
	_cleanup_free_ char *parts = strdup(path);
	_cleanup_close_ int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	char *at = parts, *slash;

	if (!parts || fd < 0)
		return parts ? -errno : -ENOMEM;
	while ((slash = strchr(at, '/'))) {
		int next, r;

		*slash = '\0';
		r = dir_open_make(fd, at, 0700, &next);
		if (r < 0)
			return r;
		close_p(&fd);
		fd = next;
		at = slash + 1;
	}
	return copy(fd, at, src);
}

static int stage_one(struct stage *s, const char *path, const char *beneath)
{
	_cleanup_close_ int src = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (src < 0 || fstat(src, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? copy_to(s->dir_fd, beneath, src) : -EINVAL;
}

static int stage_evidence(struct stage *s, const FTSENT *f, const char *beneath)
{
	s->files++;
	s->bytes += (uint64_t)f->fts_statp->st_size;
	if (s->files > EXPLAIN_EVIDENCE_MAX || s->bytes > EXPLAIN_BYTES_MAX)
		return -EFBIG;
	return stage_one(s, f->fts_accpath, beneath);
}

/* 0, or what went wrong with `*ret_what`. */
static int walk(struct stage *s, FTS *fts, size_t root_len, bool is_deep, const char *file, char **ret_what)
{
	FTSENT *f;

	while ((errno = 0, f = fts_read(fts))) {
		const char *beneath = f->fts_path + root_len + strspn(f->fts_path + root_len, "/");
		int r = 0;

		if (f->fts_info == FTS_D && f->fts_level > 0 && !is_deep)
			(void)fts_set(fts, f, FTS_SKIP); /* cannot fail for this instruction */
		if (f->fts_info != FTS_F)
			continue;
		if (strcmp(f->fts_path, file) == 0) {
			s->path = strdup(beneath);
			r = s->path ? stage_one(s, f->fts_accpath, beneath) : -ENOMEM;
		} else if (evidence_name_promises(beneath)) {
			r = stage_evidence(s, f, beneath);
		}
		if (r < 0) {
			*ret_what = strdup(f->fts_path);
			return r;
		}
	}
	return -errno;
}

int explain_stage(int dir_fd, const char *file, const char *root, char **ret_what)
{
	_cleanup_free_ char *real = realpath(file, NULL), *real_root = NULL;
	struct stage s = { .dir_fd = dir_fd };
	char *paths[2] = { NULL };
	struct stat st;
	FTS *fts;
	int r;

	*ret_what = NULL;
	if (!real || stat(real, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	real_root = root ? realpath(root, NULL) : strndup(real, (size_t)(strrchr(real, '/') - real) + (strrchr(real, '/') == real));
	if (!real_root) {
		*ret_what = root ? strdup(root) : NULL;
		return root ? -errno : -ENOMEM;
	}
	paths[0] = real_root;
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!fts)
		return -errno;
	r = walk(&s, fts, strlen(real_root), root != NULL, real, ret_what);
	(void)fts_close(fts); /* read only */
	if (r == 0 && s.path)
		*ret_what = s.path;
	else
		free(s.path);
	return r == 0 && !*ret_what ? -EINVAL : r;
}
