/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* BagIt's lists (RFC 8493), by sha256sum and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "origin/limits.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

static struct prover prover;

static int start(void **state)
{
	prover_start(&prover, "lazaret-origin", NULL, 0);
	return 0;
}

static int end(void **state)
{
	prover_end(&prover);
	return 0;
}

static void prove_list_size(const char *name, const char *text, size_t size, bool has_fetch, struct proved *ret)
{
	struct medium m = { 0 };
	char path[64];

	(void)snprintf(path, sizeof(path), "bags/one/%s", name);
	medium_add(&m, path, text, size);
	if (has_fetch)
		medium_add(&m, "bags/one/fetch.txt", "https://x/ 1 data/a\n", 20);
	medium_add(&m, "bags/fetch.txt", "another bag's", 13);
	prove(&prover, &m, path, EVIDENCE_BAGIT, PROVING_NOW, ret);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->signature_count + ret->text_size, 0);
	medium_done(&m);
}

static void prove_list(const char *name, const char *text, struct proved *ret)
{
	prove_list_size(name, text, strlen(text), false, ret);
}

/* As sha256sum writes it, in text and in binary mode. */
static void test_specimen(void **state)
{
	static const char *const modes[] = { "-t", "-b" };
	char dir[64];
	int dir_fd = private_directory(dir);

	assert_int_equal(mkdirat(dir_fd, "data", 0755), 0);
	write_file(dir_fd, "data/a", "", 0);
	write_file(dir_fd, "data/b c", "data", 4);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		_cleanup_free_ char *text = NULL;
		struct proved told;

		tool_run(dir, "sha256sum", modes[i], "data/a", "data/b c");
		text = read_whole(dir_fd, "tool.log", NULL);
		prove_list("manifest-sha256.txt", text, &told);
		assert_int_equal(told.outcome, LIST_READ);
		assert_int_equal(told.flags, PROVED_COMPLETE);
		assert_int_equal(told.entry_count, 2);
		assert_non_null(find_entry(&told, "bags/one/data/a", "sha256", SHA256));
		assert_non_null(find_entry(&told, "bags/one/data/b c", "sha256",
					   "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"));
		proved_done(&told);
	}
	remove_private_directory(dir_fd, dir);
}

struct row {
	const char *name, *text;
	const char *algorithm, *path; /* NULL: broken */
};

static const struct row rows[] = {
	{ "manifest-sha256.txt", SHA256 " data/a\n", "sha256", "data/a" },
	{ "manifest-sha256.txt", SHA256 "  data/a", "sha256", "data/a" },
	{ "manifest-sha256.txt", SHA256 "\t \tdata/a\r\n", "sha256", "data/a" },
	{ "manifest-sha256.txt", "\xef\xbb\xbf" SHA256 " data/a\n", "sha256", "data/a" },
	{ "manifest-sha1.txt", SHA1 " data/a\n", "sha1", "data/a" },
	{ "manifest-md5.txt", MD5 " data/a\n", "md5", "data/a" },
	{ "MANIFEST-SHA256.TXT", SHA256 " data/a\n", "sha256", "data/a" },
	{ "manifest-sha256.txt", SHA256 " ./data/./a\n", "sha256", "data/a" },
	{ "manifest-sha256.txt", SHA256 " data/a b  c \n", "sha256", "data/a b  c " },
	/* percent: CR, LF and itself, and nothing else */
	{ "manifest-sha256.txt", SHA256 " data/a%0Ab%0dc%25d\n", "sha256", "data/a\nb\rc%d" },
	{ "manifest-sha256.txt", SHA256 " data/a%20b%2Fc%2e%2e\n", "sha256", "data/a%20b%2Fc%2e%2e" },
	{ "manifest-sha256.txt", SHA256 " data/%2541%\n", "sha256", "data/%41%" },
	{ "manifest-sha256.txt", SHA256 " data/%0\n", "sha256", "data/%0" },
	{ "manifest-sha256.txt", SHA256 " data/%0A\n", "sha256", "data/\n" },
	{ "tagmanifest-sha256.txt", SHA256 " bagit.txt\n", "sha256", "bagit.txt" },
	{ "tagmanifest-sha256.txt", SHA256 " manifest-sha256.txt\n", "sha256", "manifest-sha256.txt" },
	/* not the payload's, and not the tags' */
	{ "manifest-sha256.txt", SHA256 " bagit.txt\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " data\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " Data/a\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " database/a\n", NULL, NULL },
	{ "tagmanifest-sha256.txt", SHA256 " data/a\n", NULL, NULL },
	{ "tagmanifest-sha256.txt", SHA256 " ./data/a\n", NULL, NULL },
	/* out of the bag */
	{ "manifest-sha256.txt", SHA256 " data/../../a\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " ../one/data/a\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " /etc/passwd\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " data/..\n", NULL, NULL },
	/* no line of it */
	{ "manifest-sha256.txt", SHA256 "\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 " \n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 "data/a\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA256 "0 data/a\n", NULL, NULL },
	{ "manifest-sha256.txt", SHA1 " data/a\n", NULL, NULL },
	{ "manifest-sha1.txt", SHA256 " data/a\n", NULL, NULL },
	{ "manifest-sha256.txt", "x" SHA256 " data/a\n", NULL, NULL },
	{ "manifest-sha256.txt", "# words\n", NULL, NULL },
	{ "manifest-sha256.txt", "\n", NULL, NULL },
	{ "manifest-sha256.txt", "SHA256 (data/a) = " SHA256 "\n", NULL, NULL },
};

static void test_lines(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct proved told;
		char path[64];

		prove_list(row->name, row->text, &told);
		if (told.outcome != (row->path ? LIST_READ : LIST_BROKEN)) {
			print_proved(&told);
			fail_msg("%s: \"%s\"", row->name, row->text);
		}
		assert_int_equal(told.entry_count, row->path != NULL);
		assert_int_equal(told.bad, row->path == NULL);
		assert_int_equal(told.detail[0] == '\0', row->path != NULL);
		(void)snprintf(path, sizeof(path), "bags/one/%s", row->path ? row->path : "");
		assert_true(!row->path || find_entry(&told, path, row->algorithm, NULL));
		assert_int_equal(told.flags, row->name[0] == 't' ? 0 : PROVED_COMPLETE);
		proved_done(&told);
	}
}

/* One bad line, and none of it vouches; the others may still prove a mismatch. */
static void test_one_bad_line_breaks_it(void **state)
{
	struct proved told;

	prove_list("manifest-sha256.txt", SHA256 " data/a\n" SHA256 " ../b\n" SHA256 " data/c\n", &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_int_equal(told.bad, 1);
	assert_int_equal(told.entry_count, 2);
	assert_non_null(strstr(told.detail, "line 2: "));
	proved_done(&told);
	prove_list_size("manifest-sha256.txt", SHA256 " data/a\0b\n", 64 + 10, false, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_int_equal(told.entry_count, 0);
	proved_done(&told);
}

static void test_fetch(void **state)
{
	struct proved told;

	prove_list_size("manifest-sha256.txt", SHA256 " data/a\n", 72, true, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_non_null(strstr(told.detail, "fetch.txt"));
	assert_int_equal(told.entry_count, 1);
	proved_done(&told);
	prove_list_size("tagmanifest-sha256.txt", SHA256 " bagit.txt\n", 75, true, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	proved_done(&told);
}

/* An empty payload is one: then nothing may be there. */
static void test_empty(void **state)
{
	struct proved told;

	prove_list("manifest-sha256.txt", "", &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.flags, PROVED_COMPLETE);
	assert_int_equal(told.entry_count, 0);
	proved_done(&told);
}

/* Names that merely look so, and algorithms that are not known. */
static void test_other_names(void **state)
{
	static const char *const names[] = { "manifest-v2.txt", "manifest-sha3256.txt", "manifest-.txt", "manifest.txt",
					     "manifest-sha256.txt.bak", "my-manifest-sha256.txt",
					     "manifest-averyveryverylongalgorithm.txt" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct proved told;

		prove_list(names[i], SHA256 " data/a\n", &told);
		assert_int_equal(told.outcome, LIST_NONE);
		assert_int_equal(told.entry_count + told.flags + told.wanted_count, 0);
		proved_done(&told);
	}
}

static void test_limits(void **state)
{
	size_t size = LIST_LINE_MAX + 4000;
	_cleanup_free_ char *line = malloc(size + 1), *lines = malloc(LIST_LINES_MAX + 2);
	struct medium m = { 0 };
	struct proved told;
	int fd = memory_file("", 0);

	assert_true(line && lines);
	memset(line, 'a', size);
	line[size] = '\0';
	memcpy(line, SHA256 " data/", 70);
	prove_list("manifest-sha256.txt", line, &told); /* a line too long */
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_int_equal(told.bad, 1);
	proved_done(&told);
	line[64 + 1 + LIST_PATH_MAX] = '\0'; /* the longest name, and one byte more */
	prove_list("manifest-sha256.txt", line, &told);
	assert_int_equal(told.outcome, LIST_READ);
	proved_done(&told);
	line[64 + 1 + LIST_PATH_MAX] = 'a';
	line[64 + 2 + LIST_PATH_MAX] = '\0';
	prove_list("manifest-sha256.txt", line, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	proved_done(&told);
	memset(lines, '\n', LIST_LINES_MAX + 1);
	prove_list_size("manifest-sha256.txt", lines, LIST_LINES_MAX + 1, false, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_int_equal(told.bad, LIST_LINES_MAX + 1);
	proved_done(&told);
	assert_int_equal(ftruncate(fd, 1ll << 40), 0); /* without end */
	medium_add_fd(&m, "manifest-sha256.txt", fd);
	prove(&prover, &m, "manifest-sha256.txt", EVIDENCE_BAGIT, PROVING_NOW, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	proved_done(&told);
	medium_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specimen),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_one_bad_line_breaks_it),
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, start, end);
}
