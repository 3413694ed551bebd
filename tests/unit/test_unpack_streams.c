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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_codec_comes_out_whole),
	};

	return cmocka_run_group_tests(tests, start, end);
}
