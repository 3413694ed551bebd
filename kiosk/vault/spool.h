/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The spool of one transfer: files named by their id, written once, sealed, then only read. */
#ifndef LAZARET_VAULT_SPOOL_H
#define LAZARET_VAULT_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "ipc/stream.h"

struct spool_limits {
	uint64_t bytes;		/* all copies together */
	uint64_t files;
	uint64_t largest_bytes; /* one copy */
};

struct spool; /* owns the directory descriptor; at most one copy is open for writing */

_must_check_ int spool_new(int dir_fd, const struct spool_limits *limits, struct spool **ret);
struct spool *spool_free(struct spool *s);

/* Begin, fill and end one copy. A copy that meets a limit or an error of the disk is given up at once; the rest of
 * its bytes is swallowed, and spool_end() tells why. Ids rise. Only spool_begin() fails for our own faults. */
_must_check_ int spool_begin(struct spool *s, uint64_t id);
void spool_add(struct spool *s, const void *data, size_t size);
void spool_add_zeros(struct spool *s, uint64_t size); /* kept as a hole */

/* `status` is what the reader says; STREAM_COMPLETE seals the copy. On return `*ret_status` is what became of it;
 * with STREAM_COMPLETE also its size, SHA-256 and a read-only descriptor (owned by the caller).
 *
 * Sealed means: mode 0400, no descriptor is left that can write to it, proved by a read lease (fcntl(2), F_SETLEASE
 * F_RDLCK is refused while anybody has the file open for writing). -EBUSY when that proof fails. */
_must_check_ int spool_end(struct spool *s, enum stream_status status, enum stream_status *ret_status,
			   uint64_t *ret_size, uint8_t ret_sum[static SHA256_LEN], int *ret_fd);

bool spool_is_open(const struct spool *s);

/* Once more a read-only descriptor of a sealed copy, or -ENOENT. */
_must_check_ int spool_open(struct spool *s, uint64_t id, int *ret_fd);
_must_check_ int spool_forget(struct spool *s, uint64_t id);

#endif
