/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* span_find() finds what a plain search finds, at any place and in any case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "content/span.h"

static const uint8_t *plainly(struct span s, const char *lower)
{
	size_t size = strlen(lower);

	for (size_t i = 0; i + size <= s.size; i++)
		if (strncasecmp((const char *)s.at + i, lower, size) == 0)
			return s.at + i;
	return NULL;
}

static void test_as_a_plain_search(void **state)
{
	static const char *const wanted[] = { "<a", "aab", "b<", "url", "<", "a", "=\"b", "ba" };
	static const char letters[] = "aAbB<u=\"";
	uint8_t text[24];

	(void)state;
	srandom(20261124);
	for (int round = 0; round < 200000; round++) {
		struct span s = { text, (size_t)random() % (sizeof(text) + 1) };

		for (size_t i = 0; i < s.size; i++)
			text[i] = (uint8_t)letters[random() % (long)(sizeof(letters) - 1)];
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
			assert_ptr_equal(span_find(s, wanted[i]), plainly(s, wanted[i]));
	}
}

static void test_at_the_ends(void **state)
{
	const struct span s = { (const uint8_t *)"<Script SRC", 11 }, nothing = { NULL, 0 };

	(void)state;
	assert_ptr_equal(span_find(s, "<script"), s.at);
	assert_ptr_equal(span_find(s, "src"), s.at + 8);
	assert_null(span_find(s, "srcx"));
	assert_null(span_find(s, "<script src="));
	assert_null(span_find(nothing, "<"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_as_a_plain_search), cmocka_unit_test(test_at_the_ends) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
