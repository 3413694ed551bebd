/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Debian control files, taken apart: paragraphs, fields, what two readers could understand differently, limits, dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "origin/debian.h"

#include "../lib/testing.h"

/* Read all of it; returns what it ends with. `p` keeps the last paragraph. */
struct reading {
	int fd;
	struct decompress *source;
	struct control_file *f;
	struct control_paragraph p;
	size_t paragraphs;
};

static void begin(struct reading *g, const void *data, size_t size)
{
	g->fd = memory_file(data, size);
	g->paragraphs = 0;
	assert_int_equal(decompress_open(g->fd, DEBIAN_INDEX_MAX, &g->source), 0);
	assert_int_equal(control_file_new(g->source, CONTROL_PARAGRAPH_MAX, &g->f), 0);
}

static void end(struct reading *g)
{
	g->f = control_file_free(g->f);
	g->source = decompress_close(g->source);
	(void)close(g->fd);
}

static int read_all(const void *data, size_t size, size_t *ret_paragraphs, char *ret_why, uint64_t *ret_line)
{
	static struct reading g;
	int r;

	begin(&g, data, size);
	while ((r = control_next(g.f, &g.p)) > 0)
		g.paragraphs++;
	assert_int_equal(control_next(g.f, &g.p), r); /* and again */
	*ret_paragraphs = g.paragraphs;
	(void)snprintf(ret_why, 200, "%s", control_file_why(g.f));
	*ret_line = control_file_line(g.f);
	end(&g);
	return r;
}

static void expect_field(const struct control_paragraph *p, const char *name, const char *value)
{
	const struct control_text *t = control_find(p, name);

	assert_non_null(t);
	assert_int_equal(t->size, strlen(value));
	assert_memory_equal(t->at, value, t->size);
}

static void test_paragraphs_and_fields(void **state)
{
	static const char text[] = "\n\r\nPackage: one\nDepends: a,\n b,\n\tc\nEmpty:\nX-y:z:  \n\n\n\nPackage:\ttwo\nSHA256:\n 1 2 a\n 3 4 b";
	static struct reading g;
	struct control_text rest, line, word;

	begin(&g, text, sizeof(text) - 1);
	assert_int_equal(control_next(g.f, &g.p), 1);
	assert_int_equal(g.p.count, 4);
	assert_int_equal(g.p.line, 3);
	expect_field(&g.p, "package", "one");
	expect_field(&g.p, "DEPENDS", "a,\n b,\n\tc");
	expect_field(&g.p, "Empty", "");
	expect_field(&g.p, "X-Y", "z:");
	assert_null(control_find(&g.p, "Pack"));
	assert_int_equal(control_find_line(&g.p, "Depends", &line), -EBADMSG);
	assert_int_equal(control_find_line(&g.p, "Empty", &line), 0);
	assert_int_equal(control_find_line(&g.p, "none", &line), 0);
	assert_int_equal(control_find_line(&g.p, "Package", &line), 1);
	assert_true(control_text_is(&line, "ONE"));
	assert_int_equal(control_next(g.f, &g.p), 1);
	assert_int_equal(g.p.line, 12);
	rest = *control_find(&g.p, "SHA256");
	assert_true(control_take_line(&rest, &line));
	assert_int_equal(control_line_of(&g.p, line.at), 14);
	assert_true(control_take_word(&line, &word) && control_text_is(&word, "1"));
	assert_true(control_take_word(&line, &word) && control_text_is(&word, "2"));
	assert_true(control_take_word(&line, &word) && control_text_is(&word, "a"));
	assert_false(control_take_word(&line, &word));
	assert_true(control_take_line(&rest, &line) && control_text_is(&line, "3 4 b"));
	assert_false(control_take_line(&rest, &line));
	assert_int_equal(control_next(g.f, &g.p), 0);
	assert_int_equal(control_next(g.f, &g.p), 0);
	end(&g);
}

static void test_windows_line_ends(void **state)
{
	static const char text[] = "A: 1\r\nB:\r\n x\r\n y\r\n\r\nA: 2\r\n";
	static struct reading g;
	struct control_text rest, line;

	begin(&g, text, sizeof(text) - 1);
	assert_int_equal(control_next(g.f, &g.p), 1);
	expect_field(&g.p, "A", "1");
	rest = *control_find(&g.p, "B");
	assert_true(control_take_line(&rest, &line) && control_text_is(&line, "x"));
	assert_true(control_take_line(&rest, &line) && control_text_is(&line, "y"));
	assert_int_equal(control_next(g.f, &g.p), 1);
	expect_field(&g.p, "A", "2");
	assert_int_equal(control_next(g.f, &g.p), 0);
	end(&g);
}

static void test_a_field_that_stands_twice(void **state)
{
	static const char text[] = "SHA256: 1\nsha256: 2\n\nA: 1\nB: 2\n";
	static struct reading g;

	begin(&g, text, sizeof(text) - 1);
	assert_int_equal(control_next(g.f, &g.p), 1);
	assert_non_null(g.p.repeated);
	assert_memory_equal(g.p.repeated->name.at, "sha256", 6);
	assert_int_equal(control_next(g.f, &g.p), 1);
	assert_null(g.p.repeated);
	end(&g);
}

static void test_what_is_no_control_file(void **state)
{
	static const struct {
		const char *text;
		size_t size; /* 0: strlen */
		size_t paragraphs;
		uint64_t line;
		const char *why;
	} cases[] = {
		{ "A: 1\nB: \0x\n", 11, 0, 1, "NUL" },
		{ "A: 1\n\nB: x\ry\n", 0, 1, 3, "CR" },
		{ "A: 1\n\r\r\n", 0, 0, 2, "CR" },
		{ "A: 1\n \nB: 2\n", 0, 0, 2, "blanks" },
		{ "A: 1\n \t\r\nB: 2\n", 0, 0, 2, "blanks" },
		{ "A: 1\n\n\t\n", 0, 1, 3, "blanks" },
		{ " A: 1\n", 0, 0, 1, "continues" },
		{ "A: 1\n\n b\n", 0, 1, 3, "continues" },
		{ "A: 1\nword\n", 0, 0, 2, "Field" },
		{ "A: 1\n: x\n", 0, 0, 2, "Field" },
		{ "A : 1\n", 0, 0, 1, "Field" },
		{ "# A: 1\n", 0, 0, 1, "Field" },
		{ "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: 1\n", 0, 0, 1, "Field" },
		{ "\xef\xbb\xbf" "A: 1\n", 0, 0, 1, "Field" },
		{ "A\x01: 1\n", 0, 0, 1, "Field" },
		{ "A\xc3\xa4: 1\n", 0, 0, 1, "Field" },
		{ "Dear all,\n", 0, 0, 1, "Field" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text), paragraphs;
		char why[200];
		uint64_t line;

		assert_int_equal(read_all(cases[i].text, size, &paragraphs, why, &line), -EBADMSG);
		if (!strstr(why, cases[i].why) || line != cases[i].line || paragraphs != cases[i].paragraphs)
			fail_msg("case %zu: %zu paragraphs, line %llu: %s", i, paragraphs, (unsigned long long)line, why);
	}
}

/* A paragraph with a field of `size` bytes, in lines of `line` bytes; owned by the caller. */
static char *long_paragraph(size_t size, size_t line, size_t *ret_size)
{
	char *text = malloc(size + 2);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, "A: ", 3);
	for (size_t at = line; at + 2 < size; at += line)
		memcpy(text + at - 1, "\n ", 2);
	text[size] = '\n';
	*ret_size = size + 1;
	return text;
}

static void test_limits(void **state)
{
	static const struct {
		size_t size, line;
		int r;
		const char *why;
	} cases[] = {
		{ CONTROL_LINE_MAX, CONTROL_LINE_MAX + 9, 0, "" },
		{ CONTROL_LINE_MAX + 1, CONTROL_LINE_MAX + 9, -EFBIG, "line" },
		{ CONTROL_PARAGRAPH_MAX - 2, 1000, 0, "" },
		{ CONTROL_PARAGRAPH_MAX + 1, 1000, -EFBIG, "paragraph" },
	};
	char fields[CONTROL_FIELDS_MAX * 8 + 8], name[CONTROL_NAME_MAX + 4], why[200];
	size_t n, size = 0;
	uint64_t line;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *text = long_paragraph(cases[i].size, cases[i].line, &size);

		assert_int_equal(read_all(text, size, &n, why, &line), cases[i].r);
		assert_non_null(strstr(why, cases[i].why));
		assert_int_equal(n, cases[i].r == 0);
	}
	size = 0;
	for (unsigned int i = 0; i <= CONTROL_FIELDS_MAX; i++)
		size += (size_t)snprintf(fields + size, sizeof(fields) - size, "f%u:\n", i);
	assert_int_equal(read_all(fields, size, &n, why, &line), -EFBIG);
	assert_non_null(strstr(why, "fields"));
	assert_int_equal(line, CONTROL_FIELDS_MAX + 1);
	memset(name, 'n', sizeof(name));
	name[CONTROL_NAME_MAX] = ':';
	assert_int_equal(read_all(name, CONTROL_NAME_MAX + 1, &n, why, &line), 0);
	name[CONTROL_NAME_MAX] = 'n';
	name[CONTROL_NAME_MAX + 1] = ':';
	assert_int_equal(read_all(name, CONTROL_NAME_MAX + 2, &n, why, &line), -EBADMSG);
}

/* Whatever the place at which a block of the file ends. */
static void test_blocks(void **state)
{
	enum { COUNT = 30000 };
	_cleanup_free_ char *text = malloc(COUNT * 80);
	static struct reading g;
	char number[32];
	size_t at = 0;

	for (int i = 0; i < COUNT; i++)
		at += (size_t)snprintf(text + at, 80, "Package: p%d\nLong: %.*s\n and more\n\n", i, i % 37,
				       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	begin(&g, text, at);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(control_next(g.f, &g.p), 1);
		(void)snprintf(number, sizeof(number), "p%d", i);
		expect_field(&g.p, "Package", number);
		assert_int_equal(g.p.count, 2);
		assert_int_equal(g.p.line, 4 * i + 1);
	}
	assert_int_equal(control_next(g.f, &g.p), 0);
	end(&g);
}

static void test_dates(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds; /* 0: none */
	} cases[] = {
		{ "Thu, 01 Jan 1970 00:00:01 UTC", 1 },
		{ "Sat, 17 May 2025 09:17:55 UTC", 1747473475 },
		{ "Sat, 17 May 2025 09:17:55 GMT", 1747473475 },
		{ "Sat, 17 May 2025 09:17:55 +0000", 1747473475 },
		{ "Sat, 17 May 2025 09:17:55 Z", 1747473475 },
		{ "Thu, 29 Feb 2024 23:59:59 UTC", 1709251199 },
		{ "Fri, 1 Mar 2024 00:00:00 UTC", 1709251200 },
		{ "Tue, 29 Feb 2000 12:00:00 UTC", 951825600 },
		{ "Fri, 31 Dec 9999 23:59:59 UTC", 253402300799 },
		{ "Fri, 17 May 2025 09:17:55 UTC", 0 }, /* it was a Saturday */
		{ "Wed, 29 Feb 2023 00:00:00 UTC", 0 },
		{ "Mon, 29 Feb 2100 00:00:00 UTC", 0 },
		{ "Sat, 00 May 2025 09:17:55 UTC", 0 },
		{ "Sat, 17 May 2025 24:00:00 UTC", 0 },
		{ "Sat, 17 May 2025 09:60:55 UTC", 0 },
		{ "Sat, 17 May 2025 9:17:55 UTC", 0 },
		{ "Sat, 17 May 25 09:17:55 UTC", 0 },
		{ "Sat, 17 May 1925 09:17:55 UTC", 0 },
		{ "Sat, 17 May 2025 09:17:55 CEST", 0 },
		{ "Sat, 17 May 2025 09:17:55 +0200", 0 },
		{ "Sat, 17 May 2025 09:17:55", 0 },
		{ "Sat, 17 May 2025 09:17:55 UTC UTC", 0 },
		{ "Sat 17 May 2025 09:17:55 UTC", 0 },
		{ "sat, 17 may 2025 09:17:55 utc", 0 },
		{ "2025-05-17T09:17:55Z", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_text t = { cases[i].text, strlen(cases[i].text) };
		uint64_t seconds = 0;
		int r = debian_date(&t, &seconds);

		if ((r == 0) != (cases[i].seconds > 0) || seconds != cases[i].seconds)
			fail_msg("%s: %d, %llu", cases[i].text, r, (unsigned long long)seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paragraphs_and_fields),
		cmocka_unit_test(test_windows_line_ends),
		cmocka_unit_test(test_a_field_that_stands_twice),
		cmocka_unit_test(test_what_is_no_control_file),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
