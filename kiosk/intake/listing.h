/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The names of one directory, sorted: what a look-up and a listing are answered from. Pure. */
#ifndef LAZARET_INTAKE_LISTING_H
#define LAZARET_INTAKE_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

struct listing_entry {
	uint64_t node;
	uint32_t name_at;
	uint16_t name_size;
	uint16_t type; /* S_IFREG, S_IFDIR, ... */
};

struct listing {
	struct listing_entry *entries; /* owned */
	size_t count, capacity;
	char *names; /* owned: each with a NUL */
	size_t names_size, names_capacity;
};

/* A zeroed listing is empty. Frees what it holds and zeroes it. */
void listing_done(struct listing *l);

/* Add one name (raw bytes, any). Returns 0; -EIO for a name that no directory can hold (empty, ".", "..", with "/" or
 * NUL, longer than NAME_BYTES_MAX); -EFBIG past the limits; -ENOMEM. After an error the listing is not to be used. */
_must_check_ int listing_add(struct listing *l, const char *name, size_t name_size, uint64_t node, unsigned int type);

/* Sort by bytes. Returns 0, or -EIO when two entries have the same name: only one of them could ever be read, and
 * nobody could say which. */
_must_check_ int listing_sort(struct listing *l);

/* The entry of exactly this name; NULL when there is none. Borrowed. Only after listing_sort(). */
const struct listing_entry *listing_find(const struct listing *l, const char *name);

/* NUL-terminated; borrowed. */
const char *listing_name(const struct listing *l, const struct listing_entry *e);

/* What it takes, bytes. */
size_t listing_bytes(const struct listing *l);

#endif
