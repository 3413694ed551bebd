/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The end of a zip (PKWARE APPNOTE 6.3.10): how many entries it says it has. Readers look for the end record from behind and
 * take the first that they see; here it must be the one that ends the file. What two readers could read in two ways is
 * otherwise the worker's concern (examine/plan_zip.c). */
#include <string.h>

#include "unpack/layout.h"

#define END_SIZE 22u	  /* §4.3.16 */
#define COMMENT_MAX 65535u
#define LOCATOR_SIZE 20u  /* §4.3.15 */
#define END64_SIZE 56u	  /* §4.3.14 */

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

static const uint8_t *find_end(const struct container *c)
{
	uint64_t lowest = c->size > END_SIZE + COMMENT_MAX ? c->size - END_SIZE - COMMENT_MAX : 0;

	if (c->size < END_SIZE)
		return NULL;
	for (uint64_t at = c->size - END_SIZE + 1; at-- > lowest;)
		if (memcmp(c->data + at, "PK\5\6", 4) == 0)
			return c->data + at;
	return NULL;
}

/* The 64-bit record, where there is one; it stands right before its locator, or it is that of another zip. */
static const uint8_t *find_end64(const struct container *c, const uint8_t *end, bool *ret_is_astray)
{
	uint64_t before = (uint64_t)(end - c->data), at;
	const uint8_t *locator;

	if (before < LOCATOR_SIZE + END64_SIZE)
		return NULL;
	locator = end - LOCATOR_SIZE;
	if (memcmp(locator, "PK\6\7", 4) != 0)
		return NULL;
	at = le64(locator + 8);
	*ret_is_astray = at > before - LOCATOR_SIZE - END64_SIZE || memcmp(c->data + at, "PK\6\6", 4) != 0 ||
			 le64(c->data + at + 4) != before - LOCATOR_SIZE - at - 12;
	return *ret_is_astray ? NULL : c->data + at;
}

static bool ends_at(const struct container *c, uint64_t at, uint64_t size, const uint8_t *end)
{
	uint64_t before = (uint64_t)(end - c->data);

	return at <= before && size == before - at;
}

int layout_zip(struct container *c, struct layout *ret)
{
	const uint8_t *end = find_end(c), *end64;
	bool is_astray = false;
	int r;

	if (!end)
		return unsafe(c, "damaged: it has no directory; cut off, perhaps");
	if ((uint64_t)(end - c->data) + END_SIZE + le16(end + 20) != c->size)
		return unsafe(c, "bytes stand behind its end");
	if (le16(end + 4) != le16(end + 6) || (le16(end + 4) != 0 && le16(end + 4) != 0xffff)) {
		r = container_broken(c, REASON_CONTAINER_OPAQUE, "part of a split zip, and parts are never joined");
		return r < 0 ? r : -EBADMSG;
	}
	end64 = find_end64(c, end, &is_astray);
	ret->entries = end64 ? le64(end64 + 32) : le16(end + 10);
	if (is_astray || (end64 ? !ends_at(c, le64(end64 + 48), le64(end64 + 40), end64) :
				  !ends_at(c, le32(end + 16), le32(end + 12), end)))
		return unsafe(c, "its directory is not where its end says: two zips in one, or bytes before it");
	r = layout_zip_names(c, end64 ? le64(end64 + 48) : le32(end + 16), (uint64_t)((end64 ? end64 : end) - c->data));
	if (r == 0)
		r = layout_zip_cover(c, end64 ? le64(end64 + 48) : le32(end + 16), (uint64_t)((end64 ? end64 : end) - c->data), ret->entries);
	if (r < 0)
		return r;
	ret->is_empty = c->size == END_SIZE && ret->entries == 0;
	ret->end = c->size;
	return 0;
}
