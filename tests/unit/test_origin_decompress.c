/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compressed indexes of Debian repositories, made by the tools that vendors use, through lazaret-origin in its sandbox: whole, cut,
 * with something behind their end, under other names, and bombs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"

#include "../lib/proving.h"

#define COUNT 3000 /* packages: more text than is held at once */

static struct prover role;
static char directory[64];
static int dir_fd;

static const struct {
	const char *suffix, *tool, *option;
} tools[] = { { ".gz", "gzip", "-n" }, { ".xz", "xz", "-6" }, { ".zst", "zstd", "-q" } };

static void write_index(void)
{
	_cleanup_free_ char *text = malloc(COUNT * 256);
	size_t at = 0;

	assert_non_null(text);
	for (unsigned int i = 0; i < COUNT; i++)
		at += (size_t)snprintf(text + at, 256, "Package: p%u\nFilename: pool/p%u.deb\nSize: %u\nSHA256: %08x%056x\n\n", i, i, i,
				       i * 2654435761u, i);
	write_file(dir_fd, "Packages", text, at);
}

static int start(void **state)
{
	dir_fd = private_directory(directory);
	write_index();
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		tool_run(directory, tools[i].tool, "-k", tools[i].option, "Packages");
	tool_run(directory, "bzip2", "-k", "Packages");
	tool_run(directory, "xz", "-k", "--format=lzma", "Packages");
	prover_start(&role, "lazaret-origin", NULL, 0);
	return 0;
}

static int stop(void **state)
{
	prover_end(&role);
	remove_private_directory(dir_fd, directory);
	return 0;
}

static void prove_bytes(const char *path, const void *data, size_t size, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add(&m, path, data, size);
	prove(&role, &m, path, EVIDENCE_DEBIAN_PACKAGES, PROVING_NOW, ret);
	medium_done(&m);
	assert_int_equal(ret->error, 0);
}

#define expect(path, data, size, outcome, entries, words) expect_at(path, data, size, outcome, entries, words, __LINE__)
static void expect_at(const char *path, const void *data, size_t size, enum list_outcome outcome, size_t entries, const char *words,
		      int line)
{
	struct proved t;

	prove_bytes(path, data, size, &t);
	if (t.outcome != outcome || (entries != SIZE_MAX && t.entry_count != entries) || !strstr(t.detail, words)) {
		print_proved(&t);
		fail_msg("line %d: %s of %zu bytes: expected %d: %s", line, path, size, outcome, words);
	}
	proved_done(&t);
}

/* The index with this ending; owned by the caller. */
static char *read_index(const char *suffix, size_t *ret_size)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "Packages%s", suffix);
	return read_whole(dir_fd, name, ret_size);
}

static void test_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		size_t size;
		_cleanup_free_ char *data = read_index(tools[i].suffix, &size);
		char path[64];

		(void)snprintf(path, sizeof(path), "dists/x/main/binary-all/Packages%s", tools[i].suffix);
		expect(path, data, size, LIST_READ, COUNT, "");
		expect("dists/x/main/binary-all/by-hash/SHA256/0123", data, size, LIST_READ, COUNT, "");
	}
}

static void test_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		size_t size;
		_cleanup_free_ char *data = read_index(tools[i].suffix, &size);
		char path[64];

		(void)snprintf(path, sizeof(path), "Packages%s", tools[i].suffix);
		for (size_t cut = 1; cut < size - 8; cut = cut * 2 + 1)
			expect(path, data, size - cut, LIST_BROKEN, SIZE_MAX, "cut off");
		expect(path, data, 8, LIST_BROKEN, 0, "cut off");
		expect(path, data, 1, LIST_BROKEN, 0, "not compressed");
		expect(path, data, 0, LIST_BROKEN, 0, "not compressed");
	}
}

/* A decompressor that stops at the first end shows another list than one that goes on. */
static void test_something_behind_the_end(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		size_t size;
		_cleanup_free_ char *data = read_index(tools[i].suffix, &size), *longer = malloc(2 * size + 8);
		char path[64];

		assert_non_null(longer);
		(void)snprintf(path, sizeof(path), "Packages%s", tools[i].suffix);
		memcpy(longer, data, size);
		memcpy(longer + size, "Package: x\n", 8);
		expect(path, longer, size + 8, LIST_BROKEN, SIZE_MAX, "the list ");
		memcpy(longer + size, data, size); /* two members are what the formats allow, and all tools read them */
		expect(path, longer, 2 * size, LIST_READ, 2 * COUNT, "");
		expect(path, longer, 2 * size - 5, LIST_BROKEN, SIZE_MAX, "cut off");
	}
}

static void test_damaged(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		size_t size;
		_cleanup_free_ char *data = read_index(tools[i].suffix, &size);
		char path[64];

		(void)snprintf(path, sizeof(path), "Packages%s", tools[i].suffix);
		data[size / 2] ^= 0x10;
		expect(path, data, size, LIST_BROKEN, SIZE_MAX, "");
	}
}

static void test_other_names(void **state)
{
	size_t gz_size, xz_size, size;
	_cleanup_free_ char *gz = read_index(".gz", &gz_size), *xz = read_index(".xz", &xz_size), *bz2 = NULL, *lzma = NULL;

	expect("Packages", gz, gz_size, LIST_BROKEN, 0, "not compressed as its name says");
	expect("Packages.xz", gz, gz_size, LIST_BROKEN, 0, "not compressed as its name says");
	expect("Packages.gz", xz, xz_size, LIST_BROKEN, 0, "not compressed as its name says");
	expect("PACKAGES.GZ", gz, gz_size, LIST_READ, COUNT, "");
	expect("Packages.tar.gz", gz, gz_size, LIST_NONE, 0, "");
	/* old forms, beside which a repository has another: nothing is said of them */
	bz2 = read_index(".bz2", &size);
	expect("Packages.bz2", bz2, size, LIST_NONE, 0, "does not read");
	expect("a/by-hash/SHA256/0123", bz2, size, LIST_NONE, 0, "does not read");
	expect("Packages.bz2", gz, gz_size, LIST_BROKEN, 0, "not compressed");
	lzma = read_index(".lzma", &size);
	expect("Packages.lzma", lzma, size, LIST_NONE, 0, "does not read");
}

/* 64 MiB of one letter, and of a field without end, in as few bytes as the tools manage. */
static void test_bombs(void **state)
{
	_cleanup_free_ char *bomb = calloc(1, 64u << 20);

	assert_non_null(bomb);
	memset(bomb, 'x', 64u << 20);
	memcpy(bomb, "Package: ", 9);
	for (size_t at = 4096; at < 64u << 20; at += 4096) /* a new paragraph, so that it is no long line that ends it */
		memcpy(bomb + at, "\n\nPackage: ", 11);
	write_file(dir_fd, "bomb", bomb, 64u << 20);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		_cleanup_free_ char *data = NULL;
		char path[64], name[64];
		size_t size;

		tool_run(directory, tools[i].tool, "-k", "-f", tools[i].option, "bomb");
		(void)snprintf(name, sizeof(name), "bomb%s", tools[i].suffix);
		(void)snprintf(path, sizeof(path), "Packages%s", tools[i].suffix);
		data = read_whole(dir_fd, name, &size);
		expect(path, data, size, LIST_BROKEN, 0, "grows as no index does");
	}
}

/* The same process has seen all of the above. */
static void test_memory_is_flat(void **state)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long peak_kib = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)role.peer.pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		(void)sscanf(line, "VmHWM: %lu", &peak_kib);
#ifndef LAZARET_SANITIZE /* whose shadow is large */
	assert_in_range(peak_kib, 1, 48u << 10); /* xz -6 takes 8 MiB for itself; nothing near the bombs' 64 */
#else
	assert_int_not_equal(peak_kib, 0);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_something_behind_the_end),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_memory_is_flat),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
