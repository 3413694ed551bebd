/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "plugin/limits.h"
#include "plugin/verdict.h"

#define START "{\"format\":\"lazaret.plugin-verdict/1\",\"verdict\":"
#define ENGINE ",\"engine\":{\"name\":\"x\",\"version\":\"1\"}}"

static int verdict(const char *text, struct findings *f)
{
	char why[EXAMINER_WHY_MAX] = "";
	int r = plugin_verdict(text, strlen(text), "p", f, why);

	assert_true(r == 0 || *why);
	return r;
}

static void test_good(void **state)
{
	struct findings f = { 0 };

	assert_int_equal(verdict(START "\"clean\"" ENGINE, &f), 0);
	assert_int_equal(f.done, CHECK_PLUGINS);
	assert_int_equal(f.count, 0);
	assert_int_equal(verdict(" \n" START "\"clean\",\"findings\":[]" ENGINE "\n", &f), 0);
	assert_int_equal(verdict(START "\"finding\",\"findings\":[{\"code\":\"malware\",\"detail\":\"a\"},{\"code\":\"malware\",\"detail\":\"b\"},"
				 "{\"code\":\"encrypted\",\"detail\":\"c\",\"member\":\"x/y\"}]" ENGINE, &f), 0);
	assert_int_equal(f.count, 2); /* of one reason and place, told together */
	assert_string_equal(f.list[0].detail, "p: a; p: b");
	assert_string_equal(f.list[1].member, "x/y");
	findings_done(&f);
	assert_int_equal(verdict(START "\"could-not-tell\"" ENGINE, &f), 0);
	assert_int_equal(f.done, 0);
	assert_int_equal(f.list[0].reason, REASON_SCAN_ERROR);
	findings_done(&f);
	/* what it found on the way counts */
	assert_int_equal(verdict(START "\"could-not-tell\",\"findings\":[{\"code\":\"malware\",\"detail\":\"a\"}]" ENGINE, &f), 0);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.done, 0);
	findings_done(&f);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "null", "[]", "\"clean\"", "{}", "clean", START "\"clean\"" ENGINE "x", START "\"clean\"" ENGINE START "\"clean\"" ENGINE,
		START "\"clean\"}", START "\"clean\",\"engine\":null}", START "\"clean\",\"engine\":{}}", START "\"clean\",\"engine\":{\"name\":1}}",
		START "\"clean\",\"engine\":{\"name\":\"x\",\"more\":1}}", START "\"clean\",\"engine\":{\"name\":\"x\",\"database_time\":\"now\"}}",
		START "\"clean\",\"more\":1" ENGINE, START "\"clean\",\"verdict\":\"finding\"" ENGINE, START "\"finding\"" ENGINE,
		START "\"finding\",\"findings\":[]" ENGINE, START "\"clean\",\"findings\":[{\"code\":\"malware\",\"detail\":\"\"}]" ENGINE,
		START "\"finding\",\"findings\":{}" ENGINE, START "\"finding\",\"findings\":[1]" ENGINE,
		START "\"finding\",\"findings\":[{\"code\":\"unsigned\",\"detail\":\"\"}]" ENGINE, /* the station's own to say */
		START "\"finding\",\"findings\":[{\"code\":\"officer-rejected\",\"detail\":\"\"}]" ENGINE,
		START "\"finding\",\"findings\":[{\"code\":\"malware\"}]" ENGINE,
		START "\"finding\",\"findings\":[{\"code\":\"malware\",\"detail\":\"\",\"severity\":1}]" ENGINE,
		START "\"finding\",\"findings\":[{\"code\":\"malware\",\"detail\":\"a\\u0000b\"}]" ENGINE,
		START "\"Clean\"" ENGINE, START "true" ENGINE, START "\"clean\",\"findings\":[[[[[[[[[[]]]]]]]]]]" ENGINE,
	};
	struct findings f = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (verdict(bad[i], &f) != -EPROTO || f.count > 0 || f.done)
			fail_msg("taken: %s", bad[i]);
}

/* Deep nesting is seen before the parser recurses into it, also behind strings with quotes in them. */
static void test_depth(void **state)
{
	size_t size = 60000;
	char *text = malloc(size + 1);
	struct findings f = { 0 };

	assert_non_null(text);
	memset(text, '[', size);
	text[size] = '\0';
	assert_int_equal(verdict(text, &f), -EPROTO);
	memcpy(text, "{\"\\\"\":", 6);
	assert_int_equal(verdict(text, &f), -EPROTO);
	free(text);
}

static void test_length(void **state)
{
	char text[2048], detail[PLUGIN_TEXT_MAX + 2];
	struct findings f = { 0 };

	memset(detail, 'a', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	(void)snprintf(text, sizeof(text), START "\"finding\",\"findings\":[{\"code\":\"malware\",\"detail\":\"%s\"}]" ENGINE, detail);
	assert_int_equal(verdict(text, &f), -EPROTO);
	(void)snprintf(text, sizeof(text), START "\"finding\",\"findings\":[{\"code\":\"malware\",\"detail\":\"%s\"}]" ENGINE, detail + 1);
	assert_int_equal(verdict(text, &f), 0);
	findings_done(&f);
}

static void test_request(void **state)
{
	static const char *const types[] = { "text/plain" };
	struct examiner_job job = { .size = 5, .raw_name = "a\"b\\\n\xff", .container = "", .types = types, .type_count = 1 };
	char *line = plugin_request(&job);
	json_t *o;

	assert_non_null(line);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1); /* one line, whatever the name */
	for (const char *c = line; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "format")), PLUGIN_REQUEST_FORMAT);
	assert_int_equal(json_integer_value(json_object_get(o, "size")), 5);
	assert_int_equal(json_object_size(o), 6);
	json_decref(o);
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),     cmocka_unit_test(test_depth),
		cmocka_unit_test(test_length), cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
