/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* FAT12, FAT16 and FAT32 with long names, read-only: Microsoft's "FAT: General Overview of On-Disk Format" 1.03 (here:
 * FAT), ECMA-107. Pure: bytes come through struct source, nothing is kept but what the caller holds.
 *
 * Why our own: Debian has no library that reads FAT. mtools is a set of commands that each parse the volume anew and
 * interpret names given to them; fusefat knows no long names and can write; libfsfat and FatFs are not packaged;
 * GRUB's readers decompress what they find. Every number of the medium is held against the volume's size before it is used, every
 * chain against the number of clusters; what contradicts itself is -EIO, never a guess. */
#ifndef LAZARET_INTAKE_FAT_H
#define LAZARET_INTAKE_FAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/listing.h"
#include "intake/source.h"

#define FAT_ROOT 1 /* node of the root; any other node is the position of its directory entry / 32 */

/* A hash table: which directory entry owns a cluster with names in it. */
struct fat_owners {
	struct fat_owner {
		uint32_t cluster; /* 0: free */
		uint64_t node;
	} *slots;
	size_t count, capacity;
};

struct fat_volume {
	struct source source;
	unsigned int bits;	/* 12, 16, 32 */
	uint32_t cluster_bytes; /* a power of two */
	uint32_t cluster_count; /* their numbers: 2 .. cluster_count + 1 */
	uint64_t fat_at;	/* of the first copy, bytes */
	uint64_t data_at;	/* of cluster 2 */
	uint64_t root_at;	/* FAT12, FAT16: the root's region */
	uint32_t root_bytes;
	uint32_t root_cluster; /* FAT32 */
	bool is_dirty;	       /* was not unmounted, or had errors when last used */
	struct fat_owners owners;
	uint64_t piece_at; /* the piece of the table in `piece`, bytes from fat_at */
	size_t piece_size; /* 0: none */
	uint8_t piece[4096];
};

/* A chain as runs of clusters that follow each other. */
struct fat_chain {
	struct fat_run {
		uint32_t cluster; /* first */
		uint32_t index;	  /* which of the chain's clusters that is */
		uint32_t count;
	} *runs; /* owned */
	size_t count, capacity;
	uint32_t clusters;
};

struct fat_entry {
	bool is_directory;
	uint32_t cluster; /* first; 0: none */
	uint32_t size;	  /* bytes; 0 for a directory */
	int64_t mtime;	  /* seconds; what the entry says, as if it were UTC: FAT knows no time zone */
};

struct fat_file {
	struct fat_chain chain;
	uint32_t size;
};

/* Read the boot sector and check it. `source` is copied; its descriptor stays borrowed. On failure a sentence in `words`.
 * Returns 0, -EINVAL for what cannot be read, or a read error. */
_must_check_ int fat_open(struct fat_volume *ret, const struct source *source, char *words, size_t words_size);
void fat_done(struct fat_volume *v);

/* The clusters from `first` on. Stops after `clusters_max`; `*ret_ended` says whether the chain did too. Returns 0; -EIO
 * for a free, bad or impossible cluster in it, and for one that comes twice; -ENOMEM. */
_must_check_ int fat_chain_read(struct fat_volume *v, uint32_t first, uint32_t clusters_max, struct fat_chain *ret,
				bool *ret_ended);
void fat_chain_done(struct fat_chain *c);

/* Position of a cluster in the volume, bytes; it has to be one of 2 .. cluster_count + 1. */
uint64_t fat_cluster_at(const struct fat_volume *v, uint32_t cluster);

/* The entry behind a node. Returns 0 or -EIO when there is none. */
_must_check_ int fat_stat(struct fat_volume *v, uint64_t node, struct fat_entry *ret);

/* The names beneath a directory, unsorted. Long names in UTF-8; an unpaired surrogate (which Windows allows) becomes the
 * three bytes that it would have in UTF-8: that is no valid UTF-8 any more, and so is seen by whoever judges names.
 * Long names without their short entry are ignored, as everywhere; short ones are in code page 437. Returns 0;
 * -ENOTDIR; -EIO for a directory that contradicts itself (listing_add() too), or that another entry owns already: a
 * directory with two parents, or one beneath itself. */
_must_check_ int fat_list(struct fat_volume *v, uint64_t node, struct listing *ret);

/* Returns 0; -EISDIR; -EIO when the chain is shorter than the size or broken. */
_must_check_ int fat_file_open(struct fat_volume *v, uint64_t node, struct fat_file *ret);
void fat_file_done(struct fat_file *f);

/* Bytes from `at`, short only at the file's end. Returns their number or a negative errno. */
_must_check_ ssize_t fat_file_read(struct fat_volume *v, const struct fat_file *f, uint64_t at, void *to, size_t size);

static inline uint32_t fat_u16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t fat_u32(const uint8_t *p)
{
	return fat_u16(p) | fat_u16(p + 2) << 16;
}

#endif
