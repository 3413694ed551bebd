/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inputs on which a detector once took time in the square of their size, or worse: as long as these are, each would have taken
 * minutes. Found by tests/fuzz. */
#include "content_fixture.h"

#include <time.h>

#define SECONDS_MAX 20 /* of processor time; the slowest takes well below one, sanitizers and a slow machine apart */

struct made {
	uint8_t *data;
	size_t size, room;
};

static void put(struct made *m, const void *data, size_t size)
{
	if (m->size + size > m->room) {
		m->room = 2 * (m->room + size);
		m->data = realloc(m->data, m->room);
		assert_non_null(m->data);
	}
	memcpy(m->data + m->size, data, size);
	m->size += size;
}

static void put_u32(struct made *m, uint32_t n)
{
	put(m, (uint8_t[]){ (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) }, 4);
}

#define PUT(m, text) put(m, text, sizeof(text) - 1)

static struct looked look_made(struct made *m, const char *path, const char *container, const char *type)
{
	clock_t from = clock();
	struct looked l = look_bytes(m->data, m->size, path, container, type);

	if (clock() - from > (clock_t)SECONDS_MAX * CLOCKS_PER_SEC)
		fail_msg("%zu bytes took %ld ms", m->size, (long)((clock() - from) * 1000 / CLOCKS_PER_SEC));
	free(m->data);
	*m = (struct made){ 0 };
	return l;
}

static struct looked look_pickle(struct made *m)
{
	return look_made(m, "x.pkl", NULL, "application/octet-stream");
}

/* Each of many small pickles kept a value under a high number: five bytes, and 128 MiB to fill. */
static void test_pickles_with_high_memo_numbers(void **state)
{
	struct made m = { 0 };

	for (int i = 0; i < 20000; i++) {
		PUT(&m, "\x80\x04Nr");
		put_u32(&m, (16u << 20) - 1);
		PUT(&m, ".");
	}
	said(look_pickle(&m), REASON_ARCHIVE_UNSAFE, "so high a number");
}

/* One that is honest, and high: numbers go on where a pickler keeps its memo. */
static void test_pickle_with_a_gap_in_its_memo(void **state)
{
	struct made m = { 0 };
	struct looked l;

	PUT(&m, "\x80\x04Nr");
	put_u32(&m, 100000);
	PUT(&m, ".");
	l = look_pickle(&m);
	assert_int_equal(l.findings.count, 0);
	findings_done(&l.findings);
}

/* One name of a megabyte, kept once and imported again and again. */
static void imports_of_a_long_name(const char *opcode, const char *end, bool is_counted)
{
	const size_t size = 1u << 20;
	struct made m = { 0 };
	char *name = malloc(size);

	assert_non_null(name);
	memset(name, 'a', size);
	PUT(&m, "\x80\x04");
	put(&m, opcode, strlen(opcode));
	if (is_counted)
		put_u32(&m, (uint32_t)size);
	put(&m, name, size);
	put(&m, end, strlen(end));
	PUT(&m, "q\1" "0");
	for (int i = 0; i < 200000; i++)
		PUT(&m, "h\1h\1\x93" "0");
	PUT(&m, "N.");
	free(name);
	said(look_pickle(&m), REASON_ARCHIVE_UNSAFE, "import");
}

static void test_pickle_with_a_long_name(void **state)
{
	imports_of_a_long_name("X", "", true);
	imports_of_a_long_name("V", "\n", false);
	imports_of_a_long_name("S'", "'\n", false);
}

/* What hangs on a function has as long a name as anybody likes, and is the function. */
static void test_pickle_with_a_long_name_that_leads_somewhere(void **state)
{
	struct made m = { 0 };

	PUT(&m, "cos\nsystem");
	for (int i = 0; i < 300; i++)
		PUT(&m, ".__call__");
	PUT(&m, "\n(S'true'\ntR.");
	said(look_made(&m, "README", NULL, "text/plain"), REASON_ARCHIVE_UNSAFE, "os.system.__call__");
}

/* Tensors are loaded from bytes, which are a pickle that loads tensors from bytes: each level a hundred times. */
static struct made nested_pickle(unsigned int depth)
{
	struct made inner = { 0 }, m = { 0 };

	if (depth > 0) {
		inner = nested_pickle(depth - 1);
	} else {
		PUT(&inner, "\x80\x02");
		for (int i = 0; i < 1000; i++)
			PUT(&inner, "N0");
		PUT(&inner, "N.\x80\x02N.\x80\x02N.\x80\x02N.\x80\x02N.");
	}
	PUT(&m, "\x80\x03" "B");
	put_u32(&m, (uint32_t)inner.size);
	put(&m, inner.data, inner.size);
	PUT(&m, "q\1" "0");
	for (int i = 0; i < 300; i++)
		PUT(&m, "ctorch.storage\n_load_from_bytes\nh\1\x85R0");
	PUT(&m, "N.\x80\x02N.\x80\x02N.\x80\x02N.\x80\x02N.");
	free(inner.data);
	return m;
}

static void test_pickle_that_loads_the_same_bytes_again(void **state)
{
	struct made m = nested_pickle(3);

	said(look_pickle(&m), REASON_ARCHIVE_UNSAFE, "more often than can be followed");
}

/* XML: libxml2 before 2.12 compares each attribute with each, and each name with each namespace around it; and looks for the
 * end of a long comment or tag from its beginning each time it gets a piece. */
static struct looked look_xml(struct made *m)
{
	return look_made(m, "word/document.xml", OOXML, "text/xml");
}

static void put_numbered(struct made *m, const char *before, const char *behind, unsigned int count)
{
	char text[64];

	for (unsigned int i = 0; i < count; i++)
		put(m, text, (size_t)snprintf(text, sizeof(text), "%s%x%s", before, i, behind));
}

static void test_xml_of_many_attributes(void **state)
{
	struct made m = { 0 };

	PUT(&m, "<w ");
	put_numbered(&m, "a", "='' ", 400000);
	PUT(&m, "/>");
	said(look_xml(&m), REASON_ARCHIVE_UNSAFE, "more attributes");
}

static void test_xml_of_many_namespaces(void **state)
{
	struct made m = { 0 };

	for (unsigned int depth = 0; depth < 500; depth++) {
		PUT(&m, "<w ");
		put_numbered(&m, "xmlns:a", "='u' ", 900);
		PUT(&m, ">");
	}
	said(look_xml(&m), REASON_ARCHIVE_UNSAFE, "more attributes");
}

static void test_xml_of_as_many_attributes_as_there_may_be(void **state)
{
	struct made m = { 0 };
	struct looked l;

	PUT(&m, "<?xml version='1.0'?><!-- a='' --><w><a ");
	put_numbered(&m, "a", "='>' ", 1000);
	PUT(&m, "/><![CDATA[<b ");
	put_numbered(&m, "a", "='' ", 2000);
	PUT(&m, "]]></w>");
	l = look_xml(&m);
	assert_int_equal(l.findings.count, 0);
	findings_done(&l.findings);
}

static void xml_of_one_long(const char *begin, const char *end)
{
	const size_t size = 48u << 20;
	struct made m = { 0 };
	char *rest = malloc(size);
	struct looked l;

	assert_non_null(rest);
	memset(rest, 'x', size);
	put(&m, begin, strlen(begin));
	put(&m, rest, size);
	put(&m, end, strlen(end));
	free(rest);
	l = look_xml(&m);
	assert_int_equal(l.findings.count, 0);
	findings_done(&l.findings);
}

static void test_xml_of_one_long_comment_or_value(void **state)
{
	xml_of_one_long("<w:a><!--", "--></w:a>");
	xml_of_one_long("<a a=\"", "\"/>");
	xml_of_one_long("<a><![CDATA[", "]]></a>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pickles_with_high_memo_numbers),
		cmocka_unit_test(test_pickle_with_a_gap_in_its_memo),
		cmocka_unit_test(test_pickle_with_a_long_name),
		cmocka_unit_test(test_pickle_with_a_long_name_that_leads_somewhere),
		cmocka_unit_test(test_pickle_that_loads_the_same_bytes_again),
		cmocka_unit_test(test_xml_of_many_attributes),
		cmocka_unit_test(test_xml_of_many_namespaces),
		cmocka_unit_test(test_xml_of_as_many_attributes_as_there_may_be),
		cmocka_unit_test(test_xml_of_one_long_comment_or_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
