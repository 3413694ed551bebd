/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Records and reports to the centre, by whichever way: what both the station's own link and the import of a file are made of.
 * Everything can be sent twice: the centre keeps what it has, and says when something else was sent for its place. */
#ifndef LAZARET_FLEET_CARRY_H
#define LAZARET_FLEET_CARRY_H

#include <stdint.h>

#include "common/outbox.h"
#include "fleet/link.h"

/* Lines that go in one transaction. Zero-initialise; batch_done(). */
struct batch {
	char *text;
	size_t size, room;
	unsigned int count;
	size_t limit; /* bytes at which it goes; 0: BATCH_FIRST */
};

_must_check_ int batch_add(struct batch *b, const char *line, size_t size);
bool batch_full(const struct batch *b);
void batch_done(struct batch *b);

struct carried {
	uint64_t added, known, forks;
	char first_forks[200]; /* numbers of records that are others at the centre: "7,8,9" */
};

/* Send the batch and empty it. `via`: "link" or "file". Adds to `c`. 0, or -EIO with the link's error set. */
_must_check_ int carry_batch(struct link *l, const char *station, const char *via, struct batch *b, struct carried *c);

/* Up to where the centre has this station's records without a hole: 1 and number and hash; 0: none. -EIO. `ret_forks`: how many other
 * records it keeps for places that are taken. */
_must_check_ int carry_known(struct link *l, const char *station, uint64_t *ret_seq, uint8_t ret_hash[static SHA256_LEN], uint64_t *ret_forks);

/* Send a report, read from `in` (borrowed) at its present place, `size` bytes, which belongs to record `seq`. Returns 0; -EBADMSG:
 * the centre found that it is not the report that the record names; -ENODATA: it ended early; -EIO with the link's error set. */
_must_check_ int carry_report(struct link *l, const char *station, uint64_t seq, FILE *in, uint64_t size);

#endif
