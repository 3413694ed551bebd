/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* How an encrypted volume is mapped: a table for the device mapper, as a confined child proposes it and as intake lets it
 * pass. It holds the volume key: wiped with table_wipe() after use. Pure: no I/O. */
#ifndef LAZARET_INTAKE_TABLE_H
#define LAZARET_INTAKE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/codec.h"

/* BitLocker needs nine at most (three copies of its metadata and the moved boot sectors between encrypted stretches). */
#define TABLE_TARGETS_MAX 12

/* Cipher, key (at most 64 bytes in hex), numbers and options of one target: 300 bytes in honest tables. */
#define TABLE_PARAMS_MAX 512
#define TABLE_TYPE_MAX 15

/* What the child calls the medium. */
#define TABLE_MEDIUM "/dev/medium"

struct table_target {
	uint64_t start, size; /* sectors of 512 bytes, of the mapped device */
	char type[TABLE_TYPE_MAX + 1];
	char params[TABLE_PARAMS_MAX + 1];
};

struct table {
	struct table_target targets[TABLE_TARGETS_MAX];
	size_t count;
};

/* One more target; its strings are copied. Returns 0; -E2BIG when there are too many, or one is too long. */
_must_check_ int table_add(struct table *t, uint64_t start, uint64_t size, const char *type, const char *params);

void table_encode(const struct table *t, struct encoder *e);

/* Nothing of it is trusted: table_check() follows. Returns 0 or -EPROTO. */
_must_check_ int table_decode(struct table *ret, struct decoder *d);

/* Let a table pass, and put `device` ("7:3") where it says TABLE_MEDIUM. Prohibited, with a sentence in `words`:
 *  - gaps, overlaps, a size of nothing;
 *  - targets but "crypt" and "zero";
 *  - another device than the medium, or bytes beyond its `medium_sectors`;
 *  - ciphers that are not on the list of table.c: a name that the medium chose would make the kernel load modules;
 *  - keys that are not 16 to 64 bytes in hex (a name would be looked up in the kernel's keyrings);
 *  - options but the size of sectors. Those that only concern speed are left out.
 * Returns 0 and the sectors of the mapped device, or -EINVAL. */
_must_check_ int table_check(struct table *t, const char *device, uint64_t medium_sectors, uint64_t *ret_sectors, char *words,
			     size_t words_size);

void table_wipe(struct table *t);

#endif
