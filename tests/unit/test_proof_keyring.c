/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The officer's keys as a role is given them: all of them, or none and an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "proof/keyring.h"

static int read_text(const char *json, struct keyring **ret)
{
	_cleanup_close_ int fd = memory_text(json);

	return keyring_read(fd, ret);
}

static void test_all_kinds(void **state)
{
	struct keyring *k = NULL;

	assert_int_equal(read_text("[{\"name\":\"a\",\"kind\":\"minisign\",\"key\":\"YWJj\",\"until\":0},"
				   "{\"name\":\"b\",\"kind\":\"signify\",\"key\":\"YWI=\",\"until\":7},"
				   "{\"until\":4102444800,\"key\":\"YQ==\",\"name\":\"c\",\"kind\":\"openpgp\"},"
				   "{\"name\":\"d\",\"kind\":\"x509-ca\",\"key\":\"\",\"until\":0},"
				   "{\"name\":\"e\",\"kind\":\"x509-signer\",\"key\":\"AAAA\",\"until\":0},"
				   "{\"name\":\"f\",\"kind\":\"raw\",\"key\":\"////\",\"until\":0}]\n", &k), 0);
	assert_int_equal(k->count, 6);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(k->keys[i].kind, i);
		assert_int_equal(k->keys[i].name[0], 'a' + (int)i);
		assert_int_equal(k->keys[i].bytes[k->keys[i].size], 0); /* texts can be read as strings */
	}
	assert_int_equal(k->keys[0].size, 3);
	assert_string_equal((char *)k->keys[0].bytes, "abc");
	assert_int_equal(k->keys[1].size, 2);
	assert_int_equal(k->keys[1].until, 7);
	assert_int_equal(k->keys[2].size, 1);
	assert_int_equal(k->keys[2].until, 4102444800);
	assert_int_equal(k->keys[3].size, 0);
	assert_memory_equal(k->keys[4].bytes, "\0\0\0", 3);
	assert_memory_equal(k->keys[5].bytes, "\xff\xff\xff", 3);
	keyring_free(k);
}

static void test_none(void **state)
{
	struct keyring *k = NULL;

	assert_int_equal(read_text("[]", &k), 0);
	assert_int_equal(k->count, 0);
	assert_null(keyring_free(k));
	assert_null(keyring_free(NULL));
}

/* It is read from its beginning, wherever the descriptor's position is. */
static void test_position_does_not_matter(void **state)
{
	_cleanup_close_ int fd = memory_text("[]");
	struct keyring *k = NULL;

	assert_int_equal(lseek(fd, 0, SEEK_END), 2);
	assert_int_equal(keyring_read(fd, &k), 0);
	keyring_free(k);
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
		"", "{}", "null", "[", "[]]", "[] x", "[1]", "[[]]", "[null]", "[{}]",
		/* a member that is missing, is one too many, is there twice, is of another type */
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\"}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"until\":0}]",
		"[{\"name\":\"a\",\"key\":\"YWJj\",\"until\":0}]",
		"[{\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0,\"x\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0,\"until\":1}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":\"0\"}]",
		"[{\"name\":1,\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0}]",
		"[{\"name\":\"a\\u0000b\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0}]",
		/* values that are none */
		"[{\"name\":\"a\",\"kind\":\"pgp\",\"key\":\"YWJj\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"\",\"key\":\"YWJj\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"RAW\",\"key\":\"YWJj\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":-1}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0.5}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":99999999999999999999}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJ\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YW Jj\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\\n\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWI\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"=\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"==\",\"until\":0}]",
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"====\",\"until\":0}]",
		/* one bad key among good ones */
		"[{\"name\":\"a\",\"kind\":\"raw\",\"key\":\"YWJj\",\"until\":0},{\"name\":\"b\",\"kind\":\"raw\",\"key\":\"-\",\"until\":0}]",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct keyring *k = NULL;

		if (read_text(rows[i], &k) >= 0)
			fail_msg("accepted: %s", rows[i]);
		assert_null(k);
	}
}

static void test_no_file(void **state)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int huge = memory_text("[]");
	struct keyring *k = NULL;

	assert_int_equal(keyring_read(directory, &k), -EBADMSG);
	assert_int_equal(ftruncate(huge, 1ll << 40), 0); /* refused by its size, before a byte is read */
	assert_int_equal(keyring_read(huge, &k), -EBADMSG);
	assert_int_equal(keyring_read(-1, &k), -EBADF);
	assert_null(k);
}

static void test_end(void **state)
{
	struct trusted_key key = { .until = 0 };

	assert_false(trusted_key_has_ended(&key, UINT64_MAX));
	key.until = 100;
	assert_false(trusted_key_has_ended(&key, 99));
	assert_true(trusted_key_has_ended(&key, 100)); /* the end is not part of it */
	assert_true(trusted_key_has_ended(&key, 101));
}

static void test_kind_names(void **state)
{
	for (unsigned int i = 0; i < KEY_KIND_COUNT_; i++)
		assert_int_equal(key_kind_by_name(key_kind_name(i)), i);
	assert_null(key_kind_name(KEY_KIND_COUNT_));
	assert_int_equal(key_kind_by_name("x509"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_position_does_not_matter),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_kind_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
