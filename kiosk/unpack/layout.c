/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "unpack/layout.h"

#include <inttypes.h>
#include <string.h>

#include "unpack/unpack.h"

#define TAR_BLOCK 512u

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

static bool begins_with(const struct container *c, const void *magic, size_t size)
{
	return c->size >= size && memcmp(c->data, magic, size) == 0;
}

/* POSIX.1-2017, pax, "ustar Interchange Format": two blocks of zeros end an archive. All zeros: an empty one. */
static int layout_tar(struct container *c, struct layout *ret)
{
	ret->is_empty = c->size >= 2 * TAR_BLOCK && unpack_is_zero(c->data, c->size);
	ret->end = ret->is_empty ? 0 : LAYOUT_UNKNOWN;
	return 0;
}

static int layout_ar(struct container *c, struct layout *ret)
{
	ret->is_empty = c->size == 8 && begins_with(c, "!<arch>\n", 8);
	ret->end = ret->is_empty ? 8 : LAYOUT_UNKNOWN;
	return 0;
}

/* 7zFormat.txt: the header at the end stands where the first 32 bytes say. */
static int layout_sevenzip(struct container *c, struct layout *ret)
{
	uint64_t at, size;

	if (!begins_with(c, "7z\xbc\xaf\x27\x1c", 6))
		return unsafe(c, "does not begin as 7z");
	if (c->size < 32)
		return unsafe(c, "damaged: cut off");
	at = le64(c->data + 12);
	size = le64(c->data + 20);
	if (at > c->size - 32 || size > c->size - 32 - at)
		return unsafe(c, "damaged: cut off");
	ret->is_empty = at == 0 && size == 0;
	ret->end = 32 + at + size;
	return 0;
}

/* [MS-CAB] 2.1. A signature may stand behind the cabinet, and a reserved field says where. */
static int layout_cab(struct container *c, struct layout *ret)
{
	uint64_t end;

	if (!begins_with(c, "MSCF", 4) || c->size < 36)
		return unsafe(c, "does not begin as a cabinet");
	end = le32(c->data + 8);
	if (end > c->size)
		return unsafe(c, "damaged: cut off");
	if (le16(c->data + 30) & 3) {
		int r = container_broken(c, REASON_CONTAINER_OPAQUE, "part of a set of cabinets, which are never joined");

		return r < 0 ? r : -EBADMSG;
	}
	if (le16(c->data + 30) & 4 && c->size >= 60 && le16(c->data + 36) == 20 && le32(c->data + 44) == end &&
	    le32(c->data + 48) <= c->size - end)
		end += le32(c->data + 48);
	ret->end = end;
	ret->entries = le16(c->data + 28);
	return 0;
}

int layout_of_archive(struct container *c, struct layout *ret)
{
	*ret = (struct layout){ .end = LAYOUT_UNKNOWN, .entries = LAYOUT_UNKNOWN };
	switch (c->format) {
	case CONTAINER_TAR:
		return layout_tar(c, ret);
	case CONTAINER_AR:
		return layout_ar(c, ret);
	case CONTAINER_DEB:
		return layout_deb(c, ret);
	case CONTAINER_ZIP:
		return layout_zip(c, ret);
	case CONTAINER_SEVENZIP:
		return layout_sevenzip(c, ret);
	case CONTAINER_CAB:
		return layout_cab(c, ret);
	case CONTAINER_RAR:
		return layout_rar(c, ret);
	case CONTAINER_ISO9660:
		return layout_iso9660(c, ret);
	case CONTAINER_CPIO:
		ret->may_be_empty = true; /* libarchive demands the trailer */
		return 0;
	case CONTAINER_XAR:
		ret->slack = 20; /* libarchive's writer leaves the size of a checksum too much */
		return 0;
	default:
		return 0;
	}
}
