/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The bytes of one volume, as the file system readers see them: a size and a function, no descriptor to seek. */
#ifndef LAZARET_INTAKE_SOURCE_H
#define LAZARET_INTAKE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

struct source {
	/* All of [at, at + size), which lies within the volume. Returns 0 or a negative errno. */
	int (*read)(const struct source *s, uint64_t at, void *to, size_t size);
	uint64_t size;	 /* bytes */
	uint64_t offset; /* the descriptor's, of the volume's first byte */
	uint32_t session_block; /* volume.h */
	int fd;		 /* borrowed */
};

/* Bytes [offset, offset + size) of `fd` (borrowed; read-only regular file or block device). */
void source_init_fd(struct source *ret, int fd, uint64_t offset, uint64_t size);

/* All of [at, at + size). Blocks on the medium. Returns 0; -EIO past the volume's end or where the medium ends early; or
 * the medium's own error. */
_must_check_ int source_read(const struct source *s, uint64_t at, void *to, size_t size);

#endif
