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

/* libarchive's reader of compress(1) reads before there is anything to read when it is set, and crashes: it alone is guessed. */
static int set_filter(struct archive *a, int filter)
{
	int r = filter == ARCHIVE_FILTER_COMPRESS ? archive_read_support_filter_compress(a) : archive_read_append_filter(a, filter);

	if (r == ARCHIVE_OK)
		r = archive_read_set_format(a, ARCHIVE_FORMAT_RAW);
	return r == ARCHIVE_OK ? 0 : -ENOTSUP; /* built without it, or it would start a program */
}

/* Once, and with the filter that was asked for; the last of the count is the memory itself. */
static int expect_one_layer(struct unpack *u, int filter)
{
	int r;

	if (archive_filter_count(u->a) == 2 && archive_filter_code(u->a, 0) == filter)
		return 0;
	r = container_broken(u->c, REASON_CONTAINER_OPAQUE, "%s", archive_filter_count(u->a) > 2 ?
			     "compressed more than once with compress(1)" : "nothing came out: it is not compressed so");
	return r < 0 ? r : -EBADMSG;
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
	if (c->format == CONTAINER_LZIP && layout_is_empty_lzip(c)) {
		r = container_member(c, NULL, 0, CONTAINER_SIZE_UNKNOWN);
		return r < 0 ? r : container_end(c);
	}
	r = unpack_new(c, &u);
	if (r < 0)
		return r;
	r = set_filter(u.a, filter);
	if (r == 0)
		r = unpack_open(&u);
	if (r == 0)
		r = expect_one_layer(&u, filter);
	if (r == 0)
		r = bring_out(&u);
	unpack_done(&u);
	return r;
}
