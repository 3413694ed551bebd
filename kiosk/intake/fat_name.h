/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names of FAT: long ones are collected over several entries before the short one that they belong to. Pure. */
#ifndef LAZARET_INTAKE_FAT_NAME_H
#define LAZARET_INTAKE_FAT_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define FAT_NAME_ROOM (260 * 3 + 1) /* bytes with NUL: 20 entries of 13 UTF-16 units */

struct fat_long_name {
	uint16_t units[260];
	unsigned int next; /* number of the entry that has to follow; 0: complete */
	unsigned int count; /* units; 0: nothing collected */
	uint8_t checksum;
};

/* One entry with the attributes of a long name. What does not continue what was collected discards it (FAT, "Long
 * Directory Entries": an orphan). */
void fat_long_name_add(struct fat_long_name *n, const uint8_t entry[static 32]);

/* The name of the file whose short entry this is: the long one if it was collected for it, else the short one. `n` is
 * empty afterwards. Returns the number of bytes; NUL-terminated, but it may hold NUL and other bytes that no name can
 * have. */
_must_check_ size_t fat_name_finish(struct fat_long_name *n, const uint8_t entry[static 32], char out[static FAT_NAME_ROOM]);

#endif
