/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Feeding one file's bytes into the vault's stream, once. */
#ifndef LAZARET_READER_FEED_H
#define LAZARET_READER_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/macros.h"
#include "ipc/stream.h"

struct feed; /* borrows the stream descriptor */

struct feed *feed_new(int stream_fd);
struct feed *feed_free(struct feed *f);

/* Read `fd` (borrowed) to its end as file `id`. `seen` is what the directory said of it: another size, time or inode
 * before, after or during the read makes it STREAM_CHANGED. What cannot be read is tried again, within a budget for the
 * volume. `*ret_status` is what was said to the vault, `*ret_detail` a sentence, with the first byte that could not be read
 * (valid until the next file). Returns a negative errno only when the stream itself failed. */
_must_check_ int feed_file(struct feed *f, uint64_t id, int fd, const struct stat *seen,
			   enum stream_status *ret_status, const char **ret_detail);

/* Has reading shown that the medium (or its driver) has gone? There is no sense in going on then. */
_must_check_ bool feed_has_lost_medium(const struct feed *f);

#endif
