/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Archives anywhere in a file. Unpackers (7-Zip, unrar, unsquashfs -offset) look for their signatures behind anything; here one counts
 * when more than the signature holds: a check sum, or fields that are what they have to be. */
#include "content/hidden.h"

#include <ctype.h>
#include <string.h>
#include <zlib.h>

/* Bytes that check sums are made of, in one file: a file full of signatures costs no more. */
#define SUMMED_MAX (64u << 20)

struct search {
	struct span in;
	uint64_t summed;
};

/* False: not as many bytes there, or too many seen already. */
static bool sum(struct search *s, const uint8_t *at, size_t size, uint32_t *ret)
{
	if (size > (size_t)(s->in.at + s->in.size - at) || s->summed > SUMMED_MAX)
		return false;
	s->summed += size;
	*ret = (uint32_t)crc32_z(crc32(0, NULL, 0), at, size);
	return true;
}

static bool has_sum(struct search *s, const uint8_t *at, size_t size, uint32_t expected)
{
	uint32_t crc;

	return sum(s, at, size, &crc) && crc == expected;
}

/* 7zFormat.txt: the start header at 12. */
static bool is_7z(struct search *s, const uint8_t *p, size_t size)
{
	return size >= 32 && has_sum(s, p + 12, 20, le32(p + 8));
}

/* technote.txt: the main header behind the mark, CRC-16 over what follows it. */
static bool is_rar4(struct search *s, const uint8_t *p, size_t size)
{
	uint32_t crc;

	return size >= 20 && p[9] == 0x73 && le16(p + 12) >= 13 && sum(s, p + 9, (size_t)le16(p + 12) - 2, &crc) &&
	       (crc & 0xffff) == le16(p + 7);
}

/* RAR 5.0 archive format: CRC-32, size (up to three bytes of seven bits), header. */
static bool is_rar5(struct search *s, const uint8_t *p, size_t size)
{
	size_t length = 0, n = 0;

	if (size < 17)
		return false;
	do {
		length |= (size_t)(p[12 + n] & 0x7f) << (7 * n);
	} while (p[12 + n++] & 0x80 && n < 3);
	return length > 0 && has_sum(s, p + 12, n + length, le32(p + 8));
}

/* [MS-CAB] 2.1 */
static bool is_cabinet(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 36 && le32(p + 12) == 0 && le32(p + 20) == 0 && p[24] == 3 && p[25] == 1;
}

/* APPNOTE 6.3.10 §4.3.7: version, method and name are what they can be. */
static bool is_zip(struct search *s, const uint8_t *p, size_t size)
{
	size_t name = size >= 30 ? le16(p + 26) : 0;

	(void)s;
	if (name == 0 || name > size - 30 || le16(p + 4) > 63 || (le16(p + 8) > 20 && (le16(p + 8) < 93 || le16(p + 8) > 99)))
		return false;
	for (size_t i = 0; i < name; i++)
		if (p[30 + i] < ' ' || p[30 + i] == 0x7f)
			return false;
	return true;
}

/* xar wiki, "xarformat": size of the header, version 1, then the sizes of a zlib stream, big-endian */
static bool is_xar(struct search *s, const uint8_t *p, size_t size)
{
	size_t header = size >= 28 ? (size_t)(p[4] << 8 | p[5]) : 0;

	(void)s;
	return header >= 28 && header <= 128 && size > header + 2 && p[6] == 0 && p[7] <= 2 && p[header] == 0x78 &&
	       (p[header] << 8 | p[header + 1]) % 31 == 0;
}

/* Documentation/filesystems/squashfs.rst; versions 1 to 3 have their block size elsewhere (squashfs-tools, squashfs_compat.h). */
static bool is_squashfs(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	if (size < 96)
		return false;
	if (le16(p + 28) == 4)
		return le16(p + 22) >= 12 && le16(p + 22) <= 20 && le32(p + 12) == 1u << le16(p + 22);
	return le16(p + 28) >= 1 && le16(p + 28) <= 3 && le16(p + 30) <= 1;
}

static bool is_big_squashfs(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 96 && p[28] == 0 && p[29] >= 1 && p[29] <= 4 && p[30] == 0 && p[31] <= 1;
}

static bool is_wim(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 208 && le32(p + 8) == 208;
}

/* .xz file format 2.1.1: CRC-32 of the two bytes of flags. lzma: none. */
static bool is_xz(struct search *s, const uint8_t *p, size_t size)
{
	return size >= 12 && has_sum(s, p + 6, 2, le32(p + 8));
}

/* LHa for UNIX, header.doc: at level 0 and 1 a sum over the header; of level 2 its size. The method stands two bytes in. */
static bool is_lha(struct search *s, const uint8_t *p, size_t size)
{
	uint8_t total = 0;

	if (size < 28 || p[6] != '-' || (!isdigit(p[5]) && p[5] != 'd' && p[5] != 's' && p[5] != 'x') || p[20] > 3)
		return false;
	if (p[20] >= 2)
		return p[20] == 2 ? le16(p) >= 26 && le16(p) <= 4096 && isalpha(p[23]) : le16(p) == 4 && le32(p + 24) >= 32;
	if (p[0] < 22 || (size_t)p[0] + 2 > size)
		return false;
	for (size_t i = 2; i < (size_t)p[0] + 2; i++)
		total = (uint8_t)(total + p[i]);
	s->summed += p[0];
	return total == p[1];
}

/* technote.txt of ARJ: size, header, CRC-32 */
static bool is_arj(struct search *s, const uint8_t *p, size_t size)
{
	size_t header = size >= 40 ? le16(p + 2) : 0;

	return header >= 30 && header <= 2600 && header + 8 <= size && has_sum(s, p + 4, header, le32(p + 4 + header));
}

/* POSIX.1-2017, pax: the sum over the header, in which its own field counts as blanks. */
static bool is_tar(struct search *s, const uint8_t *p, size_t size)
{
	uint32_t total = 0, said = 0;

	if (size < 512 || s->summed > SUMMED_MAX)
		return false;
	s->summed += 512;
	for (size_t i = 0; i < 512; i++)
		total += i >= 148 && i < 156 ? ' ' : p[i];
	for (size_t i = 148; i < 156; i++)
		if (p[i] >= '0' && p[i] <= '7')
			said = said << 3 | (uint32_t)(p[i] - '0');
	return said == total;
}

static bool is_digit(uint8_t c, bool is_octal)
{
	return is_octal ? c >= '0' && c <= '7' : isxdigit(c) != 0;
}

/* cpio(5): thirteen hexadecimal numbers of eight digits ("New ASCII Format", "New CRC Format") or ten octal ones ("Portable ASCII
 * Format"), then the name with its NUL. Digits alone are what any dump in hexadecimal has somewhere. */
static bool is_cpio(struct search *s, const uint8_t *p, size_t size)
{
	bool is_octal = size > 5 && p[5] == '7';
	size_t header = is_octal ? 76 : 110, at = is_octal ? 59 : 94, end = is_octal ? 65 : 102, name = 0;

	(void)s;
	if (size < header || (!is_octal && p[5] != '1' && p[5] != '2'))
		return false;
	for (size_t i = 6; i < header; i++)
		if (!is_digit(p[i], is_octal))
			return false;
	for (; at < end; at++)
		name = is_octal ? name << 3 | (p[at] & 7u) : name << 4 | (isdigit(p[at]) ? p[at] & 15u : (p[at] & 15u) + 9);
	return name >= 2 && name <= size - header && memchr(p + header, '\0', name) == p + header + name - 1;
}

static bool is_ar(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 68 && memcmp(p + 66, "`\n", 2) == 0;
}

static bool is_rpm(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 96 && p[4] == 3 && p[6] == 0 && p[7] <= 1;
}

static bool is_cramfs(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 76 && memcmp(p + 16, "Compressed ROMFS", 16) == 0;
}

/* The six bytes of a block's signature are letters, and stand in programs that look for them. */
static bool is_bzip2(struct search *s, const uint8_t *p, size_t size)
{
	(void)s;
	return size >= 10 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9';
}

/* The signature is enough: eight bytes and more. */
static bool is_any(struct search *s, const uint8_t *p, size_t size)
{
	(void)s, (void)p, (void)size;
	return true;
}

static const struct {
	const char *name;
	size_t offset; /* of the signature in the archive */
	const char *magic;
	size_t magic_size;
	bool (*is_one)(struct search *s, const uint8_t *p, size_t size);
} archives[] = {
	{ "7z", 0, "7z\xbc\xaf\x27\x1c", 6, is_7z },
	{ "RAR", 0, "Rar!\x1a\x07\0", 7, is_rar4 },
	{ "RAR 5", 0, "Rar!\x1a\x07\x01\0", 8, is_rar5 },
	{ "zip", 0, "PK\3\4", 4, is_zip },
	{ "cabinet", 0, "MSCF\0\0\0\0", 8, is_cabinet },
	{ "squashfs", 0, "hsqs", 4, is_squashfs },
	{ "squashfs", 0, "sqsh", 4, is_big_squashfs },
	{ "xar", 0, "xar!", 4, is_xar },
	{ "WIM", 0, "MSWIM\0\0\0", 8, is_wim },
	{ "xz", 0, "\xfd" "7zXZ\0", 6, is_xz },
	{ "bzip2", 4, "\x31\x41\x59\x26\x53\x59", 6, is_bzip2 },
	{ "LHA", 2, "-lh", 3, is_lha },
	{ "LHA", 2, "-lz", 3, is_lha },
	{ "ARJ", 0, "\x60\xea", 2, is_arj },
	{ "tar", 257, "ustar", 5, is_tar },
	{ "cpio", 0, "07070", 5, is_cpio },
	{ "ar", 0, "!<arch>\n", 8, is_ar },
	{ "RPM", 0, "\xed\xab\xee\xdb", 4, is_rpm },
	{ "cramfs", 0, "\x45\x3d\xcd\x28", 4, is_cramfs },
	{ "ISO 9660", 32768, "\1CD001\1\0", 8, is_any },
	{ "NSIS installer", 4, "\xef\xbe\xad\xdeNullsoftInst", 16, is_any },
};

/* The first two bytes of every signature, a bit for each pair: one pass over the file instead of one for each kind. */
struct pairs {
	uint8_t bits[1 << 13];
};

static uint16_t pair_at(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void note_pairs(struct pairs *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		uint16_t pair = pair_at((const uint8_t *)archives[i].magic);

		ret->bits[pair >> 3] |= (uint8_t)(1u << (pair & 7));
	}
}

/* Is the signature at `p` that of this kind? `*ret_begin`: where the archive would begin. */
static bool is_at(struct search *s, size_t which, const uint8_t *p, const uint8_t **ret_begin)
{
	const uint8_t *end = s->in.at + s->in.size;
	size_t offset = archives[which].offset;

	if ((size_t)(end - p) < archives[which].magic_size || memcmp(p, archives[which].magic, archives[which].magic_size) != 0)
		return false;
	*ret_begin = p - MIN((size_t)(p - s->in.at), offset);
	return ((size_t)(p - *ret_begin) == offset && archives[which].is_one(s, *ret_begin, (size_t)(end - *ret_begin))) || s->summed > SUMMED_MAX;
}

const char *hidden_archive(struct span in, const uint8_t **ret_at)
{
	const uint8_t *end = in.at + in.size;
	struct search s = { .in = in };
	struct pairs pairs;

	*ret_at = NULL;
	note_pairs(&pairs);
	for (const uint8_t *p = in.at; in.size >= 2 && p <= end - 2; p++) {
		uint16_t pair = pair_at(p);

		if (!(pairs.bits[pair >> 3] >> (pair & 7) & 1))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(archives); i++)
			if (is_at(&s, i, p, ret_at))
				return archives[i].name;
	}
	*ret_at = NULL;
	return NULL;
}
