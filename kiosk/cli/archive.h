/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A set of files that appears whole or not at all: a directory, or a tar archive (ustar, by libarchive). It is made under a hidden
 * name beside its place and renamed. Errors of the place, a full one above all, are told here.
 */
#ifndef LAZARET_CLI_ARCHIVE_H
#define LAZARET_CLI_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

struct archive_out;

/* A path that ends in ".tar" makes an archive. Nothing may be there. What an interrupted attempt left under the hidden name is
 * removed. Returns 0, or a negative errno after telling. */
_must_check_ int archive_out_new(const char *path, struct archive_out **ret);
/* Removes what was not published. */
struct archive_out *archive_out_free(struct archive_out *o);

static inline void archive_out_freep(struct archive_out **o)
{
	*o = archive_out_free(*o);
}

/* The next file: `name` is relative, of our own making, with at most one directory; then exactly `size` bytes of it; then its end. */
_must_check_ int archive_out_begin(struct archive_out *o, const char *name, uint64_t size);
_must_check_ int archive_out_data(struct archive_out *o, const void *data, size_t size);
_must_check_ int archive_out_end(struct archive_out *o);

/* All of it is written and synced. */
_must_check_ int archive_out_finish(struct archive_out *o);
/* It gets its name. */
_must_check_ int archive_out_publish(struct archive_out *o);

#endif
