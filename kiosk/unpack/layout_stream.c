/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where compressed streams end, for those of which libarchive passes over what stands behind them. */
#include <string.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

#define LZ4_MAGIC 0x184d2204u
#define LZ4_LEGACY 0x184c2102u
#define LZ4_SKIPPABLE 0x184d2a50u /* and 15 more */
#define LZ4_LEGACY_BLOCK_MAX ((8u << 20) + (8u << 20) / 255 + 16) /* LZ4_COMPRESSBOUND of its 8 MiB */

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

/* Past `size` bytes, or to the end of the container and false. */
static bool pass(const struct container *c, uint64_t *at, uint64_t size)
{
	bool fits = size <= c->size - *at;

	*at = fits ? *at + size : c->size;
	return fits;
}

static bool take32(const struct container *c, uint64_t *at, uint32_t *ret)
{
	const uint8_t *p = c->data + *at;

	if (!pass(c, at, 4))
		return false;
	*ret = le32(p);
	return true;
}

/* LZ4 Frame Format 1.6.3: descriptor, blocks, end mark, checksum. */
static bool pass_lz4_frame(const struct container *c, uint64_t *at)
{
	uint8_t flags = *at < c->size ? c->data[*at] : 0;
	uint32_t block;

	if (!pass(c, at, 3 + (flags & 8 ? 8u : 0) + (flags & 1 ? 4u : 0)))
		return false;
	do {
		if (!take32(c, at, &block) || (block != 0 && !pass(c, at, (block & 0x7fffffffu) + (flags & 16 ? 4ull : 0))))
			return false;
	} while (block != 0);
	return !(flags & 4) || pass(c, at, 4);
}

/* Up to the end, or to what is no block's size. */
static bool pass_lz4_legacy(const struct container *c, uint64_t *at)
{
	while (c->size - *at >= 4 && le32(c->data + *at) <= LZ4_LEGACY_BLOCK_MAX && le32(c->data + *at) > 0) {
		uint32_t block;

		if (!take32(c, at, &block) || !pass(c, at, block))
			return false;
	}
	return true;
}

static int layout_lz4(struct container *c)
{
	uint64_t at = 0, frame = 0;
	uint32_t magic;
	bool is_whole = true;

	while (is_whole && take32(c, &at, &magic)) {
		if (magic == LZ4_MAGIC)
			is_whole = pass_lz4_frame(c, &at);
		else if (magic == LZ4_LEGACY)
			is_whole = pass_lz4_legacy(c, &at);
		else if ((magic & ~0xfu) == LZ4_SKIPPABLE)
			is_whole = take32(c, &at, &magic) && pass(c, &at, magic);
		else
			break;
		frame = at;
	}
	if (!is_whole)
		return unsafe(c, "damaged: cut off");
	if (frame == 0)
		return unsafe(c, "damaged: not lz4");
	return unpack_is_zero(c->data + frame, c->size - frame) ? 0 : unsafe(c, "bytes stand behind its end");
}

static bool is_line(const char *line, size_t size, const char *words)
{
	if (size > 0 && line[size - 1] == '\r')
		size--;
	return size == strlen(words) && memcmp(line, words, size) == 0;
}

/* POSIX uuencode: one header line first, one end line last. libarchive also reads what has text around it, several in a row,
 * and what has no end. */
static int layout_uu(struct container *c)
{
	const char *at = (const char *)c->data, *end = at + c->size;
	const char *last;

	if (c->size >= 13 && memcmp(at, "begin-base64 ", 13) == 0)
		last = "====";
	else if (c->size >= 6 && memcmp(at, "begin ", 6) == 0)
		last = "end";
	else
		return unsafe(c, "damaged: does not begin as uuencode");
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline)
			break;
		if (is_line(at, (size_t)(newline - at), last)) {
			at = newline + 1;
			while (at < end && (*at == '\r' || *at == '\n'))
				at++;
			return at == end ? 0 : unsafe(c, "bytes stand behind its end");
		}
		at = newline + 1;
	}
	return unsafe(c, "damaged: cut off");
}

int layout_of_stream(struct container *c)
{
	switch (c->format) {
	case CONTAINER_LZ4:
		return layout_lz4(c);
	case CONTAINER_UU:
		return layout_uu(c);
	default:
		return 0;
	}
}

/* What lzip(1) makes of no bytes at all: 6 bytes of header, the end marker, and a trailer of 20 with zero checksum and
 * size. libarchive does not read that trailer. */
bool layout_is_empty_lzip(const struct container *c)
{
	static const uint8_t end_marker[10] = { 0, 0x83, 0xff, 0xfb, 0xff, 0xff, 0xc0, 0, 0, 0 };

	return c->size == 36 && memcmp(c->data, "LZIP\1", 5) == 0 && memcmp(c->data + 6, end_marker, sizeof(end_marker)) == 0 &&
	       unpack_is_zero(c->data + 16, 12) && le64(c->data + 28) == 36;
}
