/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compressed streams by libarchive: exactly one filter, and the bytes as they come. The filter is set, not guessed: guessing
 * goes on with the next one for as long as something is compressed, and the layers between would never be examined. */
#include <string.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

static int filter_of(enum container_format format)
{
	switch (format) {
	case CONTAINER_BZIP2:
		return ARCHIVE_FILTER_BZIP2;
	case CONTAINER_XZ:
		return ARCHIVE_FILTER_XZ;
	case CONTAINER_LZMA:
		return ARCHIVE_FILTER_LZMA;
	case CONTAINER_LZIP:
		return ARCHIVE_FILTER_LZIP;
	case CONTAINER_LZ4:
		return ARCHIVE_FILTER_LZ4;
	case CONTAINER_ZSTD:
		return ARCHIVE_FILTER_ZSTD;
	case CONTAINER_COMPRESS:
		return ARCHIVE_FILTER_COMPRESS;
	case CONTAINER_UU:
		return ARCHIVE_FILTER_UU;
	default:
		return -1;
	}
}

static int bring_out(struct unpack *u)
{
	struct archive_entry *e;
	bool is_fatal;
	int r = archive_read_next_header(u->a, &e);

	if (r != ARCHIVE_OK) {
		r = unpack_broken(u);
		return r < 0 ? r : -EBADMSG;
	}
	r = container_member(u->c, NULL, 0, CONTAINER_SIZE_UNKNOWN);
	if (r == 0)
		r = unpack_data(u, false, &is_fatal);
	return r < 0 ? r : unpack_expect_end(u->c, unpack_position(u));
}

int open_stream(struct container *c)
{
	struct unpack u;
	int filter = filter_of(c->format), r;

	if (filter < 0)
		return -ENOTSUP;
	r = layout_of_stream(c);
	if (r < 0)
		return r;
	r = unpack_new(c, &u);
	if (r < 0)
		return r;
	if (archive_read_append_filter(u.a, filter) != ARCHIVE_OK || archive_read_set_format(u.a, ARCHIVE_FORMAT_RAW) != ARCHIVE_OK)
		r = -ENOTSUP; /* libarchive was built without it, or would start a program */
	if (r == 0)
		r = unpack_open(&u);
	if (r == 0)
		r = bring_out(&u);
	unpack_done(&u);
	return r;
}
