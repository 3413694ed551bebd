/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* common/yaml: what a configuration file may not be, each with its place; all errors in one run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/yaml.h"

struct inner {
	uint64_t size;
};

struct outer {
	char *name;
	int color;
	bool is_on;
	uint64_t count, time_s;
	struct yaml_strings words;
	struct inner inner;
};

static const char *const colors[] = { "red", "green", "blue", NULL };

static const struct yaml_field inner_fields[] = {
	YAML_FIELD(struct inner, "size", SIZE, size, .min = 1, .max = 1000000),
	YAML_FIELD_END,
};

static const struct yaml_field fields[] = {
	YAML_FIELD(struct outer, "name", STRING, name, .is_required = true, .max = 8),
	YAML_FIELD(struct outer, "color", ENUM, color, .choices = colors),
	YAML_FIELD(struct outer, "on", BOOL, is_on),
	YAML_FIELD(struct outer, "count", UINT, count, .max = 100),
	YAML_FIELD(struct outer, "time", DURATION, time_s),
	YAML_FIELD(struct outer, "words", STRINGS, words),
	YAML_FIELD(struct outer, "inner", MAP, inner, .fields = inner_fields),
	YAML_FIELD_REFUSED("later", "not yet"),
	YAML_FIELD_END,
};

/* Decode, and give the errors as they would be printed; "" when there are none. Owned by the caller. */
static char *run(const char *text, struct outer *out)
{
	struct yaml_errors errors = { 0 };
	struct yaml_doc *doc = NULL;
	char *printed = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&printed, &size);
	int r;

	memset(out, 0, sizeof(*out));
	r = yaml_doc_parse("f", text, strlen(text), &errors, &doc);
	if (r == 0)
		r = yaml_decode(doc, doc->root, fields, out, &errors);
	assert_int_equal(r < 0, yaml_errors_any(&errors));
	yaml_errors_print(&errors, f);
	fclose(f);
	yaml_errors_done(&errors);
	yaml_doc_free(doc);
	return printed;
}

static void done(struct outer *o)
{
	free(o->name);
	yaml_strings_done(&o->words);
}

static void good_file(void **state)
{
	struct outer o;
	char *errors = run("# c\nname: 'a b'\ncolor: blue\non: true\ncount: 100\ntime: 2d\nwords: [x, y]\ninner: {size: 2kB}\n", &o);

	assert_string_equal(errors, "");
	assert_string_equal(o.name, "a b");
	assert_int_equal(o.color, 2);
	assert_true(o.is_on);
	assert_int_equal(o.count, 100);
	assert_int_equal(o.time_s, 172800);
	assert_int_equal(o.words.count, 2);
	assert_int_equal(o.inner.size, 2000);
	free(errors);
	done(&o);
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "f:1:1: the file is empty\n" },
		{ "# only a comment\n", "f:1:1: the file is empty\n" },
		{ "---\n", "f:2:1: must be a map of 'key: value' lines\n" },
		{ "[a]\n", "f:1:1: must be a map of 'key: value' lines\n" },
		{ "name: a\n---\nname: b\n", "f:2:1: a second document ('---') is not allowed\n" },
		{ "name: a\ncolr: red\n", "f:2:1: unknown key 'colr'; did you mean 'color'?\n" },
		{ "name: a\nzzzzzz: red\n", "f:2:1: unknown key 'zzzzzz'\n" },
		{ "name: a\ncolor: pink\n", "f:2:8: color: 'pink' is not one of: red, green, blue\n" },
		{ "name: a\nname: b\n", "f:2:1: duplicate key 'name' (first at line 1)\n" },
		{ "color: red\n", "f:1:1: missing key 'name'\n" },
		{ "name: ''\n", "f:1:7: name: must not be empty\n" },
		{ "name: 123456789\n", "f:1:7: name: longer than 8 bytes\n" },
		{ "name: \"a\\eb\"\n", "f:1:7: name: control characters are not allowed\n" },
		{ "name: \"a\\0b\"\n", "f:1:7: a NUL character is not allowed here\n" },
		{ "name: [a]\n", "f:1:7: name: must be a single value\n" },
		{ "name: a\non: yes\n", "f:2:5: on: 'yes' is not true or false\n" },
		{ "name: a\non: 'true'\n", "f:2:5: on: 'true' is not true or false\n" },
		{ "name: a\ncount: 010\n", "f:2:8: count: '010' is not a whole number, such as 100\n" },
		{ "name: a\ncount: -1\n", "f:2:8: count: '-1' is not a whole number, such as 100\n" },
		{ "name: a\ncount: 1k\n", "f:2:8: count: '1k' is not a whole number, such as 100\n" },
		{ "name: a\ncount: 101\n", "f:2:8: count: 101 is out of range (0 to 100)\n" },
		{ "name: a\ncount: 18446744073709551617\n",
		  "f:2:8: count: 18446744073709551617 is out of range (0 to 100)\n" },
		{ "name: a\ntime: 7\n", "f:2:7: time: '7' is not a time with its unit, such as 120s, 15m, 12h or 7d\n" },
		{ "name: a\ninner: {size: 0}\n", "f:2:15: size: 0 is out of range (1 to 1000000 bytes)\n" },
		{ "name: a\ninner: {size: 256mb}\n",
		  "f:2:15: size: '256mb' is not a size, such as 4096, 500MB or 2GiB\n" },
		{ "name: a\ninner: 3\n", "f:2:8: must be a map of 'key: value' lines\n" },
		{ "name: a\nwords: []\n", "f:2:8: must be a value or a list that is not empty\n" },
		{ "name: a\nwords: [x, x]\n", "f:2:12: 'x' is in the list twice (first at line 2)\n" },
		{ "name: a\nlater: 1\n", "f:2:1: later: not yet\n" },
		{ "name: &x a\n", "f:1:7: anchors ('&name') are not allowed\n" },
		{ "name: !!str a\n", "f:1:7: tags ('!name') are not allowed\n" },
		{ "name: *\n", "f:1:8: not valid YAML: did not find expected alphabetic or numeric character, "
			       "while scanning an alias\n" },
		{ "name: *x\n", "f:1:7: aliases ('*name') are not allowed; quote a text that begins with '*'\n" },
		{ "? [a]\n: b\n", "f:1:3: a key must be a plain word\n" },
		{ "name: a\n  color: red\n", "f:2:8: not valid YAML: mapping values are not allowed in this context\n" },
		{ "name: \xff\n", "f:1:1: not valid YAML: invalid leading UTF-8 octet\n" },
		/* all errors of the file, in its order */
		{ "colr: red\ncount: x\ninner: {size: 0, siz: 1}\n",
		  "f:1:1: missing key 'name'\nf:1:1: unknown key 'colr'; did you mean 'color'?\n"
		  "f:2:8: count: 'x' is not a whole number, such as 100\n"
		  "f:3:15: size: 0 is out of range (1 to 1000000 bytes)\nf:3:18: unknown key 'siz'; did you mean 'size'?\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outer o;
		char *errors = run(rows[i].text, &o);

		assert_string_equal(errors, rows[i].error);
		free(errors);
		done(&o);
	}
}

static void names_are_escaped(void **state)
{
	struct outer o;
	char *errors = run("name: a\n\"co\\e[31mlor\": red\n", &o);

	assert_null(strchr(errors, 033));
	assert_non_null(strcasestr(errors, "\\x1b"));
	free(errors);
	done(&o);
}

static void bounds(void **state)
{
	struct yaml_errors errors = { 0 };
	struct yaml_doc *doc = NULL;
	size_t size = YAML_INPUT_MAX + 1;
	char *big = malloc(size);

	assert_non_null(big);
	memset(big, '[', size);
	assert_int_equal(yaml_doc_parse("f", big, size, &errors, &doc), -EINVAL);
	assert_string_equal(errors.list[0].message, "larger than 1048576 bytes");
	yaml_errors_done(&errors);
	assert_int_equal(yaml_doc_parse("f", big, 20000, &errors, &doc), -EINVAL);
	assert_string_equal(errors.list[0].message, "nested too deeply");
	assert_int_equal(errors.list[0].column, YAML_DEPTH_MAX + 1);
	yaml_errors_done(&errors);
	assert_null(doc);
	free(big);
}

static void error_flood(void **state)
{
	struct yaml_errors errors = { 0 };

	for (unsigned int i = 0; i < YAML_ERRORS_MAX + 5; i++)
		yaml_errors_add(&errors, "f", i, 1, "x");
	assert_int_equal(errors.count, YAML_ERRORS_MAX);
	assert_int_equal(errors.dropped, 5);
	yaml_errors_done(&errors);
	assert_false(yaml_errors_any(&errors));
}

static void missing_file(void **state)
{
	struct yaml_errors errors = { 0 };
	struct yaml_doc *doc = NULL;

	assert_int_equal(yaml_doc_load("/nonexistent/x.yaml", &errors, &doc), -ENOENT);
	assert_int_equal(errors.count, 1);
	yaml_errors_done(&errors);
}

static void sizes_and_times(void **state)
{
	uint64_t v = 0;

	assert_int_equal(size_parse("2GiB", &v), 0);
	assert_int_equal(v, UINT64_C(2) << 30);
	assert_int_equal(size_parse("500MB", &v), 0);
	assert_int_equal(v, 500000000);
	assert_int_equal(size_parse("0", &v), 0);
	assert_int_equal(size_parse("18446744073709551615", &v), 0);
	assert_int_equal(size_parse("18446744073709551616", &v), -ERANGE);
	assert_int_equal(size_parse("99999999TiB", &v), -ERANGE);
	static const char *const bad[] = { "", " 1", "1 ", "+1", "0x10", "1.5GiB", "GiB", "1G", "07", "1e3" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(size_parse(bad[i], &v), -EINVAL);
	assert_int_equal(duration_parse("15m", &v), 0);
	assert_int_equal(v, 900);
	assert_int_equal(duration_parse("12h", &v), 0);
	assert_int_equal(v, 43200);
	assert_int_equal(duration_parse("60", &v), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file),	 cmocka_unit_test(bad_files),	 cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(bounds),	 cmocka_unit_test(error_flood),	 cmocka_unit_test(missing_file),
		cmocka_unit_test(sizes_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
