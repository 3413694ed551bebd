/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Lines of a list, without a file's length in memory. */
#ifndef LAZARET_ORIGIN_LINES_H
#define LAZARET_ORIGIN_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "origin/limits.h"

/* Zero but for `fd` (borrowed; read from offset 0, position unchanged). Of LIST_BYTES_MAX bytes no more is read: `is_cut`. */
struct lines {
	int fd;
	uint64_t at; /* bytes read from the file */
	bool is_end, is_cut;
	size_t from, to; /* unread part of the block */
	char block[LIST_BLOCK];
};

/* The next line without its newline; of an over-long one (LIST_LINE_MAX) the beginning, with `*ret_is_long`. 1, 0 at the end, or
 * a negative errno. The line is valid until the next call. Blocks on disk. */
_must_check_ int lines_next(struct lines *l, const char **ret, size_t *ret_size, bool *ret_is_long);

#endif
