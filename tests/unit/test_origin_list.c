/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Checksum lists: every form that is read, and every way in which a list may lie or hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "common/hash.h"
#include "origin/list.h"

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA224 "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA384 "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
#define SHA512                                                                                     \
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"                         \
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

struct line_row {
	const char *list, *line;
	const char *algorithm, *path; /* algorithm NULL: a bad line */
};

static const struct line_row lines_table[] = {
	/* GNU */
	{ "x", SHA256 "  a", "sha256", "a" },
	{ "x", SHA256 " *a", "sha256", "a" },
	{ "x", SHA256 " a", "sha256", "a" },
	{ "x", SHA256 "  a\r", "sha256", "a" },
	{ "x", SHA256 "\t a", "sha256", "a" },
	{ "x", " \t" SHA256 "  a", "sha256", "a" },
	{ "x", MD5 "  a b  c ", "md5", "a b  c " },
	{ "x", SHA1 "  a", "sha1", "a" },
	{ "x", SHA224 "  a", "sha224", "a" },
	{ "x", SHA384 "  a", "sha384", "a" },
	{ "x", SHA512 "  a", "sha512", "a" },
	{ "B2SUMS", SHA512 "  a", "blake2b", "a" },
	{ "x", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855  a", "sha256", "a" },
	{ "x", SHA256 "  **a", "sha256", "**a" },
	{ "x", SHA256 "   a", "sha256", " a" },
	/* escapes */
	{ "x", "\\" SHA256 "  a\\nb\\\\c\\rd", "sha256", "a\nb\\c\rd" },
	{ "x", SHA256 "  a\\nb", "sha256", "a\\nb" },
	{ "x", "\\" SHA256 "  a\\tb", NULL, NULL },
	{ "x", "\\" SHA256 "  a\\", NULL, NULL },
	/* BSD, OpenSSL */
	{ "x", "SHA256 (a) = " SHA256, "sha256", "a" },
	{ "x", "SHA256 (a) = " SHA256 "\r", "sha256", "a" },
	{ "x", "SHA256(a)= " SHA256, "sha256", "a" },
	{ "x", "SHA2-256(a)= " SHA256, "sha256", "a" },
	{ "x", "MD5 (a (1).txt) = " MD5, "md5", "a (1).txt" },
	{ "x", "MD5 (a) = (b) = " MD5, "md5", "a) = (b" },
	{ "x", "BLAKE2b (a) = " SHA512, "blake2b", "a" },
	{ "x", "\\SHA1 (a\\nb) = " SHA1, "sha1", "a\nb" },
	{ "x", "BLAKE2b-256 (a) = " SHA256, NULL, NULL },
	{ "x", "CRC32 (a) = 12345678", NULL, NULL },
	{ "x", "SHA256 (a) = " SHA1, NULL, NULL },
	{ "x", "SHA256 (a) = " SHA256 "0", NULL, NULL },
	{ "x", "SHA256 (a) = " SHA256 " x", NULL, NULL },
	{ "x", "SHA256 (a) " SHA256, NULL, NULL },
	{ "x", "SHA256 (a", NULL, NULL },
	{ "x", "SHA256 )a( = " SHA256, NULL, NULL },
	{ "x", "SHA256 () = " SHA256, NULL, NULL },
	{ "x", "(a) = " SHA256, NULL, NULL },
	{ "x", "SHA256 (a) =", NULL, NULL },
	{ "x", "SHA256 (a)", NULL, NULL },
	/* the list's name and the digest must agree */
	{ "SHA512SUMS", SHA256 "  a", NULL, NULL },
	{ "a.md5", "SHA256 (a) = " SHA256, NULL, NULL },
	{ "SHA256SUMS", "SHA256 (a) = " SHA256, "sha256", "a" },
	/* lengths that are no digest */
	{ "x", SHA256 "0  a", NULL, NULL },
	{ "x", SHA256 SHA256 SHA256 "  a", NULL, NULL },
	{ "x", "e3b0  a", NULL, NULL },
	{ "x", SHA256 "g  a", NULL, NULL },
	{ "x", SHA256 "-a", NULL, NULL },
	/* paths */
	{ "x", SHA256 "  ./a", "sha256", "a" },
	{ "x", SHA256 "  ././a/./b//c/", "sha256", "a/b/c" },
	{ "x", SHA256 "  /etc/passwd", NULL, NULL },
	{ "x", SHA256 "  ../a", NULL, NULL },
	{ "x", SHA256 "  a/../../b", NULL, NULL },
	{ "x", SHA256 "  a/..", NULL, NULL },
	{ "x", "\\" SHA256 "  ..", NULL, NULL },
	{ "x", SHA256 "  ..a", "sha256", "..a" },
	{ "x", SHA256 "  .", NULL, NULL },
	{ "x", SHA256 "  ./", NULL, NULL },
	{ "x", SHA256 " *", NULL, NULL },
	/* one digest, one file */
	{ "disk.iso.sha256", SHA256, "sha256", "disk.iso" },
	{ "disk.iso.sha256", SHA256 "  \r", "sha256", "disk.iso" },
	{ "disk.iso.sha256", SHA256 "  -", "sha256", "disk.iso" },
	{ "disk.iso.sha256", SHA256 "  other.iso", "sha256", "other.iso" },
	{ "disk.iso.sha256", SHA1, NULL, NULL },
	{ "SHA256SUMS", SHA256, NULL, NULL },
	{ "SHA256SUMS", SHA256 "  -", NULL, NULL },
	/* nothing */
	{ "x", "", NULL, NULL },
	{ "x", "\r", NULL, NULL },
	{ "x", "\\", NULL, NULL },
	{ "x", "hello world", NULL, NULL },
};

static void test_lines(void **state)
{
	_cleanup_free_ struct list_entry *e = malloc(sizeof(*e));

	assert_non_null(e);
	for (size_t i = 0; i < ARRAY_LEN(lines_table); i++) {
		const struct line_row *row = &lines_table[i];
		const char *why = list_line_parse(row->line, strlen(row->line), row->list, e);

		if ((why == NULL) != (row->algorithm != NULL))
			fail_msg("%s: \"%s\": %s", row->list, row->line, why ? why : "accepted");
		if (why)
			continue;
		assert_string_equal(e->digest->name, row->algorithm);
		assert_string_equal(e->path, row->path);
		assert_int_equal(e->path_size, strlen(row->path));
	}
}

static void test_digest_bytes_are_those_of_the_line(void **state)
{
	_cleanup_free_ struct list_entry *e = malloc(sizeof(*e));
	char hex[2 * ORIGIN_DIGEST_MAX + 1];

	assert_null(list_line_parse(SHA512 "  a", 131, "x", e));
	hex_encode(e->sum, 64, hex);
	assert_string_equal(hex, SHA512);
}

static void test_nul_and_long_names_are_bad(void **state)
{
	_cleanup_free_ struct list_entry *e = malloc(sizeof(*e));
	char line[LIST_PATH_MAX + 100] = SHA256 "  ";

	assert_non_null(list_line_parse(SHA256 "  a\0b", 69, "x", e));
	memset(line + 66, 'n', LIST_PATH_MAX + 1);
	assert_null(list_line_parse(line, 66 + LIST_PATH_MAX, "x", e));
	assert_int_equal(e->path_size, LIST_PATH_MAX);
	assert_non_null(list_line_parse(line, 66 + LIST_PATH_MAX + 1, "x", e));
}

/* -- whole lists ------------------------------------------------------------------------------------------- */

struct collected {
	size_t count;
	char paths[512];
	int stop_at; /* return this at the second entry */
};

static int collect(void *context, const struct list_entry *e)
{
	struct collected *c = context;

	if (strlen(c->paths) + e->path_size + 2 < sizeof(c->paths)) {
		size_t at = strlen(c->paths);

		(void)snprintf(c->paths + at, sizeof(c->paths) - at, "%s,", e->path);
	}
	return ++c->count == 2 ? c->stop_at : 0;
}

static struct list_summary read_list(const char *name, const char *text, size_t size, struct collected *c)
{
	_cleanup_close_ int fd = memory_file(text, size);
	struct list_summary s;

	*c = (struct collected){ 0 };
	assert_int_equal(list_read(fd, name, collect, c, &s), 0);
	assert_int_equal(c->count, s.entries);
	return s;
}

struct list_row {
	const char *name, *text;
	enum list_outcome outcome;
	uint32_t entries, bad, first_bad, skipped;
	const char *paths;
};

static const struct list_row lists_table[] = {
	{ "SHA256SUMS", SHA256 "  a\n" SHA256 "  b\n", LIST_READ, 2, 0, 0, 0, "a,b," },
	{ "SHA256SUMS", SHA256 "  a", LIST_READ, 1, 0, 0, 0, "a," },
	{ "SHA256SUMS", "# by hand\r\n;\r\n\r\n" SHA256 "  a\r\n", LIST_READ, 1, 0, 0, 3, "a," },
	{ "SHA256SUMS", "\xef\xbb\xbf" SHA256 "  a\n", LIST_READ, 1, 0, 0, 0, "a," },
	{ "any.txt", "SHA256 (a) = " SHA256 "\nMD5 (a) = " MD5 "\n", LIST_READ, 2, 0, 0, 0, "a,a," },
	{ "SHA256SUMS", SHA256 "  a\njunk\n" SHA256 "  b\n", LIST_READ, 2, 1, 2, 0, "a,b," },
	{ "SHA256SUMS", SHA256 "  ../a\n" SHA256 "  b\n", LIST_READ, 1, 1, 1, 0, "b," },
	/* broken: its name promises, its content does not hold it; what can be read still proves a mismatch */
	{ "SHA256SUMS", "", LIST_BROKEN, 0, 0, 0, 0, "" },
	{ "SHA256SUMS", "hello\n", LIST_BROKEN, 0, 1, 1, 0, "" },
	{ "SHA256SUMS", "# nothing\n", LIST_BROKEN, 0, 0, 0, 1, "" },
	{ "SHA256SUMS", "x\ny\n" SHA256 "  a\n", LIST_BROKEN, 1, 2, 1, 0, "a," },
	{ "disk.iso.sha256", "deadbeef\n", LIST_BROKEN, 0, 1, 1, 0, "" },
	/* none */
	{ "letter.txt", "Dear all,\n", LIST_NONE, 0, 1, 1, 0, "" },
	{ "letter.txt", "", LIST_NONE, 0, 0, 0, 0, "" },
	{ "letter.txt", "The sum is\n" SHA256 "  a\nand so on\n", LIST_NONE, 0, 2, 1, 0, "" },
	/* clearsigned */
	{ "CHECKSUM",
	  "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# Fedora\nSHA256 (a) = " SHA256
	  "\n-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n",
	  LIST_READ, 1, 0, 0, 9, "a," },
	{ "CHECKSUM",
	  "-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\n- " SHA256
	  "  a\r\n-----BEGIN PGP SIGNATURE-----\r\n-----END PGP SIGNATURE-----\r\n" SHA256 "  b\n",
	  LIST_READ, 2, 0, 0, 4, "a,b," },
	/* lines hidden in a signature without end */
	{ "CHECKSUM", SHA256 "  a\n-----BEGIN PGP SIGNATURE-----\n" SHA256 "  b\n", LIST_BROKEN, 1, 1, 3, 2, "a," },
	{ "CHECKSUM", "-----BEGIN PGP SIGNED MESSAGE-----\n\n" SHA256 "  a\n", LIST_BROKEN, 1, 1, 3, 2, "a," },
	{ "CHECKSUM", "-----BEGIN PGP SIGNED MESSAGE-----\n" SHA256 "  a\n", LIST_BROKEN, 0, 1, 2, 2, "" },
};

static void test_lists(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(lists_table); i++) {
		const struct list_row *row = &lists_table[i];
		struct collected c;
		struct list_summary s = read_list(row->name, row->text, strlen(row->text), &c);

		if (s.outcome != row->outcome || s.entries != row->entries || s.bad_lines != row->bad ||
		    s.first_bad_line != row->first_bad || s.skipped_lines != row->skipped)
			fail_msg("row %zu: outcome %d, %u entries, %u bad from %u, %u skipped: %s", i, s.outcome,
				 s.entries, s.bad_lines, s.first_bad_line, s.skipped_lines, s.why);
		assert_string_equal(c.paths, row->paths);
		assert_true(s.outcome == LIST_READ || s.why[0] != '\0');
	}
}

static void test_binary_is_no_list(void **state)
{
	uint8_t bytes[8192];
	struct collected c;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	assert_int_equal(read_list("photo.jpg", (char *)bytes, sizeof(bytes), &c).outcome, LIST_NONE);
	assert_int_equal(read_list("SHA256SUMS", (char *)bytes, sizeof(bytes), &c).outcome, LIST_BROKEN);
	/* UTF-16, as a Windows shell writes it */
	assert_int_equal(read_list("SHA256SUMS", "\xff\xfe" "e\0003\0b\0", 8, &c).outcome, LIST_BROKEN);
}

/* An over-long line is bad, once, and the next one is read: at every place where it can meet the end of a block. */
static void test_long_lines(void **state)
{
	static const size_t sizes[] = { LIST_LINE_MAX, LIST_LINE_MAX + 1, LIST_BLOCK - 1, LIST_BLOCK, LIST_BLOCK + 1,
					3 * LIST_BLOCK, 3 * LIST_BLOCK + 17 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		_cleanup_free_ char *text = malloc(sizes[i] + 200);
		struct collected c;
		struct list_summary s;

		memset(text, 'a', sizes[i]);
		(void)snprintf(text + sizes[i], 200, "\n%s  one\n%s  two\n", SHA256, SHA256);
		s = read_list("SHA256SUMS", text, strlen(text), &c);
		assert_int_equal(s.outcome, LIST_READ);
		assert_int_equal(s.bad_lines, 1);
		assert_int_equal(s.first_bad_line, 1);
		assert_string_equal(c.paths, "one,two,");
		/* as the last line, without a newline */
		memset(text, 'a', sizes[i]);
		text[sizes[i]] = '\0';
		assert_int_equal(read_list("SHA256SUMS", text, sizes[i], &c).bad_lines, 1);
	}
}

/* Lines lie across the ends of blocks: none is lost or cut. */
static void test_many_lines(void **state)
{
	enum { COUNT = 5000 };
	_cleanup_free_ char *text = malloc(COUNT * 100);
	size_t at = 0;
	struct collected c;
	struct list_summary s;

	for (int i = 0; i < COUNT; i++)
		at += (size_t)sprintf(text + at, "%s  %0*d\n", SHA256, i % 29 + 1, i);
	s = read_list("SHA256SUMS", text, at, &c);
	assert_int_equal(s.outcome, LIST_READ);
	assert_int_equal(s.entries, COUNT);
	assert_int_equal(s.bad_lines, 0);
}

static int sparse_file(off_t size)
{
	int fd = memory_text(SHA256 "  a\n");

	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

/* One byte too long: what was read may prove a mismatch, and the list is broken. */
static void test_limit_of_bytes(void **state)
{
	_cleanup_close_ int at_limit = sparse_file(LIST_BYTES_MAX), over = sparse_file((off_t)LIST_BYTES_MAX + 1);
	struct collected c = { 0 };
	struct list_summary s;

	assert_int_equal(list_read(at_limit, "SHA256SUMS", collect, &c, &s), 0);
	assert_int_equal(s.outcome, LIST_READ); /* one entry, one bad line of NULs */
	assert_int_equal(s.bad_lines, 1);
	assert_int_equal(list_read(over, "SHA256SUMS", collect, &c, &s), 0);
	assert_int_equal(s.outcome, LIST_BROKEN);
	assert_string_equal(s.why, "longer than this station reads");
}

static void test_limit_of_lines(void **state)
{
	_cleanup_free_ char *text = malloc(LIST_LINES_MAX + 200);
	struct collected c;
	struct list_summary s;

	memset(text, '\n', LIST_LINES_MAX);
	memcpy(text, SHA256 "  a", 67);
	s = read_list("SHA256SUMS", text, LIST_LINES_MAX, &c);
	assert_int_equal(s.outcome, LIST_READ);
	memset(text + LIST_LINES_MAX, '\n', 100);
	s = read_list("SHA256SUMS", text, LIST_LINES_MAX + 100, &c);
	assert_int_equal(s.outcome, LIST_BROKEN);
	assert_string_equal(s.why, "more lines than this station reads");
	assert_int_equal(s.entries, 1);
}

/* A long text that promises nothing is given up early. */
static void test_no_list_is_given_up_early(void **state)
{
	_cleanup_free_ char *text = malloc(200000);
	struct collected c;
	struct list_summary s;

	for (size_t i = 0; i < 200000; i += 2)
		memcpy(text + i, "x\n", 2);
	s = read_list("novel.txt", text, 200000, &c);
	assert_int_equal(s.outcome, LIST_NONE);
	assert_true(s.bad_lines <= LIST_DOUBT_LINES + 1);
	s = read_list("SHA256SUMS", text, 200000, &c);
	assert_int_equal(s.bad_lines, 100000);
}

static void test_the_callback_can_stop(void **state)
{
	_cleanup_close_ int fd = memory_text(SHA256 "  a\n" SHA256 "  b\n" SHA256 "  c\n");
	struct collected c = { .stop_at = 7 };
	struct list_summary s = { .entries = 77 };

	assert_int_equal(list_read(fd, "SHA256SUMS", collect, &c, &s), 7);
	assert_int_equal(c.count, 2);
	assert_int_equal(s.entries, 77); /* outputs are written on success only */
}

static void test_only_regular_files_are_read(void **state)
{
	int ends[2];
	struct list_summary s;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(list_read(ends[0], "SHA256SUMS", NULL, NULL, &s), -EINVAL);
	assert_int_equal(list_read(-1, "SHA256SUMS", NULL, NULL, &s), -EBADF);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_digest_bytes_are_those_of_the_line),
		cmocka_unit_test(test_nul_and_long_names_are_bad),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_binary_is_no_list),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many_lines),
		cmocka_unit_test(test_limit_of_bytes),
		cmocka_unit_test(test_limit_of_lines),
		cmocka_unit_test(test_no_list_is_given_up_early),
		cmocka_unit_test(test_the_callback_can_stop),
		cmocka_unit_test(test_only_regular_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
