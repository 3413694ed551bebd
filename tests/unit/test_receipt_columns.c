/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Text in display columns: nothing is lost, nothing goes over the edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <string.h>
#include <wchar.h>

#include <utf8proc.h>

#include "common/text.h"
#include "receipt/columns.h"

static char *laid_out(const char *text, enum columns_kind kind, unsigned int width, unsigned int indent)
{
	char *all = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&all, &size);

	assert_non_null(out);
	columns_put(out, text, kind, width, indent, indent);
	assert_int_equal(fclose(out), 0);
	return all;
}

static void expect(const char *text, enum columns_kind kind, unsigned int width, unsigned int indent, const char *lines)
{
	char *all = laid_out(text, kind, width, indent);

	assert_string_equal(all, lines);
	free(all);
}

static void counts_columns(void **state)
{
	assert_int_equal(columns_of(""), 0);
	assert_int_equal(columns_of("abc"), 3);
	assert_int_equal(columns_of("\u4e2d\u6587"), 4);     /* two each */
	assert_int_equal(columns_of("e\u0301\u0323x"), 2);   /* marks take none */
	assert_int_equal(columns_of("\u0915\u093e"), 2);	     /* but for those that have a place of their own */
	assert_int_equal(columns_of("\uff21"), 2);	     /* full width */
	assert_int_equal(columns_of("\U0001f600"), 2);
}

/* No character that a name can have is wider on a terminal than it is counted here. */
static void counts_no_less_than_terminals(void **state)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (int32_t cp = 0x20; cp <= 0x10ffff; cp++) {
		char text[8] = "x";
		utf8proc_ssize_t n = utf8proc_encode_char(cp, (uint8_t *)text + 1);

		if (n > 0 && text_clean(text, (size_t)n + 1)) {
			text[n + 1] = '\0';
			assert_true((int)columns_of(text) - 1 >= wcwidth((wchar_t)cp));
		}
	}
}

static void breaks_sentences(void **state)
{
	expect("", COLUMNS_WORDS, 10, 2, "\n");
	expect("one two three four", COLUMNS_WORDS, 10, 0, "one two\nthree four\n");
	expect("one two three four", COLUMNS_WORDS, 10, 3, "one two\n   three\n   four\n");
	expect("exactly10! x", COLUMNS_WORDS, 10, 0, "exactly10!\nx\n");
	expect("exactly10!x y", COLUMNS_WORDS, 10, 0, "exactly10!\nx y\n"); /* a word that is too long is cut */
	{ /* more room in the first line than in the others */
		char *all = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&all, &size);

		assert_non_null(out);
		columns_put(out, "one two three", COLUMNS_WORDS, 10, 1, 5);
		assert_int_equal(fclose(out), 0);
		assert_string_equal(all, "one two\n     three\n");
		free(all);
	}
	expect("  a   b  ", COLUMNS_WORDS, 10, 0, "  a   b\n");
}

static void breaks_names(void **state)
{
	expect("folder/file.txt", COLUMNS_NAME, 10, 0, "folder/\nfile.txt\n");
	expect("a/veryverylongname", COLUMNS_NAME, 10, 0, "a/veryvery\nlongname\n"); /* no line of two letters */
	expect("a   b", COLUMNS_NAME, 3, 0, "a  \n b\n");			      /* every space stays */
}

static void keeps_characters_whole(void **state)
{
	/* Five characters of two columns each do not fit into nine: the last goes on, and no half of one is left behind. */
	expect("\u4e2d\u6587\u4e2d\u6587\u4e2d", COLUMNS_NAME, 9, 0, "\u4e2d\u6587\u4e2d\u6587\n\u4e2d\n");
	/* a mark stays on its letter, also at the edge */
	expect("abce\u0301f", COLUMNS_NAME, 4, 0, "abce\u0301\nf\n");
	/* a place that is narrower than a character: progress all the same */
	expect("\u4e2d\u6587", COLUMNS_NAME, 3, 2, "\u4e2d\n  \u6587\n");
}

/* Every text of these pieces, in every width: no line is wider, and a name is found again when the lines are put together. */
static void loses_nothing(void **state)
{
	static const char *const pieces[] = { "a", "word ", "/", "\u4e2d", "e\u0301", "  ", "-" };

	for (unsigned int n = 0; n < 7u * 7 * 7 * 7; n++)
		for (unsigned int width = 6; width < 12; width++) {
			char text[64], joined[64] = "", *all, *line, *rest;
			unsigned int m = n;

			(void)snprintf(text, sizeof(text), "%s%s%s%s", pieces[m % 7], pieces[m / 7 % 7], pieces[m / 49 % 7], pieces[m / 343]);
			all = laid_out(text, COLUMNS_NAME, width, 4);
			rest = all;
			for (bool is_first = true; (line = strsep(&rest, "\n")) && rest; is_first = false) {
				assert_true(columns_of(line) <= width - (is_first ? 4 : 0));
				assert_true(is_first || strncmp(line, "    ", 4) == 0);
				(void)strncat(joined, line + (is_first ? 0 : 4), sizeof(joined) - strlen(joined) - 1);
			}
			assert_string_equal(joined, text);
			free(all);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_columns),	  cmocka_unit_test(counts_no_less_than_terminals), cmocka_unit_test(breaks_sentences), cmocka_unit_test(breaks_names),
		cmocka_unit_test(keeps_characters_whole), cmocka_unit_test(loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
