/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Digests by their names, lengths and tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "common/hash.h"
#include "proof/digest.h"

static int prepare(void **state)
{
	return digests_prepare();
}

/* Examples of FIPS 180-4, RFC 1321 and RFC 7693: "abc" again, this time through a descriptor and whole. */
static void test_digests(void **state)
{
	static const struct {
		const char *name, *abc;
	} rows[] = {
		{ "md5", "900150983cd24fb0d6963f7d28e17f72" },
		{ "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
		{ "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
		{ "sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
		{ "blake2b", "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
			     "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923" },
	};
	_cleanup_close_ int fd = memory_text("abc"), directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct digest *d = digest_by_name(rows[i].name);
		uint8_t sum[ORIGIN_DIGEST_MAX];
		char hex[2 * ORIGIN_DIGEST_MAX + 1];

		assert_non_null(d);
		assert_int_equal(digest_fd(d, fd, sum), 0);
		hex_encode(sum, d->size, hex);
		assert_string_equal(hex, rows[i].abc);
		assert_int_equal(digest_fd(d, directory, sum), -EISDIR);
	}
}

static void test_names(void **state)
{
	static const char *const none[] = { "sha3", "", "SHA256", "sha256 ", "sha2", "crc32", "blake2b-256" };

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_null(digest_by_name(none[i]));
	assert_string_equal(digest_by_tag("SHA2-256x", 8)->name, "sha256");
	assert_string_equal(digest_by_tag("BLAKE2b", 7)->name, "blake2b");
	assert_null(digest_by_tag("BLAKE2b-256", 11));
	assert_null(digest_by_tag("SHA25", 5));
	assert_null(digest_by_tag("", 0));
}

static void test_lengths(void **state)
{
	assert_string_equal(digest_by_hex_size(32)->name, "md5");
	assert_string_equal(digest_by_hex_size(40)->name, "sha1");
	assert_string_equal(digest_by_hex_size(64)->name, "sha256");
	assert_string_equal(digest_by_hex_size(128)->name, "sha512");
	assert_null(digest_by_hex_size(0));
	assert_null(digest_by_hex_size(65));
	assert_null(digest_by_hex_size(8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
