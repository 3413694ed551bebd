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
#define RAR5_SERVICE 3u
#define RAR5_LOCATOR 1u /* record of the main block's extra area */
#define RAR5_HAS_QUICK 1u
#define RAR4_MAIN 0x73u
#define RAR4_FILE 0x74u
#define RAR4_SERVICE 0x7au
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

static int opaque(struct container *c, const char *what)
{
	return container_broken(c, REASON_CONTAINER_OPAQUE, "%s", what);
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
	if (block[2] == RAR4_FILE || block[2] == RAR4_SERVICE) {
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

/* libarchive passes over every block that is neither a file nor the end; whoever unpacks need not. */
static const char *rar4_hides(const uint8_t *block)
{
	return block[2] == RAR4_MAIN || block[2] == RAR4_FILE || block[2] == RAR4_END ? NULL : rar4_service(block);
}

static int take_rar4(struct container *c, const uint8_t *block, bool *is_hiding)
{
	const char *hides = *is_hiding ? NULL : rar4_hides(block);

	if (!hides)
		return 0;
	*is_hiding = true;
	return opaque(c, hides);
}

/* Version 4, from the first block to the one that ends the archive and the file: CRC (2), type, flags (2), size (2). */
static int walk_rar4(struct container *c, uint64_t *ret_files)
{
	bool is_hiding = false;
	int r;

	if (c->size > 12 && c->data[10] & 0x80) {
		*ret_files = LAYOUT_UNKNOWN;
		return 0; /* all headers are encrypted */
	}
	for (uint64_t at = 7, size; c->size - at >= 7; at += size) {
		const uint8_t *block = c->data + at;
		uint16_t header = le16(block + 5);

		if (header < 7 || header > c->size - at || !rar4_data_size(block, c->size - at, &size))
			return unsafe(c, "damaged: a block is cut off");
		if (!is_rar4_stored_whole(block, block + header, size))
			return unsafe(c, "damaged: the checksum of a member is wrong");
		r = take_rar4(c, block, &is_hiding);
		if (r < 0)
			return r;
		*ret_files += block[2] == RAR4_FILE;
		size += header;
		if (block[2] == RAR4_END)
			return at + size == c->size ? 0 : unsafe(c, "bytes stand behind its end");
	}
	return unsafe(c, "damaged: it stops without its end mark; cut off, perhaps");
}

/* The block at `at`, or false when it does not fit. */
static bool read_rar5(const struct container *c, uint64_t at, struct rar5_block *b)
{
	uint64_t size;

	*b = (struct rar5_block){ .at = at };
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
	struct rar5_file f;

	if (b->type != RAR5_FILE)
		return true;
	return rar5_read_file(c, b, &f) &&
	       (f.method != 0 || !f.has_crc || is_rar5_encrypted(c, b) || has_crc(c->data + b->end, b->data_size, f.crc));
}

/* Where the main block says that the directory for quick opening stands; 0: it does not say. */
static uint64_t quick_place(const struct container *c, const struct rar5_block *b)
{
	uint64_t at = b->end - b->extra_size, size, type, flags, quick;

	while (at < b->end && take_vint(c, &at, &size) && at < b->end && size <= b->end - at) {
		uint64_t next = at + MAX(size, (uint64_t)1);

		if (take_vint(c, &at, &type) && type == RAR5_LOCATOR && take_vint(c, &at, &flags) && flags & RAR5_HAS_QUICK &&
		    take_vint(c, &at, &quick) && quick > 0)
			return quick <= c->size ? b->at + quick : UINT64_MAX;
		at = next;
	}
	return 0;
}

struct rar5_walk {
	uint64_t files;
	uint64_t quick_said, quick_found;
	bool is_encrypted, is_hiding; /* which has been told */
};

static const char *rar5_hides(const struct container *c, const struct rar5_block *b, struct rar5_walk *w)
{
	bool is_quick = false;
	const char *hides;

	switch (b->type) {
	case RAR5_MAIN:
		w->quick_said = quick_place(c, b);
		return b->data_size > 0 ? "a block that is no member holds data" : NULL;
	case RAR5_FILE:
		return rar5_redirection(c, b);
	case RAR5_END:
		return NULL;
	case RAR5_SERVICE:
		hides = rar5_service(c, b, &is_quick);
		if (is_quick)
			w->quick_found = b->at;
		return hides;
	default:
		return "a block of a kind that nobody here knows";
	}
}

static int take_rar5(struct container *c, const struct rar5_block *b, struct rar5_walk *w)
{
	const char *hides = rar5_hides(c, b, w);
	int r = 0;

	if (!is_rar5_stored_whole(c, b))
		return unsafe(c, "damaged: the checksum of a member is wrong");
	w->files += b->type == RAR5_FILE;
	if (hides && !w->is_hiding) {
		w->is_hiding = true;
		r = opaque(c, hides);
	}
	if (r == 0 && !w->is_encrypted && b->type == RAR5_FILE && is_rar5_encrypted(c, b)) { /* libarchive before 3.7 passes over it */
		w->is_encrypted = true;
		r = container_broken(c, REASON_ENCRYPTED, "members are encrypted, so that nobody could look at them");
	}
	return r;
}

/* Version 5, likewise. */
static int walk_rar5(struct container *c, uint64_t *ret_files)
{
	struct rar5_walk w = { 0 };
	struct rar5_block b;

	for (uint64_t at = 8; at < c->size; at = b.end + b.data_size) {
		int r;

		if (!read_rar5(c, at, &b))
			return unsafe(c, "damaged: a block is cut off");
		if (b.type == RAR5_ALL_ENCRYPTED) {
			*ret_files = LAYOUT_UNKNOWN;
			return 0; /* nobody sees what follows */
		}
		r = take_rar5(c, &b, &w);
		if (r < 0)
			return r;
		if (b.type != RAR5_END)
			continue;
		*ret_files = w.is_encrypted ? LAYOUT_UNKNOWN : w.files;
		if (w.quick_said > 0 && w.quick_said != w.quick_found)
			return unsafe(c, "its directory for quick opening is not where its header says");
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
	ret->entries = 0;
	return c->data[6] == 0 ? walk_rar4(c, &ret->entries) : walk_rar5(c, &ret->entries);
}
