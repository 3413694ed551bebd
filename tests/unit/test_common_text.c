/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Invariant 8: what no untrusted byte may look like when it reaches a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/text.h"

#define E_ACUTE "e\xcc\x81" /* e, U+0301 */

static const struct {
	const char *raw, *escaped;
} escaped_table[] = {
	/* controls: terminal sequences, forged lines */
	{ "a\nb", "a\\x0ab" },
	{ "\x1b[2J", "\\x1b[2J" },
	{ "a\tb", "a\\x09b" },
	{ "a\x7f", "a\\x7f" },
	{ "\xc2\x9b" "2J", "\\u{9B}2J" },		  /* C1 control sequence introducer */
	{ "\x9b" "2J", "\\x9b2J" },			  /* the same as a stray byte */
	{ "a\\b", "a\\\\b" },				  /* what is escaped cannot be forged */
	{ "\\x0a", "\\\\x0a" },
	/* direction */
	{ "gnp\xe2\x80\xae" "exe.png", "gnp\\u{202E}exe.png" },
	{ "\xe2\x81\xa6" "a\xe2\x81\xa9", "\\u{2066}a\\u{2069}" },
	{ "\xd8\x9c", "\\u{61C}" },
	/* nothing to see */
	{ "a\xe2\x80\x8b" "b", "a\\u{200B}b" },		  /* zero-width space */
	{ "a\xe2\x80\x8d" "b", "a\\u{200D}b" },		  /* zero-width joiner */
	{ "\xef\xbb\xbf" "a", "\\u{FEFF}a" },		  /* byte order mark */
	{ "a\xc2\xad" "b", "a\\u{AD}b" },		  /* soft hyphen */
	{ "a\xc2\xa0" "b", "a\\u{A0}b" },		  /* no-break space */
	{ "a\xe3\x80\x80", "a\\u{3000}" },		  /* ideographic space */
	{ "a\xe2\x80\xa8" "b", "a\\u{2028}b" },		  /* line separator */
	{ "a\xe2\x80\xa9" "b", "a\\u{2029}b" },
	{ "a\xe3\x85\xa4", "a\\u{3164}" },		  /* Hangul filler: a letter, invisible */
	{ "\xe1\x85\x9f" "a", "\\u{115F}a" },
	{ "a\xef\xbe\xa0", "a\\u{FFA0}" },
	{ "a\xcd\x8f", "a\\u{34F}" },			  /* combining grapheme joiner */
	{ "a\xef\xb8\x8f", "a\\u{FE0F}" },		  /* variation selector */
	{ "a\xf3\xa0\x84\x80", "a\\u{E0100}" },
	{ "\xf3\xa0\x81\xa1", "\\u{E0061}" },		  /* tag */
	{ "a\xe2\xa0\x80", "a\\u{2800}" },		  /* Braille without dots */
	/* unassigned, private, not characters */
	{ "\xee\x80\x80", "\\u{E000}" },
	{ "\xef\xbf\xbe", "\\u{FFFE}" },
	{ "\xcd\xb8", "\\u{378}" },
	{ "\xf4\x8f\xbf\xbf", "\\u{10FFFF}" },
	/* towers of marks */
	{ "a\xcc\x81\xcc\x81\xcc\x81", "a\xcc\x81\xcc\x81\\u{301}" },
	{ "\xcc\x81" "a", "\\u{301}a" },
	{ "a\xcc\x81\xcc\x81" "b\xcc\x81", "a\xcc\x81\xcc\x81" "b\xcc\x81" },
	/* invalid UTF-8 (RFC 3629, Unicode 15 table 3-7) */
	{ "\x80", "\\x80" },				  /* continuation alone */
	{ "a\xc3", "a\\xc3" },				  /* cut */
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
	{ "\xc3(", "\\xc3(" },				  /* the next character is not swallowed */
	{ "\xe2\x28\xa1", "\\xe2(\\xa1" },
	{ "\xc0\xaf", "\\xc0\\xaf" },			  /* overlong '/' */
	{ "\xc1\x81", "\\xc1\\x81" },
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
	{ "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		  /* surrogate */
	{ "\xed\xbf\xbf", "\\xed\\xbf\\xbf" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
	{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
	{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
	{ "\xff\xfe", "\\xff\\xfe" },
};

static const char *const clean_table[] = {
	"", "report.pdf", "a b", "Stra\303\237e", E_ACUTE, "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80",
	"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "x^2 \xe2\x82\xac", "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7",
};

static void test_escaped(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(escaped_table); i++) {
		const char *raw = escaped_table[i].raw;
		_cleanup_free_ char *out = text_escape(raw, strlen(raw));

		assert_string_equal(out, escaped_table[i].escaped);
		assert_int_equal(text_clean(raw, strlen(raw)), strcmp(raw, out) == 0);
	}
}

static void test_clean_text_is_unchanged(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(clean_table); i++) {
		_cleanup_free_ char *out = text_escape(clean_table[i], strlen(clean_table[i]));

		assert_string_equal(out, clean_table[i]);
		assert_true(text_clean(clean_table[i], strlen(clean_table[i])));
		assert_true(text_utf8_valid(clean_table[i], strlen(clean_table[i])));
	}
}

static void test_nul_inside(void **state)
{
	_cleanup_free_ char *out = text_escape("a\0b", 3);

	assert_string_equal(out, "a\\x00b");
	assert_false(text_clean("a\0b", 3));
}

/* Every string of two bytes, alone and after a letter: what comes out is clean but for the escapes' own backslashes, holds
 * no control byte, is valid UTF-8, is the input exactly when that is clean, and fits. */
static void test_every_pair_of_bytes(void **state)
{
	for (unsigned int pair = 0; pair < 65536; pair++) {
		char raw[3] = { 'x', (char)(pair >> 8), (char)pair };
		_cleanup_free_ char *out = text_escape(raw, sizeof(raw));
		size_t size = strlen(out);

		assert_true(size <= 4 * sizeof(raw));
		assert_true(text_utf8_valid(out, size));
		for (size_t i = 0; i < size; i++)
			assert_true((uint8_t)out[i] >= 0x20 && out[i] != 0x7f);
		assert_int_equal(text_clean(raw, 3), size == 3 && memcmp(out, raw, 3) == 0);
	}
}

static void test_utf8_valid(void **state)
{
	static const char *const invalid[] = { "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xc3", "\xff" };

	for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
		assert_false(text_utf8_valid(invalid[i], strlen(invalid[i])));
	assert_true(text_utf8_valid("\x1b\xe2\x80\xae", 4)); /* hostile, but UTF-8 */
	assert_true(text_utf8_valid("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_clean_text_is_unchanged),
		cmocka_unit_test(test_nul_inside),
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_utf8_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
