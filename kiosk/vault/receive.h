/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The reader's stream (ipc/stream.h) taken apart. The reader met hostile bytes: it may lie or stop anywhere. */
#ifndef LAZARET_VAULT_RECEIVE_H
#define LAZARET_VAULT_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "vault/spool.h"

/* Called at the end of each file. `fd` is borrowed and -EBADF unless the copy was sealed. */
typedef int (*receive_file_fn)(void *context, uint64_t id, enum stream_status status, uint64_t size,
			       const uint8_t sum[static SHA256_LEN], int fd);

struct receiver; /* parsing state between two reads */

struct receiver *receiver_new(struct spool *spool, receive_file_fn on_file, void *context);
struct receiver *receiver_free(struct receiver *r);

/* Take what has arrived on `stream_fd` (one read of at most 2 MiB). Returns 1 when there may be more, 0 at the end of
 * the stream, -EPROTO when the reader broke the protocol (a file that was open has been ended as STREAM_CUT; the stream
 * is of no further use), or another negative errno. */
_must_check_ int receiver_pump(struct receiver *r, int stream_fd);
/* Did receiver_pump() leave parts behind that had come? Then it is to be called again, whether or not the stream is readable. */
bool receiver_has_more(const struct receiver *r);

/* End a file that is under way as STREAM_CUT; nothing more is taken of the stream. Returns 0 or a negative errno. */
_must_check_ int receiver_cut(struct receiver *r);

uint64_t receiver_files(const struct receiver *r);
uint64_t receiver_bytes(const struct receiver *r);

#endif
