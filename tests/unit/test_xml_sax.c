/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Hostile XML: what is refused, and that it does not matter in which pieces it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xml/sax.h"

#define SEEN_MAX 256

struct seen {
	char text[SEEN_MAX];
	size_t size;
};

static void note(struct seen *s, const char *text, size_t size)
{
	assert_true(s->size + size < SEEN_MAX);
	memcpy(s->text + s->size, text, size);
	s->size += size;
}

static int on_start(void *context, const struct sax_element *e)
{
	const char *value;
	size_t size;

	note(context, "<", 1);
	note(context, e->name, strlen(e->name));
	if (sax_attribute(e, "a", true, &value, &size))
		note(context, value, size);
	return 0;
}

static int on_end(void *context, const struct sax_element *e)
{
	note(context, ">", 1);
	return 0;
}

static int on_text(void *context, const char *text, size_t size)
{
	note(context, text, size);
	return 0;
}

static int ignore_start(void *context, const struct sax_element *e)
{
	return 0;
}

static const struct sax_events noting = { on_start, on_end, on_text }, ignoring = { ignore_start, NULL, NULL };

/* In pieces of this size; the document may be longer than is noted of it. */
static int read_pieces(const char *text, size_t size, size_t piece, const struct sax_events *events, struct seen *seen, const char **ret_why)
{
	static const struct sax_options options = { .depth_max = 50, .is_huge = true };
	struct sax *s = sax_new(&options, events, seen);
	int r = 0;

	assert_non_null(s);
	for (size_t at = 0; r == 0 && at < size; at += piece)
		r = sax_feed(s, text + at, MIN(piece, size - at));
	if (r == 0)
		r = sax_feed(s, "", 0);
	else
		assert_int_equal(sax_feed(s, "<x/>", 4), r); /* nothing more is taken */
	*ret_why = sax_why(s);
	sax_free(s);
	return r;
}

static void expect(const char *text, int error, const char *words, const char *told)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct seen seen = { 0 };
		const char *why;

		assert_int_equal(read_pieces(text, strlen(text), piece, &noting, &seen, &why), error);
		if (words)
			assert_non_null(strstr(why, words));
		else
			assert_string_equal(why, "");
		if (told)
			assert_string_equal(seen.text, told);
	}
}

static void test_what_is_read(void **state)
{
	expect("<r a='1'><!-- <x a='2'> --><?p <y ?>t&amp;&#65;<![CDATA[<z>]]></r>", 0, NULL, "<r1t&A<z>>");
	expect("<r xmlns:p='u' p:a='no'><p:q a='y'/></r>", 0, NULL, "<r<qy>>");
}

static void test_what_is_not_xml(void **state)
{
	expect("<r>", -EBADMSG, "well-formed", NULL);
	expect("<r></s>", -EBADMSG, "well-formed", NULL);
	expect("<r/><r/>", -EBADMSG, "well-formed", NULL);
	expect("<r>&undeclared;</r>", -EBADMSG, "well-formed", NULL);
	expect("<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>", -EBADMSG, "document type", NULL);
	expect("<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r/>", -EBADMSG, "document type", NULL);
}

static void test_elements_too_deep(void **state)
{
	char text[51 * 3 + 1] = "";

	for (size_t i = 0; i < 51; i++)
		memcpy(text + 3 * i, "<a>", 4);
	expect(text, -EFBIG, "too deep", NULL);
}

/* `count` times `one`, its '#' a number, between `before` and `behind`; owned by the caller. */
static char *many(const char *before, const char *one, size_t count, const char *behind, size_t *ret_size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_size);

	assert_non_null(f);
	(void)fputs(before, f);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(f, "%.*s%zu%s", (int)strcspn(one, "#"), one, i, strchr(one, '#') + 1);
	(void)fputs(behind, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void expect_many(const char *before, const char *one, size_t count, const char *behind, int error)
{
	static const size_t pieces[] = { 1, 7, 4096, 1u << 30 };
	size_t size;
	char *text = many(before, one, count, behind, &size);

	for (size_t i = size > 100000; i < ARRAY_LEN(pieces); i++) { /* byte by byte is slow by itself */
		const char *why;

		assert_int_equal(read_pieces(text, size, pieces[i], &ignoring, NULL, &why), error);
		if (error)
			assert_non_null(strstr(why, "more attributes"));
	}
	free(text);
}

/* Seven megabytes of them took libxml2 2.9 three minutes: each is compared with each. */
static void test_more_attributes_than_any_program_writes(void **state)
{
	expect_many("<r ", "a#='1' ", SAX_ATTRIBUTES_MAX, "/>", 0);
	expect_many("<r ", "a#=\"1\" ", SAX_ATTRIBUTES_MAX + 1, "/>", -EBADMSG);
	expect_many("<r>t</r ", "a#='1' ", SAX_ATTRIBUTES_MAX + 1, ">", -EBADMSG);
	expect_many("<r ", "a#='1' ", 500000, "/>", -EBADMSG);
	expect_many("<r ", "xmlns:n#='u' ", SAX_ATTRIBUTES_MAX + 1, "/>", -EBADMSG);
}

/* Declared by elements around, a few each. */
static void test_more_namespaces_than_any_program_declares(void **state)
{
	char text[100000] = "";
	size_t size = 0;
	const char *why;

	for (unsigned int i = 0; i < 40; i++) {
		size += (size_t)snprintf(text + size, sizeof(text) - size, "<r");
		for (unsigned int k = 0; k < 26; k++)
			size += (size_t)snprintf(text + size, sizeof(text) - size, " xmlns:n%u='u'", i * 26 + k);
		size += (size_t)snprintf(text + size, sizeof(text) - size, ">");
	}
	assert_int_equal(read_pieces(text, size, 100, &ignoring, NULL, &why), -EBADMSG);
	assert_non_null(strstr(why, "namespaces"));
}

/* What looks like one element of many attributes and is none. */
static void test_quotes_that_are_no_attributes(void **state)
{
	expect_many("<r><!--<x ", "a#='1' ", 2000, "--></r>", 0);
	expect_many("<r><![CDATA[<x ", "a#='1' ", 2000, "]]></r>", 0);
	expect_many("<r><?x ", "a#='1' ", 2000, "?></r>", 0);
	expect_many("<r>", "a#='1' ", 2000, "</r>", 0);
	expect_many("<r a=\"", "'#' > ", 2000, "\"/>", 0);
	expect_many("<r>", "<x a='#'/>", 2000, "</r>", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_what_is_not_xml),
		cmocka_unit_test(test_elements_too_deep),
		cmocka_unit_test(test_more_attributes_than_any_program_writes),
		cmocka_unit_test(test_more_namespaces_than_any_program_declares),
		cmocka_unit_test(test_quotes_that_are_no_attributes),
	};

	assert_int_equal(sax_prepare(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
