/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Every byte of a zip before its directory belongs to one member, and each member's own header repeats the directory (PKWARE
 * APPNOTE 6.3.10): programs that read from the front find nothing else than those that read from behind. The examiner asks
 * the same (examine/plan_zip.c) of files that libclamav takes, which are shorter than 2 GiB. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

#define LOCAL_MAGIC 0x04034b50u	     /* §4.3.7 */
#define DESCRIPTOR_MAGIC 0x08074b50u /* §4.3.9 */
#define LOCAL_SIZE 30u
#define CENTRAL_SIZE 46u
#define ZIP64 1u /* §4.5.3 */
#define FLAG_DESCRIPTOR 8u
#define MEMBERS_MAX (1u << 22) /* of whose places a list is kept in memory: 64 MiB */

struct extent {
	uint64_t from, to;
};

struct member {
	const uint8_t *entry; /* of the directory */
	uint64_t packed, unpacked, at;
};

/* Sizes and place that the entry itself has no room for. */
static void read_zip64(const uint8_t *extra, size_t size, uint64_t *const fields[], size_t count)
{
	while (size >= 4 && le16(extra + 2) <= size - 4) {
		size_t length = le16(extra + 2), used = 0;

		for (size_t i = 0; le16(extra) == ZIP64 && i < count; i++)
			if (*fields[i] == UINT32_MAX && used + 8 <= length) {
				*fields[i] = le64(extra + 4 + used);
				used += 8;
			}
		if (le16(extra) == ZIP64 && length > 0)
			return;
		extra += 4 + length;
		size -= 4 + length;
	}
}

static struct member read_entry(const uint8_t *p)
{
	struct member m = { .entry = p, .packed = le32(p + 20), .unpacked = le32(p + 24), .at = le32(p + 42) };

	read_zip64(p + CENTRAL_SIZE + le16(p + 28), le16(p + 30), (uint64_t *const[]){ &m.unpacked, &m.packed, &m.at }, 3);
	return m;
}

/* What follows the data: CRC and sizes again, of 32 or 64 bits, with a magic number or without. */
static uint64_t descriptor_size(const uint8_t *p, uint64_t left, const struct member *m)
{
	uint32_t crc = le32(m->entry + 16);

	if (!(le16(m->entry + 8) & FLAG_DESCRIPTOR))
		return 0;
	if (left >= 24 && le32(p) == DESCRIPTOR_MAGIC && le32(p + 4) == crc && le64(p + 8) == m->packed && le64(p + 16) == m->unpacked)
		return 24;
	if (left >= 16 && le32(p) == DESCRIPTOR_MAGIC && le32(p + 4) == crc)
		return 16;
	if (left >= 20 && le32(p) == crc && le64(p + 4) == m->packed && le64(p + 12) == m->unpacked)
		return 20;
	return left >= 12 && le32(p) == crc ? 12 : 0;
}

static bool repeats(const struct member *m, const uint8_t *p)
{
	uint64_t packed = le32(p + 18), unpacked = le32(p + 22);

	if (le16(m->entry + 8) & FLAG_DESCRIPTOR)
		return true;
	read_zip64(p + LOCAL_SIZE + le16(p + 26), le16(p + 28), (uint64_t *const[]){ &unpacked, &packed }, 2);
	return le32(p + 14) == le32(m->entry + 16) && packed == m->packed && unpacked == m->unpacked;
}

/* NULL, or what is wrong with the member's own header. */
static const char *take_local(const struct container *c, const struct member *m, uint64_t directory, struct extent *ret)
{
	uint16_t name = le16(m->entry + 28);
	const uint8_t *p = c->data + m->at;
	uint64_t data;

	if (m->at > directory || directory - m->at < LOCAL_SIZE || le32(p) != LOCAL_MAGIC)
		return "a member has no header of its own";
	data = (uint64_t)LOCAL_SIZE + le16(p + 26) + le16(p + 28);
	if (data > directory - m->at || m->packed > directory - m->at - data)
		return "a member reaches beyond its place";
	if (le16(p + 26) != name || memcmp(p + LOCAL_SIZE, m->entry + CENTRAL_SIZE, name) != 0 || le16(p + 8) != le16(m->entry + 10) ||
	    !repeats(m, p))
		return "a member's own header differs from the directory";
	ret->from = m->at;
	ret->to = m->at + data + m->packed;
	ret->to += descriptor_size(c->data + ret->to, directory - ret->to, m);
	return NULL;
}

static int compare(const void *x, const void *y)
{
	const struct extent *a = x, *b = y;

	return a->from < b->from ? -1 : a->from > b->from;
}

/* source.android.com, "APK signature scheme v2": the one known owner of bytes that are no member's. */
static bool is_signing_block(const struct container *c, uint64_t from, uint64_t to)
{
	return to - from >= 32 && memcmp(c->data + to - 16, "APK Sig Block 42", 16) == 0 && le64(c->data + from) == to - from - 8 &&
	       le64(c->data + to - 24) == to - from - 8;
}

static int check_cover(struct container *c, struct extent *list, size_t count, uint64_t directory)
{
	uint64_t at = 0;

	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i <= count; i++) {
		uint64_t from = i < count ? list[i].from : directory;

		if (from < at)
			return container_finding(c, REASON_ARCHIVE_UNSAFE, "members overlap at byte %" PRIu64, from);
		if (from > at && !unpack_is_zero(c->data + at, from - at) && !is_signing_block(c, at, from))
			return container_finding(c, REASON_CONTAINER_OPAQUE, "%" PRIu64 " bytes from %" PRIu64 " on belong to no member", from - at, at);
		at = i < count ? list[i].to : from;
	}
	return 0;
}

/* libarchive takes such an entry for a folder and throws its bytes away; others write a file. */
static bool is_folder_with_bytes(const struct member *m)
{
	uint16_t name = le16(m->entry + 28);
	uint8_t last = name > 0 ? m->entry[CENTRAL_SIZE + name - 1] : 0;
	bool is_folder = last == '/' || last == '\\' || (m->entry[5] == 3 && (le32(m->entry + 38) >> 28) == 4); /* made on Unix: S_IFDIR */

	return is_folder && m->unpacked > 0;
}

int layout_zip_cover(struct container *c, uint64_t at, uint64_t end, uint64_t entries)
{
	_cleanup_free_ struct extent *list = NULL;
	uint64_t directory = at;
	size_t count = 0;

	if (entries > MEMBERS_MAX)
		return container_broken(c, REASON_LIMIT_EXCEEDED, "more than %u members in one zip", MEMBERS_MAX);
	list = calloc((size_t)entries + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	/* the directory has been walked before: it holds whole entries (layout_zip_names()), or that has been told */
	for (uint64_t n = 0; n < entries && end - at >= CENTRAL_SIZE; n++) {
		const uint8_t *p = c->data + at;
		uint64_t size = (uint64_t)CENTRAL_SIZE + le16(p + 28) + le16(p + 30) + le16(p + 32);
		struct member m;
		const char *wrong;

		if (size > end - at)
			return 0;
		m = read_entry(p);
		wrong = is_folder_with_bytes(&m) ? "a folder that has bytes" : take_local(c, &m, directory, &list[count]);
		if (wrong)
			return container_finding(c, REASON_ARCHIVE_UNSAFE, "%s (entry %" PRIu64 ")", wrong, n);
		count++;
		at += size;
	}
	return check_cover(c, list, count, directory);
}
