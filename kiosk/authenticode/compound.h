/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compound files ([MS-CFB]), as far as an installer package's signature goes: every entry with what a digest over it takes.
 *
 * Ours, because no library in Debian tells it all: libgsf (with which lazaret-ole opens such files) knows neither state bits nor
 * times of creation, libolecf no class identifiers. It is stricter than a reader that shows what it can: where two readers might
 * see two files, a signature over one of them is worth nothing. A sector belongs to one chain, a chain is as long as its stream,
 * names are in the order that [MS-CFB] section 2.6.4 asks for, so that whoever looks a name up finds the entry that is hashed,
 * and nothing follows the last sector that is in use (a JAR file appended to a signed package ran as signed: CVE-2020-1464).
 */
#ifndef LAZARET_AUTHENTICODE_COMPOUND_H
#define LAZARET_AUTHENTICODE_COMPOUND_H

#include <stdint.h>

#include "common/macros.h"

#define COMPOUND_SECTORS_MAX (8u << 20) /* 4 GiB of the small ones, 32 GiB of the large ones */
#define COMPOUND_ENTRIES_MAX 65536u	/* real packages have some hundreds */
#define COMPOUND_DEPTH_MAX 32		/* storages in each other; patches have three */
#define COMPOUND_ENTRY 128		/* bytes */

enum compound_type { COMPOUND_UNUSED = 0, COMPOUND_STORAGE = 1, COMPOUND_STREAM = 2, COMPOUND_ROOT = 5 };

struct compound {
	int fd;
	uint64_t size; /* of the file, bytes */
	uint32_t sector_size, sectors;
	uint32_t *fat, *mini_fat; /* owned */
	size_t fat_count, mini_fat_count;
	uint8_t *taken, *mini_taken; /* owned; a bit for each sector that a chain has */
	uint32_t last;		     /* of those that are taken */
	uint32_t *mini_sectors;	     /* owned; of the stream that holds the small ones */
	size_t mini_sector_count;
	uint8_t (*entries)[COMPOUND_ENTRY]; /* owned; as in the file */
	size_t entry_count;
	uint8_t *seen; /* owned; a bit for each entry that is in the tree */
};

/* 1; 0: no compound file; -EBADMSG and a static sentence. What is written goes to compound_done(). */
_must_check_ int compound_read(int fd, uint64_t size, struct compound *ret, const char **ret_why);
void compound_done(struct compound *c);

/* Parts of an entry. The name is UTF-16LE, `*ret_size` bytes with its terminator. */
const uint8_t *compound_name(const struct compound *c, uint32_t entry, size_t *ret_size);
bool compound_in_tree(const struct compound *c, uint32_t entry); /* is it reached from the root? */
enum compound_type compound_type(const struct compound *c, uint32_t entry);
const uint8_t *compound_class(const struct compound *c, uint32_t entry);    /* 16 bytes */
const uint8_t *compound_state(const struct compound *c, uint32_t entry);    /* 4 bytes */
const uint8_t *compound_times(const struct compound *c, uint32_t entry);    /* 16 bytes: created, modified */
const uint8_t *compound_size_raw(const struct compound *c, uint32_t entry); /* 4 bytes */
uint32_t compound_size(const struct compound *c, uint32_t entry);	    /* of a stream, bytes */

/* The entries in a storage, in the order of their bytes ("the longer wins"): malloc()ed, `*ret_count` of them. -ENOMEM. */
_must_check_ int compound_children(const struct compound *c, uint32_t storage, uint32_t **ret, size_t *ret_count);

/* Every byte of a stream, in pieces: `take` 0 to go on. */
_must_check_ int compound_stream(const struct compound *c, uint32_t entry, int (*take)(void *ctx, const uint8_t *data, size_t size),
				 void *ctx);

/* Set each of the `size` marks, which stand for bytes of the file from `from` on, whose byte is one of the stream's. */
void compound_mark(const struct compound *c, uint32_t entry, uint64_t from, uint8_t *marks, size_t size);

#endif
