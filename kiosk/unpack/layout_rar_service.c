/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Blocks of RAR that are no members, and that libarchive passes over: whoever unpacks the archive makes something of some.
 * WinRAR writes the alternate streams of NTFS (service STM) to whatever path they name (CVE-2025-8088); its data for quick
 * opening (QO) take the place of the headers when it lists and extracts. */
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "unpack/layout.h"

#define RAR4_OLD_COMMENT 0x75u
#define RAR4_OLD_AUTHENTICITY 0x76u
#define RAR4_OLD_RECOVERY 0x78u
#define RAR4_AUTHENTICITY 0x79u
#define RAR4_SERVICE 0x7au
#define RAR4_LARGE 0x100u

#define RAR5_REDIRECTION 5u /* record of a file's extra area */
#define RAR5_UNIX_LINK 1u
#define RAR5_WINDOWS_LINK 2u
#define RAR5_HARD_LINK 4u

#define HEADER_MAX ((2u << 20) + 64) /* bytes: RAR 5 has headers of 2 MiB at most, here with a few numbers before it */

#define STREAMS "alternate streams of files (NTFS) stand in it, which WinRAR unpacks and nobody here looked at"
#define UNKNOWN "a service block of a kind that nobody here knows"

bool rar5_read_file(const struct container *c, const struct rar5_block *b, struct rar5_file *ret)
{
	uint64_t at = b->fields, flags, attributes, system;

	*ret = (struct rar5_file){ 0 };
	if (!take_vint(c, &at, &flags) || !take_vint(c, &at, &ret->size) || !take_vint(c, &at, &attributes))
		return false;
	at += flags & 2 ? 4 : 0; /* time */
	if (at > b->end || b->end - at < 4)
		return false;
	ret->has_crc = flags & 4;
	ret->crc = le32(c->data + at);
	at += ret->has_crc ? 4 : 0;
	if (!take_vint(c, &at, &ret->method) || !take_vint(c, &at, &system) || !take_vint(c, &at, &ret->name_size))
		return false;
	ret->method = ret->method >> 7 & 7;
	ret->name = c->data + at;
	return at <= b->end && ret->name_size <= b->end - at;
}

static bool is_named(const uint8_t *name, uint64_t size, const char *as)
{
	return size == strlen(as) && memcmp(name, as, size) == 0;
}

/* One entry: CRC, size, flags, distance from here back to the header, its size, its bytes. It has to repeat them. */
static bool repeats_header(const struct container *c, const struct rar5_block *b, uint64_t *at, uint64_t end)
{
	uint64_t begin = *at + 4, size, flags, back, length, next;

	if (end - *at < 5)
		return false;
	*at += 4;
	if (!take_vint(c, at, &size) || *at > end || size == 0 || size > HEADER_MAX || size > end - *at)
		return false;
	next = *at + size;
	if (crc32_z(crc32(0, NULL, 0), c->data + begin, next - begin) != le32(c->data + begin - 4))
		return false;
	if (!take_vint(c, at, &flags) || !take_vint(c, at, &back) || !take_vint(c, at, &length) || *at > next ||
	    length > next - *at || back > b->at || length > back || memcmp(c->data + b->at - back, c->data + *at, length) != 0)
		return false;
	*at = next;
	return true;
}

static const char *quick_open(const struct container *c, const struct rar5_block *b, const struct rar5_file *f)
{
	uint64_t at = b->end, end = b->end + b->data_size;

	if (f->method != 0 || f->size != b->data_size)
		return "its directory for quick opening cannot be read";
	while (at < end)
		if (!repeats_header(c, b, &at, end))
			return "its directory for quick opening says something else than its headers";
	return NULL;
}

const char *rar5_service(const struct container *c, const struct rar5_block *b, bool *ret_is_quick)
{
	struct rar5_file f;

	*ret_is_quick = false;
	if (!rar5_read_file(c, b, &f))
		return "a service block cannot be read";
	if (is_named(f.name, f.name_size, "QO")) {
		*ret_is_quick = true;
		return quick_open(c, b, &f);
	}
	/* comment, recovery record, access control lists: text to show, redundancy, who may read the files */
	if (is_named(f.name, f.name_size, "CMT") || is_named(f.name, f.name_size, "RR") || is_named(f.name, f.name_size, "ACL"))
		return NULL;
	return is_named(f.name, f.name_size, "STM") ? STREAMS : UNKNOWN;
}

/* Links are libarchive's; a junction of Windows leads wherever it says, and a copy has the content of another member. */
const char *rar5_redirection(const struct container *c, const struct rar5_block *b)
{
	uint64_t at = b->end - b->extra_size, size, type, kind;

	while (at < b->end && take_vint(c, &at, &size) && at < b->end && size <= b->end - at) {
		uint64_t next = at + MAX(size, (uint64_t)1);

		if (!take_vint(c, &at, &type))
			break;
		if (type == RAR5_REDIRECTION &&
		    (!take_vint(c, &at, &kind) || (kind != RAR5_UNIX_LINK && kind != RAR5_WINDOWS_LINK && kind != RAR5_HARD_LINK)))
			return "a junction, or a copy of another member, which is not brought out";
		at = next;
	}
	return NULL;
}

/* technote.txt of RAR 3. Old sub-blocks (0x77) are streams of NTFS and attributes of OS/2, from before RAR 3. */
const char *rar4_service(const uint8_t *block)
{
	static const char *const plain[] = { "CMT", "RR", "ACL", "AV", "UOW" };
	const uint8_t *name = block + 32 + (le16(block + 3) & RAR4_LARGE ? 8 : 0);
	uint16_t size;

	if (block[2] == RAR4_OLD_COMMENT || block[2] == RAR4_OLD_AUTHENTICITY || block[2] == RAR4_OLD_RECOVERY ||
	    block[2] == RAR4_AUTHENTICITY)
		return NULL;
	if (block[2] != RAR4_SERVICE)
		return "a block of a kind that nobody here knows";
	size = le16(block + 26);
	if (name - block + size > le16(block + 5))
		return "a service block cannot be read";
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (is_named(name, size, plain[i]))
			return NULL;
	return is_named(name, size, "STM") ? STREAMS : UNKNOWN;
}
