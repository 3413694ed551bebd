/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compressed indexes as a stream: each method, whole, in pieces, cut at every byte, followed by junk, damaged, bombs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "common/macros.h"
#include "proof/decompress.h"

#define PLAIN_BYTES 3000u
#define BOMB_BYTES (64u << 20)

struct buffer {
	uint8_t *data;
	size_t size;
};

static void buffer_done(struct buffer *b)
{
	free(b->data);
}

static void pack_gzip(const uint8_t *data, size_t size, struct buffer *ret)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ret->size = deflateBound(&z, size);
	ret->data = malloc(ret->size);
	z.next_in = (uint8_t *)data;
	z.avail_in = (unsigned int)size;
	z.next_out = ret->data;
	z.avail_out = (unsigned int)ret->size;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	ret->size -= z.avail_out;
	(void)deflateEnd(&z);
}

static void pack_xz(const uint8_t *data, size_t size, struct buffer *ret)
{
	size_t at = 0;

	ret->size = lzma_stream_buffer_bound(size);
	ret->data = malloc(ret->size);
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, data, size, ret->data, &at, ret->size), LZMA_OK);
	ret->size = at;
}

static void pack_zstd(const uint8_t *data, size_t size, struct buffer *ret)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	ret->size = ZSTD_compressBound(size);
	ret->data = malloc(ret->size);
	assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)));
	ret->size = ZSTD_compress2(c, ret->data, ret->size, data, size);
	assert_false(ZSTD_isError(ret->size));
	(void)ZSTD_freeCCtx(c);
}

static void (*const packers[])(const uint8_t *, size_t, struct buffer *) = { pack_gzip, pack_xz, pack_zstd };

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("packed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	return fd;
}

static void plain_text(uint8_t text[static PLAIN_BYTES])
{
	uint32_t x = 1;

	for (size_t i = 0; i < PLAIN_BYTES; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = "abcdefgh"[x >> 29];
	}
}

/* Read all of it, `step` bytes at a time, into `ret`; the last return value: 0 or an error, twice the same. */
static ssize_t read_all(const void *data, size_t size, size_t step, uint64_t output_max, uint8_t *ret, size_t *ret_size)
{
	_cleanup_close_ int fd = file_of(data, size);
	_cleanup_(decompress_close_p) struct decompress *d = NULL;
	static uint8_t piece[1 << 16];
	ssize_t n;

	*ret_size = 0;
	n = decompress_open(fd, output_max, &d);
	if (n < 0)
		return n;
	while ((n = decompress_read(d, piece, step)) > 0) {
		if (ret)
			memcpy(ret + *ret_size, piece, (size_t)n);
		*ret_size += (size_t)n;
	}
	assert_int_equal(decompress_read(d, piece, step), n);
	assert_int_equal(decompress_why(d)[0] != '\0', n < 0);
	return n;
}

static void check_whole(const struct buffer *b, const uint8_t *text, size_t size)
{
	static const size_t steps[] = { 1, 7, 1 << 16 };
	uint8_t got[2 * PLAIN_BYTES];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		assert_int_equal(read_all(b->data, b->size, steps[i], 1 << 20, got, &n), 0);
		assert_int_equal(n, size);
		assert_memory_equal(got, text, size);
	}
}

static void test_each_method(void **state)
{
	uint8_t text[PLAIN_BYTES];
	size_t n;

	plain_text(text);
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		_cleanup_(buffer_done) struct buffer b = { 0 }, empty = { 0 };

		packers[i](text, sizeof(text), &b);
		check_whole(&b, text, sizeof(text));
		packers[i](text, 0, &empty);
		check_whole(&empty, text, 0);
		assert_int_equal(read_all(b.data, b.size, 100, PLAIN_BYTES, NULL, &n), 0);
		assert_int_equal(read_all(b.data, b.size, 100, PLAIN_BYTES - 1, NULL, &n), -EFBIG);
	}
	check_whole(&(struct buffer){ text, sizeof(text) }, text, sizeof(text));
	check_whole(&(struct buffer){ text, 0 }, text, 0);
}

static void test_cut_off_everywhere(void **state)
{
	uint8_t text[PLAIN_BYTES];
	size_t n;

	plain_text(text);
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		_cleanup_(buffer_done) struct buffer b = { 0 };

		packers[i](text, sizeof(text), &b);
		/* from six bytes on the magic number is there; fewer are read as they are */
		for (size_t size = 6; size < b.size; size++)
			assert_int_equal(read_all(b.data, size, 1000, 1 << 20, NULL, &n), -EBADMSG);
	}
}

static void test_several_in_a_row_and_junk_behind(void **state)
{
	uint8_t text[PLAIN_BYTES], twice[2 * PLAIN_BYTES];
	size_t n;

	plain_text(text);
	memcpy(twice, text, sizeof(text));
	memcpy(twice + sizeof(text), text, sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		_cleanup_(buffer_done) struct buffer b = { 0 };
		_cleanup_free_ uint8_t *two = NULL;

		packers[i](text, sizeof(text), &b);
		two = malloc(2 * b.size);
		memcpy(two, b.data, b.size);
		memcpy(two + b.size, b.data, b.size);
		check_whole(&(struct buffer){ two, 2 * b.size }, twice, sizeof(twice));
		assert_int_equal(read_all(two, b.size + 5, 1000, 1 << 20, NULL, &n), -EBADMSG);
		memcpy(two + b.size, "<evil/>", 7);
		assert_int_equal(read_all(two, b.size + 7, 1000, 1 << 20, NULL, &n), -EBADMSG);
		memset(two + b.size, 0, 7);
		assert_int_equal(read_all(two, b.size + 7, 1000, 1 << 20, NULL, &n), -EBADMSG);
	}
}

static void test_damage_is_noticed(void **state)
{
	uint8_t text[PLAIN_BYTES];
	size_t n;

	plain_text(text);
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		_cleanup_(buffer_done) struct buffer b = { 0 };

		packers[i](text, sizeof(text), &b);
		for (size_t at = 20; at < b.size; at += 13) {
			b.data[at] ^= 0x10;
			assert_true(read_all(b.data, b.size, 1000, 1 << 20, NULL, &n) < 0);
			b.data[at] ^= 0x10;
		}
	}
}

static void test_bombs(void **state)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, BOMB_BYTES);
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		_cleanup_(buffer_done) struct buffer b = { 0 };

		packers[i](zeros, BOMB_BYTES, &b);
		assert_true(b.size < BOMB_BYTES / DECOMPRESS_RATIO_MAX);
		assert_int_equal(read_all(b.data, b.size, 1 << 16, UINT64_MAX, NULL, &n), -EFBIG);
		assert_true(n <= DECOMPRESS_FREE + (b.size + (64u << 10)) * (DECOMPRESS_RATIO_MAX + 1));
	}
}

/* A frame header is enough to make a decoder allocate what it asks for. */
static void test_large_dictionaries(void **state)
{
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, (20 << 3) /* 2^30 */, 0x01, 0x00, 0x00 };
	_cleanup_free_ uint8_t *xz = malloc(4096);
	lzma_options_lzma o;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &o }, { LZMA_VLI_UNKNOWN, NULL } };
	size_t at = 0, n;

	assert_int_equal(read_all(zstd, sizeof(zstd), 100, 1 << 20, NULL, &n), -EFBIG);
	assert_false(lzma_lzma_preset(&o, 0));
	o.dict_size = 256u << 20;
	assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, (const uint8_t *)"text", 4, xz, &at, 4096),
			 LZMA_OK);
	assert_int_equal(read_all(xz, at, 100, 1 << 20, NULL, &n), -EFBIG);
}

static void test_methods_that_are_not_read(void **state)
{
	size_t n;

	assert_int_equal(read_all("BZh91AY", 7, 100, 1 << 20, NULL, &n), -EPROTONOSUPPORT);
	assert_int_equal(read_all("LZIP\1", 5, 100, 1 << 20, NULL, &n), -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_method),
		cmocka_unit_test(test_cut_off_everywhere),
		cmocka_unit_test(test_several_in_a_row_and_junk_behind),
		cmocka_unit_test(test_damage_is_noticed),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_large_dictionaries),
		cmocka_unit_test(test_methods_that_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
