/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which container formats bytes are: each format as its own tool writes it, several at once, near-misses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "../lib/testing.h"
#include "../lib/examining.h"
#include "examine/containers.h"
#include "examine/opaque.h"

static struct bench bench;

static int set_up(void **state)
{
	bench_make(&bench, NULL);
	return 0;
}

static int tear_down(void **state)
{
	bench_remove(&bench);
	return 0;
}

/* In a buffer of exactly this size, so that a sanitizer sees a read beyond it. */
static struct containers find(const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct containers c;

	assert_non_null(copy);
	memcpy(copy, data, size);
	containers_find(copy, size, &c);
	free(copy);
	return c;
}

static struct containers find_file(const char *name)
{
	char *data = NULL;
	struct containers c;
	size_t size;

	if (file_read(bench.dir_fd, name, 64 << 20, &data, &size) < 0)
		fail_msg("%s", name);
	c = find(data, size);
	free(data);
	return c;
}

static bool is(const struct containers *c, enum container_format format)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].format == format)
			return true;
	return false;
}

static void expect_only(const char *what, const struct containers *c, enum container_format format)
{
	if (c->count != 1 || c->list[0].format != format)
		fail_msg("%s: %zu formats, the first %s", what, c->count,
			 c->count ? container_info(c->list[0].format)->name : "none");
}

static void run_in_bench(const char *command)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "cd %s && exec >/dev/null 2>&1 && %s", bench.dir, command);
	if (system(text) != 0)
		fail_msg("%s", command);
}

static void test_what_real_tools_write_is_told(void **state)
{
	static const struct {
		const char *file;
		enum container_format format;
	} files[] = {
		{ "plain.txt.gz", CONTAINER_GZIP },  { "plain.txt.bz2", CONTAINER_BZIP2 }, { "plain.txt.xz", CONTAINER_XZ },
		{ "plain.lzma", CONTAINER_LZMA },    { "plain.lz", CONTAINER_LZIP },	   { "plain.lz4", CONTAINER_LZ4 },
		{ "plain.zst", CONTAINER_ZSTD },     { "plain.Z", CONTAINER_COMPRESS },	   { "plain.tar", CONTAINER_TAR },
		{ "pax.tar", CONTAINER_TAR },	     { "gnu.tar", CONTAINER_TAR },	   { "plain.cpio", CONTAINER_CPIO },
		{ "plain.a", CONTAINER_AR },	     { "plain.deb", CONTAINER_DEB },	   { "plain.zip", CONTAINER_ZIP },
		{ "empty.zip", CONTAINER_ZIP },	     { "zip64.zip", CONTAINER_ZIP },	   { "plain.7z", CONTAINER_SEVENZIP },
		{ "plain.rar", CONTAINER_RAR },	     { "plain5.rar", CONTAINER_RAR },	   { "plain.xar", CONTAINER_XAR },
		{ "plain.warc", CONTAINER_WARC },    { "plain.iso", CONTAINER_ISO9660 },   { "plain.rpm", CONTAINER_RPM },
		{ "encrypted.docx", CONTAINER_OLE }, { "plain.pdf", CONTAINER_PDF },	   { "plain.docx", CONTAINER_ZIP },
		{ "fat.img", CONTAINER_DISK },	     { "ext4.img", CONTAINER_DISK },	   { "ntfs.img", CONTAINER_DISK },
		{ "exfat.img", CONTAINER_DISK },     { "udf.img", CONTAINER_DISK },	   { "mbr.img", CONTAINER_DISK },
		{ "gpt.img", CONTAINER_DISK },	     { "plain.squashfs", CONTAINER_SQUASHFS },
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct containers c = find_file(files[i].file);

		expect_only(files[i].file, &c, files[i].format);
		assert_false(c.list[0].is_behind);
	}
}

static void test_further_tools(void **state)
{
	static const struct {
		const char *command;
		enum container_format format;
	} made[] = {
		{ "tar --format=v7 -cf x text.txt", CONTAINER_TAR },
		{ "echo text.txt | cpio -o -H odc > x", CONTAINER_CPIO },
		{ "echo text.txt | cpio -o -H crc > x", CONTAINER_CPIO },
		{ "echo text.txt | cpio -o -H bin > x", CONTAINER_CPIO },
		{ "bsdtar --format=7zip -cf x text.txt", CONTAINER_SEVENZIP },
		{ "bsdtar --format=xar -cf x text.txt", CONTAINER_XAR },
		{ "bsdtar --format=warc -cf x text.txt", CONTAINER_WARC },
		{ "bsdtar --uuencode -cf x text.txt", CONTAINER_UU },
		{ "bsdtar --b64encode -cf x text.txt", CONTAINER_UU },
		{ "bsdtar --lzma -cf x text.txt", CONTAINER_LZMA },
		{ "bsdtar --compress -cf x text.txt", CONTAINER_COMPRESS },
		{ "lz4 -q -f -l text.txt x", CONTAINER_LZ4 },
		{ "bzip2 -c /dev/null > x", CONTAINER_BZIP2 },
		{ "(printf 'P*M\\030\\004\\000\\000\\000abcd'; zstd -q -c text.txt) > x", CONTAINER_ZSTD },
		{ "(printf 'P*M\\030\\004\\000\\000\\000abcd'; lz4 -q -c text.txt) > x", CONTAINER_LZ4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		struct containers c;

		run_in_bench(made[i].command);
		c = find_file("x");
		expect_only(made[i].command, &c, made[i].format);
	}
}

/* Its header as LHa for UNIX writes it (level 0, method -lh0-); nothing in Debian makes one. */
static void test_lha(void **state)
{
	static const uint8_t lha[] = "\x1a\x5a-lh0-\4\0\0\0\4\0\0\0\0\0\0\0\x20\0\5a.txt\0\0text";
	struct containers c = find(lha, sizeof(lha));

	expect_only("lha", &c, CONTAINER_LHA);
	c = find("xy-lh0- is a method", 19);
	assert_int_equal(c.count, 0);
}

static void test_cabinets(void **state)
{
	static const char cab[] = "MSCF\0\0\0\0\x40\0\0\0\0\0\0\0\x2c\0\0\0\0\0\0\0\3\1\1\0\1\0\0\0";
	struct containers c = find(cab, sizeof(cab));

	expect_only("cab", &c, CONTAINER_CAB);
}

static void test_ordinary_files_are_no_containers(void **state)
{
	static const char *const files[] = { "text.txt", "plain.html", "plain.png", "empty.txt", "one.txt", "eicar.com" };
	static const char *const texts[] = { "", "P", "PK", "PK\3", "begin the day well", "begin 64x a\n", "%PDF", "BZh9 is not enough",
					     "!<arch>", "7z", "Rar!", "LZIP", "070", "-lh5-", "MZ", "\177ELF",
					     "PDF files begin with %PDF-1.4, says this text", "PK\5\6" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(find_file(files[i]).count, 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(find(texts[i], strlen(texts[i])).count, 0);
}

/* Each prefix of each specimen: no read beyond the end. */
static void test_short_files_are_harmless(void **state)
{
	static const char *const files[] = { "plain.zip", "plain.tar", "plain.deb", "plain.lzma", "plain.7z", "zip64.zip", "plain.cpio" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size;

		assert_int_equal(file_read(bench.dir_fd, files[i], 1 << 20, &data, &size), 0);
		for (size_t n = 0; n < MIN(size, (size_t)700); n++)
			(void)find(data, n);
	}
}

/* -- several at once ---------------------------------------------------------------------------------------- */

static void test_a_file_that_is_two_containers_is_both(void **state)
{
	struct containers c;

	run_in_bench("cat plain.deb plain.zip > x");
	c = find_file("x");
	assert_int_equal(c.count, 2);
	assert_true(is(&c, CONTAINER_DEB) && is(&c, CONTAINER_ZIP));
	run_in_bench("cat plain.txt.gz plain.zip > x");
	c = find_file("x");
	assert_true(is(&c, CONTAINER_GZIP) && is(&c, CONTAINER_ZIP));
	run_in_bench("(printf 'GIF89a and so on '; cat plain.pdf plain.zip) > x");
	c = find_file("x");
	assert_true(is(&c, CONTAINER_PDF) && is(&c, CONTAINER_ZIP));
	assert_true(c.list[0].is_behind && c.list[1].is_behind);
	run_in_bench("cat plain.7z plain.zip > x");
	c = find_file("x");
	assert_true(is(&c, CONTAINER_SEVENZIP) && is(&c, CONTAINER_ZIP));
}

/* What is near the end of an archive is a member of it, and comes out as one. */
static void test_a_zip_within_an_archive_is_its_member(void **state)
{
	struct containers c;

	run_in_bench("rm -f x.7z && 7z a -mx=0 x.7z plain.zip && cp x.7z x");
	c = find_file("x");
	expect_only("7z", &c, CONTAINER_SEVENZIP);
	/* behind what nobody walks, bytes after a zip's end do not hide it: the signature of a program, a picture's padding */
	run_in_bench("(cat /bin/true plain.zip; head -c 3000 /dev/zero) > x");
	c = find_file("x");
	expect_only("program", &c, CONTAINER_ZIP);
	run_in_bench("(cat plain.png plain.zip; echo and more) > x");
	c = find_file("x");
	expect_only("picture", &c, CONTAINER_ZIP);
	run_in_bench("(cat plain.pdf plain.zip; echo and more) > x");
	assert_int_equal(find_file("x").count, 2);
}

/* gzip at the front, tar's magic at 257, an ISO's at 32769, a zip at the end, a PDF behind: more than honest files are.
 * Nothing that is owed may then be void. */
static void test_too_many_are_told(void **state)
{
	static uint8_t all[70000] = "\x1f\x8b\x08";
	struct containers c;

	memcpy(all + 100, "%PDF-1.4 1 0 obj", 16);
	memcpy(all + 257, "ustar", 5);
	memcpy(all + 32769, "CD001", 5);
	memcpy(all + sizeof(all) - 22, "PK\5\6\0\0\0\0\1\0\1\0", 12);
	c = find(all, sizeof(all));
	assert_int_equal(c.count, CONTAINER_FORMATS_MAX);
	assert_true(c.is_too_many);
	assert_false(containers_cover(&c, CONTAINER_GZIP));
}

static void test_an_iso_with_more_than_its_tree_is_a_disk(void **state)
{
	struct containers c;

	run_in_bench("mkdir -p t && cp text.txt t && genisoimage -quiet -udf -o x t");
	c = find_file("x");
	expect_only("bridge", &c, CONTAINER_DISK);
	assert_true(containers_cover(&c, CONTAINER_ISO9660));
	assert_string_equal(c.list[0].mime, "application/x-iso9660-image");
	/* a hybrid: a partition table in the system area, which ECMA-119 leaves to others */
	run_in_bench("cp plain.iso x && dd if=mbr.img of=x bs=512 count=1 conv=notrunc");
	c = find_file("x");
	expect_only("hybrid", &c, CONTAINER_DISK);
	c = find_file("plain.iso");
	assert_false(containers_cover(&c, CONTAINER_DISK));
}

/* -- programs ------------------------------------------------------------------------------------------------ */

static void append_crc(uint8_t *at, const uint8_t *data, size_t size)
{
	uint32_t crc = (uint32_t)crc32_z(0, data, size);

	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(crc >> (8 * i));
}

static void test_self_extracting_archives_are_containers(void **state)
{
	static uint8_t rar5[400] = "MZ", rar4[400] = "MZ";
	struct containers c;

	run_in_bench("cat /bin/true plain.7z > x");
	c = find_file("x");
	expect_only("7z", &c, CONTAINER_SEVENZIP);
	assert_true(c.list[0].is_behind);
	run_in_bench("cat /bin/true plain.zip > x && zip -A x");
	c = find_file("x");
	expect_only("zip", &c, CONTAINER_ZIP);
	memcpy(rar5 + 200, "Rar!\x1a\x07\1\0xxxx\5\1\0\1\0\0", 18);
	append_crc(rar5 + 208, rar5 + 212, 6);
	c = find(rar5, sizeof(rar5));
	expect_only("RAR 5", &c, CONTAINER_RAR);
	memcpy(rar4 + 200, "Rar!\x1a\x07\0\xcf\x90s\0\0\x0d\0\0\0\0\0\0\0", 20);
	c = find(rar4, sizeof(rar4));
	expect_only("RAR 4", &c, CONTAINER_RAR);
	rar4[218]++; /* its check sum does not hold: no unpacker takes it, and it stays opaque */
	c = find(rar4, sizeof(rar4));
	assert_int_equal(c.count, 0);
	assert_non_null(opaque_find_installer(rar4, sizeof(rar4)));
}

/* A program that knows of archives is none; of two archives one would be opened, so neither counts. */
static void test_programs_that_only_look_like_it(void **state)
{
	struct containers c;

	run_in_bench("(cat /bin/true; printf \"7z\\274\\257'\\034 is what we look for\") > x");
	assert_int_equal(find_file("x").count, 0);
	run_in_bench("cat /bin/true plain.7z eicar.7z > x");
	c = find_file("x");
	assert_false(containers_cover(&c, CONTAINER_SEVENZIP));
}

static void test_an_installer_that_nobody_opens_counts_before_one_that_is(void **state)
{
	static const char both[] = "MZ Rar!\x1a\x07\0 and Inno Setup Setup Data (5";
	const struct format *f = opaque_find_installer((const uint8_t *)both, sizeof(both));

	assert_non_null(f);
	assert_int_equal(f->container, CONTAINER_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_real_tools_write_is_told),
		cmocka_unit_test(test_further_tools),
		cmocka_unit_test(test_lha),
		cmocka_unit_test(test_cabinets),
		cmocka_unit_test(test_ordinary_files_are_no_containers),
		cmocka_unit_test(test_short_files_are_harmless),
		cmocka_unit_test(test_a_file_that_is_two_containers_is_both),
		cmocka_unit_test(test_a_zip_within_an_archive_is_its_member),
		cmocka_unit_test(test_too_many_are_told),
		cmocka_unit_test(test_an_iso_with_more_than_its_tree_is_a_disk),
		cmocka_unit_test(test_self_extracting_archives_are_containers),
		cmocka_unit_test(test_programs_that_only_look_like_it),
		cmocka_unit_test(test_an_installer_that_nobody_opens_counts_before_one_that_is),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
