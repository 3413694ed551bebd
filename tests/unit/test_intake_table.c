/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Mappings that a child proposes: what passes, and each thing that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "intake/table.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define MEDIUM_SECTORS 1000

static struct table table;
static char words[200];

static int check_one(const char *type, const char *params)
{
	uint64_t sectors = 0;
	int r;

	table_wipe(&table);
	words[0] = '\0';
	assert_int_equal(table_add(&table, 0, 900, type, params), 0);
	r = table_check(&table, "7:3", MEDIUM_SECTORS, &sectors, words, sizeof(words));
	assert_int_equal(r == 0, sectors == 900);
	assert_int_equal(r == 0, words[0] == '\0');
	return r;
}

static void test_what_passes(void **state)
{
	static const struct {
		const char *params, *becomes;
	} rows[] = {
		{ "aes-xts-plain64 " KEY " 0 /dev/medium 100", "aes-xts-plain64 " KEY " 0 7:3 100" },
		{ "aes-cbc-essiv:sha256 " KEY " 0 /dev/medium 8", "aes-cbc-essiv:sha256 " KEY " 0 7:3 8" },
		{ "aes-cbc-elephant " KEY " 16 /dev/medium 16", "aes-cbc-elephant " KEY " 16 7:3 16" },
		{ "serpent-xts-plain64 " KEY " 0 /dev/medium 0", "serpent-xts-plain64 " KEY " 0 7:3 0" },
		{ "aes-xts-plain64 " KEY " 0 /dev/medium 8 1 sector_size:4096", "aes-xts-plain64 " KEY " 0 7:3 8 1 sector_size:4096" },
		{ "aes-cbc-eboiv " KEY " 0 /dev/medium 8 2 sector_size:4096 iv_large_sectors",
		  "aes-cbc-eboiv " KEY " 0 7:3 8 2 sector_size:4096 iv_large_sectors" },
		{ "aes-xts-plain64 " KEY " 0 /dev/medium 8 3 allow_discards no_read_workqueue sector_size:512",
		  "aes-xts-plain64 " KEY " 0 7:3 8" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(check_one("crypt", rows[i].params), 0);
		assert_string_equal(table.targets[0].params, rows[i].becomes);
	}
	assert_int_equal(check_one("zero", "whatever"), 0);
	assert_string_equal(table.targets[0].params, "");
}

static void test_what_does_not(void **state)
{
	static const struct {
		const char *type, *params, *words;
	} rows[] = {
		{ "linear", "/dev/medium 0", "more than decryption" },
		{ "snapshot", "/dev/sda /dev/medium P 8", "more than decryption" },
		{ "", "", "more than decryption" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/sda 0", "another device" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 8:0 0", "another device" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium/../sda 0", "another device" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 101", "past the end" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 999999999999999999", "past the end" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 18446744073709551615", "malformed" },
		{ "crypt", "aes-xts-plain64 " KEY " -1 /dev/medium 0", "malformed" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium", "malformed" },
		{ "crypt", "aes-xts-plain64 " KEY "  0 /dev/medium 0", "malformed" },
		{ "crypt", "", "malformed" },
		{ "crypt", "cipher_null-ecb - 0 /dev/medium 0", "cipher" },
		{ "crypt", "capi:authenc(hmac(sha256),xts(aes))-random " KEY " 0 /dev/medium 0", "cipher" },
		{ "crypt", "aes-xts-plain64x " KEY " 0 /dev/medium 0", "cipher" },
		{ "crypt", "aes-xts-plain64 :64:logon:cryptsetup:x 0 /dev/medium 0", "key" },
		{ "crypt", "aes-xts-plain64 - 0 /dev/medium 0", "key" },
		{ "crypt", "aes-xts-plain64 00112233 0 /dev/medium 0", "key" },
		{ "crypt", "aes-xts-plain64 " KEY "0 0 /dev/medium 0", "key" },
		{ "crypt", "aes-xts-plain64 " KEY KEY "00 0 /dev/medium 0", "key" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 0 1 integrity:28:aead", "integrity" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 0 2 sector_size:4096", "features" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 0 1 sector_size:4096 8:0", "features" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 0 1 sector_size:65536", "features" },
		{ "crypt", "aes-xts-plain64 " KEY " 0 /dev/medium 0 99999999999 allow_discards", "features" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(check_one(rows[i].type, rows[i].params), -EINVAL);
		if (!strstr(words, rows[i].words))
			fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].params, words, rows[i].words);
	}
}

/* The key is in no sentence that goes to an operator or a log. */
static void test_no_word_holds_the_key(void **state)
{
	static const char *const params[] = { "aes-xts-plain64 " KEY " 0 /dev/sda 0", "what-ever " KEY " 0 /dev/medium 0",
					      "aes-xts-plain64 " KEY " x /dev/medium 0" };

	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		assert_int_equal(check_one("crypt", params[i]), -EINVAL);
		assert_null(strstr(words, "0011"));
	}
}

static int check_extents(const uint64_t (*extents)[2], size_t count)
{
	uint64_t sectors = 0;

	table_wipe(&table);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(table_add(&table, extents[i][0], extents[i][1], "zero", ""), 0);
	return table_check(&table, "7:3", MEDIUM_SECTORS, &sectors, words, sizeof(words));
}

static void test_extents(void **state)
{
	static const uint64_t good[][2] = { { 0, 10 }, { 10, 1 }, { 11, 989 } }, gap[][2] = { { 0, 10 }, { 11, 1 } },
			      overlap[][2] = { { 0, 10 }, { 9, 5 } }, empty[][2] = { { 0, 0 } }, late[][2] = { { 1, 9 } },
			      large[][2] = { { 0, MEDIUM_SECTORS }, { MEDIUM_SECTORS, 1 } },
			      wraps[][2] = { { 0, 10 }, { 10, UINT64_MAX - 5 } };

	assert_int_equal(check_extents(good, 3), 0);
	assert_int_equal(check_extents(gap, 2), -EINVAL);
	assert_int_equal(check_extents(overlap, 2), -EINVAL);
	assert_int_equal(check_extents(empty, 1), -EINVAL);
	assert_int_equal(check_extents(late, 1), -EINVAL);
	assert_int_equal(check_extents(large, 2), -EINVAL);
	assert_int_equal(check_extents(wraps, 2), -EINVAL);
	assert_int_equal(check_extents(NULL, 0), -EINVAL);
}

static void test_codec(void **state)
{
	static struct encoder e;
	static struct table got;
	struct decoder d;
	char long_params[TABLE_PARAMS_MAX + 2];

	table_wipe(&table);
	for (size_t i = 0; i < TABLE_TARGETS_MAX; i++)
		assert_int_equal(table_add(&table, i, 1, "crypt", "p"), 0);
	assert_int_equal(table_add(&table, 0, 1, "crypt", "p"), -E2BIG);
	encoder_init(&e);
	table_encode(&table, &e);
	decoder_init(&d, e.data, e.size);
	assert_int_equal(table_decode(&got, &d), 0);
	assert_int_equal(decoder_end(&d), 0);
	assert_memory_equal(&got, &table, sizeof(got));
	decoder_init(&d, e.data, e.size - 1);
	assert_int_equal(table_decode(&got, &d), -EPROTO);
	e.data[0] = TABLE_TARGETS_MAX + 1;
	decoder_init(&d, e.data, e.size);
	assert_int_equal(table_decode(&got, &d), -EPROTO);
	memset(long_params, 'x', sizeof(long_params) - 1);
	long_params[sizeof(long_params) - 1] = '\0';
	table_wipe(&table);
	assert_int_equal(table_add(&table, 0, 1, "crypt", long_params), -E2BIG);
	encoder_init(&e);
	encode_u32(&e, 1);
	encode_u64(&e, 0);
	encode_u64(&e, 1);
	encode_str(&e, "crypt");
	encode_str(&e, long_params);
	decoder_init(&d, e.data, e.size);
	assert_int_equal(table_decode(&got, &d), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_passes), cmocka_unit_test(test_what_does_not),
		cmocka_unit_test(test_no_word_holds_the_key), cmocka_unit_test(test_extents), cmocka_unit_test(test_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
