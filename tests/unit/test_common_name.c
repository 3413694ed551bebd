/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names that may stand in staging, and those that would be something else on an importer's system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/name.h"

static const char *const refused[] = {
	"", "/", "/etc/passwd", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/../b", "a/..",
	/* Windows, SMB */
	"a\\b", "a:b", "a*", "a?", "\"a\"", "<a", "a>", "a|b", "a::$DATA",
	"con", "CON", "Con.txt", "con.tar.gz", "PRN", "AUX", "NUL", "nul.txt", "NUL .txt", "nul  .a.b", "CONIN$", "conout$",
	"COM0", "COM1", "com9.log", "LPT1", "lpt0", "COM\xc2\xb9", "com\xc2\xb2.txt", "LPT\xc2\xb3", "dir/NUL/file", "aux ",
	"a.", "a..", "dir./a", "...",
	" a", "a ", "dir /a", "a/ b",
	/* importers' tools */
	"-rf", "dir/-x", "~", "~root", "dir/~a",
	/* people */
	"a\nb", "a\x1b[m", "a\tb", "a\x7f", "gnp\xe2\x80\xae" "exe", "a\xe2\x80\x8b", "a\xc2\xa0", "\xef\xbb\xbf" "a",
	"a\xe3\x85\xa4", "\xcc\x81" "a", "dir/\xcc\x81", "a\xee\x80\x80",
	/* not UTF-8 */
	"a\xff", "a\xc0\xaf", "a\xed\xa0\x80", "\xe2\x82",
};

static const char *const accepted[] = {
	"a", "a.txt", "dir/a", ".hidden", ".a/.b", "a-b", "a~", "a b", "..a", "a..b", "...a", "com", "COM", "COM10", "COMA",
	"console", "nullable", "con-1", "CONSOLE.txt", "lptx", "a.con", "x/y/z", "Stra\303\237e", "\xe6\x97\xa5.txt",
	"re\xcc\x81sume\xcc\x81", "a'b", "a;b", "$HOME", "a&b", "%00", "a(1)", "[a]", "{a}", "#a#", "a=b", "COM\xc2\xbc",
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *why = NULL;

		if (name_path_valid(refused[i], strlen(refused[i]), &why) != -EINVAL)
			fail_msg("accepted: %s", refused[i]);
		assert_non_null(why);
	}
}

static void test_accepted(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		const char *why = "unset";

		if (name_path_valid(accepted[i], strlen(accepted[i]), &why) != 0)
			fail_msg("refused: %s: %s", accepted[i], why);
		assert_null(why);
	}
}

static void test_nul_byte(void **state)
{
	const char *why;

	assert_int_equal(name_path_valid("a\0b", 3, &why), -EINVAL);
	assert_string_equal(why, "NUL byte in name");
	assert_int_equal(name_path_valid("a\0", 2, &why), -EINVAL);
}

static void test_lengths(void **state)
{
	char path[NAME_PATH_MAX + 2];
	const char *why;

	memset(path, 'a', sizeof(path));
	assert_int_equal(name_path_valid(path, 255, &why), 0);
	assert_int_equal(name_path_valid(path, 256, &why), -EINVAL);
	for (size_t i = 200; i < sizeof(path); i += 201)
		path[i] = '/';
	path[NAME_PATH_MAX] = path[NAME_PATH_MAX - 1] = 'a';
	assert_int_equal(name_path_valid(path, NAME_PATH_MAX, &why), 0);
	assert_int_equal(name_path_valid(path, NAME_PATH_MAX + 1, &why), -EINVAL);
	/* what an importer resolves must not be longer than the kernel takes */
	assert_true(strlen("files/") + NAME_PATH_MAX < 4096);
}

static void test_depth(void **state)
{
	char path[2 * NAME_DEPTH_MAX + 2];
	const char *why;

	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? '/' : 'a';
	assert_int_equal(name_path_valid(path, 2 * NAME_DEPTH_MAX - 1, &why), 0);
	assert_int_equal(name_path_valid(path, 2 * NAME_DEPTH_MAX + 1, &why), -EINVAL);
}

static const struct {
	const char *a, *b;
	bool collide;
} pairs[] = {
	{ "README.TXT", "readme.txt", true },
	{ "Stra\303\237e", "STRASSE", true },	     /* sharp s */
	{ "\xe2\x84\xaa.txt", "k.txt", true },		     /* Kelvin sign */
	{ "\xc3\xa9", "e\xcc\x81", true },		     /* NFC, NFD */
	{ "\xc3\x89", "e\xcc\x81", true },
	{ "\xef\xbc\xa1.exe", "a.exe", true },		     /* full width */
	{ "\xef\xac\x81le", "file", true },		     /* ligature */
	{ "x\xc2\xb2", "x2", true },			     /* superscript */
	{ "\xce\xa3", "\xcf\x82", true },		     /* sigma, final sigma */
	{ "dir/A", "DIR/a", true },
	{ "a\xc2\xad" "b", "ab", true },		     /* soft hyphen vanishes */
	{ "a", "b", false },
	{ "a/b", "a-b", false },
	{ "\xd0\xb0", "a", false },			     /* Cyrillic: another letter, for file systems too */
	{ "e", "\xc3\xa9", false },
};

static void test_fold(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		_cleanup_free_ char *a = name_fold(pairs[i].a), *b = name_fold(pairs[i].b);

		assert_non_null(a);
		assert_non_null(b);
		if ((strcmp(a, b) == 0) != pairs[i].collide)
			fail_msg("%s and %s: \"%s\" \"%s\"", pairs[i].a, pairs[i].b, a, b);
	}
	assert_null(name_fold("\xff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused), cmocka_unit_test(test_accepted), cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_depth),	 cmocka_unit_test(test_fold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
