/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-ledger: what was found in files that were examined before, so that the same bytes need not be examined again.
 * A file beside the history (findings.sqlite) that may be removed at any time: all it costs is time.
 *
 * Who could write to it could have anything approved. Each entry therefore carries a code that only who has the audit key can make;
 * one without it makes the ledger forget everything.
 */
#ifndef LAZARET_LEDGER_REMEMBERED_H
#define LAZARET_LEDGER_REMEMBERED_H

#include <stdint.h>

#include "common/minisign.h"
#include "ipc/remembered.h"

#define REMEMBERED_FILE "findings.sqlite"
#define REMEMBERED_TRANSFER_MAX 63

struct remembered;

/* dir_fd (borrowed, must stay open) is where SQLite was told to look (common/history_sqlite.h). Opens nothing before it is asked. */
_must_check_ int remembered_new(int dir_fd, const struct minisign_secret *key, struct remembered **ret);
struct remembered *remembered_free(struct remembered *m);

/* What is kept under the key, into `fd` (borrowed) from offset 0. Entries of before `not_before` (s since 1970) do not count, nor do those of
 * tomorrow. 0 and `*ret`, with size and transfer where it is known; or a negative errno, after which nothing is known. Blocks on disk. */
_must_check_ int remembered_recall(struct remembered *m, const uint8_t key[static REMEMBERED_KEY_LEN], int64_t not_before, int fd,
				   enum recall *ret, uint64_t *ret_size, char ret_transfer[static REMEMBERED_TRANSFER_MAX + 1]);

/* Keep all entries of the file `fd` (borrowed, from offset 0; ipc/remembered.h), which are of `transfer`; then forget the oldest until all
 * take no more than `bytes`. Blocks on disk, for seconds. */
_must_check_ int remembered_keep(struct remembered *m, const char *transfer, uint64_t bytes, int64_t not_before, int fd, uint64_t *ret_count);

_must_check_ int remembered_forget(struct remembered *m);

#endif
