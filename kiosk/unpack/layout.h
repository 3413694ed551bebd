/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where containers begin and end, by their own frame: what a reader that wants to be helpful passes over without a word.
 * Bytes in, findings out; nothing is unpacked here. */
#ifndef LAZARET_UNPACK_LAYOUT_H
#define LAZARET_UNPACK_LAYOUT_H

#include "container/container.h"

#define LAYOUT_UNKNOWN UINT64_MAX

struct layout {
	uint64_t end;	  /* first byte behind the container, or LAYOUT_UNKNOWN: where libarchive stops reading */
	uint64_t entries; /* that it says it has, or LAYOUT_UNKNOWN */
	uint64_t slack;	  /* bytes behind `end` that the usual tool leaves there, and that mean nothing */
	bool is_empty;	  /* by its own word it holds nothing, in the one way that its format has for that */
	bool may_be_empty; /* its end mark alone is an archive, too */
};

/* Look at the frame of an archive before libarchive does. 0; -EBADMSG: there is no sense in opening it, which has been told;
 * or another negative errno. */
_must_check_ int layout_of_archive(struct container *c, struct layout *ret);

/* As above for compressed streams. */
_must_check_ int layout_of_stream(struct container *c);
bool layout_is_empty_lzip(const struct container *c);

/* One format each, for layout.c. */
_must_check_ int layout_zip(struct container *c, struct layout *ret);
/* Tells names of members that differ; the directory from `at` to `end`, which lie within the file. 0 or a negative errno. */
_must_check_ int layout_zip_names(struct container *c, uint64_t at, uint64_t end);
/* Tells bytes before the directory that are no member's, members that overlap or that the directory knows otherwise. As above. */
_must_check_ int layout_zip_cover(struct container *c, uint64_t at, uint64_t end, uint64_t entries);
_must_check_ int layout_rar(struct container *c, struct layout *ret);
_must_check_ int layout_deb(struct container *c, struct layout *ret);
_must_check_ int layout_iso9660(struct container *c, struct layout *ret);
bool layout_has_joliet(const struct container *c);

/* RAR 5.0 archive format: numbers of seven bits a byte, the lowest first, at `*at`, which moves on. False: it is cut. */
static inline bool take_vint(const struct container *c, uint64_t *at, uint64_t *ret)
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

/* One block of a RAR 5 archive. */
struct rar5_block {
	uint64_t type, flags, extra_size, data_size;
	uint64_t at;	      /* where it begins */
	uint64_t fields, end; /* where its own fields begin, and its header ends */
};

/* The fields of a file or service block. */
struct rar5_file {
	uint64_t size; /* unpacked */
	uint64_t method;
	bool has_crc;
	uint32_t crc;
	const uint8_t *name;
	uint64_t name_size;
};

bool rar5_read_file(const struct container *c, const struct rar5_block *b, struct rar5_file *ret);

/* What a service block holds that is no member: NULL when that is nothing to anybody who unpacks the archive, else the words
 * for a finding. `*ret_is_quick`: it is the directory for those in a hurry, whose every entry repeats a block's header. */
const char *rar5_service(const struct container *c, const struct rar5_block *b, bool *ret_is_quick);
/* Likewise of a file block: what libarchive makes a plain empty file of. */
const char *rar5_redirection(const struct container *c, const struct rar5_block *b);
const char *rar4_service(const uint8_t *block); /* with its fields in place */

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
