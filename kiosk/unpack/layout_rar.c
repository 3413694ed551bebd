/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The frame of RAR archives, of version 4 (technote.txt of RAR 3 and 4) and 5 (rarlab.com, "RAR 5.0 archive format"). */
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

#define RAR5_MAIN 1u /* blocks */
#define RAR5_FILE 2u
#define RAR5_ALL_ENCRYPTED 4u
#define RAR5_END 5u
#define RAR5_ENCRYPTION 1u /* record of the extra area */
#define RAR4_FILE 0x74u
#define RAR4_END 0x7bu
#define RAR4_HAS_DATA 0x8000u /* flags of any block */
#define RAR4_LARGE 0x100u     /* of a file block */
#define RAR4_ENCRYPTED 4u
#define RAR4_STORED 0x30u     /* method */
#define RAR_VOLUME 1u	      /* of the main header, in both versions */

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

/* RAR 5.0 archive format: numbers of seven bits a byte, the lowest first. */
static bool take_vint(const struct container *c, uint64_t *at, uint64_t *ret)
{
	*ret = 0;
	for (unsigned int shift = 0; shift < 63 && *at < c->size; shift += 7) {
		uint8_t byte = c->data[(*at)++];

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The main header says whether this is one of several files. */
static bool is_rar_volume(const struct container *c)
{
	uint64_t at = 8 + 4, size, type, flags, extra = 0, archive_flags;

	if (c->size > 12 && c->data[6] == 0) /* version 4: marker of 7 bytes; CRC, type 's', flags */
		return c->data[9] == 's' && le16(c->data + 10) & RAR_VOLUME;
	return take_vint(c, &at, &size) && take_vint(c, &at, &type) && type == RAR5_MAIN && take_vint(c, &at, &flags) &&
	       (!(flags & 1) || take_vint(c, &at, &extra)) && take_vint(c, &at, &archive_flags) && archive_flags & RAR_VOLUME;
}

/* Bytes behind a block of version 4, or false when it does not fit. Of a file block the sizes have 64 bits with LARGE. */
static bool rar4_data_size(const uint8_t *block, uint64_t left, uint64_t *ret)
{
	uint16_t flags = le16(block + 3), header = le16(block + 5);

	*ret = 0;
	if (flags & RAR4_HAS_DATA) {
		if (header < 11)
			return false;
		*ret = le32(block + 7);
	}
	if (block[2] == RAR4_FILE) {
		if (header < 32 || (flags & RAR4_LARGE && header < 40))
			return false;
		if (flags & RAR4_LARGE)
			*ret |= (uint64_t)le32(block + 32) << 32;
	}
	return *ret <= left - header;
}

/* libarchive compares no checksum of members that are stored as they are. */
static bool has_crc(const uint8_t *data, uint64_t size, uint32_t expected)
{
	uLong crc = crc32(0, NULL, 0);

	for (uint64_t done = 0; done < size; done += MIN(size - done, (uint64_t)UNPACK_PIECE))
		crc = crc32(crc, data + done, (uInt)MIN(size - done, (uint64_t)UNPACK_PIECE));
	return crc == expected;
}

static bool is_rar4_stored_whole(const uint8_t *block, const uint8_t *data, uint64_t size)
{
	return block[2] != RAR4_FILE || block[25] != RAR4_STORED || le16(block + 3) & RAR4_ENCRYPTED ||
	       has_crc(data, size, le32(block + 16));
}

/* Version 4, from the first block to the one that ends the archive and the file: CRC (2), type, flags (2), size (2). */
static int walk_rar4(struct container *c)
{
	if (c->size > 12 && c->data[10] & 0x80)
		return 0; /* all headers are encrypted */
	for (uint64_t at = 7, size; c->size - at >= 7; at += size) {
		const uint8_t *block = c->data + at;
		uint16_t header = le16(block + 5);

		if (header < 7 || header > c->size - at || !rar4_data_size(block, c->size - at, &size))
			return unsafe(c, "damaged: a block is cut off");
		if (!is_rar4_stored_whole(block, block + header, size))
			return unsafe(c, "damaged: the checksum of a member is wrong");
		size += header;
		if (block[2] == RAR4_END)
			return at + size == c->size ? 0 : unsafe(c, "bytes stand behind its end");
	}
	return unsafe(c, "damaged: it stops without its end mark; cut off, perhaps");
}

struct rar5_block {
	uint64_t type, flags, extra_size, data_size;
	uint64_t fields, end; /* where its own fields begin, and its header ends */
};

/* The block at `at`, or false when it does not fit. */
static bool read_rar5(const struct container *c, uint64_t at, struct rar5_block *b)
{
	uint64_t size;

	*b = (struct rar5_block){ .type = 0 };
	if (c->size - at < 4)
		return false;
	at += 4; /* its CRC, which libarchive looks at */
	if (!take_vint(c, &at, &size) || size > c->size - at)
		return false;
	b->end = at + size;
	if (!take_vint(c, &at, &b->type) || !take_vint(c, &at, &b->flags) || (b->flags & 1 && !take_vint(c, &at, &b->extra_size)) ||
	    (b->flags & 2 && !take_vint(c, &at, &b->data_size)))
		return false;
	b->fields = at;
	return at <= b->end && b->extra_size <= b->end - at && b->data_size <= c->size - b->end;
}

/* A record of the extra area says so. */
static bool is_rar5_encrypted(const struct container *c, const struct rar5_block *b)
{
	uint64_t at = b->end - b->extra_size, type = 0;

	while (at < b->end) {
		uint64_t size, begin;

		if (!take_vint(c, &at, &size) || at >= b->end || size > b->end - at)
			return false;
		begin = at;
		if (take_vint(c, &at, &type) && type == RAR5_ENCRYPTION)
			return true;
		at = begin + MAX(size, (uint64_t)1);
	}
	return false;
}

static bool is_rar5_stored_whole(const struct container *c, const struct rar5_block *b)
{
	uint64_t at = b->fields, flags, size, attributes, method;
	uint32_t crc;

	if (b->type != RAR5_FILE)
		return true;
	if (!take_vint(c, &at, &flags) || !take_vint(c, &at, &size) || !take_vint(c, &at, &attributes))
		return false;
	at += flags & 2 ? 4 : 0; /* time */
	if (at > b->end || b->end - at < 4)
		return false;
	crc = le32(c->data + at);
	at += flags & 4 ? 4 : 0;
	if (!take_vint(c, &at, &method))
		return false;
	return (method >> 7 & 7) != 0 || !(flags & 4) || is_rar5_encrypted(c, b) || has_crc(c->data + b->end, b->data_size, crc);
}

/* Version 5, likewise. */
static int walk_rar5(struct container *c)
{
	struct rar5_block b;
	bool is_told = false;

	for (uint64_t at = 8; at < c->size; at = b.end + b.data_size) {
		if (!read_rar5(c, at, &b))
			return unsafe(c, "damaged: a block is cut off");
		if (b.type == RAR5_ALL_ENCRYPTED)
			return 0; /* nobody sees what follows */
		if (!is_rar5_stored_whole(c, &b))
			return unsafe(c, "damaged: the checksum of a member is wrong");
		if (!is_told && b.type == RAR5_FILE && is_rar5_encrypted(c, &b)) { /* libarchive before 3.7 passes over it */
			int r = container_broken(c, REASON_ENCRYPTED, "members are encrypted, so that nobody could look at them");

			if (r < 0)
				return r;
			is_told = true;
		}
		if (b.type == RAR5_END)
			return b.end + b.data_size == c->size ? 0 : unsafe(c, "bytes stand behind its end");
	}
	return unsafe(c, "damaged: it stops without its end mark; cut off, perhaps");
}

int layout_rar(struct container *c, struct layout *ret)
{
	if (c->size < 8 || memcmp(c->data, "Rar!\x1a\x07", 6) != 0)
		return unsafe(c, "does not begin as RAR");
	if (is_rar_volume(c)) {
		int r = container_broken(c, REASON_CONTAINER_OPAQUE, "part of a set of volumes, which are never joined");

		return r < 0 ? r : -EBADMSG;
	}
	ret->slack = 4; /* libarchive does not read the end block of version 5 to its end */
	return c->data[6] == 0 ? walk_rar4(c) : walk_rar5(c);
}
