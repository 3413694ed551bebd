/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka.h wants those before it */
#include <cmocka.h>

#include "cli/csv.h"
#include "cli/history_rows.h"

static char *cells(const char *const *list)
{
	char *text = NULL;
	size_t size;
	struct csv c = { .out = open_memstream(&text, &size) };

	csv_head(&c, list);
	assert_int_equal(fclose(c.out), 0);
	return text;
}

static void expect(const char *cell, const char *written)
{
	const char *const list[] = { cell, NULL };
	char *line = cells(list), *end;

	end = line + strlen(line) - 2;
	assert_string_equal(end, "\r\n");
	*end = '\0';
	assert_string_equal(line, written);
	free(line);
}

static void quoting(void **state)
{
	const char *const two[] = { "a", "b", NULL };
	char *line = cells(two);

	assert_string_equal(line, "a,b\r\n");
	free(line);
	expect("", "");
	expect("plain", "plain");
	expect("a,b", "\"a,b\"");
	expect("say \"no\"", "\"say \"\"no\"\"\"");
	expect("two\r\nlines", "\"two\r\nlines\"");
	expect(" a", "\" a\"");
	expect("a=1", "a=1");
}

static void formulas(void **state)
{
	expect("=1+1", "\"'=1+1\"");
	expect("+1", "\"'+1\"");
	expect("-1", "\"'-1\"");
	expect("@a", "\"'@a\"");
	expect("\t=1", "\"'\t=1\"");
	expect("\r=1", "\"'\r=1\"");
	expect("\n=1", "\"'\n=1\"");
	expect("'=1", "\"''=1\"");
	expect("\uff1d1", "\"'\uff1d1\"");
	expect("=\"a\",1", "\"'=\"\"a\"\",1\"");
	assert_false(csv_is_formula("1"));
	assert_false(csv_is_formula(""));
	assert_false(csv_is_formula("\uff11"));
}

static void times(void **state)
{
	char *text = NULL;
	size_t size;
	struct csv c = { .out = open_memstream(&text, &size) };

	csv_time(&c, 1793491205);
	csv_time(&c, 0);
	csv_number(&c, 7);
	csv_text(&c, NULL);
	csv_end_line(&c);
	assert_int_equal(fclose(c.out), 0);
	assert_string_equal(text, "2026-11-01T00:00:05Z,,7,\r\n");
	free(text);
}

static void days(void **state)
{
	static const char *const wrong[] = { "", "2026-2-1", "2026-02-30", "2026-11-22x", " 2026-11-22", "2026-13-01", "22.11.2026", "1960-01-01" };
	int64_t day;

	assert_int_equal(history_day("2026-11-01", &day), 0);
	assert_int_equal(day, 1793491200);
	assert_int_equal(history_day("2028-02-29", &day), 0);
	for (size_t k = 0; k < ARRAY_LEN(wrong); k++)
		assert_int_equal(history_day(wrong[k], &day), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoting),
		cmocka_unit_test(formulas),
		cmocka_unit_test(times),
		cmocka_unit_test(days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
