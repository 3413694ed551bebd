/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* gzip (RFC 1952) by zlib: libarchive's filter compares neither checksum nor length. Members that follow one another are one
 * stream, as gzip(1) has them. */
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "unpack/unpack.h"

#define OUT_SIZE (256u << 10)
#define GZIP_ONLY (16 + MAX_WBITS) /* inflateInit2: gzip's own header and trailer, checked by zlib */

struct gzip {
	struct container *c;
	z_stream z;
	uint64_t at; /* first byte that zlib has not been given */
	uint8_t out[OUT_SIZE];
};

static uint64_t position(const struct gzip *g)
{
	return g->at - g->z.avail_in;
}

static void refill(struct gzip *g)
{
	if (g->z.avail_in > 0)
		return;
	g->z.next_in = g->c->data + g->at;
	g->z.avail_in = (uInt)MIN(g->c->size - g->at, (uint64_t)UNPACK_PIECE);
	g->at += g->z.avail_in;
}

/* One gzip member. 1: whole; 0: it is not, which has been told; or a negative errno. */
static int inflate_member(struct gzip *g)
{
	for (;;) {
		int z, r;

		refill(g);
		g->z.next_out = g->out;
		g->z.avail_out = OUT_SIZE;
		z = inflate(&g->z, Z_NO_FLUSH);
		r = container_data(g->c, g->out, OUT_SIZE - g->z.avail_out);
		if (r < 0)
			return r;
		if (z == Z_STREAM_END)
			return 1;
		if (z == Z_MEM_ERROR)
			return -ENOMEM;
		if (z == Z_BUF_ERROR || (z == Z_OK && g->z.avail_out > 0 && position(g) == g->c->size))
			return container_broken(g->c, REASON_ARCHIVE_UNSAFE, "damaged: cut off");
		if (z != Z_OK)
			return container_broken(g->c, REASON_ARCHIVE_UNSAFE, "damaged: %s", g->z.msg ? g->z.msg : "not gzip");
	}
}

static bool has_further_member(const struct gzip *g)
{
	uint64_t at = position(g);

	return g->c->size - at >= 2 && g->c->data[at] == 0x1f && g->c->data[at + 1] == 0x8b;
}

static int inflate_all(struct gzip *g)
{
	int r = container_member(g->c, NULL, 0, CONTAINER_SIZE_UNKNOWN);

	while (r == 0) {
		r = inflate_member(g);
		if (r <= 0)
			return r;
		r = 0;
		if (!has_further_member(g))
			break;
		if (inflateReset(&g->z) != Z_OK)
			return -ENOMEM;
	}
	if (r == 0)
		r = container_end(g->c);
	return r < 0 ? r : unpack_expect_end(g->c, position(g));
}

int open_gzip(struct container *c)
{
	struct gzip *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	g->c = c;
	if (inflateInit2(&g->z, GZIP_ONLY) != Z_OK) {
		free(g);
		return -ENOMEM;
	}
	r = inflate_all(g);
	(void)inflateEnd(&g->z); /* nothing is lost by it */
	free(g);
	return r;
}
