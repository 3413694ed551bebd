/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A transfer: built in a hidden directory of staging, visible by one rename, or not at all (invariant 5).
 *
 *   staging/.incoming-NAME/   while it is built; locked (flock) by the process that builds it
 *   staging/NAME/             when it is complete, synced and signed; directories 0555, files 0444
 */
#ifndef LAZARET_PUBLISH_TRANSFER_H
#define LAZARET_PUBLISH_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/minisign.h"

#define TRANSFER_NAME_MAX 63

struct transfer;

/* Remove what interrupted transfers left in staging: hidden directories that nobody has locked. Returns how many, or
 * a negative errno. */
_must_check_ int transfer_clean(int staging_fd);

/* Letters, digits and '-', as in 20261122T011500Z-3f9a2c. */
_must_check_ bool transfer_name_valid(const char *name);

/* Open a hidden transfer; `staging_fd` is borrowed and outlives it. -EEXIST when the name was used before. */
_must_check_ int transfer_begin(int staging_fd, const char *name, struct transfer **ret);

/* Copy one sealed file to files/PATH, hashing what is written.
 *
 * path  accepted by name_path_valid(), otherwise -EINVAL; -EEXIST when it is there already
 * sum   what the verdict was about: other bytes give -EBADMSG and nothing is published
 *
 * Blocks on disk. After an error the transfer must be aborted. */
_must_check_ int transfer_add(struct transfer *t, const char *path, size_t path_size, uint64_t size,
			      const uint8_t sum[static SHA256_LEN], int src_fd);

/* Write manifest, signature, SHA256SUMS and receipts; make all read-only; sync; rename; sync. Borrows the descriptors.
 * On success the transfer is in staging and `ret_sum` is the manifest's SHA-256. */
_must_check_ int transfer_commit(struct transfer *t, const struct minisign_secret *key, int manifest_fd,
				 int receipt_text_fd, int receipt_html_fd,
				 uint8_t ret_sum[static SHA256_LEN]);

/* Release; what was not committed is removed. Returns NULL. */
struct transfer *transfer_free(struct transfer *t);

const char *transfer_name(const struct transfer *t);

#endif
