/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "proof/decompress.h"

#include <string.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define INPUT_BYTES (64u << 10)
#define ZSTD_WINDOW_LOG_MAX 27 /* 2^27 = DECOMPRESS_MEMORY_MAX */

/* One step: take from the input what it likes, write at most `size` bytes. `*ret_size` may be 0 when more input is needed. */
struct method {
	int (*open)(struct decompress *d);
	int (*step)(struct decompress *d, uint8_t *buffer, size_t size, size_t *ret_size);
	void (*close)(struct decompress *d);
};

struct decompress {
	const struct method *method;
	int fd;
	uint64_t offset, taken, given, output_max;
	uint8_t input[INPUT_BYTES];
	size_t at, end;	  /* of the input that is not used yet */
	bool is_at_end;	  /* of the file */
	bool is_between;  /* streams, members or frames: the end may be here */
	bool is_done;
	int error;
	const char *why;
	union {
		z_stream gzip;
		lzma_stream xz;
		ZSTD_DStream *zstd;
	};
};

static int fail(struct decompress *d, int error, const char *why)
{
	d->error = error;
	d->why = why;
	return error;
}

/* Have some input, unless the file ends. */
static int fill(struct decompress *d)
{
	ssize_t n;

	if (d->at < d->end || d->is_at_end)
		return 0;
	do
		n = pread(d->fd, d->input, sizeof(d->input), (off_t)d->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(d, -errno, "cannot be read");
	d->is_at_end = n == 0;
	d->at = 0;
	d->end = (size_t)n;
	d->offset += (uint64_t)n;
	return 0;
}

static void use(struct decompress *d, size_t size)
{
	d->at += size;
	d->taken += size;
}

static int plain_open(struct decompress *d)
{
	d->is_between = true;
	return 0;
}

static int plain_step(struct decompress *d, uint8_t *buffer, size_t size, size_t *ret_size)
{
	size_t n = MIN(size, d->end - d->at);

	if (n > 0)
		memcpy(buffer, d->input + d->at, n);
	use(d, n);
	*ret_size = n;
	return 0;
}

static void plain_close(struct decompress *d)
{
}

static int gzip_open(struct decompress *d)
{
	/* 15: windows of any size; 16: a gzip header and its checksum, and nothing else */
	return inflateInit2(&d->gzip, 15 + 16) == Z_OK ? 0 : -ENOMEM;
}

static int gzip_step(struct decompress *d, uint8_t *buffer, size_t size, size_t *ret_size)
{
	int r;

	/* RFC 1952 section 2.2: members follow one another */
	if (d->is_between && inflateReset(&d->gzip) != Z_OK)
		return fail(d, -EIO, "zlib refuses");
	d->is_between = false;
	d->gzip.next_in = d->input + d->at;
	d->gzip.avail_in = (unsigned int)(d->end - d->at);
	d->gzip.next_out = buffer;
	d->gzip.avail_out = (unsigned int)size;
	r = inflate(&d->gzip, Z_NO_FLUSH);
	use(d, d->end - d->at - d->gzip.avail_in);
	*ret_size = size - d->gzip.avail_out;
	d->is_between = r == Z_STREAM_END;
	if (r == Z_MEM_ERROR)
		return fail(d, -ENOMEM, "out of memory");
	return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR ? 0 : fail(d, -EBADMSG, "is not gzip, or damaged");
}

static void gzip_close(struct decompress *d)
{
	(void)inflateEnd(&d->gzip); /* fails for streams that are none, which inflateInit2() does not leave behind */
}

static int xz_open(struct decompress *d)
{
	d->xz = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_stream_decoder(&d->xz, DECOMPRESS_MEMORY_MAX, LZMA_CONCATENATED) == LZMA_OK ? 0 : -ENOMEM;
}

static int xz_step(struct decompress *d, uint8_t *buffer, size_t size, size_t *ret_size)
{
	lzma_ret r;

	d->xz.next_in = d->input + d->at;
	d->xz.avail_in = d->end - d->at;
	d->xz.next_out = buffer;
	d->xz.avail_out = size;
	/* only the decoder knows whether the end may be here: streams follow one another, with padding between them */
	r = lzma_code(&d->xz, d->is_at_end ? LZMA_FINISH : LZMA_RUN);
	use(d, d->end - d->at - d->xz.avail_in);
	*ret_size = size - d->xz.avail_out;
	d->is_between = r == LZMA_STREAM_END;
	switch (r) {
	case LZMA_OK:
	case LZMA_STREAM_END:
		return 0;
	case LZMA_BUF_ERROR:
		return *ret_size > 0 || !d->is_at_end ? 0 : fail(d, -EBADMSG, "is cut off");
	case LZMA_MEMLIMIT_ERROR:
		return fail(d, -EFBIG, "needs too large a dictionary");
	case LZMA_MEM_ERROR:
		return fail(d, -ENOMEM, "out of memory");
	default:
		return fail(d, -EBADMSG, "is not xz, or damaged");
	}
}

static void xz_close(struct decompress *d)
{
	lzma_end(&d->xz);
}

static int zstd_open(struct decompress *d)
{
	d->zstd = ZSTD_createDStream();
	if (!d->zstd)
		return -ENOMEM;
	return ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)) ? -ENOTSUP : 0;
}

static int zstd_step(struct decompress *d, uint8_t *buffer, size_t size, size_t *ret_size)
{
	ZSTD_inBuffer in = { d->input + d->at, d->end - d->at, 0 };
	ZSTD_outBuffer out = { buffer, size, 0 };
	size_t r = ZSTD_decompressStream(d->zstd, &out, &in);

	use(d, in.pos);
	*ret_size = out.pos;
	if (ZSTD_isError(r)) {
		switch (ZSTD_getErrorCode(r)) {
		case ZSTD_error_frameParameter_windowTooLarge:
			return fail(d, -EFBIG, "needs too large a dictionary");
		case ZSTD_error_memory_allocation:
			return fail(d, -ENOMEM, "out of memory");
		default:
			return fail(d, -EBADMSG, "is not Zstandard, or damaged");
		}
	}
	/* 0: a frame is complete and flushed; the next call begins another one. A call that could do nothing keeps what was. */
	if (r == 0)
		d->is_between = true;
	else if (in.pos > 0 || out.pos > 0)
		d->is_between = false;
	return 0;
}

static void zstd_close(struct decompress *d)
{
	(void)ZSTD_freeDStream(d->zstd);
}

static const struct method plain = { plain_open, plain_step, plain_close };
static const struct method gzip = { gzip_open, gzip_step, gzip_close };
static const struct method xz = { xz_open, xz_step, xz_close };
static const struct method zstd = { zstd_open, zstd_step, zstd_close };

static const struct {
	const char *magic;
	size_t size;
	const struct method *method; /* NULL: known, and not read */
} magics[] = {
	{ "\x1f\x8b", 2, &gzip },
	{ "\xfd" "7zXZ\0", 6, &xz },
	{ "\x28\xb5\x2f\xfd", 4, &zstd },
	{ "BZh", 3, NULL },
	{ "LZIP", 4, NULL },
	{ "\x04\x22\x4d\x18", 4, NULL },
	{ "\0ZCK1", 5, NULL }, /* zchunk, beside the others in repositories of RPM */
};

static int choose(struct decompress *d)
{
	int r = fill(d);

	if (r < 0)
		return r;
	d->method = &plain;
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		if (d->end < magics[i].size || memcmp(d->input, magics[i].magic, magics[i].size) != 0)
			continue;
		d->method = magics[i].method;
		if (!d->method)
			return -EPROTONOSUPPORT;
	}
	r = d->method->open(d);
	if (r < 0 && d->method != &zstd)
		d->method = NULL; /* nothing to close */
	return r;
}

int decompress_open(int fd, uint64_t output_max, struct decompress **ret)
{
	_cleanup_(decompress_close_p) struct decompress *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->fd = fd;
	d->output_max = output_max;
	d->why = "";
	r = choose(d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct decompress *decompress_close(struct decompress *d)
{
	if (d && d->method)
		d->method->close(d);
	free(d);
	return NULL;
}

static int check_limits(struct decompress *d)
{
	if (d->given > d->output_max)
		return fail(d, -EFBIG, "is too long");
	if (d->given > DECOMPRESS_FREE && d->given / DECOMPRESS_RATIO_MAX > d->taken)
		return fail(d, -EFBIG, "grows as no index does when it is decompressed");
	return 0;
}

ssize_t decompress_read(struct decompress *d, void *buffer, size_t size)
{
	size_t n = 0;
	int r = d->error;

	size = MIN(size, (size_t)1 << 20); /* between two looks at the limits */
	while (r == 0 && n == 0 && !d->is_done && size > 0) {
		uint64_t before = d->taken;

		r = fill(d);
		if (r == 0 && d->is_at_end && d->is_between) {
			d->is_done = true;
			break;
		}
		if (r == 0)
			r = d->method->step(d, buffer, size, &n);
		if (r == 0 && n == 0 && d->taken == before && d->is_at_end && !d->is_between)
			r = fail(d, -EBADMSG, "is cut off");
		d->given += n;
		if (r == 0)
			r = check_limits(d);
	}
	return r < 0 ? r : (ssize_t)n;
}

const char *decompress_why(const struct decompress *d)
{
	return d->why;
}
