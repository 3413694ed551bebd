/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The volume descriptors of an ISO 9660 image (ECMA-119 8): how long it is, and whether there is another file system in the
 * same bytes, whose files libarchive does not show. */
#include <string.h>

#include "unpack/layout.h"

#define SECTOR 2048u
#define FIRST 16u   /* the first descriptor's sector */
#define LAST 80u    /* descriptors that are looked at: images have fewer than ten */

static int stop(struct container *c, enum reason reason, const char *what)
{
	int r = container_broken(c, reason, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

int layout_iso9660(struct container *c, struct layout *ret)
{
	bool has_primary = false, has_end = false;

	for (uint64_t i = FIRST; i < LAST && (i + 1) * SECTOR <= c->size; i++) {
		const uint8_t *d = c->data + i * SECTOR;
		int r;

		if (memcmp(d + 1, "NSR02", 5) == 0 || memcmp(d + 1, "NSR03", 5) == 0) { /* ECMA-167 3/9.1 */
			r = container_broken(c, REASON_CONTAINER_OPAQUE, "a UDF file system stands in the same image");
			if (r < 0)
				return r;
		}
		if (has_end || memcmp(d + 1, "CD001", 5) != 0)
			continue;
		has_end = d[0] == 255;
		if (d[0] != 1 || has_primary)
			continue;
		has_primary = true;
		ret->end = (uint64_t)le32(d + 80) * SECTOR;
	}
	if (!has_primary)
		return stop(c, REASON_ARCHIVE_UNSAFE, "damaged: it has no volume descriptor");
	if (c->size >= 0x402 + FIRST && (memcmp(c->data + 0x400, "H+", 2) == 0 || memcmp(c->data + 0x400, "BD", 2) == 0))
		return container_broken(c, REASON_CONTAINER_OPAQUE, "an HFS file system stands in the same image");
	return 0;
}

/* A supplementary descriptor (ECMA-119 8.5); which of them is Joliet's is of no interest. */
bool layout_has_joliet(const struct container *c)
{
	for (uint64_t i = FIRST; i < LAST && (i + 1) * SECTOR <= c->size; i++)
		if (c->data[i * SECTOR] == 2 && memcmp(c->data + i * SECTOR + 1, "CD001", 5) == 0)
			return true;
	return false;
}
