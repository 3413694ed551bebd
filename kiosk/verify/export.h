/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Checking exports of a station's audit trail (lazaret-audit(5), docs/proof.md) against its audit key. */
#ifndef LAZARET_VERIFY_EXPORT_H
#define LAZARET_VERIFY_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/minisign.h"

#define EXPORT_WITNESSES_MAX 16

/* What is known of a trail before an export is looked at: where the export before it ends. */
struct export_end {
	bool is_known;
	uint64_t seq;
	uint8_t hash[SHA256_LEN];
	struct minisign_public key;
};

/* Read the end of an export (`path`), whose index must be signed with one of the keys; nothing else of it is looked at. Problems go
 * to standard error. */
_must_check_ bool export_end_read(const char *path, const struct minisign_public *keys, size_t key_count, struct export_end *ret);

/* Check everything: index and its signature, every file in both directions, every record's form, hash, signature and place in the
 * chain, reports against records, the witness in it; that it follows `end` if that is known; that it holds what the witnesses
 * know. Problems go to standard error, a line about a good export to standard output; `end` is then this one's.
 * Blocks on disk. */
_must_check_ bool export_verify(const char *path, const struct minisign_public *keys, size_t key_count, const char *const *witnesses,
				size_t witness_count, struct export_end *end);

#endif
