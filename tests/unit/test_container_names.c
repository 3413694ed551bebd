/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names of members, byte by byte, and the set that remembers them; without a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "container/names.h"

static const struct {
	enum container_shape shape;
	const char *raw, *clean;
	const char *why; /* a word of the objection; NULL: none */
} cleaned[] = {
	{ CONTAINER_ARCHIVE, "a", "a", NULL },
	{ CONTAINER_ARCHIVE, "./a//b/./c/", "a/b/c", NULL },
	{ CONTAINER_ARCHIVE, "a/...", "a/...", NULL },
	{ CONTAINER_ARCHIVE, "..a/b..", "..a/b..", NULL },
	{ CONTAINER_ARCHIVE, "B::Lint.3pm", "B::Lint.3pm", NULL },
	{ CONTAINER_ARCHIVE, "a/C:x", "a/C:x", NULL },
	{ CONTAINER_ARCHIVE, "na\xc3\xafve", "na\xc3\xafve", NULL },
	{ CONTAINER_ARCHIVE, "l\xe4tin \x85", "l\xe4tin \x85", NULL }, /* letters of an old character set */
	{ CONTAINER_ARCHIVE, "", "", "empty" },
	{ CONTAINER_ARCHIVE, "/", "", "absolute" },
	{ CONTAINER_ARCHIVE, ".", "", "empty" },
	{ CONTAINER_ARCHIVE, "/etc/x", "etc/x", "absolute" },
	{ CONTAINER_ARCHIVE, "..", "..", "upwards" },
	{ CONTAINER_ARCHIVE, "a/../b", "a/../b", "upwards" },
	{ CONTAINER_ARCHIVE, "C:", "C:", "drive" },
	{ CONTAINER_ARCHIVE, "c:\\x", "c:\\x", "drive" },
	{ CONTAINER_ARCHIVE, "a\\b", "a\\b", "backslash" },
	{ CONTAINER_ARCHIVE, "a\nb", "a\nb", "control" },
	{ CONTAINER_ARCHIVE, "a\x7f", "a\x7f", "control" },
	{ CONTAINER_ARCHIVE, "a\xc2\x9b", "a\xc2\x9b", "control" },
	{ CONTAINER_ARCHIVE, "a\xe2\x80\xae", "a\xe2\x80\xae", "direction" },
	{ CONTAINER_ARCHIVE, "a\xe2\x81\xa6", "a\xe2\x81\xa6", "direction" },
	{ CONTAINER_ROOT, "/etc/x", "etc/x", NULL },
	{ CONTAINER_ROOT, "a\\x2db", "a\\x2db", NULL },
	{ CONTAINER_ROOT, "C:", "C:", NULL },
	{ CONTAINER_ROOT, "a/../b", "a/../b", "upwards" },
	{ CONTAINER_ROOT, "a\x1b[2J", "a\x1b[2J", "control" },
	{ CONTAINER_OBJECT, "\005SummaryInformation", "\005SummaryInformation", NULL },
	{ CONTAINER_OBJECT, "../../x", "../../x", NULL },
	{ CONTAINER_OBJECT, "", "", NULL },
};

static void test_cleaning(void **state)
{
	for (size_t i = 0; i < sizeof(cleaned) / sizeof(cleaned[0]); i++) {
		struct clean_name n;
		const char *why = name_clean(cleaned[i].shape, cleaned[i].raw, strlen(cleaned[i].raw), &n);

		assert_string_equal(n.path, cleaned[i].clean);
		assert_int_equal(n.size, strlen(n.path));
		if (!cleaned[i].why != !why || (why && !strstr(why, cleaned[i].why)))
			fail_msg("\"%s\": %s", cleaned[i].raw, why ? why : "no objection");
	}
}

static void test_nul_inside_is_shown_and_told(void **state)
{
	struct clean_name n;

	assert_non_null(strstr(name_clean(CONTAINER_ARCHIVE, "a.txt\0.exe", 10, &n), "NUL"));
	assert_string_equal(n.path, "a.txt\xe2\x90\x80.exe");
	assert_non_null(name_clean(CONTAINER_OBJECT, "\0", 1, &n));
	assert_string_equal(n.path, "\xe2\x90\x80");
}

static void test_longest_name(void **state)
{
	char raw[CONTAINER_PATH_MAX + 50];
	struct clean_name n;

	memset(raw, 'a', sizeof(raw));
	assert_null(name_clean(CONTAINER_ARCHIVE, raw, CONTAINER_PATH_MAX, &n));
	assert_int_equal(n.size, CONTAINER_PATH_MAX);
	assert_non_null(strstr(name_clean(CONTAINER_ARCHIVE, raw, CONTAINER_PATH_MAX + 1, &n), "longer"));
	assert_int_equal(n.size, CONTAINER_PATH_MAX);
	memset(raw, 0, sizeof(raw)); /* each becomes three bytes */
	assert_non_null(name_clean(CONTAINER_OBJECT, raw, sizeof(raw), &n));
	assert_true(n.size <= CONTAINER_PATH_MAX);
	assert_int_equal(strlen(n.path), n.size);
}

static void test_deepest_name(void **state)
{
	char raw[300] = "";
	struct clean_name n;

	for (int i = 0; i < NAMES_DEPTH_MAX; i++)
		memcpy(raw + 2 * i, "a/", 3);
	assert_null(name_clean(CONTAINER_ARCHIVE, raw, strlen(raw), &n));
	memcpy(raw + 2 * NAMES_DEPTH_MAX, "b", 2);
	assert_non_null(name_clean(CONTAINER_ROOT, raw, strlen(raw), &n));
}

static const struct {
	enum container_shape shape;
	const char *link, *target, *why;
} targets[] = {
	{ CONTAINER_ARCHIVE, "l", "x", NULL },
	{ CONTAINER_ARCHIVE, "a/b/l", "../../x", NULL },
	{ CONTAINER_ARCHIVE, "a/b/l", ".././../x/", NULL },
	{ CONTAINER_ARCHIVE, "a/l", "..", NULL },
	{ CONTAINER_ARCHIVE, "l", "..x", NULL },
	{ CONTAINER_ARCHIVE, "l", "", "nothing" },
	{ CONTAINER_ARCHIVE, "l", "..", "out of" },
	{ CONTAINER_ARCHIVE, "a/b/l", "../../../x", "out of" },
	{ CONTAINER_ARCHIVE, "l", "/x", "absolute" },
	{ CONTAINER_ARCHIVE, "l", "C:x", "absolute" },
	{ CONTAINER_ARCHIVE, "l", "\\\\host\\x", "absolute" },
	{ CONTAINER_ARCHIVE, "a/l", "x/../y", "turns back" },
	{ CONTAINER_ARCHIVE, "a/l", "..\\..\\x", "backslash" },
	{ CONTAINER_ROOT, "l", "/etc/passwd", NULL },
	{ CONTAINER_ROOT, "l", "../../x", NULL },
	{ CONTAINER_ROOT, "l", "", "nothing" },
};

static void test_targets(void **state)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct clean_name link;
		const char *why;

		assert_null(name_clean(targets[i].shape, targets[i].link, strlen(targets[i].link), &link));
		why = name_target(targets[i].shape, &link, targets[i].target, strlen(targets[i].target));
		if (!targets[i].why != !why || (why && !strstr(why, targets[i].why)))
			fail_msg("%s -> %s: %s", targets[i].link, targets[i].target, why ? why : "no objection");
	}
}

static void test_names_of_streams(void **state)
{
	static const char *const cases[][2] = {
		{ "a/b/foo.tar.xz", "foo.tar" }, { "foo.tgz", "foo.tar" },   { "foo.TXZ", "foo.tar" }, { "foo.tzst", "foo.tar" },
		{ "data.gz", "data" },		 { "x.svgz", "x.svg" },	     { "x.Z", "x" },	       { "plain", "plain" },
		{ ".gz", ".gz" },		 { "...xz", "data" },	     { "a/", "data" },	       { "", "data" },
		{ "x.tbz2", "x.tar" },		 { "x.lz4", "x" },	     { "x.tar.gz.gz", "x.tar.gz" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clean_name n;

		name_of_stream(cases[i][0], &n);
		assert_string_equal(n.path, cases[i][1]);
	}
}

static const char *add(struct names *set, const char *path, enum name_kind kind)
{
	struct clean_name n;
	const char *why;

	(void)name_clean(CONTAINER_ARCHIVE, path, strlen(path), &n); /* judged elsewhere */
	assert_int_equal(names_add(set, &n, kind, &why), 0);
	return why;
}

static void test_set(void **state)
{
	struct names *set = names_new(CONTAINER_ARCHIVE, 1000);

	assert_non_null(set);
	assert_null(add(set, "a/b/c", NAME_FILE));
	assert_null(add(set, "a/b", NAME_DIRECTORY));
	assert_null(add(set, "a/b", NAME_DIRECTORY));
	assert_null(add(set, "a", NAME_DIRECTORY));
	assert_non_null(strstr(add(set, "a/b/c", NAME_FILE), "more than one"));
	assert_non_null(strstr(add(set, "a/b/c", NAME_DIRECTORY), "a file has"));
	assert_non_null(strstr(add(set, "a/b/c/d", NAME_FILE), "a file has"));
	assert_non_null(strstr(add(set, "a/b", NAME_FILE), "a directory has"));
	assert_non_null(strstr(add(set, "a/b", NAME_SYMLINK), "a directory has"));
	assert_null(add(set, "a/l", NAME_SYMLINK));
	assert_non_null(strstr(add(set, "a/l/x", NAME_FILE), "through a link"));
	assert_non_null(strstr(add(set, "a/l/x/y", NAME_DIRECTORY), "through a link"));
	assert_non_null(strstr(add(set, "a/l", NAME_FILE), "more than one"));
	assert_null(add(set, "ab", NAME_FILE));
	assert_null(add(set, "b/c", NAME_FILE));
	names_free(set);
}

static void test_set_of_many(void **state)
{
	struct names *set = names_new(CONTAINER_ARCHIVE, 200000);

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 100000; i++) {
			char path[40];
			const char *why;

			(void)snprintf(path, sizeof(path), "dir%d/file%d", i % 1000, i);
			why = add(set, path, NAME_FILE);
			assert_int_equal(why != NULL, round == 1);
		}
	names_free(set);
}

static void test_set_has_an_end(void **state)
{
	struct names *set = names_new(CONTAINER_ARCHIVE, 5);
	struct clean_name n;
	const char *why;

	assert_null(name_clean(CONTAINER_ARCHIVE, "1/2/3/4/5", 9, &n));
	assert_int_equal(names_add(set, &n, NAME_FILE, &why), 0);
	assert_null(name_clean(CONTAINER_ARCHIVE, "6", 1, &n));
	assert_int_equal(names_add(set, &n, NAME_FILE, &why), -EDQUOT);
	names_free(set);
}

/* Bytes without sense, thousands of them: what comes out keeps the promises of the header. */
static void test_random_bytes(void **state)
{
	static const char letters[] = "ab/.\\:C\0\x1b\xc2\x9b\xe2\x80\xae";
	struct names *set = names_new(CONTAINER_ARCHIVE, 1 << 20);
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t size = (seed >> 8) % 40;
		/* of exactly this size, so that a sanitizer sees a byte too far */
		char *raw = malloc(size + 1), *target = malloc(size + 1);
		struct clean_name n;
		const char *why;

		for (size_t i = 0; i <= size; i++) {
			seed = seed * 1664525 + 1013904223;
			raw[i] = letters[(seed >> 16) % (sizeof(letters) - 1)];
			target[i] = letters[(seed >> 20) % (sizeof(letters) - 1)];
		}
		for (int shape = CONTAINER_STREAM; shape <= CONTAINER_OBJECT; shape++) {
			why = name_clean((enum container_shape)shape, raw + 1, size, &n);
			assert_int_equal(strlen(n.path), n.size);
			if (!why && shape == CONTAINER_ARCHIVE) {
				assert_true(n.size > 0 && n.path[0] != '/' && n.path[n.size - 1] != '/');
				assert_null(strstr(n.path, "//"));
				assert_null(strchr(n.path, '\\'));
			}
			(void)name_target((enum container_shape)shape, &n, target + 1, size);
		}
		assert_int_equal(names_add(set, &n, NAME_FILE, &why), 0);
		(void)names_find(set, &n);
		free(raw);
		free(target);
	}
	names_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cleaning),
		cmocka_unit_test(test_nul_inside_is_shown_and_told),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_deepest_name),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_names_of_streams),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_of_many),
		cmocka_unit_test(test_set_has_an_end),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
