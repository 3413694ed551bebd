/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The examiners' parts by themselves: evidence, names, meanings of signatures, types, the list of forbidden contents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "common/hash.h"
#include "examine/account.h"
#include "examine/clam.h"
#include "examine/denylist.h"
#include "examine/magic.h"
#include "examine/opaque.h"

#define FAR_AWAY UINT64_MAX
static const uint8_t words[] = "plain words, more than five bytes of them";

/* -- the evidence rule: each call that may be missing ------------------------------------------------------- */

struct trace {
	struct account account;
	struct findings findings;
};

static void trace_begin(struct trace *t)
{
	memset(t, 0, sizeof(*t));
	account_begin(&t->account, &t->findings, NULL, NULL, FAR_AWAY);
}

static void layer(struct trace *t, uint32_t level, const char *type, const char *name)
{
	account_layer(&t->account, level, type, name, words, sizeof(words), false);
}

static void test_a_complete_trace_is_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_TEXT_ASCII", "a");
	account_layer_done(&t.account, 0);
	assert_null(account_end(&t.account, 0));
	assert_int_equal(t.findings.count, 0);
}

static void test_silence_is_no_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	assert_non_null(account_end(&t.account, 0));
}

static void test_a_root_without_end_is_no_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_TEXT_ASCII", "a");
	assert_non_null(account_end(&t.account, 0));
}

static void test_an_end_that_differs_from_the_answer_is_no_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_TEXT_ASCII", "a");
	account_layer_done(&t.account, 12);
	assert_non_null(account_end(&t.account, 0));
}

static void test_a_call_after_the_end_is_no_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_TEXT_ASCII", "a");
	account_layer_done(&t.account, 0);
	layer(&t, 1, "CL_TYPE_TEXT_ASCII", "b");
	assert_non_null(account_end(&t.account, 0));
}

static void test_an_end_without_beginning_is_no_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	account_layer_done(&t.account, 0);
	assert_non_null(account_end(&t.account, 0));
}

static void test_layers_out_of_order_are_no_evidence(void **state)
{
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_TEXT_ASCII", "a");
	layer(&t, 0, "CL_TYPE_TEXT_ASCII", "a");
	account_layer_done(&t.account, 0);
	assert_non_null(account_end(&t.account, 0));
}

static void test_an_announced_member_that_never_came_is_found(void **state)
{
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_ARJ", "a.arj");
	account_announced(&t.account, "CL_TYPE_ARJ", "in.txt", sizeof(words), false);
	account_announced(&t.account, "CL_TYPE_ARJ", "gone.txt", 4711, false);
	layer(&t, 1, "CL_TYPE_TEXT_ASCII", "in.txt");
	account_layer_done(&t.account, 0);
	account_layer_done(&t.account, 0);
	assert_null(account_end(&t.account, 0));
	assert_int_equal(t.findings.count, 1);
	assert_int_equal(t.findings.list[0].reason, REASON_CONTAINER_OPAQUE);
	assert_string_equal(t.findings.list[0].member, "gone.txt");
	findings_done(&t.findings);
}

static void test_a_container_with_nothing_inside_is_opaque(void **state)
{
	static const char *const types[] = { "CL_TYPE_ARJ", "CL_TYPE_MSCHM", "CL_TYPE_MSSZDD", "CL_TYPE_RAR", "CL_TYPE_IGNORED",
					     "CL_TYPE_7Z", "CL_TYPE_ZIP", "CL_TYPE_MSCAB", "CL_TYPE_ISO9660", "CL_TYPE_EGG" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct trace t;

		trace_begin(&t);
		layer(&t, 0, types[i], "a");
		account_layer_done(&t.account, 0);
		(void)account_end(&t.account, 0);
		if (t.findings.count == 0)
			fail_msg("%s passed", types[i]);
		findings_done(&t.findings);
	}
}

static void test_paths_name_every_level(void **state)
{
	struct trace t;
	char *path;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_BINARY_DATA", "root");
	assert_null(account_path(&t.account, NULL));
	layer(&t, 1, "CL_TYPE_BINARY_DATA", "one.zip");
	layer(&t, 3, "CL_TYPE_BINARY_DATA", NULL); /* a level without callbacks lies between */
	layer(&t, 4, "CL_TYPE_BINARY_DATA", "clamav-42f3c56571c59f9eed0ee062926e9020.tmp");
	path = account_path(&t.account, "leaf");
	assert_string_equal(path, "one.zip/#1/#1/leaf");
	free(path);
	(void)account_end(&t.account, 0);
}

/* Once in the square of what is in a container: each finding looked for the layer's name among all members. */
static void test_a_layer_s_name_is_looked_up_once(void **state)
{
	struct plan_member m = { .size = 1, .has_crc = true };
	clock_t from = clock();
	struct trace t;

	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_ZIP", "a.zip");
	for (unsigned int i = 0; i < 100000; i++) {
		m.name = strdup("member");
		assert_int_equal(plan_add(&t.account.stack[0].plan, &m), 0);
	}
	layer(&t, 1, "CL_TYPE_TEXT_ASCII", "inner");
	for (unsigned int i = 0; i < 100000; i++)
		account_flag(&t.account, REASON_ARCHIVE_UNSAFE, "leaf", "damaged");
	assert_true(clock() - from < 5 * CLOCKS_PER_SEC); /* of processor time; it was ten billion comparisons */
	account_layer_done(&t.account, 0);
	t.account.was_hit = true; /* the members that are missing are not told */
	account_layer_done(&t.account, 0);
	(void)account_end(&t.account, 0);
	findings_done(&t.findings);
}

static void test_long_paths_are_cut_and_marked(void **state)
{
	char name[3000];
	struct trace t;
	char *path;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	trace_begin(&t);
	layer(&t, 0, "CL_TYPE_BINARY_DATA", "root");
	layer(&t, 1, "CL_TYPE_BINARY_DATA", name);
	layer(&t, 2, "CL_TYPE_BINARY_DATA", name);
	path = account_path(&t.account, NULL);
	assert_int_equal(strlen(path), FINDING_MEMBER_MAX);
	assert_string_equal(path + FINDING_MEMBER_MAX - 3, "...");
	free(path);
	(void)account_end(&t.account, 0);
}

/* -- names, meanings ------------------------------------------------------------------------------------------- */

static void test_names_that_lead_out(void **state)
{
	static const char *const bad[] = { "/etc/passwd", "../a", "a/../../b", "a/..", "..\\a", "\\a", "C:\\a", "c:a", "a\\..\\b" };
	static const char *const good[] = { "a", "a/b", "a..b/c", "...", "a/...", "", "dir/" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(plan_name_safe(bad[i]));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(plan_name_safe(good[i]));
}

static void test_signatures_mean_their_reasons(void **state)
{
	assert_int_equal(clam_reason("Heuristics.Limits.Exceeded.MaxFileSize"), REASON_LIMIT_EXCEEDED);
	assert_int_equal(clam_reason("Heuristics.Limits.Exceeded.MaxScanTime"), REASON_SCAN_TIMEOUT);
	assert_int_equal(clam_reason("Heuristics.Encrypted.PDF"), REASON_ENCRYPTED);
	assert_int_equal(clam_reason("Lazaret.Encrypted.OOXML.UNOFFICIAL"), REASON_ENCRYPTED);
	assert_int_equal(clam_reason("Heuristics.Broken.Media.JPEG.NoImages"), REASON_ARCHIVE_UNSAFE);
	assert_int_equal(clam_reason("Heuristics.OLE2.ContainsMacros.VBA"), REASON_ACTIVE_CONTENT);
	assert_int_equal(clam_reason("Heuristics.PDF.ObfuscatedNameObject"), REASON_MALWARE);
	assert_int_equal(clam_reason("Win.Trojan.Heuristics.Encrypted.Zip"), REASON_MALWARE);
	assert_int_equal(clam_reason(""), REASON_MALWARE);
}

/* -- opaque formats ------------------------------------------------------------------------------------------- */

static void expect_transparent(const char *data, size_t size)
{
	_cleanup_free_ uint8_t *copy = malloc(size ? size : 1); /* so that a sanitizer sees a read beyond it */

	assert_non_null(copy);
	memcpy(copy, data, size);
	assert_null(opaque_find(copy, size));
}

#define TRANSPARENT(literal) expect_transparent(literal, sizeof(literal) - 1)

static void test_ordinary_beginnings_are_not_opaque(void **state)
{
	char sector[1024] = { 0 };

	TRANSPARENT("");
	TRANSPARENT("x");
	TRANSPARENT("x\x9c");
	TRANSPARENT("x\x01 marks the spot, and this is text");
	TRANSPARENT("PK\3\4 a zip");
	TRANSPARENT("\x1f\x8b\x08");
	TRANSPARENT("\x5d\0\0");
	TRANSPARENT("\x80\x04 a pickle is for kiosk/content.");
	TRANSPARENT("\x84\x12 old header, no such packet");
	sector[510] = 0x55;
	sector[511] = (char)0xaa;
	expect_transparent(sector, sizeof(sector)); /* no partition */
	sector[446] = 0x12;
	sector[450] = 1;
	expect_transparent(sector, sizeof(sector)); /* no sane flag */
}

static void test_short_reads_of_each_magic_are_harmless(void **state)
{
	static const char zst[] = "\x28\xb5\x2f\xfd";

	for (size_t n = 0; n < sizeof(zst) - 1; n++)
		expect_transparent(zst, n);
	assert_non_null(opaque_find((const uint8_t *)zst, 4));
}

/* -- types ------------------------------------------------------------------------------------------------------ */

static struct types types_of(const void *data, size_t size)
{
	static struct magic_engine *m;
	char why[WHY_MAX] = "";
	struct containers c;
	struct types t;

	containers_find(data, size, &c);
	if (!m && magic_open_engine(&m, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(magic_types(m, data, size, &c, &t), 0);
	return t;
}

static bool has_type(const struct types *t, const char *mime)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i], mime) == 0)
			return true;
	return false;
}

static void test_types_by_content(void **state)
{
	struct types t = types_of("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", 15);

	assert_string_equal(t.list[0], "application/pdf");
	t = types_of("just text\n", 10);
	assert_string_equal(t.list[0], "text/plain");
	t = types_of("#!/bin/sh\necho\n", 15);
	assert_string_equal(t.list[0], "text/x-shellscript");
	t = types_of("", 0);
	assert_true(t.count > 0);
	t = types_of("x", 1);
	assert_true(t.count > 0);
}

static void test_formats_that_libmagic_does_not_know(void **state)
{
	struct types t = types_of("hsqs\0\0\0\0\0\0\0\0\0\0\0\0", 16);

	assert_true(has_type(&t, "application/vnd.squashfs"));
	t = types_of("\x89LZO\0\r\n\x1a\n\x10\x40\0\0", 13);
	assert_true(strcmp(t.list[0], "application/octet-stream") != 0);
}

static void test_a_zip_behind_a_picture_shows(void **state)
{
	static const char both[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
				   "PK\5\6\0\0\0\0\1\0\1\0\x40\0\0\0\0\0\0\0\0\0";
	struct types t = types_of(both, sizeof(both) - 1);

	assert_string_equal(t.list[0], "image/gif");
	assert_true(has_type(&t, "application/zip"));
}

/* libmagic 5.46 does not see these in a buffer. */
static void test_a_plain_zip_is_a_zip_whole_or_cut(void **state)
{
	static const char zip[] = "PK\3\4\x0a\0\0\0\0\0\x21\x5a\x21\x5a\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0a"
				  "PK\1\2\x14\3\x0a\0\0\0\0\0\x21\x5a\x21\x5a\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a"
				  "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x1f\0\0\0\0\0";
	struct types t = types_of(zip, sizeof(zip) - 1);

	assert_string_equal(t.list[0], "application/zip");
	t = types_of(zip, 31);
	assert_string_equal(t.list[0], "application/zip");
	t = types_of(zip + 1, 30);
	assert_false(has_type(&t, "application/zip"));
}

static void test_what_is_no_type_is_not_passed_on(void **state)
{
	struct types t = { .count = 0 };

	assert_int_equal(types_add(&t, "no type", 7), 0);
	assert_string_equal(t.list[0], "application/octet-stream");
	assert_int_equal(types_add(&t, "Text/Plain\n", 11), 0);
	assert_string_equal(t.list[1], "text/plain");
	assert_int_equal(types_add(&t, "text/plain", 10), 0);
	assert_int_equal(t.count, 2);
}

/* -- the list of forbidden contents --------------------------------------------------------------------------- */

#define SUM_A "00000000000000000000000000000000000000000000000000000000000000aa"
#define SUM_B "FF000000000000000000000000000000000000000000000000000000000000bb"

static int load_text(const char *text, struct denylist **ret, char why[static WHY_MAX])
{
	char dir[64], path[96];
	int fd = private_directory(dir);
	int r;

	write_file(fd, "list", text, strlen(text));
	(void)snprintf(path, sizeof(path), "%s/list", dir);
	r = denylist_load(path, ret, why);
	remove_private_directory(fd, dir);
	return r;
}

static void test_denied_contents_are_known(void **state)
{
	uint8_t a[SHA256_LEN] = { [31] = 0xaa }, b[SHA256_LEN] = { [0] = 0xff, [31] = 0xbb }, c[SHA256_LEN] = { 0 };
	struct denylist *d = NULL;
	char why[WHY_MAX] = "";

	assert_int_equal(load_text("# a list\n\n" SUM_B "  file name\r\n  " SUM_A "\n" SUM_A, &d, why), 0);
	assert_int_equal(denylist_count(d), 3);
	assert_true(denylist_has(d, a));
	assert_true(denylist_has(d, b));
	assert_false(denylist_has(d, c));
	denylist_free(d);
	assert_false(denylist_has(NULL, a));
}

static void test_an_empty_list_denies_nothing(void **state)
{
	uint8_t zeros[SHA256_LEN] = { 0 };
	struct denylist *d = NULL;
	char why[WHY_MAX] = "";

	assert_int_equal(load_text("", &d, why), 0);
	assert_int_equal(denylist_count(d), 0);
	assert_false(denylist_has(d, zeros));
	denylist_free(d);
}

static void test_bad_lines_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = { "#\n#\n" SUM_A "0\n", "#\n#\nabc\n", "\n\n" SUM_A "x\n",
					   "\n\ng0000000000000000000000000000000000000000000000000000000000000aa\n" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct denylist *d = NULL;
		char why[WHY_MAX] = "";

		assert_int_equal(load_text(bad[i], &d, why), -EINVAL);
		assert_non_null(strstr(why, ":3:"));
	}
}

static void test_a_missing_list_is_an_error(void **state)
{
	struct denylist *d = NULL;
	char why[WHY_MAX] = "";

	assert_int_equal(denylist_load("/nonexistent/list", &d, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/list"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_complete_trace_is_evidence),
		cmocka_unit_test(test_silence_is_no_evidence),
		cmocka_unit_test(test_a_root_without_end_is_no_evidence),
		cmocka_unit_test(test_an_end_that_differs_from_the_answer_is_no_evidence),
		cmocka_unit_test(test_a_call_after_the_end_is_no_evidence),
		cmocka_unit_test(test_an_end_without_beginning_is_no_evidence),
		cmocka_unit_test(test_layers_out_of_order_are_no_evidence),
		cmocka_unit_test(test_an_announced_member_that_never_came_is_found),
		cmocka_unit_test(test_a_container_with_nothing_inside_is_opaque),
		cmocka_unit_test(test_paths_name_every_level),
		cmocka_unit_test(test_a_layer_s_name_is_looked_up_once),
		cmocka_unit_test(test_long_paths_are_cut_and_marked),
		cmocka_unit_test(test_names_that_lead_out),
		cmocka_unit_test(test_signatures_mean_their_reasons),
		cmocka_unit_test(test_ordinary_beginnings_are_not_opaque),
		cmocka_unit_test(test_short_reads_of_each_magic_are_harmless),
		cmocka_unit_test(test_types_by_content),
		cmocka_unit_test(test_formats_that_libmagic_does_not_know),
		cmocka_unit_test(test_a_zip_behind_a_picture_shows),
		cmocka_unit_test(test_a_plain_zip_is_a_zip_whole_or_cut),
		cmocka_unit_test(test_what_is_no_type_is_not_passed_on),
		cmocka_unit_test(test_denied_contents_are_known),
		cmocka_unit_test(test_an_empty_list_denies_nothing),
		cmocka_unit_test(test_bad_lines_are_refused_with_their_place),
		cmocka_unit_test(test_a_missing_list_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
