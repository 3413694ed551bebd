/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The members of a zip, from its central directory (PKWARE APPNOTE 6.3.10).
 *
 * Unpackers disagree about damaged and crafted zips, and libclamav is one of them. What is refused here is all
 * that two programs could read in two ways: bytes that no directory entry owns (before, between, after), entries
 * that overlap, a local header that says something else than the directory, more than one end record.
 * ZIP64 is read, and owed: libclamav does not unpack it. What remains has one meaning, and CRC and size of each member must then be among libclamav's children.
 */
#include "examine/plan.h"

#include <string.h>

#include "common/macros.h"
#include "examine/account.h"

#define LOCAL_MAGIC 0x04034b50u	   /* §4.3.7 */
#define CENTRAL_MAGIC 0x02014b50u  /* §4.3.12 */
#define END_MAGIC 0x06054b50u	   /* §4.3.16 */
#define DESCRIPTOR_MAGIC 0x08074b50u /* §4.3.9 */
#define ZIP64_LOCATOR 0x07064b50u  /* §4.3.15 */
#define ZIP64_END 0x06064b50u	   /* §4.3.14 */
#define ZIP64_LOCATOR_SIZE 20u
#define ZIP64_END_SIZE 56u
#define LOCAL_SIZE 30u
#define CENTRAL_SIZE 46u
#define END_SIZE 22u
#define ZIP64_EXTRA 1u
#define FLAG_ENCRYPTED 0x2041u /* bits 0, 6 (strong), 13 (masked) */
#define FLAG_DESCRIPTOR 8u

struct entry {
	uint16_t flags, method, name_size;
	uint32_t crc;
	uint64_t packed, unpacked, local_at;
	const uint8_t *name;
	bool is_zip64, is_bad_zip64;
};

struct extent {
	uint64_t from, to;
};

struct zip {
	struct plan *plan;
	struct account *account;
	const uint8_t *data;
	uint64_t size;
	uint64_t central_at, central_size, entries;
	struct extent *extents;
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static const char *method_note(const struct entry *e)
{
	if (e->is_zip64)
		return "ZIP64 is not unpacked";
	switch (e->method) {
	case 0: case 6: case 8: case 9: case 12: /* stored, implode, deflate, deflate64, bzip2 */
		return NULL;
	case 14: return "method LZMA is not unpacked";
	case 93: return "method zstd is not unpacked";
	case 95: return "method xz is not unpacked";
	case 98: return "method PPMd is not unpacked";
	default: return "its compression method is not unpacked";
	}
}

static void unsafe(struct zip *z, const char *what)
{
	account_flag(z->account, REASON_ARCHIVE_UNSAFE, NULL, "zip: %s", what);
}

/* The records of ZIP64 between directory and end record, whose word counts where the end record has none. Returns where the
 * directory has to end. */
static uint64_t find_end64(struct zip *z, uint64_t at)
{
	const uint8_t *locator, *end;
	uint64_t end_at;

	if (at < ZIP64_LOCATOR_SIZE + ZIP64_END_SIZE)
		return at;
	locator = z->data + at - ZIP64_LOCATOR_SIZE;
	if (le32(locator) != ZIP64_LOCATOR)
		return at;
	account_owe(z->account, CONTAINER_ZIP, NULL, "zip: ZIP64, which libclamav does not unpack");
	end_at = MIN(le64(locator + 8), at - ZIP64_LOCATOR_SIZE - ZIP64_END_SIZE);
	end = z->data + end_at;
	if (end_at != le64(locator + 8) || le32(end) != ZIP64_END ||
	    le64(end + 4) != at - ZIP64_LOCATOR_SIZE - end_at - 12) {
		unsafe(z, "the end record of ZIP64 is not where it should be");
		return at;
	}
	if (le32(locator + 4) != 0 || le32(locator + 16) > 1 || le32(end + 16) != 0 || le32(end + 20) != 0 ||
	    le64(end + 24) != le64(end + 32))
		unsafe(z, "part of a split archive, and parts are never joined");
	if ((z->entries != 0xffff && z->entries != le64(end + 32)) ||
	    (z->central_size != UINT32_MAX && z->central_size != le64(end + 40)) ||
	    (z->central_at != UINT32_MAX && z->central_at != le64(end + 48)))
		unsafe(z, "its two end records differ");
	z->entries = le64(end + 32);
	z->central_size = le64(end + 40);
	z->central_at = le64(end + 48);
	return end_at;
}

/* The last end record, as libclamav takes it; it must also be the one that ends the file. */
static bool find_end(struct zip *z)
{
	uint64_t at;
	const uint8_t *end;

	if (z->size < END_SIZE)
		return false;
	for (at = z->size - END_SIZE;; at--) {
		if (le32(z->data + at) == END_MAGIC)
			break;
		if (at == 0 || z->size - at > END_SIZE + 0xffff)
			return false;
	}
	end = z->data + at;
	if (at + END_SIZE + le16(end + 20) != z->size) {
		unsafe(z, "data after its end");
		return true;
	}
	z->entries = le16(end + 10);
	z->central_size = le32(end + 12);
	z->central_at = le32(end + 16);
	if (le16(end + 4) != 0 || le16(end + 6) != 0 || le16(end + 8) != le16(end + 10))
		unsafe(z, "part of a split archive, and parts are never joined");
	at = find_end64(z, at);
	if (z->central_size > at || z->central_at != at - z->central_size)
		unsafe(z, "the directory is not where the end record says (data before the archive, or two archives)");
	return true;
}

/* Where the fixed fields have no room: unpacked size, packed size, place, in this order (§4.5.3). NULL: no such record. */
static const uint8_t *zip64_extra(const uint8_t *extra, size_t size, size_t *ret_size)
{
	while (size >= 4) {
		size_t length = le16(extra + 2);

		if (length > size - 4)
			return NULL;
		if (le16(extra) == ZIP64_EXTRA && length > 0) {
			*ret_size = length;
			return extra + 4;
		}
		extra += 4 + length;
		size -= 4 + length;
	}
	return NULL;
}

/* False: a field that says "look there", and nothing there. */
static bool take_zip64(uint64_t *const fields[], size_t count, const uint8_t *extra, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (*fields[i] != UINT32_MAX)
			continue;
		if (!extra || size < 8)
			return false;
		*fields[i] = le64(extra);
		extra += 8;
		size -= 8;
	}
	return true;
}

/* One directory entry at `*at`; advances it. False when it does not fit. */
static bool read_central(struct zip *z, uint64_t *at, uint64_t end, struct entry *e)
{
	const uint8_t *p = z->data + *at;
	const uint8_t *extra;
	size_t extra_size = 0;
	uint64_t length;

	if (end - *at < CENTRAL_SIZE || le32(p) != CENTRAL_MAGIC)
		return false;
	*e = (struct entry){ .flags = le16(p + 8), .method = le16(p + 10), .crc = le32(p + 16),
			     .packed = le32(p + 20), .unpacked = le32(p + 24), .name_size = le16(p + 28),
			     .local_at = le32(p + 42), .name = p + CENTRAL_SIZE };
	length = (uint64_t)CENTRAL_SIZE + e->name_size + le16(p + 30) + le16(p + 32);
	if (length > end - *at)
		return false;
	extra = zip64_extra(e->name + e->name_size, le16(p + 30), &extra_size);
	e->is_zip64 = extra || e->packed == UINT32_MAX || e->unpacked == UINT32_MAX || e->local_at == UINT32_MAX;
	e->is_bad_zip64 = !take_zip64((uint64_t *const[]){ &e->unpacked, &e->packed, &e->local_at }, 3, extra,
				      extra_size);
	*at += length;
	return true;
}

/* Size of the data descriptor that follows the data: with or without its magic number. */
static uint64_t descriptor_size(const struct zip *z, uint64_t at, const struct entry *e)
{
	const uint8_t *p = z->data + at;

	if (!(e->flags & FLAG_DESCRIPTOR))
		return 0;
	if (e->is_zip64 && z->central_at - at >= 24 && le32(p) == DESCRIPTOR_MAGIC && le32(p + 4) == e->crc &&
	    le64(p + 8) == e->packed && le64(p + 16) == e->unpacked)
		return 24;
	if (z->central_at - at >= 16 && le32(p) == DESCRIPTOR_MAGIC && le32(p + 4) == e->crc)
		return 16;
	return z->central_at - at >= 12 && le32(p) == e->crc ? 12 : 0;
}

/* Sizes and check sum of a local header; with a descriptor they follow the data, and those of the directory count. */
static bool repeats(const struct entry *e, const uint8_t *p, const uint8_t *extra, size_t extra_size)
{
	uint64_t packed = le32(p + 18), unpacked = le32(p + 22);
	size_t size = 0;

	if (e->flags & FLAG_DESCRIPTOR)
		return true;
	extra = zip64_extra(extra, extra_size, &size);
	if (!take_zip64((uint64_t *const[]){ &unpacked, &packed }, 2, extra, size))
		return false;
	return le32(p + 14) == e->crc && packed == e->packed && unpacked == e->unpacked;
}

/* The local header must repeat the directory. Returns NULL, or what differs; `*ret` is what the member covers. */
static const char *read_local(const struct zip *z, const struct entry *e, struct extent *ret)
{
	const uint8_t *p;
	uint64_t data_at;

	if (e->is_bad_zip64)
		return "sizes of ZIP64 are missing";
	if (e->local_at > z->central_at || z->central_at - e->local_at < LOCAL_SIZE)
		return "a member without a header";
	p = z->data + e->local_at;
	if (le32(p) != LOCAL_MAGIC)
		return "a member without a header";
	if (le16(p + 8) != e->method)
		return "header and directory differ in the method";
	if (le16(p + 26) != e->name_size)
		return "header and directory differ in the name";
	data_at = (uint64_t)e->local_at + LOCAL_SIZE + e->name_size + le16(p + 28);
	if (data_at > z->central_at || z->central_at - data_at < e->packed)
		return "a member that reaches beyond its place";
	if (memcmp(p + LOCAL_SIZE, e->name, e->name_size) != 0)
		return "header and directory differ in the name";
	if (!repeats(e, p, p + LOCAL_SIZE + e->name_size, le16(p + 28)))
		return "header and directory differ in size or check sum";
	ret->from = e->local_at;
	ret->to = data_at + e->packed;
	ret->to += descriptor_size(z, ret->to, e);
	return NULL;
}

static void take_entry(struct zip *z, const struct entry *e, struct extent *extent)
{
	_cleanup_free_ char *name = strndup((const char *)e->name, e->name_size);
	struct plan_member m = { .size = e->unpacked, .crc = e->crc, .has_crc = true, .note = method_note(e) };
	const char *wrong;

	if (!name) {
		z->account->is_broken = true;
		return;
	}
	if (memchr(e->name, '\0', e->name_size) || !plan_name_safe(name))
		account_flag(z->account, REASON_ARCHIVE_UNSAFE, name, "zip: a name that leads out of the archive");
	wrong = read_local(z, e, extent);
	if (wrong)
		account_flag(z->account, REASON_ARCHIVE_UNSAFE, name, "zip: %s", wrong);
	if (e->flags & FLAG_ENCRYPTED) {
		account_flag(z->account, REASON_ENCRYPTED, name, "encrypted member of a zip");
		return;
	}
	if (e->is_zip64)
		account_owe(z->account, CONTAINER_ZIP, name, "zip: ZIP64 members are not unpacked by libclamav");
	m.name = TAKE_PTR(name);
	if (plan_add(z->plan, &m) < 0) {
		free(m.name);
		z->account->is_broken = true;
	}
}

static int compare_extents(const void *x, const void *y)
{
	const struct extent *a = x, *b = y;

	return a->from < b->from ? -1 : a->from > b->from;
}

/* APK Signing Block (source.android.com, "APK signature scheme v2"): the one known owner of a gap before the
 * directory; its pairs are read by nobody as members. */
static bool is_signing_block(const struct zip *z, uint64_t from, uint64_t to)
{
	static const char magic[] = "APK Sig Block 42";

	return to - from >= 32 && memcmp(z->data + to - 16, magic, 16) == 0 &&
	       le32(z->data + from) == to - from - 8 && le32(z->data + to - 24) == to - from - 8;
}

/* The members must cover the file from its start to the directory. Zeros between them are alignment. */
static bool is_gap(const struct zip *z, uint64_t from, uint64_t to)
{
	if (is_signing_block(z, from, to))
		return false;
	for (; from < to; from++)
		if (z->data[from] != 0)
			return true;
	return false;
}

static void check_cover(struct zip *z, size_t count)
{
	uint64_t at = 0;

	if (count > 0)
		qsort(z->extents, count, sizeof(*z->extents), compare_extents);
	for (size_t i = 0; i <= count; i++) {
		uint64_t from = i < count ? z->extents[i].from : z->central_at;

		if (from < at) {
			unsafe(z, "members that overlap");
			return;
		}
		if (is_gap(z, at, from)) {
			account_flag(z->account, REASON_CONTAINER_OPAQUE, NULL,
				     "zip: %llu bytes at %llu belong to no member", (unsigned long long)(from - at),
				     (unsigned long long)at);
			return;
		}
		at = i < count ? z->extents[i].to : from;
	}
}

static void read_directory(struct zip *z)
{
	uint64_t at = z->central_at, end = z->central_at + z->central_size;
	size_t covered = 0;
	uint64_t n;

	if (z->entries > z->central_size / CENTRAL_SIZE) {
		unsafe(z, "damaged directory");
		return;
	}
	z->extents = calloc((size_t)z->entries + 1, sizeof(*z->extents));
	if (!z->extents) {
		z->account->is_broken = true;
		return;
	}
	for (n = 0; n < z->entries; n++) {
		struct extent extent = { 0 };
		struct entry e;

		if (!read_central(z, &at, end, &e))
			break;
		take_entry(z, &e, &extent);
		if (extent.to > 0)
			z->extents[covered++] = extent;
	}
	/* §4.3.13: a digital signature may follow; nobody makes them any more */
	if (n < z->entries || at != end)
		unsafe(z, "damaged directory");
	else
		check_cover(z, covered);
	free(z->extents);
}

void plan_zip(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	struct zip z = { .plan = plan, .account = a, .data = data, .size = size };

	plan->kind = PLAN_MEMBERS;
	if (!find_end(&z)) {
		unsafe(&z, "truncated (no directory)");
		return;
	}
	if (z.central_at <= size && z.central_size <= size - z.central_at)
		read_directory(&z);
	else
		unsafe(&z, "damaged end record");
}

/* An end record with its directory right before it; `*ret_start` is where such an archive begins. */
static bool is_end_with_directory(const uint8_t *data, size_t size, size_t at, size_t *ret_start)
{
	uint64_t length, offset;

	if (size - at < END_SIZE || le16(data + at + 10) == 0)
		return false;
	length = le32(data + at + 12);
	offset = le32(data + at + 16);
	if (length < CENTRAL_SIZE || length + offset > at || le32(data + at - length) != CENTRAL_MAGIC)
		return false;
	*ret_start = (size_t)(at - length - offset);
	return true;
}

void plan_zip_carved(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	static const uint8_t magic[4] = { 'P', 'K', 5, 6 };
	const uint8_t *p = data;

	plan->is_carved = true;
	while ((p = memmem(p, size - (size_t)(p - data), magic, sizeof(magic))) != NULL) {
		size_t at = (size_t)(p - data), start;

		p++;
		if (at >= 20 && le32(data + at - 20) == ZIP64_LOCATOR) /* §4.3.15 */
			account_owe(a, CONTAINER_ZIP, NULL, "a ZIP64 archive behind other data");
		if (!is_end_with_directory(data, size, at, &start))
			continue;
		plan->may_hold_zip = true;
		plan->container = CONTAINER_ZIP;
		if (at + END_SIZE + le16(data + at + 20) == size) {
			plan_zip(plan, a, data + start, size - start);
			return;
		}
	}
}
