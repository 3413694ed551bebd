/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Archives made by the tools that people use, whole and with what can be wrong with them: lazaret-unpack in its sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/tools.h"
#include "../lib/opening.h"
#include "unpack_fixture.h"

static struct opener role;
static char dir[64];
static int dir_fd = -1;

#define NOISE_SIZE 40000
static char noise[NOISE_SIZE + 1]; /* letters without order: compresses a little */

static void shell(const char *command)
{
	tool_run(dir, "sh", "-ec", command);
}

/* Each holds t/a.txt, t/sub/noise, t/sub/x and, but for cabinets, more or less of directories and links. */
static const struct archive {
	enum container_format format;
	const char *name, *command;
	const char *root; /* what stands before the names */
	bool has_check;	  /* a changed byte of a member does not go unnoticed */
	bool has_end;	  /* nor do missing ones */
} archives[] = {
	{ CONTAINER_TAR, "gnu.tar", "tar --format=gnu -cf gnu.tar t", "t/", false, true },
	{ CONTAINER_TAR, "pax.tar", "tar --format=posix -cf pax.tar t", "t/", false, true },
	{ CONTAINER_TAR, "ustar.tar", "tar --format=ustar -cf ustar.tar t", "t/", false, true },
	{ CONTAINER_TAR, "v7.tar", "tar --format=v7 -cf v7.tar t", "t/", false, true },
	{ CONTAINER_CPIO, "newc.cpio", "find t | cpio --quiet -oH newc >newc.cpio", "t/", false, true },
	{ CONTAINER_CPIO, "odc.cpio", "find t | cpio --quiet -oH odc >odc.cpio", "t/", false, true },
	{ CONTAINER_CPIO, "bin.cpio", "find t | cpio --quiet -oH bin >bin.cpio", "t/", false, true },
	{ CONTAINER_ZIP, "deflate.zip", "zip -qry deflate.zip t", "t/", true, true },
	{ CONTAINER_ZIP, "stored.zip", "zip -0qry stored.zip t", "t/", true, true },
	{ CONTAINER_ZIP, "zip64.zip", "zip -fz -qry zip64.zip t", "t/", true, true },
	{ CONTAINER_ZIP, "bzip2.zip", "7z a -tzip -mm=BZip2 bzip2.zip t >/dev/null", "t/", true, true },
	{ CONTAINER_ZIP, "lzma.zip", "7z a -tzip -mm=LZMA lzma.zip t >/dev/null", "t/", true, true },
	{ CONTAINER_ZIP, "ppmd.zip", "7z a -tzip -mm=PPMd ppmd.zip t >/dev/null", "t/", true, true },
	{ CONTAINER_SEVENZIP, "lzma2.7z", "7z a lzma2.7z t >/dev/null", "t/", true, true },
	{ CONTAINER_SEVENZIP, "lzma.7z", "7z a -m0=LZMA lzma.7z t >/dev/null", "t/", true, true },
	{ CONTAINER_SEVENZIP, "bzip2.7z", "7z a -m0=BZip2 bzip2.7z t >/dev/null", "t/", true, true },
	{ CONTAINER_SEVENZIP, "deflate.7z", "7z a -m0=Deflate deflate.7z t >/dev/null", "t/", true, true },
	{ CONTAINER_SEVENZIP, "ppmd.7z", "7z a -m0=PPMd ppmd.7z t >/dev/null", "t/", true, true },
	{ CONTAINER_SEVENZIP, "bcj.7z", "7z a -m0=BCJ -m1=LZMA2 bcj.7z t >/dev/null", "t/", true, true },
	{ CONTAINER_CAB, "stored.cab", "gcab -c stored.cab t/a.txt t/sub/noise t/sub/x >/dev/null", "t/", true, true },
	{ CONTAINER_CAB, "mszip.cab", "gcab -cz mszip.cab t/a.txt t/sub/noise t/sub/x >/dev/null", "t/", true, true },
	{ CONTAINER_XAR, "gzip.xar", "bsdtar --format xar -cf gzip.xar t", "t/", true, false },
	{ CONTAINER_XAR, "xz.xar", "bsdtar --format xar --options compression=xz -cf xz.xar t", "t/", true, false },
	{ CONTAINER_ISO9660, "rr.iso", "genisoimage -quiet -R -o rr.iso t", "", false, true },
	{ CONTAINER_ISO9660, "both.iso", "genisoimage -quiet -J -R -o both.iso t 2>/dev/null", "", false, true },
	{ CONTAINER_ISO9660, "joliet.iso", "genisoimage -quiet -J -o joliet.iso t 2>/dev/null", "", false, true },
	{ CONTAINER_ISO9660, "xorriso.iso", "xorriso -as mkisofs -quiet -J -R -o xorriso.iso t 2>/dev/null", "", false, true },
};

static int start(void **state)
{
	uint32_t seed = 7;

	for (size_t i = 0; i < NOISE_SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		noise[i] = (char)('a' + (seed >> 24) % 26);
	}
	dir_fd = private_directory(dir);
	shell("mkdir -p t/sub t/void; printf hello >t/a.txt; printf x >t/sub/x; ln -s a.txt t/link; ln t/a.txt t/hard");
	write_file(dir_fd, "t/sub/noise", noise, NOISE_SIZE);
	for (size_t i = 0; i < ARRAY_LEN(archives); i++)
		shell(archives[i].command);
	opener_start(&role, "lazaret-unpack");
	return 0;
}

static int end(void **state)
{
	opener_end(&role);
	remove_private_directory(dir_fd, dir);
	return 0;
}

static void expect_specimen(const struct opened *t, const char *root)
{
	char path[64];

	expect_opened(t);
	expect_no_findings(t);
	(void)snprintf(path, sizeof(path), "%ssub/noise", root);
	expect_member(t, path, noise, NOISE_SIZE);
	(void)snprintf(path, sizeof(path), "%ssub/x", root);
	expect_member(t, path, "x", 1);
	/* of two hard links one has the bytes, whichever it is */
	(void)snprintf(path, sizeof(path), "%sa.txt", root);
	if (!find_member(t, path) || find_member(t, path)->size == 0)
		(void)snprintf(path, sizeof(path), "%shard", root);
	expect_member(t, path, "hello", 5);
}

static void test_every_archive_comes_out_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		struct opened told;

		print_message("%s\n", archives[i].name);
		open_from(&role, dir_fd, archives[i].name, archives[i].format, &told);
		expect_specimen(&told, archives[i].root);
		opened_done(&told);
	}
}

static void test_truncated_is_never_opened(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size, whole;

		if (!archives[i].has_end)
			continue;
		data = read_whole(dir_fd, archives[i].name, &size);
		/* padding at the end says nothing: what counts is the last byte that is not zero, and of tar its end mark */
		for (whole = size; data[whole - 1] == 0; whole--)
			;
		for (size_t cut = 1; cut < whole; cut += cut < 100 || cut + 100 > whole ? 7 : whole / 23) {
			struct opened told;

			open_bytes(&role, archives[i].name, archives[i].format, data, cut, &told);
			if (told.is_opened)
				fail_msg("%s, cut after %zu of %zu bytes, is opened", archives[i].name, cut, size);
			opened_done(&told);
		}
	}
}

/* Members that come out whole from a changed archive are those that were put in. */
static void test_changed_bytes_do_not_go_unnoticed(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size;

		data = read_whole(dir_fd, archives[i].name, &size);
		for (size_t at = 0; at < size; at += size / 97 + 1) {
			struct opened told;
			const struct opened_member *m;

			data[at] ^= 0x24;
			open_bytes(&role, archives[i].name, archives[i].format, data, size, &told);
			data[at] ^= 0x24;
			m = find_member(&told, "t/sub/noise");
			if (archives[i].has_check && m && m->status == STREAM_COMPLETE && told.is_opened && !told.finding_count &&
			    (m->size != NOISE_SIZE || memcmp(m->data, noise, NOISE_SIZE) != 0))
				fail_msg("%s, byte %zu changed, is opened with other bytes", archives[i].name, at);
			opened_done(&told);
		}
	}
}

static void test_trailing_bytes_are_unsafe(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		static const size_t extras[] = { 1, 4, 5, 21, 512, 20000, 70000 };
		size_t size;

		for (size_t k = 0; k < ARRAY_LEN(extras); k++) {
			_cleanup_free_ char *data = NULL;
			struct opened told;

			if (archives[i].format == CONTAINER_XAR && extras[k] <= 20)
				continue;
			data = read_whole(dir_fd, archives[i].name, &size);
			data = realloc(data, size + extras[k]);
			assert_non_null(data);
			memset(data + size, 'x', extras[k]);
			open_bytes(&role, archives[i].name, archives[i].format, data, size + extras[k], &told);
			if (told.is_opened)
				fail_msg("%s and %zu bytes more is opened", archives[i].name, extras[k]);
			expect_finding(&told, REASON_ARCHIVE_UNSAFE, NULL, NULL);
			opened_done(&told);
		}
	}
}

static void test_two_archives_in_a_row_are_unsafe(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		_cleanup_free_ char *data = NULL;
		struct opened told;
		size_t size;

		data = read_whole(dir_fd, archives[i].name, &size);
		data = realloc(data, 2 * size);
		assert_non_null(data);
		memcpy(data + size, data, size);
		open_bytes(&role, archives[i].name, archives[i].format, data, 2 * size, &told);
		if (told.is_opened && told.finding_count == 0)
			fail_msg("%s twice is opened", archives[i].name);
		opened_done(&told);
	}
}

static void test_empty_archives_are_valid_and_nothing_else_is(void **state)
{
	static const struct {
		enum container_format format;
		const char *command;
		bool is_valid;
	} cases[] = {
		{ CONTAINER_TAR, "tar -cf c -T /dev/null", true },
		{ CONTAINER_TAR, "head -c 10240 /dev/zero >c", true },
		{ CONTAINER_TAR, "(head -c 1024 /dev/zero; echo payload) >c", false },
		{ CONTAINER_TAR, "(head -c 1048576 /dev/zero; cat gnu.tar) >c", false },
		{ CONTAINER_TAR, "head -c 100 /dev/zero >c", false },
		{ CONTAINER_ZIP, "python3 -c 'import zipfile; zipfile.ZipFile(\"c\", \"w\").close()'", true },
		{ CONTAINER_ZIP, "(echo payload; python3 -c 'import zipfile; zipfile.ZipFile(\"e\", \"w\").close()'; cat e) >c", false },
		{ CONTAINER_CPIO, "cpio --quiet -oH newc </dev/null >c", true },
		{ CONTAINER_CPIO, "(cpio --quiet -oH newc </dev/null; echo payload) >c", false },
		{ CONTAINER_AR, "printf '!<arch>\\n' >c", true },
		{ CONTAINER_SEVENZIP, "rm -f c.7z; 7z a c.7z t/nothing* >/dev/null || true; cp c.7z c", true },
		{ CONTAINER_TAR, "head -c 3000 /dev/urandom >c", false },
		{ CONTAINER_CPIO, "head -c 3000 /dev/urandom >c", false },
		{ CONTAINER_LHA, "head -c 3000 /dev/urandom >c", false },
		{ CONTAINER_XAR, "head -c 3000 /dev/urandom >c", false },
		{ CONTAINER_ISO9660, "head -c 100000 /dev/urandom >c", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened told;

		print_message("%s\n", cases[i].command);
		shell(cases[i].command);
		open_from(&role, dir_fd, "c", cases[i].format, &told);
		expect_opened_at(&told, cases[i].is_valid, __FILE__, __LINE__);
		assert_int_equal(told.member_count, 0);
		assert_int_equal(told.finding_count > 0, !cases[i].is_valid);
		opened_done(&told);
	}
}

static void expect_encrypted(const char *name, enum container_format format)
{
	struct opened told;

	print_message("%s\n", name);
	open_from(&role, dir_fd, name, format, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ENCRYPTED, NULL, NULL);
	for (size_t i = 0; i < told.member_count; i++)
		if (strcmp(told.members[i].path, "t/a.txt") == 0)
			assert_int_not_equal(told.members[i].status, STREAM_COMPLETE);
	opened_done(&told);
}

static void test_encrypted_is_told(void **state)
{
	shell("zip -qry -P pw enc.zip t; 7z a -tzip -ppw -mem=AES256 aes.zip t >/dev/null; 7z a -ppw enc.7z t >/dev/null;"
	      "7z a -ppw -mhe=on names.7z t >/dev/null; cp enc.zip some.zip; zip -q some.zip t/../t/sub/x");
	expect_encrypted("enc.zip", CONTAINER_ZIP);
	expect_encrypted("some.zip", CONTAINER_ZIP);
	expect_encrypted("aes.zip", CONTAINER_ZIP);
	expect_encrypted("enc.7z", CONTAINER_SEVENZIP);
	expect_encrypted("names.7z", CONTAINER_SEVENZIP);
	write_file(dir_fd, "enc.rar", rar4_encrypted, sizeof(rar4_encrypted));
	expect_encrypted("enc.rar", CONTAINER_RAR);
	write_file(dir_fd, "names.rar", rar4_encrypted_names, sizeof(rar4_encrypted_names));
	expect_encrypted("names.rar", CONTAINER_RAR);
}

static void test_method_that_is_not_unpacked_is_opaque(void **state)
{
	struct opened told;

	shell("7z a -tzip -mm=Deflate64 deflate64.zip t >/dev/null");
	open_from(&role, dir_fd, "deflate64.zip", CONTAINER_ZIP, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "t/sub/noise", "Unsupported");
	expect_member(&told, "t/sub/x", "x", 1); /* the others still come out */
	opened_done(&told);
}

static void test_parts_of_sets_are_opaque(void **state)
{
	uint8_t volume[sizeof(rar5_stored)];
	struct opened told;

	memcpy(volume, rar4, 100);
	volume[10] |= 1;
	open_bytes(&role, "a.part1.rar", CONTAINER_RAR, volume, 100, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "volumes");
	opened_done(&told);
	memcpy(volume, rar5_stored, sizeof(volume));
	volume[8 + 4 + 4] |= 1; /* CRC, size, type, flags, size of extra area, archive flags */
	open_bytes(&role, "a.part1.rar", CONTAINER_RAR, volume, sizeof(volume), &told);
	expect_not_opened(&told);
	opened_done(&told);
	shell("head -c 300000 /dev/urandom >big; zip -qs 100k split.zip big");
	open_from(&role, dir_fd, "split.zip", CONTAINER_ZIP, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "split");
	opened_done(&told);
}

static void test_rar_and_lha(void **state)
{
	struct opened told;

	open_bytes(&role, "a.rar", CONTAINER_RAR, rar4, sizeof(rar4), &told);
	expect_opened(&told);
	expect_no_findings(&told);
	expect_member(&told, "testdir/test.txt", "test text document\r\n", 20);
	assert_int_equal(told.entries, 5);
	opened_done(&told);
	open_bytes(&role, "a.rar", CONTAINER_RAR, rar5_stored, sizeof(rar5_stored), &told);
	expect_opened(&told);
	expect_no_findings(&told);
	expect_member(&told, "helloworld.txt", "hello libarchive test suite!\n", 29);
	opened_done(&told);
	open_bytes(&role, "a.rar", CONTAINER_RAR, rar5_links, sizeof(rar5_links), &told);
	expect_opened(&told);
	expect_no_findings(&told);
	assert_int_equal(told.entries, 4);
	opened_done(&told);
	open_bytes(&role, "a.rar", CONTAINER_RAR, rar5_compressed, sizeof(rar5_compressed), &told);
	expect_opened(&told);
	assert_int_equal(find_member(&told, "test.bin")->size, 1200);
	opened_done(&told);
	open_bytes(&role, "a.lzh", CONTAINER_LHA, lha, sizeof(lha), &told);
	expect_opened(&told);
	expect_no_findings(&told);
	assert_int_equal(find_member(&told, "file1")->size, 60);
	opened_done(&told);
	open_bytes(&role, "a.lzh", CONTAINER_LHA, lha_lh6, sizeof(lha_lh6), &told);
	expect_opened(&told);
	assert_int_equal(find_member(&told, "file2")->size, 78);
	opened_done(&told);
}

/* Every byte of them changed, and every length: never a crash, and never other bytes as if they were whole. */
static void test_damaged_rar_and_lha(void **state)
{
	static const struct {
		enum container_format format;
		const uint8_t *data;
		size_t size;
		const char *member, *bytes;
	} cases[] = {
		{ CONTAINER_RAR, rar4, sizeof(rar4), "testdir/test.txt", "test text document\r\n" },
		{ CONTAINER_RAR, rar5_stored, sizeof(rar5_stored), "helloworld.txt", "hello libarchive test suite!\n" },
		{ CONTAINER_RAR, rar5_compressed, sizeof(rar5_compressed), "-", "" },
		{ CONTAINER_LHA, lha, sizeof(lha), "-", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t at = 0; at < cases[i].size; at++) {
			uint8_t data[600];
			const struct opened_member *m;
			struct opened told;

			memcpy(data, cases[i].data, cases[i].size);
			data[at] ^= 0x42;
			open_bytes(&role, "a", cases[i].format, data, cases[i].size, &told);
			m = find_member(&told, cases[i].member);
			if (told.is_opened && told.finding_count == 0 && m && m->status == STREAM_COMPLETE)
				assert_string_equal((char *)m->data, cases[i].bytes);
			opened_done(&told);
			data[at] ^= 0x42;
			if (at == 0)
				continue;
			open_bytes(&role, "a", cases[i].format, data, at, &told);
			if (told.is_opened && told.finding_count == 0 && (cases[i].format == CONTAINER_RAR || at < cases[i].size - 1))
				fail_msg("case %zu, cut after %zu of %zu bytes, is opened", i, at, cases[i].size);
			opened_done(&told);
		}
}

/* libarchive would convert these names by a module that it opens; the sandbox would answer with death. */
static void test_foreign_character_set_is_told(void **state)
{
	struct opened told;

	open_bytes(&role, "a.lzh", CONTAINER_LHA, lha_cp932, sizeof(lha_cp932), &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "converted");
	opened_done(&told);
}

static void test_names_are_bytes(void **state)
{
	struct opened told;

	shell("mkdir -p n; printf 1 >n/\"$(printf 'f\\303\\274r')\"; printf 2 >n/\"$(printf 'l\\344tin')\"; tar -cf n.tar n; "
	      "tar --format=posix -cf np.tar n; zip -qr n.zip n; (cd n && find . | cpio --quiet -oH newc >../n.cpio)");
	for (int i = 0; i < 3; i++) {
		open_from(&role, dir_fd, i == 0 ? "n.tar" : i == 1 ? "np.tar" : "n.zip", i < 2 ? CONTAINER_TAR : CONTAINER_ZIP, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, "n/f\xc3\xbcr", "1", 1);
		expect_member(&told, "n/l\xe4tin", "2", 1);
		opened_done(&told);
	}
	open_from(&role, dir_fd, "n.cpio", CONTAINER_CPIO, &told);
	expect_opened(&told);
	expect_member(&told, "l\xe4tin", "2", 1);
	opened_done(&told);
}

static void test_sparse_holes_are_zeros(void **state)
{
	static char expected[3 << 20];
	struct opened told;

	memcpy(expected, "begin", 5);
	memcpy(expected + (2 << 20), "middle", 6);
	shell("rm -f sparse; truncate -s 3M sparse; printf begin | dd of=sparse conv=notrunc status=none; "
	      "printf middle | dd of=sparse bs=1M seek=2 conv=notrunc status=none; "
	      "tar --format=gnu -Scf sg.tar sparse; tar --format=posix -Scf sp.tar sparse; "
	      "tar --format=posix --sparse-version=0.1 -Scf sp0.tar sparse");
	for (int i = 0; i < 3; i++) {
		const char *names[] = { "sg.tar", "sp.tar", "sp0.tar" };

		open_from(&role, dir_fd, names[i], CONTAINER_TAR, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, "sparse", expected, sizeof(expected));
		opened_done(&told);
	}
}

static void test_tar_without_its_end_is_unsafe(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct opened told;
	size_t size;

	data = read_whole(dir_fd, "gnu.tar", &size);
	while (size >= 512 && data[size - 512] == 0)
		size -= 512;
	open_bytes(&role, "gnu.tar", CONTAINER_TAR, data, size, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", "end");
	opened_done(&told);
}

static void test_bytes_in_the_padding_of_tar_are_unsafe(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct opened told;
	size_t size, at;

	data = read_whole(dir_fd, "gnu.tar", &size);
	at = (size_t)((char *)memmem(data, size, "hello\0\0\0", 8) - data);
	memcpy(data + at + 300, "hidden", 6);
	open_bytes(&role, "gnu.tar", CONTAINER_TAR, data, size, &told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, NULL, "padding");
	opened_done(&told);
}

/* What the end record counts and what can be found are two things: one entry of two at the same place. */
static void test_zip_that_lies_about_its_entries(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct opened told;
	size_t size;

	data = read_whole(dir_fd, "stored.zip", &size);
	data[size - 22 + 8]++;
	data[size - 22 + 10]++;
	open_bytes(&role, "stored.zip", CONTAINER_ZIP, data, size, &told);
	expect_not_opened(&told);
	opened_done(&told);
	data[size - 22 + 8] = (char)(data[size - 22 + 8] - 2);
	data[size - 22 + 10] = (char)(data[size - 22 + 10] - 2);
	open_bytes(&role, "stored.zip", CONTAINER_ZIP, data, size, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", "entries");
	opened_done(&told);
}

/* Found by fuzzing (UBSan): an entry whose local header would stand behind the end of memory, and one behind the file. */
static void test_zip_entry_that_points_behind_its_end(void **state)
{
	static const uint8_t places[][4] = { { 0xff, 0xff, 0xff, 0xff }, { 0xfe, 0xff, 0xff, 0xff } };
	_cleanup_free_ char *data = NULL;
	struct opened told;
	size_t size;
	char *entry;

	data = read_whole(dir_fd, "stored.zip", &size);
	entry = memmem(data, size, "PK\1\2", 4);
	assert_non_null(entry);
	for (size_t n = 0; n < sizeof(places) / sizeof(*places); n++) {
		memcpy(entry + 42, places[n], 4);
		open_bytes(&role, "stored.zip", CONTAINER_ZIP, data, size, &told);
		expect_not_opened(&told);
		opened_done(&told);
	}
}

static void test_bombs_end_at_the_budget(void **state)
{
	static const struct {
		enum container_format format;
		const char *name;
	} cases[] = { { CONTAINER_ZIP, "bomb.zip" }, { CONTAINER_SEVENZIP, "bomb.7z" }, { CONTAINER_TAR, "bomb.tar" },
		      { CONTAINER_CAB, "bomb.cab" } };

	shell("rm -f z; truncate -s 64M z; zip -q bomb.zip z; 7z a bomb.7z z >/dev/null; tar -Scf bomb.tar z; gcab -cz bomb.cab z "
	      ">/dev/null; rm z");
	role.limits.bytes = 1 << 20;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened told;

		print_message("%s\n", cases[i].name);
		open_from(&role, dir_fd, cases[i].name, cases[i].format, &told);
		expect_not_opened(&told);
		assert_int_equal(told.finding_count, 1);
		expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
		opened_done(&told);
	}
	role.limits.bytes = UINT64_C(4) << 30;
	role.limits.members = 3;
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		struct opened told;

		if (archives[i].format == CONTAINER_CAB)
			continue;
		open_from(&role, dir_fd, archives[i].name, archives[i].format, &told);
		expect_not_opened(&told);
		assert_true(told.entries <= 3);
		expect_finding(&told, REASON_LIMIT_EXCEEDED, "", "members");
		opened_done(&told);
	}
	role.limits.members = 100000;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_archive_comes_out_whole),
		cmocka_unit_test(test_truncated_is_never_opened),
		cmocka_unit_test(test_changed_bytes_do_not_go_unnoticed),
		cmocka_unit_test(test_trailing_bytes_are_unsafe),
		cmocka_unit_test(test_two_archives_in_a_row_are_unsafe),
		cmocka_unit_test(test_empty_archives_are_valid_and_nothing_else_is),
		cmocka_unit_test(test_encrypted_is_told),
		cmocka_unit_test(test_method_that_is_not_unpacked_is_opaque),
		cmocka_unit_test(test_parts_of_sets_are_opaque),
		cmocka_unit_test(test_rar_and_lha),
		cmocka_unit_test(test_damaged_rar_and_lha),
		cmocka_unit_test(test_foreign_character_set_is_told),
		cmocka_unit_test(test_names_are_bytes),
		cmocka_unit_test(test_sparse_holes_are_zeros),
		cmocka_unit_test(test_tar_without_its_end_is_unsafe),
		cmocka_unit_test(test_bytes_in_the_padding_of_tar_are_unsafe),
		cmocka_unit_test(test_zip_that_lies_about_its_entries),
		cmocka_unit_test(test_zip_entry_that_points_behind_its_end),
		cmocka_unit_test(test_bombs_end_at_the_budget),
	};

	return cmocka_run_group_tests(tests, start, end);
}
