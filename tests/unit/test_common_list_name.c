/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which file names promise a checksum list, of which algorithm, about which file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/list_name.h"

static const struct {
	const char *name, *algorithm, *target; /* target NULL: not about one file */
} promising[] = {
	{ "SHA256SUMS", "sha256", NULL },
	{ "sha1sums", "sha1", NULL },
	{ "SHA224SUMS", "sha224", NULL },
	{ "SHA384SUMS", "sha384", NULL },
	{ "SHA512SUMS", "sha512", NULL },
	{ "MD5SUMS", "md5", NULL },
	{ "md5sums", "md5", NULL },
	{ "B2SUMS", "blake2b", NULL },
	{ "CHECKSUM", NULL, NULL },
	{ "Checksums", NULL, NULL },
	{ "checksums.txt", NULL, NULL },
	{ "sha256sum.txt", "sha256", NULL },
	{ "sha256sums.txt", "sha256", NULL },
	{ "SHA256", "sha256", NULL },
	{ "md5.txt", "md5", NULL },
	{ "SHASUMS256.txt", "sha256", NULL },
	{ "Fedora-39-CHECKSUM", NULL, NULL },
	{ "terraform_1.6_SHA256SUMS", "sha256", NULL },
	{ "tool_1.0_checksums.txt", NULL, NULL },
	{ "disk.iso.sha256", "sha256", "disk.iso" },
	{ "disk.iso.SHA512", "sha512", "disk.iso" },
	{ "disk.iso.sha256sum", "sha256", "disk.iso" },
	{ "disk.iso.sha256.txt", "sha256", "disk.iso" },
	{ "a.md5", "md5", "a" },
	{ "a.sha1", "sha1", "a" },
	{ "a.b2", "blake2b", "a" },
	{ ".sha256", "sha256", NULL },
};

static const char *const others[] = { "",	 "readme.txt", "notes-md5.txt", "sha256.c", "SHA256SUMS.gpg",
				      "b2",	 "checksums.md",  "a.sha", "sha3sums", "my md5", "SHA256SUMS.sig",
				      ".txt",	 "a.sha2566",	  "md", "sums", "SHA256SUMS.asc", "blake2b" };

static void test_promising_names(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(promising); i++) {
		const char *name = promising[i].name, *algorithm = list_name_algorithm(name);
		size_t target = promising[i].target ? strlen(promising[i].target) : 0;

		if (!list_name_promises(name))
			fail_msg("%s does not promise", name);
		if (promising[i].algorithm)
			assert_string_equal(algorithm, promising[i].algorithm);
		else
			assert_null(algorithm);
		assert_int_equal(list_name_target(name), target);
	}
}

static void test_other_names(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (list_name_promises(others[i]))
			fail_msg("%s promises", others[i]);
		assert_null(list_name_algorithm(others[i]));
		assert_int_equal(list_name_target(others[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promising_names),
		cmocka_unit_test(test_other_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
