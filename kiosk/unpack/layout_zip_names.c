/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Two names of one member: Info-ZIP's Unicode path (PKWARE APPNOTE 6.3.10 §4.6.9) stands beside the one of the header, and programs
 * differ in which they take: libarchive, 7-Zip and unzip the one, Windows and Python the other. The rules would judge a name
 * that nobody unpacks. (The comment of §4.6.8 is not unpacked by anybody.) */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "unpack/layout.h"

#define CENTRAL_MAGIC 0x02014b50u /* §4.3.12 */
#define LOCAL_MAGIC 0x04034b50u	  /* §4.3.7 */
#define CENTRAL_SIZE 46u
#define LOCAL_SIZE 30u
#define ZIP64 0x0001u
#define UNICODE_PATH 0x7075u /* version, CRC of the other name, this name in UTF-8 */
#define UNICODE_PATH_FIXED 5u

struct text {
	const uint8_t *at;
	size_t size;
};

static bool is_separator(uint8_t b)
{
	return b == '/' || b == '\\';
}

static bool is_same(uint8_t a, uint8_t b)
{
	return a == b || (is_separator(a) && is_separator(b));
}

/* What both have in common at both ends is taken off, as far as it is ASCII. */
static void trim_common(struct text *a, struct text *b)
{
	while (a->size > 0 && b->size > 0 && *a->at < 0x80 && is_same(*a->at, *b->at))
		a->at++, a->size--, b->at++, b->size--;
	while (a->size > 0 && b->size > 0 && a->at[a->size - 1] < 0x80 && is_same(a->at[a->size - 1], b->at[b->size - 1]))
		a->size--, b->size--;
}

static bool has_other(struct text t)
{
	for (size_t i = 0; i < t.size; i++)
		if (t.at[i] >= 0x80)
			return true;
	return false;
}

/* In a code page of one or two bytes a character, what is ASCII stands in both, in the same order; what the code page lacks is
 * '_' or '?' in the header. The second byte of a character may look like ASCII (Shift JIS, GBK, Big5). */
static bool is_in_code_page(struct text header, struct text utf8, bool is_double)
{
	size_t at = 0;

	for (size_t i = 0; i < header.size; i++) {
		uint8_t b = header.at[i];

		if (b >= 0x80) {
			i += is_double && i + 1 < header.size && header.at[i + 1] >= 0x30 && header.at[i + 1] < 0x7f;
			continue;
		}
		while (at < utf8.size && utf8.at[at] >= 0x80)
			at++;
		if (at < utf8.size && is_same(b, utf8.at[at]))
			at++;
		else if (b != '_' && b != '?')
			return false;
	}
	while (at < utf8.size && utf8.at[at] >= 0x80)
		at++;
	return at == utf8.size;
}

/* Windows writes the nearest letter for one that the code page lacks: "Zürich" without its dots. Letter for letter, and Latin
 * ones only (U+0080 to U+024F have two bytes that begin with C2 to C9). */
static bool is_nearest(struct text header, struct text utf8)
{
	size_t at = 0;

	for (size_t i = 0; i < header.size; i++, at++) {
		if (at >= utf8.size)
			return false;
		if (utf8.at[at] >= 0x80) {
			if (utf8.at[at] < 0xc2 || utf8.at[at] > 0xc9 || at + 1 >= utf8.size || !isalpha(header.at[i]))
				return false;
			at++;
		} else if (!is_same(header.at[i], utf8.at[at])) {
			return false;
		}
	}
	return at == utf8.size;
}

static bool is_same_name(struct text header, struct text utf8)
{
	trim_common(&header, &utf8);
	if (header.size == utf8.size && memcmp(header.at, utf8.at, header.size) == 0)
		return true;
	return has_other(utf8) && (is_in_code_page(header, utf8, false) || is_in_code_page(header, utf8, true) || is_nearest(header, utf8));
}

/* The fields of one header; a broken one ends them, as it does for everyone. */
static bool fields_agree(struct text name, const uint8_t *extra, size_t size)
{
	while (size >= 4) {
		size_t length = le16(extra + 2);

		if (length > size - 4)
			break;
		if (le16(extra) == UNICODE_PATH && length >= UNICODE_PATH_FIXED &&
		    !is_same_name(name, (struct text){ extra + 4 + UNICODE_PATH_FIXED, length - UNICODE_PATH_FIXED }))
			return false;
		extra += 4 + length;
		size -= 4 + length;
	}
	return true;
}

/* Where the entry's local header stands; of ZIP64 the field behind those of the sizes that have no room either (§4.5.3). */
static uint64_t local_place(const uint8_t *entry)
{
	const uint8_t *extra = entry + CENTRAL_SIZE + le16(entry + 28);
	size_t size = le16(entry + 30), skip = (le32(entry + 24) == UINT32_MAX ? 8u : 0u) + (le32(entry + 20) == UINT32_MAX ? 8u : 0u);

	if (le32(entry + 42) != UINT32_MAX)
		return le32(entry + 42);
	while (size >= 4 && le16(extra + 2) <= size - 4) {
		size_t length = le16(extra + 2);

		if (le16(extra) == ZIP64 && length >= skip + 8)
			return le64(extra + 4 + skip);
		extra += 4 + length;
		size -= 4 + length;
	}
	return UINT64_MAX;
}

static bool local_agrees(const struct container *c, uint64_t at)
{
	const uint8_t *p;

	/* what is wrong with it otherwise, libarchive and the examiner say */
	if (at > c->size || c->size - at < LOCAL_SIZE)
		return true;
	p = c->data + at;
	if (le32(p) != LOCAL_MAGIC || c->size - at - LOCAL_SIZE < (uint64_t)le16(p + 26) + le16(p + 28))
		return true;
	return fields_agree((struct text){ p + LOCAL_SIZE, le16(p + 26) }, p + LOCAL_SIZE + le16(p + 26), le16(p + 28));
}

int layout_zip_names(struct container *c, uint64_t at, uint64_t end)
{
	for (uint64_t n = 0; at < end; n++) {
		const uint8_t *p = c->data + at;
		uint64_t size;

		if (end - at < CENTRAL_SIZE || le32(p) != CENTRAL_MAGIC)
			return container_finding(c, REASON_ARCHIVE_UNSAFE, "its directory is damaged at entry %" PRIu64, n);
		size = (uint64_t)CENTRAL_SIZE + le16(p + 28) + le16(p + 30) + le16(p + 32);
		if (size > end - at)
			return container_finding(c, REASON_ARCHIVE_UNSAFE, "its directory is damaged at entry %" PRIu64, n);
		if (!fields_agree((struct text){ p + CENTRAL_SIZE, le16(p + 28) }, p + CENTRAL_SIZE + le16(p + 28), le16(p + 30)) ||
		    !local_agrees(c, local_place(p)))
			return container_finding(c, REASON_ARCHIVE_UNSAFE, "entry %" PRIu64 " has two names that differ (Unicode path)", n);
		at += size;
	}
	return 0;
}
