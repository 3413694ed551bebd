/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Descriptors: whole reads and writes, files that appear complete or not at all. */
#ifndef LAZARET_COMMON_FD_H
#define LAZARET_COMMON_FD_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/macros.h"

static inline void closedir_p(DIR **d)
{
	if (*d)
		(void)closedir(*d); /* directories are only read */
	*d = NULL;
}

/* All of it, through EINTR and short counts. Return 0 or a negative errno; -ENODATA when the file ends early. */
_must_check_ int fd_write_all(int fd, const void *data, size_t size);
_must_check_ int fd_read_exact(int fd, void *data, size_t size);

/* A stream over a duplicate of `fd` (borrowed), with which it shares its position; `mode` as of fdopen(3). NULL, with errno set. */
FILE *fd_stream(int fd, const char *mode);

/* The whole of a file of at most `limit` bytes beneath `dir_fd`, NUL added after it; owned by the caller.
 * -EFBIG when it is longer, -ELOOP for a symbolic link. `ret_size` may be NULL. */
_must_check_ int file_read(int dir_fd, const char *path, size_t limit, char **ret, size_t *ret_size);

/* Replace `name` in `dir_fd` by these bytes: temporary file, fsync, rename, fsync of the directory.
 * After a power cut either the old or the new content is there. */
_must_check_ int file_replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* Copy from offset 0 of `src_fd` to `dst_fd` (reflink or in-kernel copy where possible), exactly `size` bytes. */
_must_check_ int fd_copy(int dst_fd, int src_fd, uint64_t size);

/* Make `name` (one component) beneath `dir_fd` if it is missing, open it as a directory. */
_must_check_ int dir_open_make(int dir_fd, const char *name, mode_t mode, int *ret_fd);

/* Remove everything beneath `name`, without following links or leaving the file system. 0 when it is gone. */
_must_check_ int dir_remove_tree(int dir_fd, const char *name);

/* A socket that is connected to the one at `path` (unix(7)); `type`: SOCK_STREAM or SOCK_SEQPACKET, with SOCK_NONBLOCK or without; closed on
 * exec. Blocks while the other end's queue is full, unless SOCK_NONBLOCK. Or a negative errno; -ENAMETOOLONG. */
_must_check_ int fd_connect(const char *path, int type);

/* Close every descriptor from `first` on but those of `keep_fds` (any order, at most 32). */
_must_check_ int fd_close_others(int first, const int *keep_fds, size_t keep_count);

#endif
