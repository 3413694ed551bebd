/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Fields of messages: what a lying peer may write into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ipc/codec.h"

static struct encoder e;
static struct decoder d;

static void rewind_encoder(void)
{
	decoder_init(&d, e.data, e.size);
}

static void test_round_trip(void **state)
{
	uint8_t digest[4];
	char name[8];
	size_t size, place;
	const uint8_t *bytes;

	encoder_init(&e);
	place = encode_reserve_u32(&e);
	encode_u64(&e, 0x0102030405060708u);
	encode_str(&e, "name");
	encode_str(&e, NULL);
	encode_bytes(&e, "a\0b", 3);
	encode_bytes(&e, "1234", 4);
	encode_patch_u32(&e, place, 0xfffefdfcu);
	assert_int_equal(e.error, 0);
	rewind_encoder();
	assert_int_equal(decode_u32(&d), 0xfffefdfcu);
	assert_true(decode_u64(&d) == 0x0102030405060708u);
	decode_str_into(&d, name, sizeof(name));
	assert_string_equal(name, "name");
	decode_str_into(&d, name, sizeof(name));
	assert_string_equal(name, "");
	bytes = decode_bytes(&d, 3, &size);
	assert_int_equal(size, 3);
	assert_memory_equal(bytes, "a\0b", 3);
	decode_exact(&d, digest, sizeof(digest));
	assert_memory_equal(digest, "1234", 4);
	assert_int_equal(decoder_end(&d), 0);
}

static void test_little_endian(void **state)
{
	encoder_init(&e);
	encode_u32(&e, 0x01020304);
	assert_memory_equal(e.data, "\4\3\2\1", 4);
	encoder_init(&e);
	encode_str(&e, "ab");
	assert_memory_equal(e.data, "\2\0\0\0ab", 6);
}

static void decode_all(void)
{
	uint8_t digest[4];

	(void)decode_u32(&d);
	(void)decode_u64(&d);
	free(decode_str(&d, 16));
	decode_exact(&d, digest, sizeof(digest));
}

/* A message cut anywhere, and one with a byte more, is refused. */
static void test_cut_and_trailing(void **state)
{
	encoder_init(&e);
	encode_u32(&e, 1);
	encode_u64(&e, 2);
	encode_str(&e, "name");
	encode_bytes(&e, "1234", 4);
	for (size_t cut = 0; cut < e.size; cut++) {
		decoder_init(&d, e.data, cut);
		decode_all();
		assert_int_equal(decoder_end(&d), -EPROTO);
	}
	rewind_encoder();
	decode_all();
	assert_int_equal(decoder_end(&d), 0);
	decoder_init(&d, e.data, e.size + 1);
	decode_all();
	assert_int_equal(decoder_end(&d), -EPROTO);
}

static void test_huge_lengths(void **state)
{
	static const uint32_t lengths[] = { 5, 0x7fffffff, 0x80000000, 0xfffffffb, 0xfffffffc, 0xffffffff };

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t size = 77;

		encoder_init(&e);
		encode_u32(&e, lengths[i]);
		encode_u32(&e, 0);
		rewind_encoder();
		assert_non_null(decode_bytes(&d, SIZE_MAX, &size));
		assert_int_equal(size, 0);
		assert_int_equal(decoder_end(&d), -EPROTO);
		rewind_encoder();
		assert_null(decode_str(&d, SIZE_MAX));
	}
}

static void test_limits_of_the_destination(void **state)
{
	uint8_t digest[4] = { 9, 9, 9, 9 };
	char name[5];
	size_t size;

	encoder_init(&e);
	encode_str(&e, "12345");
	rewind_encoder();
	decode_str_into(&d, name, sizeof(name));
	assert_string_equal(name, "");
	assert_int_equal(decoder_end(&d), -EPROTO);
	rewind_encoder();
	(void)decode_bytes(&d, 4, &size);
	assert_int_equal(decoder_end(&d), -EPROTO);
	rewind_encoder();
	assert_null(decode_str(&d, 4));
	rewind_encoder();
	decode_exact(&d, digest, 4);
	assert_int_equal(decoder_end(&d), -EPROTO);
	assert_memory_equal(digest, "\0\0\0\0", 4);
	encoder_init(&e);
	encode_str(&e, "123");
	rewind_encoder();
	decode_exact(&d, digest, 4);
	assert_int_equal(decoder_end(&d), -EPROTO);
}

static void test_nul_in_strings(void **state)
{
	char name[8] = "unset";

	encoder_init(&e);
	encode_bytes(&e, "a\0b", 3);
	rewind_encoder();
	assert_null(decode_str(&d, 8));
	assert_int_equal(decoder_end(&d), -EPROTO);
	rewind_encoder();
	decode_str_into(&d, name, sizeof(name));
	assert_string_equal(name, "");
	assert_int_equal(decoder_end(&d), -EPROTO);
}

/* After the first error nothing more is believed. */
static void test_errors_stick(void **state)
{
	size_t size;

	encoder_init(&e);
	encode_bytes(&e, "a\0b", 3);
	encode_u32(&e, 7);
	rewind_encoder();
	assert_null(decode_str(&d, 8));
	assert_int_equal(decode_u32(&d), 0);
	assert_true(decode_u64(&d) == 0);
	assert_null(decode_str(&d, 8));
	(void)decode_bytes(&d, 8, &size);
	assert_int_equal(size, 0);
	assert_int_equal(decoder_end(&d), -EPROTO);
}

static void test_encoder_overflow(void **state)
{
	static uint8_t big[MESSAGE_MAX];
	size_t place;

	encoder_init(&e);
	encode_bytes(&e, big, MESSAGE_MAX - 4);
	assert_int_equal(e.error, 0);
	assert_int_equal(e.size, MESSAGE_MAX);
	place = encode_reserve_u32(&e);
	assert_int_equal(e.error, -EMSGSIZE);
	encode_patch_u32(&e, place, 1); /* must not write behind the buffer: watched by the sanitizers */
	assert_int_equal(e.size, MESSAGE_MAX);
	encoder_init(&e);
	encode_bytes(&e, big, MESSAGE_MAX - 3);
	assert_int_equal(e.error, -EMSGSIZE);
	encode_u32(&e, 1);
	assert_int_equal(e.error, -EMSGSIZE);
	encoder_init(&e);
	encode_bytes(&e, big, (size_t)UINT32_MAX + 1);
	assert_int_equal(e.error, -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_little_endian),
		cmocka_unit_test(test_cut_and_trailing),
		cmocka_unit_test(test_huge_lengths),
		cmocka_unit_test(test_limits_of_the_destination),
		cmocka_unit_test(test_nul_in_strings),
		cmocka_unit_test(test_errors_stick),
		cmocka_unit_test(test_encoder_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
