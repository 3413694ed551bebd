/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <string.h>

#include "content/polyglot.h"

bool picture_remark_acts(struct span remark)
{
	static const char *const marks[] = { "<script", "<?php", "<%@", "<html", "<iframe", "<svg", "javascript:" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_find(remark, marks[i]))
			return true;
	return false;
}

static struct span piece(const struct content *c, size_t at, size_t size)
{
	return (struct span){ c->data + at, MIN(size, c->size - at) };
}

void picture_png(const struct content *c, struct picture *ret)
{
	size_t at = 8;

	if (c->size < 8 || memcmp(c->data, "\x89PNG\r\n\x1a\n", 8) != 0)
		return;
	ret->format = "PNG";
	while (c->size - at >= 12) {
		uint32_t size = be32(c->data + at);
		const uint8_t *type = c->data + at + 4;

		if (size > c->size - at - 12)
			return;
		if (memcmp(type, "tEXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0)
			ret->has_script |= picture_remark_acts(piece(c, at + 8, size));
		at += 12 + (size_t)size;
		if (memcmp(type, "IEND", 4) == 0) {
			ret->end = at;
			return;
		}
	}
}

/* Blocks of up to 255 bytes, ended by an empty one. Returns where they end; 0: not within the file. */
static size_t gif_blocks(const struct content *c, size_t at)
{
	while (at < c->size && c->data[at] != 0)
		at += 1 + (size_t)c->data[at];
	return at < c->size ? at + 1 : 0;
}

static size_t gif_table(uint8_t flags)
{
	return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

void picture_gif(const struct content *c, struct picture *ret)
{
	size_t at = 13;

	if (c->size < 13 || (memcmp(c->data, "GIF87a", 6) != 0 && memcmp(c->data, "GIF89a", 6) != 0))
		return;
	ret->format = "GIF";
	at += gif_table(c->data[10]);
	while (at > 0 && at < c->size) {
		size_t start = at;

		switch (c->data[at]) {
		case 0x3b: /* trailer */
			ret->end = at + 1;
			return;
		case 0x21: /* extension: its label, its blocks */
			at = gif_blocks(c, at + 2);
			if (at > 0)
				ret->has_script |= picture_remark_acts(piece(c, start, at - start));
			break;
		case 0x2c: /* image descriptor, colour table, code size, blocks */
			if (c->size - at < 11)
				return;
			at = gif_blocks(c, at + 10 + gif_table(c->data[at + 9]) + 1);
			break;
		case 0x00: /* stray ends of blocks, which all readers skip */
			at++;
			break;
		default:
			return;
		}
	}
}

/* From behind SOS to the next marker: 0xff00 is data, 0xffd0..7 restarts, 0xffff fills (B.1.1.2, B.1.1.5). */
static size_t jpeg_scan(const struct content *c, size_t at)
{
	while (at + 1 < c->size) {
		const uint8_t *p = memchr(c->data + at, 0xff, c->size - at - 1);

		if (!p)
			break;
		if (p[1] != 0 && p[1] != 0xff && (p[1] & 0xf8) != 0xd0)
			return (size_t)(p - c->data);
		at = (size_t)(p - c->data) + (p[1] == 0xff ? 1 : 2);
	}
	return c->size;
}

/* One image from its SOI at `at`. Returns where it ends; 0: nowhere. */
static size_t jpeg_image(const struct content *c, size_t at, struct picture *ret)
{
	at += 2;
	while (at + 4 <= c->size || (at + 2 <= c->size && c->data[at + 1] == 0xd9)) {
		uint8_t marker = c->data[at + 1];
		size_t size;

		if (c->data[at] != 0xff)
			return 0;
		if (marker == 0xff) {
			at++;
			continue;
		}
		if (marker == 0xd9)
			return at + 2;
		if (marker == 0x01 || (marker & 0xf8) == 0xd0) {
			at += 2;
			continue;
		}
		size = (size_t)c->data[at + 2] << 8 | c->data[at + 3];
		if (size < 2 || size > c->size - at - 2)
			return 0;
		if (marker == 0xfe || marker == 0xe1) /* COM, APP1 */
			ret->has_script |= picture_remark_acts(piece(c, at + 4, size - 2));
		at += 2 + size;
		if (marker == 0xda)
			at = jpeg_scan(c, at);
	}
	return 0;
}

void picture_jpeg(const struct content *c, struct picture *ret)
{
	size_t at = 0;

	if (c->size < 4 || memcmp(c->data, "\xff\xd8\xff", 3) != 0)
		return;
	ret->format = "JPEG";
	for (;;) {
		size_t end = jpeg_image(c, at, ret), next = end;

		if (end == 0)
			return;
		ret->end = end;
		while (next < c->size && c->data[next] == 0) /* MPO aligns its images */
			next++;
		if (c->size - next < 4 || memcmp(c->data + next, "\xff\xd8\xff", 3) != 0)
			return;
		at = next;
	}
}

void picture_bmp(const struct content *c, struct picture *ret)
{
	uint64_t told, start, width, height, row, pixels;
	uint32_t compression;

	if (c->size < 54 || memcmp(c->data, "BM", 2) != 0 || le32(c->data + 6) != 0 || le32(c->data + 14) < 40 ||
	    le32(c->data + 14) > 256)
		return;
	ret->format = "BMP";
	told = le32(c->data + 2);
	start = le32(c->data + 10);
	width = le32(c->data + 18);
	height = le32(c->data + 22);
	height = height > INT32_MAX ? (uint64_t)UINT32_MAX + 1 - height : height; /* negative: from the top */
	compression = le32(c->data + 30);
	row = (width * le16(c->data + 28) + 31) / 32 * 4;
	if (width > INT32_MAX || (row > 0 && height > (UINT64_MAX >> 1) / row))
		return;
	pixels = compression == 0 || compression == 3 ? row * height : le32(c->data + 34);
	ret->end = (size_t)MIN(MAX(told, start + pixels), (uint64_t)c->size);
}

void picture_riff(const struct content *c, struct picture *ret)
{
	size_t at = 0;

	if (c->size < 12 || memcmp(c->data, "RIFF", 4) != 0)
		return;
	if (memcmp(c->data + 8, "WEBP", 4) != 0 && memcmp(c->data + 8, "WAVE", 4) != 0 && memcmp(c->data + 8, "AVI ", 4) != 0 &&
	    memcmp(c->data + 8, "ACON", 4) != 0)
		return;
	ret->format = "RIFF";
	while (c->size - at >= 12 && memcmp(c->data + at, "RIFF", 4) == 0) { /* more of them: AVI past 1 GiB (OpenDML) */
		uint64_t size = (uint64_t)le32(c->data + at + 4) + 8;

		size += size & 1;
		at = (size_t)MIN(size, (uint64_t)(c->size - at)) + at;
	}
	ret->end = at;
}

void picture_icon(const struct content *c, struct picture *ret)
{
	uint64_t end = 0;
	unsigned int count;

	if (c->size < 22 || le16(c->data) != 0 || (le16(c->data + 2) != 1 && le16(c->data + 2) != 2))
		return;
	count = le16(c->data + 4);
	if (count == 0 || count > 64 || c->size < 6 + 16 * (size_t)count || c->data[9] != 0)
		return;
	for (unsigned int i = 0; i < count; i++) {
		uint64_t size = le32(c->data + 6 + 16 * i + 8), start = le32(c->data + 6 + 16 * i + 12);

		if (start < 6 + 16 * (uint64_t)count || size < 40 || start + size > c->size)
			return; /* none after all: two zeros and a small number begin many files */
		end = MAX(end, start + size);
	}
	ret->format = "ICO";
	ret->end = (size_t)end;
}
