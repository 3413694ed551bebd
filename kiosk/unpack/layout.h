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
_must_check_ int layout_rar(struct container *c, struct layout *ret);
_must_check_ int layout_deb(struct container *c, struct layout *ret);
_must_check_ int layout_iso9660(struct container *c, struct layout *ret);
bool layout_has_joliet(const struct container *c);

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
