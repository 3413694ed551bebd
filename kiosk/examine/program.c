/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in a worker, on untrusted bytes. A header is taken for one when its own check holds, as unpackers do. */
#include "examine/program.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "common/macros.h"

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc(const uint8_t *data, size_t size)
{
	return (uint32_t)crc32_z(0, data, size);
}

/* 7zFormat.txt (LZMA SDK), SignatureHeader: CRC at 8 over the 20 bytes of the start header at 12. */
static bool is_7z(const uint8_t *p, size_t size)
{
	return size >= 32 && crc(p + 12, 20) == le32(p + 8);
}

/* RAR 4 (technote.txt): behind the marker the main header, CRC-16 of what follows it, type 0x73, size at 5. */
static bool is_rar4(const uint8_t *p, size_t size)
{
	size_t length;

	if (size < 7 + 13 || p[7 + 2] != 0x73)
		return false;
	length = (size_t)(p[7 + 5] | p[7 + 6] << 8);
	return length >= 13 && length <= size - 7 && (crc(p + 9, length - 2) & 0xffff) == (uint32_t)(p[7] | p[8] << 8);
}

/* RAR 5.0 archive format: CRC-32, then the header's size (vint, three bytes at most) and that many bytes. */
static bool is_rar5(const uint8_t *p, size_t size)
{
	size_t length = 0, n = 0;

	if (size < 8 + 4 + 3 + 2)
		return false;
	do {
		length |= (size_t)(p[12 + n] & 0x7f) << (7 * n);
	} while (p[12 + n++] & 0x80 && n < 3);
	return length > 0 && length <= size - 12 - n && crc(p + 12, n + length) == le32(p + 8);
}

/* [MS-CAB] 2.1: reserved fields are 0, the version is 1.3. */
static bool is_cabinet(const uint8_t *p, size_t size)
{
	return size >= 36 && le32(p + 8) >= 36 && le32(p + 8) <= size && le32(p + 12) == 0 && le32(p + 20) == 0 &&
	       p[24] == 3 && p[25] == 1;
}

static const struct {
	enum container_format format;
	const char *magic;
	size_t magic_size;
	bool (*is_archive)(const uint8_t *p, size_t size);
} archives[] = {
	{ CONTAINER_SEVENZIP, "7z\xbc\xaf\x27\x1c", 6, is_7z },
	{ CONTAINER_RAR, "Rar!\x1a\x07\0", 7, is_rar4 },
	{ CONTAINER_RAR, "Rar!\x1a\x07\x01\0", 8, is_rar5 },
	{ CONTAINER_CAB, "MSCF\0\0\0\0", 8, is_cabinet },
};

static bool has_one(size_t which, const uint8_t *data, size_t size)
{
	const uint8_t *p = data;
	unsigned int found = 0;

	while ((p = memmem(p, size - (size_t)(p - data), archives[which].magic, archives[which].magic_size)) != NULL) {
		found += archives[which].is_archive(p, size - (size_t)(p - data));
		p++;
	}
	return found == 1;
}

enum container_format program_archive_next(const uint8_t *data, size_t size, size_t *at)
{
	if (size < 4 || (memcmp(data, "MZ", 2) != 0 && memcmp(data, "\x7f" "ELF", 4) != 0))
		return CONTAINER_NONE;
	while (*at < ARRAY_LEN(archives)) {
		size_t which = (*at)++;

		if (has_one(which, data, size))
			return archives[which].format;
	}
	return CONTAINER_NONE;
}
