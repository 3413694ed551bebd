/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reads a compressed index of a repository as a stream: gzip (RFC 1952), xz, Zstandard (RFC 8878), or bytes as they are. Which
 * one it is, the first bytes tell; the file's name has no say. Everything in it is hostile; memory does not grow with it.
 */
#ifndef LAZARET_PROOF_DECOMPRESS_H
#define LAZARET_PROOF_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/macros.h"

/* An index entry holds a digest, which no compression shortens (32 bytes), beside some two kilobytes of text at most: what
 * grows to more than 200 times its size is no index. Beginnings may: the first DECOMPRESS_FREE bytes are not held to it. */
#define DECOMPRESS_RATIO_MAX 200u
#define DECOMPRESS_FREE (16u << 20)		/* bytes */
#define DECOMPRESS_MEMORY_MAX (128u << 20)	/* bytes of dictionary: what xz -9e and zstd --ultra -22 ask for, and no more */

struct decompress;

/* Begin with the regular file behind `fd` (borrowed as long as the reader lives; from offset 0, position unchanged).
 * output_max  bytes; what grows longer gives -EFBIG
 * Returns 0 and a reader owned by the caller; -EPROTONOSUPPORT for a compression that is known by its magic number and not
 * read (bzip2, lzip, LZ4, zchunk), -ENOMEM, -EIO, or another negative errno. */
_must_check_ int decompress_open(int fd, uint64_t output_max, struct decompress **ret);
struct decompress *decompress_close(struct decompress *d); /* returns NULL */

/* The next bytes, at most `size`; 0 at the end, which is then known to be the end: complete, its checksums right, and nothing
 * behind it. Blocks on disk. -EBADMSG when malformed, cut off or followed by something else; -EFBIG past a limit (output,
 * ratio, dictionary); another negative errno. Once it has failed it fails again in the same way.
 * What was read before an error was not yet checked by the checksum that follows it: undo what came of it. */
_must_check_ ssize_t decompress_read(struct decompress *d, void *buffer, size_t size);

/* What was wrong: a static sentence; "" when nothing was. */
const char *decompress_why(const struct decompress *d);

static inline void decompress_close_p(struct decompress **d)
{
	*d = decompress_close(*d);
}

#endif
