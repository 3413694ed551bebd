/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* common/glob: matching, and the containment that finds dead rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/glob.h"

#define PATH(p) { (char *)(p), false, false }
#define BASE(p) { (char *)(p), false, true }
#define FOLD(p) { (char *)(p), true, true }

static void matching(void **state)
{
	static const struct {
		struct glob g;
		const char *text;
		bool is_match;
	} rows[] = {
		{ PATH("text/*"), "text/plain", true },	  { PATH("text/*"), "text", false },
		{ PATH("*"), "", true },		  { PATH("a?c"), "abc", true },
		{ PATH("a?c"), "ac", false },		  { PATH("*.gz"), "x/y.tar.gz", true },
		{ PATH("docs/*.txt"), "docs/a/b.txt", true }, { PATH("docs/*.txt"), "other/docs/a.txt", false },
		{ BASE("*.txt"), "a/b.txt", true },	  { BASE("b.txt"), "a/b.txt", true },
		{ BASE("a*.txt"), "a/b.txt", false },	  { BASE("*.TXT"), "b.txt", false },
		{ FOLD("*.TXT"), "b.txt", true },	  { PATH("[a]"), "a", false },
		{ PATH("[a]"), "[a]", true },		  { PATH("a*b*c"), "aXbXbXc", true },
		{ PATH("a*b*c"), "aXcXb", false },	  { BASE("x\xff*"), "d/x\xffy", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(glob_match(&rows[i].g, rows[i].text), rows[i].is_match);
}

static void containment(void **state)
{
	static const struct {
		struct glob a, b;
		bool is_covered;
	} rows[] = {
		{ PATH("*"), PATH("a*"), true },	 { PATH("a*"), PATH("*"), false },
		{ PATH("text/*"), PATH("text/plain"), true }, { PATH("text/plain"), PATH("text/*"), false },
		{ PATH("*a*"), PATH("*ba*"), true },	 { PATH("*a*b*"), PATH("*ab*"), true },
		{ PATH("*ab*"), PATH("*a*b*"), false },	 { PATH("?*"), PATH("*?"), true },
		{ PATH("??*"), PATH("?*"), false },	 { PATH("*?*?"), PATH("??"), true },
		{ PATH("*"), BASE("x"), true },		 { BASE("*"), PATH("a/b*"), true },
		{ BASE("*.txt"), PATH("docs/*.txt"), true }, { PATH("docs/*.txt"), BASE("*.txt"), false },
		{ PATH("*.txt"), BASE("*.txt"), true },	 { BASE("a*.txt"), PATH("a*.txt"), false },
		{ PATH("*x"), BASE("x"), true },	 { FOLD("*.txt"), BASE("*.TxT"), true },
		{ BASE("*.txt"), FOLD("*.txt"), false }, { FOLD("*.txt"), FOLD("A*.TXT"), true },
		{ BASE("*.tar.gz"), BASE("*.gz"), false }, { BASE("*.gz"), BASE("*.tar.gz"), true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (glob_covers(&rows[i].a, &rows[i].b) != rows[i].is_covered)
			fail_msg("covers(%s, %s)", rows[i].a.pattern, rows[i].b.pattern);
}

static void meeting(void **state)
{
	static const struct {
		struct glob a, b;
		bool is_meeting;
	} rows[] = {
		{ PATH("a*"), PATH("*b"), true },      { PATH("a*"), PATH("b*"), false },
		{ BASE("*.png"), BASE("*.exe"), false }, { FOLD("*.png"), BASE("*.PNG"), true },
		{ BASE("*.png"), PATH("docs/*"), true }, { BASE("a*"), PATH("docs/b"), false },
		{ PATH("*"), PATH("x"), true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(glob_meets(&rows[i].a, &rows[i].b), rows[i].is_meeting);
		assert_int_equal(glob_meets(&rows[i].b, &rows[i].a), rows[i].is_meeting);
	}
}

/* Every text of up to 4 letters over a small alphabet is the judge of both questions. */
static const char *const small[] = { "", "a", "b", "/", "aa", "ab", "a/", "ba", "bb", "b/", "/a", "/b", "a/a", "a/b", "b/a",
				     "aab", "aba", "abb", "baa", "bab", "bba", "aaa", "bbb", "a/ab", "a/ba", "abab", "b/bb",
				     "abba", "baab", "aaaa", "A", "aB", "Ab", "a/A", "BA" };

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void random_pattern(unsigned int *seed, char ret[6])
{
	static const char letters[] = "ab*?/*";
	size_t n = 1 + next_random(seed) % 4;

	for (size_t i = 0; i < n; i++)
		ret[i] = letters[next_random(seed) % 6];
	ret[n] = '\0';
}

static void agrees_with_matching(void **state)
{
	unsigned int seed = 7, covered = 0;

	for (unsigned int i = 0; i < 3000; i++) {
		char p[6], q[6];
		struct glob a = { p, false, false }, b = { q, false, false };
		bool is_counter = false, is_common = false;

		random_pattern(&seed, p);
		random_pattern(&seed, q);
		a.ignore_case = next_random(&seed) % 2;
		b.ignore_case = next_random(&seed) % 2;
		a.is_basename = !strchr(p, '/') && next_random(&seed) % 2;
		b.is_basename = !strchr(q, '/') && next_random(&seed) % 2;
		for (size_t j = 0; j < ARRAY_LEN(small); j++) {
			is_counter = is_counter || (glob_match(&b, small[j]) && !glob_match(&a, small[j]));
			is_common = is_common || (glob_match(&b, small[j]) && glob_match(&a, small[j]));
		}
		if (glob_covers(&a, &b)) {
			covered++;
			if (is_counter)
				fail_msg("'%s' does not cover '%s'", p, q);
		}
		if (is_common && !glob_meets(&a, &b))
			fail_msg("'%s' and '%s' do meet", p, q);
	}
	assert_true(covered > 300);
}

static void entangled_is_no(void **state)
{
	struct glob a = PATH("*a????????????????????????????????????????"), b = PATH("*b*a?????????????????????????????????????????");

	assert_false(glob_covers(&a, &b)); /* out of reach: "not proved" */
}

static void too_long(void **state)
{
	struct glob_list l = { 0 };
	char text[GLOB_MAX + 2];

	memset(text, 'a', sizeof(text));
	text[GLOB_MAX + 1] = '\0';
	assert_int_equal(glob_list_add(&l, text, false, false), -EINVAL);
	assert_int_equal(glob_list_add(&l, "", false, false), -EINVAL);
	text[GLOB_MAX] = '\0';
	assert_int_equal(glob_list_add(&l, text, false, true), 0);
	assert_true(glob_covers(&l.list[0], &l.list[0]));
	glob_list_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matching), cmocka_unit_test(containment),	    cmocka_unit_test(meeting),
		cmocka_unit_test(agrees_with_matching), cmocka_unit_test(entangled_is_no), cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
