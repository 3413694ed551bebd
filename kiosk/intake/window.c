/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The window's server: libfuse3, single-threaded, in the sandbox of ROLE_DRIVER with two descriptors: the source (opened
 * read-only by the supervisor) and /dev/fuse. There is no code here that writes to the source, and none that can be
 * reached parses what is on it: a write is impossible for want of an operation, of a descriptor and of a mount option.
 */
#include "intake/window.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "intake/fusefd.h"
#include "intake/fuseserve.h"
#include "intake/source.h"
#include "sandbox/sandbox.h"

struct window {
	struct source source;
	int server_fd;
	char buffer[FUSEFD_READ_MAX];
};

static void window_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct window *w = fuse_req_userdata(req);
	struct stat st = {
		.st_ino = FUSE_ROOT_ID,
		.st_mode = S_IFREG | 0444,
		.st_nlink = 1,
		.st_size = (off_t)w->source.size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)(w->source.size / 512),
	};

	(void)fuse_reply_attr(req, &st, FUSESERVE_CACHE_SECONDS); /* fails only when the mount has gone */
}

static void window_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		(void)fuse_reply_err(req, EROFS);
		return;
	}
	fi->keep_cache = 1;
	(void)fuse_reply_open(req, fi);
}

/* Short only at the window's end: a short read of the source is an error, never silently the end of the volume. */
static void window_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi)
{
	struct window *w = fuse_req_userdata(req);
	uint64_t left = at >= 0 && (uint64_t)at < w->source.size ? w->source.size - (uint64_t)at : 0;
	size_t want = (size_t)MIN((uint64_t)MIN(size, sizeof(w->buffer)), left);
	int r = source_read(&w->source, want > 0 ? (uint64_t)at : 0, w->buffer, want);

	if (r < 0)
		(void)fuse_reply_err(req, -r);
	else
		(void)fuse_reply_buf(req, w->buffer, want);
}

static const struct fuse_lowlevel_ops operations = {
	.init = fuseserve_init,
	.getattr = window_getattr,
	.open = window_open,
	.read = window_read,
};

static int window_run(void *arg, int sock)
{
	struct window *w = arg;
	int keep[] = { w->source.fd, w->server_fd, sock };
	const char *where;
	int r = sandbox_enter(ROLE_DRIVER, keep, ARRAY_LEN(keep), &where);

	if (r == 0)
		r = child_bind_life(); /* the change of account has cleared it */
	return r < 0 ? r : fuseserve(w->server_fd, &operations, sizeof(operations), w);
}

int window_start(int source_fd, uint64_t offset, uint64_t size, struct child *ret, int *ret_mount_fd, char *words,
		 size_t words_size)
{
	_cleanup_free_ struct window *w = calloc(1, sizeof(*w));
	_cleanup_close_ int server_fd = -EBADF, mount_fd = -EBADF;
	int r;

	if (!w)
		return -ENOMEM;
	r = fusefd_mount(true, &server_fd, &mount_fd, words, words_size);
	if (r < 0)
		return r;
	source_init_fd(&w->source, source_fd, offset, size);
	w->server_fd = server_fd;
	r = child_start(ret, 0, window_run, w);
	if (r < 0)
		return r;
	*ret_mount_fd = TAKE_FD(mount_fd);
	return 0;
}
