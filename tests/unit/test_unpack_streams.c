/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compressed streams made by the tools that people use, and what can be wrong with them: lazaret-unpack in its sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/tools.h"
#include "../lib/opening.h"

static struct opener role;
static char dir[64];
static int dir_fd = -1;

/* Text that compresses, with a sentence at its end. */
#define PLAIN_SIZE 70000
static char plain[PLAIN_SIZE];

static const struct codec {
	enum container_format format;
	const char *name;    /* of the specimen, a compressed "specimen" */
	const char *command; /* to be run in `dir` */
	bool has_check;	     /* a changed byte of the content cannot go unnoticed */
	bool has_end;	     /* neither can a missing one */
} codecs[] = {
	{ CONTAINER_GZIP, "specimen.gz", "gzip -9kf specimen", true, true },
	{ CONTAINER_BZIP2, "specimen.bz2", "bzip2 -kf specimen", true, true },
	{ CONTAINER_XZ, "specimen.xz", "xz -kf specimen", true, true },
	{ CONTAINER_LZMA, "specimen.lzma", "xz --format=lzma -kf specimen", false, true },
	{ CONTAINER_LZIP, "specimen.lz", "lzip -kf specimen", true, true },
	{ CONTAINER_LZ4, "specimen.lz4", "lz4 -qf specimen specimen.lz4", true, true },
	{ CONTAINER_ZSTD, "specimen.zst", "zstd -q --check -f specimen", true, true },
	{ CONTAINER_COMPRESS, "specimen.Z", "compress -f <specimen >specimen.Z", false, false },
	{ CONTAINER_UU, "specimen.uu", "uuencode specimen specimen >specimen.uu", false, true },
};

static void shell(const char *command)
{
	tool_run(dir, "sh", "-c", command);
}

static int start(void **state)
{
	size_t at = 0;

	while (at + 64 < sizeof(plain))
		at += (size_t)snprintf(plain + at, 64, "%zu sheep, ", at * 7919 % 100003);
	memset(plain + at, '.', sizeof(plain) - at);
	dir_fd = private_directory(dir);
	write_file(dir_fd, "specimen", plain, sizeof(plain));
	write_file(dir_fd, "empty", "", 0);
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		shell(codecs[i].command);
	opener_start(&role, "lazaret-unpack");
	return 0;
}

static int end(void **state)
{
	opener_end(&role);
	remove_private_directory(dir_fd, dir);
	return 0;
}

static void test_every_codec_comes_out_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		struct opened told;

		print_message("%s\n", codecs[i].name);
		open_from(&role, dir_fd, codecs[i].name, codecs[i].format, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, "specimen", plain, sizeof(plain));
		assert_int_equal(told.entries, 1);
		assert_int_equal(told.bytes, sizeof(plain));
		opened_done(&told);
	}
}

/* What the specimen is when it is cut after `size` bytes must never count as opened. */
static void test_truncated_is_never_opened(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size, step;

		if (!codecs[i].has_end)
			continue;
		data = read_whole(dir_fd, codecs[i].name, &size);
		step = size / 30 + 1;
		print_message("%s, %zu bytes\n", codecs[i].name, size);
		for (size_t cut = 1; cut < size; cut += cut < 40 || cut > size - 40 ? 1 : step) {
			struct opened told;

			open_bytes(&role, "specimen.x", codecs[i].format, data, cut, &told);
			if (told.is_opened)
				fail_msg("%s, cut after %zu of %zu bytes, is opened", codecs[i].name, cut, size);
			opened_done(&told);
		}
	}
}

static void test_changed_bytes_do_not_go_unnoticed(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size;

		data = read_whole(dir_fd, codecs[i].name, &size);
		print_message("%s\n", codecs[i].name);
		for (size_t at = 0; at < size; at += at < 40 || at > size - 40 ? 1 : size / 30 + 1) {
			struct opened told;

			data[at] ^= 0x11;
			open_bytes(&role, "specimen.x", codecs[i].format, data, size, &told);
			data[at] ^= 0x11;
			if (codecs[i].has_check && told.is_opened &&
			    (told.member_count != 1 || told.members[0].size != sizeof(plain) ||
			     memcmp(told.members[0].data, plain, sizeof(plain)) != 0))
				fail_msg("%s, byte %zu changed, is opened with another content", codecs[i].name, at);
			opened_done(&told);
		}
	}
}

static void test_trailing_bytes_are_unsafe(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		for (size_t extra = 1; extra <= 600; extra = extra < 9 ? extra + 1 : extra * 3) {
			_cleanup_free_ char *data = NULL;
			struct opened told;
			size_t size;

			if (!codecs[i].has_end)
				continue;
			data = read_whole(dir_fd, codecs[i].name, &size);
			data = realloc(data, size + extra);
			assert_non_null(data);
			memset(data + size, 'x', extra);
			open_bytes(&role, "specimen.x", codecs[i].format, data, size + extra, &told);
			if (told.is_opened)
				fail_msg("%s and %zu bytes more is opened", codecs[i].name, extra);
			expect_finding(&told, REASON_ARCHIVE_UNSAFE, NULL, NULL);
			opened_done(&told);
		}
}

/* cat a.gz b.gz: both come out, as with the tools. */
static void test_streams_in_a_row_come_out_whole(void **state)
{
	static char twice[2 * PLAIN_SIZE];

	memcpy(twice, plain, PLAIN_SIZE);
	memcpy(twice + PLAIN_SIZE, plain, PLAIN_SIZE);
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		_cleanup_free_ char *data = NULL;
		struct opened told;
		size_t size;

		if (codecs[i].format == CONTAINER_LZMA || codecs[i].format == CONTAINER_COMPRESS || codecs[i].format == CONTAINER_UU)
			continue;
		print_message("%s\n", codecs[i].name);
		data = read_whole(dir_fd, codecs[i].name, &size);
		data = realloc(data, 2 * size);
		assert_non_null(data);
		memcpy(data + size, data, size);
		open_bytes(&role, codecs[i].name, codecs[i].format, data, 2 * size, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, "specimen", twice, sizeof(twice));
		opened_done(&told);
	}
}

static void test_empty_content_is_one_empty_member(void **state)
{
	static const char *const commands[] = { "gzip -c empty", "bzip2 -c empty", "xz -c empty", "xz --format=lzma -c empty",
						"lzip -c empty", "lz4 -qc empty", "zstd -qc empty" };

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		char command[100];
		struct opened told;

		print_message("%s\n", commands[i]);
		(void)snprintf(command, sizeof(command), "%s >nothing", commands[i]);
		shell(command);
		open_from(&role, dir_fd, "nothing", codecs[i].format, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, "nothing", "", 0);
		opened_done(&told);
	}
}

static void test_what_is_no_such_stream_is_not_opened(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		struct opened told;

		open_bytes(&role, "plain.x", codecs[i].format, plain, sizeof(plain), &told);
		print_message("%s: %s\n", codecs[i].name, told.finding_count ? told.findings[0].detail : "");
		expect_not_opened(&told);
		opened_done(&told);
		open_bytes(&role, "plain.x", codecs[i].format, "", 0, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "empty");
		opened_done(&told);
	}
}

/* One layer at a time: what is inside is compressed itself, and comes out so. */
static void test_one_layer_at_a_time(void **state)
{
	static const char *const commands[] = { "gzip -c <specimen.gz", "bzip2 -c <specimen.bz2", "xz -c <specimen.xz",
						"xz --format=lzma -c <specimen.lzma", "lzip -c <specimen.lz", "lz4 -qc <specimen.lz4",
						"zstd -qc <specimen.zst" };
	static const char *const suffixes[] = { "gz", "bz2", "xz", "lzma", "lz", "lz4", "zst" };

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		_cleanup_free_ char *inner = NULL;
		char command[160], name[40];
		struct opened told;
		size_t size;

		(void)snprintf(name, sizeof(name), "twice.%s.%s", suffixes[i], suffixes[i]);
		(void)snprintf(command, sizeof(command), "%s >%s", commands[i], name);
		shell(command);
		inner = read_whole(dir_fd, codecs[i].name, &size);
		open_from(&role, dir_fd, name, codecs[i].format, &told);
		expect_opened(&told);
		name[strlen(name) - strlen(suffixes[i]) - 1] = '\0';
		expect_member(&told, name, inner, size);
		opened_done(&told);
	}
}

static void test_compress_twice_is_not_opened(void **state)
{
	struct opened told;

	shell("compress -cf <specimen.Z >twice.Z || true");
	open_from(&role, dir_fd, "twice.Z", CONTAINER_COMPRESS, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "more than once");
	opened_done(&told);
}

/* 64 MiB of zeros in a few hundred bytes: the budget is told once, and the role lives on. */
static void test_bombs_end_at_the_budget(void **state)
{
	static const char *const commands[] = { "gzip -9c", "bzip2 -9c", "xz -c", "xz --format=lzma -c", "lzip -c", "lz4 -9qc", "zstd -qc" };

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		char command[100];
		struct opened told;
		size_t limits = 0;

		(void)snprintf(command, sizeof(command), "head -c 67108864 /dev/zero | %s >bomb", commands[i]);
		shell(command);
		role.limits.bytes = 1 << 20;
		open_from(&role, dir_fd, "bomb", codecs[i].format, &told);
		role.limits.bytes = UINT64_C(4) << 30;
		expect_not_opened(&told);
		for (size_t k = 0; k < told.finding_count; k++)
			limits += told.findings[k].reason == REASON_LIMIT_EXCEEDED;
		assert_int_equal(limits, 1);
		assert_int_equal(told.finding_count, 1);
		assert_int_equal(told.member_count, 1);
		assert_int_equal(told.members[0].status, STREAM_QUOTA);
		opened_done(&told);
	}
}

/* A dictionary of 1.5 GiB and more is not what a station gives; nothing crashes. */
static void test_too_much_memory_is_a_limit(void **state)
{
	struct opened told;

	shell("cat specimen | zstd -q --ultra -1 --long=31 -c >long.zst"); /* of unknown size: the whole window is announced */
	open_from(&role, dir_fd, "long.zst", CONTAINER_ZSTD, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, "memory");
	opened_done(&told);
#ifndef LAZARET_SANITIZE /* has no limit on memory */
	{
		/* .lzma: the dictionary stands in bytes 1 to 4 */
		_cleanup_free_ char *data = NULL;
		size_t size;

		data = read_whole(dir_fd, "specimen.lzma", &size);
		memset(data + 1, 0xff, 4);
		open_bytes(&role, "specimen.lzma", CONTAINER_LZMA, data, size, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, "memory");
		opened_done(&told);
	}
#endif
}

static void test_names_follow_the_container(void **state)
{
	static const char *const names[][2] = { { "dir/foo.tar.gz", "foo.tar" }, { "a/b/foo.tgz", "foo.tar" },
						{ "data.gz", "data" },		 { "DATA.GZ", "DATA" },
						{ "odd", "odd" },		 { ".gz", ".gz" },
						{ "...gz", "data" } };

	/* made with gzip -N: the name that it stores is "specimen" */
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *data = NULL;
		struct opened told;
		size_t size;

		data = read_whole(dir_fd, "specimen.gz", &size);
		open_bytes(&role, names[i][0], CONTAINER_GZIP, data, size, &told);
		expect_member(&told, names[i][1], plain, sizeof(plain));
		opened_done(&told);
	}
}

/* The vault closes: the container ends with an error, and the role takes the next one. */
static void test_vault_closes_the_stream(void **state)
{
	struct opened told;

	shell("head -c 20000000 /dev/urandom | gzip -1c >noise.gz");
	role.vault_closes_after = 100000;
	open_from(&role, dir_fd, "noise.gz", CONTAINER_GZIP, &told);
	role.vault_closes_after = 0;
	assert_false(told.is_opened);
	expect_finding(&told, REASON_SCAN_ERROR, "", "stored");
	opened_done(&told);
	open_from(&role, dir_fd, "specimen.gz", CONTAINER_GZIP, &told);
	expect_opened(&told);
	opened_done(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_codec_comes_out_whole),
		cmocka_unit_test(test_truncated_is_never_opened),
		cmocka_unit_test(test_changed_bytes_do_not_go_unnoticed),
		cmocka_unit_test(test_trailing_bytes_are_unsafe),
		cmocka_unit_test(test_streams_in_a_row_come_out_whole),
		cmocka_unit_test(test_empty_content_is_one_empty_member),
		cmocka_unit_test(test_what_is_no_such_stream_is_not_opened),
		cmocka_unit_test(test_one_layer_at_a_time),
		cmocka_unit_test(test_compress_twice_is_not_opened),
		cmocka_unit_test(test_bombs_end_at_the_budget),
		cmocka_unit_test(test_too_much_memory_is_a_limit),
		cmocka_unit_test(test_names_follow_the_container),
		cmocka_unit_test(test_vault_closes_the_stream),
	};

	return cmocka_run_group_tests(tests, start, end);
}
