/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What one scan leaves to others, and what it spares them, by content.
 *
 * owed       libclamav met it and could not look into it. Named by the digest of the layer that holds it, so that the
 *            supervisor can tell when another role has opened exactly these bytes; whatever stays owed is container-opaque.
 * inspected  digests of the layers that libclamav brought out and looked at to their end: the same bytes need no second scan.
 */
#ifndef LAZARET_EXAMINE_TALLY_H
#define LAZARET_EXAMINE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"

struct owed {
	uint8_t sum[SHA256_LEN]; /* of the layer that holds it */
	char *detail; /* owned */
	char *member; /* owned, raw; NULL: the file itself */
};

struct tally {
	struct owed *owed;
	size_t owed_count, owed_room;
	bool is_owed_full; /* OWED_MAX: the file has to be held whatever others open */
	uint8_t (*inspected)[SHA256_LEN];
	size_t inspected_count, inspected_room;
};

/* Add; copies. Of one layer and member the first stays, and a layer that owes much (OWED_LAYER_MAX) is not listed further: it
 * is opened whole or not at all. Returns 0 or -ENOMEM. */
_must_check_ int tally_owe(struct tally *t, const uint8_t sum[static SHA256_LEN], const char *member, const char *detail);

/* Add; silently nothing when INSPECTED_MAX are there. Returns 0 or -ENOMEM. */
_must_check_ int tally_inspected(struct tally *t, const uint8_t sum[static SHA256_LEN]);

/* The scan proved nothing, or found something: nobody is spared a scan by it. */
void tally_forget_inspected(struct tally *t);
void tally_done(struct tally *t);

#endif
