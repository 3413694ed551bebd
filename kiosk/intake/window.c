/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The window's server: libfuse3, single-threaded, in the sandbox of ROLE_DRIVER with two descriptors: the source (opened
 * read-only by the supervisor) and /dev/fuse. There is no code here that writes to the source, and none that can be
 * reached parses what is on it: a write is impossible for want of an operation, of a descriptor and of a mount option.
 */
#define FUSE_USE_VERSION 312

#include "intake/window.h"

#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>

#include "intake/fusefd.h"
#include "sandbox/sandbox.h"

/* The bytes do not change while they are inspected: the kernel may keep all it was told. */
#define CACHE_SECONDS 86400.0

/* One answer; the kernel asks for at most this much (fuse_conn_info.max_read). */
#define READ_MAX (128u << 10)

struct window {
	int source_fd;
	int server_fd;
	uint64_t offset;
	uint64_t size;
	char buffer[READ_MAX];
};

static void window_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct window *w = fuse_req_userdata(req);
	struct stat st = {
		.st_ino = FUSE_ROOT_ID,
		.st_mode = S_IFREG | 0444,
		.st_nlink = 1,
		.st_size = (off_t)w->size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)(w->size / 512),
	};

	(void)fuse_reply_attr(req, &st, CACHE_SECONDS); /* fails only when the mount has gone */
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
	size_t want, got = 0;

	if (at < 0 || (uint64_t)at >= w->size) {
		(void)fuse_reply_buf(req, NULL, 0);
		return;
	}
	want = (size_t)MIN((uint64_t)MIN(size, sizeof(w->buffer)), w->size - (uint64_t)at);
	while (got < want) {
		ssize_t n = pread(w->source_fd, w->buffer + got, want - got,
				  (off_t)(w->offset + (uint64_t)at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)fuse_reply_err(req, n < 0 ? errno : EIO);
			return;
		}
		got += (size_t)n;
	}
	(void)fuse_reply_buf(req, w->buffer, got);
}

static void window_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->max_read = READ_MAX;
	conn->max_readahead = READ_MAX;
}

static const struct fuse_lowlevel_ops operations = {
	.init = window_init,
	.getattr = window_getattr,
	.open = window_open,
	.read = window_read,
};

static int serve(struct window *w)
{
	char *argv[] = { (char *)"window", (char *)"-omax_read=131072" };
	struct fuse_args args = FUSE_ARGS_INIT(ARRAY_LEN(argv), argv);
	struct fuse_session *session;
	char place[32];
	int r;

	session = fuse_session_new(&args, &operations, sizeof(operations), w);
	if (!session)
		return -ENOMEM;
	(void)snprintf(place, sizeof(place), "/dev/fd/%d", w->server_fd); /* libfuse: "already mounted, served here" */
	r = fuse_session_mount(session, place) < 0 ? -EIO : 0;
	if (r == 0)
		r = fuse_session_loop(session);
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return r;
}

static int window_run(void *arg, int sock)
{
	struct window *w = arg;
	int keep[] = { w->source_fd, w->server_fd, sock };
	const char *where;
	int r = sandbox_enter(ROLE_DRIVER, keep, ARRAY_LEN(keep), &where);

	if (r == 0)
		r = child_bind_life(); /* the change of account has cleared it */
	return r < 0 ? r : serve(w);
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
	w->source_fd = source_fd;
	w->server_fd = server_fd;
	w->offset = offset;
	w->size = size;
	r = child_start(ret, 0, window_run, w);
	if (r < 0)
		return r;
	*ret_mount_fd = TAKE_FD(mount_fd);
	return 0;
}
