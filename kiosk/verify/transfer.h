/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Checking one transfer against the keys that the importer trusts. */
#ifndef LAZARET_VERIFY_TRANSFER_H
#define LAZARET_VERIFY_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"
#include "common/minisign.h"

/* Check everything: signature first, then completeness in both directions, sizes, hashes, SHA256SUMS. Problems go
 * to standard error, a line about a good transfer to standard output. Blocks on disk. */
_must_check_ bool transfer_verify(const char *path, const struct minisign_public *keys, size_t key_count);

#endif
