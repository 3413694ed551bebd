/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The FAT reader on volumes made, and broken, byte by byte. Images by mkfs and mcopy: tests/integration/intake.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "intake/fat.h"
#include "intake/limits.h"

#define SECTOR 512u
#define ROOT_ENTRIES 32u /* FAT12, FAT16 */
#define DIRECTORY 0x10
#define VOLUME_LABEL 0x08

static const unsigned int kinds[] = { 12, 16, 32 };

/* -- a volume in memory: one sector per cluster, one table ------------------------------------------------- */

static uint8_t *bytes;
static size_t bytes_size;
static unsigned int bits;
static size_t fat_at, root_at, data_at;
static uint32_t root_cluster, clusters;
static struct fat_volume volume;

static int read_memory(const struct source *s, uint64_t at, void *to, size_t size)
{
	assert_true(at <= bytes_size && size <= bytes_size - at); /* source_read() has to see to that */
	memcpy(to, bytes + at, size);
	return 0;
}

static struct source source(void)
{
	return (struct source){ .read = read_memory, .size = bytes_size, .fd = -EBADF };
}

static void put16(size_t at, uint32_t v)
{
	bytes[at] = (uint8_t)v;
	bytes[at + 1] = (uint8_t)(v >> 8);
}

static void put32(size_t at, uint32_t v)
{
	put16(at, v);
	put16(at + 2, v >> 16);
}

static void set_next(uint32_t cluster, uint32_t next)
{
	size_t at = fat_at + (size_t)cluster * bits / 8;

	if (bits == 32)
		put32(at, next);
	else if (bits == 16)
		put16(at, next);
	else if (cluster & 1)
		put16(at, (bytes[at] & 0x0f) | next << 4);
	else
		put16(at, (next & 0xfff) | (uint32_t)(bytes[at + 1] & 0xf0) << 8);
}

static uint32_t last(void)
{
	return bits == 12 ? 0xfff : bits == 16 ? 0xffff : 0x0fffffff;
}

static size_t cluster_at(uint32_t cluster)
{
	return data_at + (size_t)(cluster - 2) * SECTOR;
}

static void make(unsigned int kind)
{
	size_t table;

	bits = kind;
	clusters = kind == 16 ? 6000 : kind == 12 ? 3000 : 9000;
	table = ((clusters + 2) * bits / 8 + SECTOR) / SECTOR;
	fat_at = 32 * SECTOR;
	root_at = fat_at + table * SECTOR;
	data_at = root_at + (kind == 32 ? 0 : ROOT_ENTRIES * 32);
	bytes_size = data_at + (size_t)clusters * SECTOR;
	free(bytes);
	bytes = calloc(1, bytes_size);
	assert_non_null(bytes);
	put16(11, SECTOR);
	bytes[13] = 1;
	put16(14, 32);
	bytes[16] = 1;
	put16(17, kind == 32 ? 0 : ROOT_ENTRIES);
	put32(32, (uint32_t)(bytes_size / SECTOR));
	bytes[21] = 0xf8;
	put16(22, kind == 32 ? 0 : (uint32_t)table);
	root_cluster = 0;
	if (kind == 32) {
		put32(36, (uint32_t)table);
		put32(44, root_cluster = 2);
	}
	set_next(0, last());
	set_next(1, last());
	if (kind == 32) {
		set_next(2, last());
		root_at = cluster_at(2);
	}
	for (uint32_t c = 2; c < 40; c++)
		memset(bytes + cluster_at(c), kind == 32 && c == 2 ? 0 : (int)c, SECTOR);
}

static void start(void)
{
	char words[200] = "";
	struct source s = source();

	fat_done(&volume);
	assert_int_equal(fat_open(&volume, &s, words, sizeof(words)), 0);
	assert_string_equal(words, "");
}

/* Entry number `n` of the directory that lies at `dir_at`. Returns its node. */
static uint64_t put_entry(size_t dir_at, unsigned int n, const char *name, uint8_t attributes, uint32_t cluster, uint32_t size)
{
	size_t at = dir_at + n * 32;

	memset(bytes + at, 0, 32);
	memcpy(bytes + at, name, 11);
	bytes[at + 11] = attributes;
	put16(at + 26, cluster);
	if (bits == 32)
		put16(at + 20, cluster >> 16);
	put32(at + 28, size);
	return at / 32;
}

static void put_directory(uint32_t cluster)
{
	set_next(cluster, last());
	memset(bytes + cluster_at(cluster), 0, SECTOR);
}

static uint8_t checksum(const char *name)
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((sum & 1 ? 0x80 : 0) + (sum >> 1) + (uint8_t)name[i]);
	return sum;
}

/* Long name entries from number `n` on, for the short name. Returns the number of the entry that follows. */
static unsigned int put_long(size_t dir_at, unsigned int n, const uint16_t *units, size_t count, const char *short_name)
{
	static const uint8_t places[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	unsigned int entries = (unsigned int)((count + 12) / 13);

	for (unsigned int e = entries; e > 0; e--, n++) {
		size_t at = dir_at + n * 32;

		memset(bytes + at, 0, 32);
		bytes[at] = (uint8_t)(e | (e == entries ? 0x40 : 0));
		bytes[at + 11] = 0x0f;
		bytes[at + 13] = checksum(short_name);
		for (unsigned int i = 0; i < 13; i++) {
			size_t u = (e - 1) * 13 + i;

			put16(at + places[i], u < count ? units[u] : u == count ? 0 : 0xffff);
		}
	}
	return n;
}

static unsigned int put_long_ascii(size_t dir_at, unsigned int n, const char *name, const char *short_name)
{
	uint16_t units[300];
	size_t count = strlen(name);

	for (size_t i = 0; i < count; i++)
		units[i] = (uint8_t)name[i];
	return put_long(dir_at, n, units, count, short_name);
}

/* The names of a directory, sorted, joined by "|"; directories with "/". */
static int names_of(uint64_t node, char *out, size_t out_size)
{
	struct listing l = { 0 };
	size_t at = 0;
	int r = fat_list(&volume, node, &l);

	if (r == 0)
		r = listing_sort(&l);
	out[0] = '\0';
	for (size_t i = 0; r == 0 && i < l.count; i++)
		at += (size_t)snprintf(out + at, out_size - at, "%s%s%s", i ? "|" : "", listing_name(&l, &l.entries[i]),
				       l.entries[i].type == S_IFDIR ? "/" : "");
	assert_true(at < out_size);
	listing_done(&l);
	return r;
}

static void assert_root(const char *expected)
{
	char names[4096];

	assert_int_equal(names_of(FAT_ROOT, names, sizeof(names)), 0);
	assert_string_equal(names, expected);
}

static int open_file(uint64_t node)
{
	struct fat_file f;
	int r = fat_file_open(&volume, node, &f);

	if (r == 0)
		fat_file_done(&f);
	return r;
}

/* -- files --------------------------------------------------------------------------------------------------- */

static void test_fragmented(void **state)
{
	static const uint32_t chain[] = { 9, 10, 7, 31, 8 }; /* odd and even entries, forward and back */

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct fat_file f;
		uint8_t read[5 * SECTOR];
		uint64_t node;

		make(kinds[k]);
		for (size_t i = 0; i < ARRAY_LEN(chain); i++)
			set_next(chain[i], i + 1 < ARRAY_LEN(chain) ? chain[i + 1] : last());
		node = put_entry(root_at, 0, "PARTS   BIN", 0, 9, 4 * SECTOR + 100);
		start();
		assert_int_equal(volume.bits, kinds[k]);
		assert_int_equal(fat_file_open(&volume, node, &f), 0);
		assert_int_equal(f.chain.count, 4);
		assert_int_equal(fat_file_read(&volume, &f, 0, read, sizeof(read)), 4 * SECTOR + 100);
		for (size_t i = 0; i < 4 * SECTOR + 100; i++)
			assert_int_equal(read[i], chain[i / SECTOR]);
		assert_int_equal(fat_file_read(&volume, &f, 3 * SECTOR - 1, read, 2), 2);
		assert_int_equal(read[0], 7);
		assert_int_equal(read[1], 31);
		assert_int_equal(fat_file_read(&volume, &f, 4 * SECTOR + 99, read, 50), 1);
		assert_int_equal(fat_file_read(&volume, &f, 4 * SECTOR + 100, read, 50), 0);
		assert_int_equal(fat_file_read(&volume, &f, UINT64_MAX, read, 50), 0);
		fat_file_done(&f);
	}
}

/* FAT12 entries over the border of two pieces of the table, and all others: each is read as it was written. */
static void test_every_table_entry(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct fat_chain chain;
		bool ended;

		make(kinds[k]);
		for (uint32_t c = 3; c < clusters + 1; c++)
			set_next(c, c + 1);
		set_next(clusters + 1, last());
		start();
		assert_int_equal(fat_chain_read(&volume, 3, UINT32_MAX, &chain, &ended), 0);
		assert_true(ended);
		assert_int_equal(chain.count, 1);
		assert_int_equal(chain.clusters, clusters - 1);
		fat_chain_done(&chain);
	}
}

static void test_reserved_bits(void **state)
{
	uint64_t node;

	make(32);
	set_next(5, 0xf0000006);
	set_next(6, 0xffffffff);
	node = put_entry(root_at, 0, "A          ", 0, 0x30000005, 2 * SECTOR);
	start();
	assert_int_equal(open_file(node), 0);
}

static void test_broken_chains(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		uint64_t node;

		make(kinds[k]);
		node = put_entry(root_at, 0, "A          ", 0, 5, 3 * SECTOR);
		set_next(5, 6);
		set_next(6, 7);
		set_next(7, last());
		start();
		assert_int_equal(open_file(node), 0);
		set_next(6, last()); /* shorter than the size */
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, 5); /* a loop, though 3 clusters of it could be read */
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, 6);
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, 0); /* free */
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, 1);
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, last() - 8); /* bad */
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, clusters + 2); /* past the end */
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(6, clusters + 1); /* the last one, but free */
		start();
		assert_int_equal(open_file(node), -EIO);
		set_next(clusters + 1, last());
		start();
		assert_int_equal(open_file(node), 0);
	}
}

static void test_sizes(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct fat_file f;
		uint64_t empty, none, all, beyond;
		char byte;

		make(kinds[k]);
		set_next(5, last());
		empty = put_entry(root_at, 0, "EMPTY      ", 0, 5, 0);
		none = put_entry(root_at, 1, "NONE       ", 0, 0, 1);
		all = put_entry(root_at, 2, "ALL        ", 0, 5, UINT32_MAX);
		beyond = put_entry(root_at, 3, "BEYOND     ", 0, 0x0fffffff, 1);
		start();
		assert_int_equal(fat_file_open(&volume, empty, &f), 0);
		assert_int_equal(fat_file_read(&volume, &f, 0, &byte, 1), 0);
		fat_file_done(&f);
		assert_int_equal(open_file(none), -EIO);
		assert_int_equal(open_file(all), -EIO);
		assert_int_equal(open_file(beyond), -EIO);
	}
}

/* Two files may claim the same clusters: both are read, as they lie there. */
static void test_cross_linked_files(void **state)
{
	uint64_t one, two;

	make(16);
	set_next(5, 6);
	set_next(6, last());
	one = put_entry(root_at, 0, "ONE        ", 0, 5, 2 * SECTOR);
	two = put_entry(root_at, 1, "TWO        ", 0, 6, SECTOR);
	start();
	assert_int_equal(open_file(one), 0);
	assert_int_equal(open_file(two), 0);
}

/* -- directories ----------------------------------------------------------------------------------------------- */

static void test_directory_loops(void **state)
{
	char names[200];

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		uint64_t a, itself, b, back, second, root;

		make(kinds[k]);
		put_directory(5);
		put_directory(6);
		a = put_entry(root_at, 0, "A          ", DIRECTORY, 5, 0);
		second = put_entry(root_at, 1, "SECOND     ", DIRECTORY, 6, 0);
		put_entry(cluster_at(5), 0, ".          ", DIRECTORY, 5, 0);
		put_entry(cluster_at(5), 1, "..         ", DIRECTORY, 0, 0);
		itself = put_entry(cluster_at(5), 2, "ITSELF     ", DIRECTORY, 5, 0);
		b = put_entry(cluster_at(5), 3, "B          ", DIRECTORY, 6, 0);
		back = put_entry(cluster_at(6), 0, "BACK       ", DIRECTORY, 5, 0);
		root = put_entry(cluster_at(6), 1, "ROOT       ", DIRECTORY, root_cluster, 0);
		start();
		assert_int_equal(names_of(a, names, sizeof(names)), 0);
		assert_string_equal(names, "B/|ITSELF/");
		assert_int_equal(names_of(a, names, sizeof(names)), 0); /* again is no second owner */
		assert_int_equal(names_of(itself, names, sizeof(names)), -EIO);
		assert_int_equal(names_of(b, names, sizeof(names)), 0);
		assert_int_equal(names_of(back, names, sizeof(names)), -EIO);
		assert_int_equal(names_of(second, names, sizeof(names)), -EIO); /* B's */
		assert_int_equal(names_of(root, names, sizeof(names)), -EIO);
		assert_root("A/|SECOND/");
	}
}

/* Found by test_mutations(): the entry of a directory lay in the directory, reached through another one whose chain
 * joins it. */
static void test_directory_within_itself(void **state)
{
	char names[200];

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		uint64_t a, b;

		make(kinds[k]);
		put_directory(5);
		put_directory(6);
		set_next(5, 6);
		for (unsigned int i = 0; i < SECTOR / 32; i++)
			put_entry(cluster_at(5), i, "\xe5          ", 0, 0, 0);
		a = put_entry(root_at, 0, "A          ", DIRECTORY, 5, 0);
		b = put_entry(cluster_at(6), 0, "B          ", DIRECTORY, 6, 0);
		start();
		assert_int_equal(names_of(a, names, sizeof(names)), 0);
		assert_string_equal(names, "B/");
		assert_int_equal(names_of(b, names, sizeof(names)), -EIO);
	}
}

static void test_directory_chains(void **state)
{
	char names[200];
	uint64_t node, file;

	make(32);
	node = put_entry(root_at, 0, "BIG        ", DIRECTORY, 5, 0);
	file = put_entry(root_at, 1, "FILE       ", 0, 5, 1);
	for (uint32_t c = 5; c < 5 + 4096; c++) { /* 65536 entries, all deleted */
		set_next(c, c + 1);
		for (size_t i = 0; i < SECTOR; i += 32)
			bytes[cluster_at(c) + i] = 0xe5;
	}
	set_next(5 + 4095, last());
	start();
	assert_int_equal(names_of(node, names, sizeof(names)), 0);
	assert_string_equal(names, "");
	set_next(5 + 4095, 5 + 4096); /* one more */
	set_next(5 + 4096, last());
	start();
	assert_int_equal(names_of(node, names, sizeof(names)), -EIO);
	set_next(6, 5);
	start();
	assert_int_equal(names_of(node, names, sizeof(names)), -EIO);
	assert_int_equal(names_of(file, names, sizeof(names)), -ENOTDIR);
	assert_int_equal(open_file(node), -EISDIR);
}

static void test_full_root(void **state)
{
	struct listing l = { 0 };
	char name[12];

	make(12);
	for (unsigned int i = 0; i < ROOT_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "FILE%04u   ", i);
		put_entry(root_at, i, name, 0, 0, 0);
	}
	put_entry(data_at, 0, "BEHIND     ", 0, 0, 0);
	start();
	assert_int_equal(fat_list(&volume, FAT_ROOT, &l), 0);
	assert_int_equal(l.count, ROOT_ENTRIES);
	listing_done(&l);
}

static void test_entries_passed_over(void **state)
{
	make(16);
	put_entry(root_at, 0, "LABEL      ", VOLUME_LABEL, 0, 0);
	put_entry(root_at, 1, "\xe5ONE       ", 0, 0, 0);
	put_entry(root_at, 2, "HERE    TXT", 0x27, 0, 0); /* hidden, system, read-only, archive: listed all the same */
	put_entry(root_at, 4, "BEHIND     ", 0, 0, 0); /* after the end */
	start();
	assert_root("HERE.TXT");
}

static void test_nodes_from_nowhere(void **state)
{
	struct fat_entry e;

	make(16);
	put_entry(root_at, 0, "LABEL      ", VOLUME_LABEL, 0, 0);
	start();
	assert_int_equal(fat_stat(&volume, 0, &e), -EIO);
	assert_int_equal(fat_stat(&volume, 2, &e), -EIO);
	assert_int_equal(fat_stat(&volume, root_at / 32, &e), -EIO);
	assert_int_equal(fat_stat(&volume, bytes_size / 32, &e), -EIO);
	assert_int_equal(fat_stat(&volume, UINT64_MAX / 32 + 1, &e), -EIO);
	assert_int_equal(fat_stat(&volume, UINT64_MAX, &e), -EIO);
}

static void test_times(void **state)
{
	struct fat_entry e;
	uint64_t node;

	make(16);
	node = put_entry(root_at, 0, "A          ", 0, 0, 0);
	put16(root_at + 24, (2026 - 1980) << 9 | 11 << 5 | 22);
	put16(root_at + 22, 13 << 11 | 37 << 5 | 58 / 2);
	start();
	assert_int_equal(fat_stat(&volume, node, &e), 0);
	assert_int_equal(e.mtime, 1795354678);
}

/* -- names ------------------------------------------------------------------------------------------------------- */

static void test_short_names(void **state)
{
	make(16);
	put_entry(root_at, 0, "README  TXT", 0, 0, 0);
	bytes[root_at + 12] = 0x18;
	put_entry(root_at, 1, "MIXED   C  ", 0, 0, 0);
	bytes[root_at + 32 + 12] = 0x08;
	put_entry(root_at, 2, "\x05X         ", 0, 0, 0);
	put_entry(root_at, 3, "L\x8eNGE      ", 0, 0, 0);
	start();
	assert_root("L\u00c4NGE|mixed.C|readme.txt|\u03c3X");
}

static void test_long_names(void **state)
{
	static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
				      "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
				      "6789012345678901234567890123456789012345678901234567890123456789012345678901234";
	static const uint16_t paired[] = { 0xd83d, 0xde00 }, lone[] = { 'x', 0xdc00, 0xd800 };
	unsigned int n;
	char expected[1000];

	assert_int_equal(strlen(longest), 255);
	make(32);
	/* 20 entries do not fit into a cluster: the directory goes on. */
	put_directory(3);
	set_next(2, 3);
	n = put_long_ascii(root_at, 0, longest, "LONGES~1   ");
	put_entry(root_at, n, "LONGES~1   ", 0, 0, 0);
	n = put_long(root_at, n + 1, paired, ARRAY_LEN(paired), "PAIRED~1   ");
	put_entry(root_at, n, "PAIRED~1   ", 0, 0, 0);
	n = put_long(root_at, n + 1, lone, ARRAY_LEN(lone), "LONE~1     ");
	put_entry(root_at, n, "LONE~1     ", 0, 0, 0);
	n = put_long_ascii(root_at, n + 1, "thirteen unit", "THIRTE~1   ");
	put_entry(root_at, n, "THIRTE~1   ", DIRECTORY, 7, 0);
	start();
	(void)snprintf(expected, sizeof(expected), "%s|thirteen unit/|x\xed\xb0\x80\xed\xa0\x80|\U0001F600", longest);
	assert_root(expected);
}

static void test_long_name_garbage(void **state)
{
	unsigned int n;

	make(16);
	n = put_long_ascii(root_at, 0, "a wrong checksum", "OTHER      ");
	put_entry(root_at, n, "CHECKSUM   ", 0, 0, 0);
	n = put_long_ascii(root_at, n + 1, "an order that is wrong", "ORDER      ");
	bytes[root_at + (n - 1) * 32] = 2;
	n = put_entry(root_at, n, "ORDER      ", 0, 0, 0) - root_at / 32;
	n = put_long_ascii(root_at, n + 1, "one that is not complete", "MISSING    ") - 1;
	put_entry(root_at, n, "MISSING    ", 0, 0, 0);
	n = put_long_ascii(root_at, n + 1, "an orphan before a deleted one", "AFTER      ");
	put_entry(root_at, n, "\xe5" "ELETED    ", 0, 0, 0);
	put_entry(root_at, n + 1, "AFTER      ", 0, 0, 0);
	n = put_long_ascii(root_at, n + 2, "thirteen unit", "NUMBER     ");
	bytes[root_at + (n - 1) * 32] = 0x40 | 21; /* more than there can be */
	put_entry(root_at, n, "NUMBER     ", 0, 0, 0);
	n = put_long_ascii(root_at, n + 1, "thirteen unit", "ZERO       ");
	bytes[root_at + (n - 1) * 32] = 0x40;
	put_entry(root_at, n, "ZERO       ", 0, 0, 0);
	start();
	assert_root("AFTER|CHECKSUM|MISSING|NUMBER|ORDER|ZERO");
}

static void assert_refused(const char *one, const char *two)
{
	unsigned int n = 0;
	char names[200];

	make(16);
	n = put_long_ascii(root_at, n, one, "ONE        ");
	put_entry(root_at, n, "ONE        ", 0, 0, 0);
	if (two) {
		n = put_long_ascii(root_at, n + 1, two, "TWO        ");
		put_entry(root_at, n, "TWO        ", 0, 0, 0);
	}
	start();
	assert_int_equal(names_of(FAT_ROOT, names, sizeof(names)), -EIO);
}

static void test_impossible_names(void **state)
{
	char names[200];

	assert_refused("a/b", NULL);
	assert_refused("..", NULL);
	assert_refused(".", NULL);
	assert_refused("twice", "twice");
	make(16);
	put_entry(root_at, 0, "A/B        ", 0, 0, 0);
	start();
	assert_int_equal(names_of(FAT_ROOT, names, sizeof(names)), -EIO);
	put_entry(root_at, 0, "           ", 0, 0, 0);
	start();
	assert_int_equal(names_of(FAT_ROOT, names, sizeof(names)), -EIO);
	put_entry(root_at, 0, "A\0B        ", 0, 0, 0);
	start();
	assert_int_equal(names_of(FAT_ROOT, names, sizeof(names)), -EIO);
	put_entry(root_at, 0, "SAME       ", 0, 0, 0);
	put_entry(root_at, 1, "SAME       ", 0, 0, 0);
	start();
	assert_int_equal(names_of(FAT_ROOT, names, sizeof(names)), -EIO);
	put_entry(root_at, 1, "OTHER      ", 0, 0, 0);
	start();
	assert_root("OTHER|SAME");
}

/* -- the boot sector ----------------------------------------------------------------------------------------------- */

static void test_boot_sectors(void **state)
{
	static const struct {
		unsigned int kind, at, width;
		uint32_t value;
		const char *words;
	} rows[] = {
		{ 16, 11, 2, 0, "sector or cluster size" },   { 16, 11, 2, 513, "sector or cluster size" },
		{ 16, 11, 2, 8192, "sector or cluster size" }, { 16, 13, 1, 0, "sector or cluster size" },
		{ 16, 13, 1, 3, "sector or cluster size" },   { 16, 14, 2, 0, "no allocation table" },
		{ 16, 16, 1, 0, "no allocation table" },      { 32, 36, 4, 0, "no allocation table" },
		{ 16, 17, 2, 0, "no root directory" },	       { 32, 17, 2, 16, "root of FAT16" },
		{ 32, 42, 2, 1, "unknown version" },	       { 32, 40, 2, 0x81, "not the first copy" },
		{ 16, 32, 4, 0, "no sectors" },		       { 16, 32, 4, 0x7fffffff, "more sectors than there are" },
		{ 16, 32, 4, 40, "no room" },		       { 16, 14, 2, 0xffff, "no room" },
		{ 16, 16, 1, 0xff, "no room" },		       { 32, 36, 4, 0xffffffff, "no room" },
		{ 32, 44, 4, 0, "nowhere" },		       { 32, 44, 4, 9002, "nowhere" },
		{ 32, 44, 4, 0xffffffff, "nowhere" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char words[200] = "";
		struct source s;

		make(rows[i].kind);
		if (rows[i].width == 1)
			bytes[rows[i].at] = (uint8_t)rows[i].value;
		else if (rows[i].width == 2)
			put16(rows[i].at, rows[i].value);
		else
			put32(rows[i].at, rows[i].value);
		s = source();
		fat_done(&volume);
		assert_int_equal(fat_open(&volume, &s, words, sizeof(words)), -EINVAL);
		if (!strstr(words, rows[i].words))
			fail_msg("row %zu: \"%s\"", i, words);
	}
}

static void test_cut_off(void **state)
{
	char words[200];
	struct source s;

	make(16);
	s = source();
	s.size = 100;
	assert_int_equal(fat_open(&volume, &s, words, sizeof(words)), -EIO);
	s.size = bytes_size - 1;
	assert_int_equal(fat_open(&volume, &s, words, sizeof(words)), -EINVAL);
	assert_int_equal(source_read(&s, bytes_size - 2, words, 1), 0);
	assert_int_equal(source_read(&s, bytes_size - 2, words, 2), -EIO);
	assert_int_equal(source_read(&s, UINT64_MAX, words, 2), -EIO);
	assert_int_equal(source_read(&s, 1, words, SIZE_MAX), -EIO);
}

/* A table with fewer entries than there are clusters: the rest are nobody's. */
static void test_short_table(void **state)
{
	uint64_t node;

	make(16);
	put16(22, 2); /* 512 entries */
	bytes[16] = (uint8_t)((data_at - ROOT_ENTRIES * 32 - fat_at) / SECTOR / 2);
	node = put_entry(root_at, 0, "A          ", 0, 512, 1);
	start();
	assert_int_equal(volume.cluster_count, 510);
	assert_int_equal(open_file(node), -EIO);
}

static void test_dirty(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		make(kinds[k]);
		start();
		assert_false(volume.is_dirty);
		bytes[kinds[k] == 32 ? 65 : 37] = 1;
		start();
		assert_true(volume.is_dirty);
		bytes[kinds[k] == 32 ? 65 : 37] = 0;
		if (kinds[k] == 12)
			continue;
		set_next(1, kinds[k] == 16 ? 0x7fff : 0x07ffffff); /* in use */
		start();
		assert_true(volume.is_dirty);
		set_next(1, kinds[k] == 16 ? 0xbfff : 0x0bffffff); /* errors */
		start();
		assert_true(volume.is_dirty);
	}
}

/* -- whatever comes --------------------------------------------------------------------------------------------------- */

static unsigned int visits;

/* All that a walk does; the number of steps has a bound since each directory has one owner. */
static void walk(uint64_t node)
{
	struct listing l = { 0 };
	int r = fat_list(&volume, node, &l);

	assert_true(++visits < 100000);
	for (size_t i = 0; r == 0 && i < l.count; i++) {
		struct fat_file f;
		char block[700];

		if (l.entries[i].type == S_IFDIR)
			walk(l.entries[i].node);
		else if (fat_file_open(&volume, l.entries[i].node, &f) == 0) {
			(void)!fat_file_read(&volume, &f, 0, block, sizeof(block));
			(void)!fat_file_read(&volume, &f, f.size / 2, block, sizeof(block));
			fat_file_done(&f);
		}
	}
	listing_done(&l);
}

static uint32_t number(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Changed bytes in the places that mean something: nothing is read outside the volume (read_memory() would see it), and
 * every walk ends. */
static void test_mutations(void **state)
{
	uint32_t seed = 1;

	for (unsigned int round = 0; round < 3000; round++) {
		char words[200];
		struct source s;

		make(kinds[round % 3]);
		for (uint32_t c = 3; c < 30; c++) {
			put_directory(c);
			for (unsigned int i = 0; i < 15; i++)
				put_entry(cluster_at(c), i, "FILE     00", i < 4 ? DIRECTORY : 0, 3 + number(&seed) % 40, number(&seed) % 3000);
			for (unsigned int i = 0; i < 15; i++)
				bytes[cluster_at(c) + i * 32 + 10] = (uint8_t)('0' + i);
		}
		memcpy(bytes + root_at, bytes + cluster_at(3), SECTOR);
		for (uint32_t c = 3; c < 43; c++)
			if (number(&seed) % 2)
				set_next(c, number(&seed) % 45);
		for (unsigned int i = number(&seed) % 6; i > 0; i--)
			bytes[number(&seed) % 90] = (uint8_t)number(&seed);
		for (unsigned int i = 0; i < 60; i++)
			bytes[root_at + number(&seed) % (24 * SECTOR)] = (uint8_t)number(&seed);
		s = source();
		fat_done(&volume);
		visits = 0;
		if (fat_open(&volume, &s, words, sizeof(words)) == 0)
			walk(FAT_ROOT);
	}
}

static int done(void **state)
{
	fat_done(&volume);
	free(bytes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fragmented),
		cmocka_unit_test(test_every_table_entry),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_broken_chains),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_cross_linked_files),
		cmocka_unit_test(test_directory_loops),
		cmocka_unit_test(test_directory_within_itself),
		cmocka_unit_test(test_directory_chains),
		cmocka_unit_test(test_full_root),
		cmocka_unit_test(test_entries_passed_over),
		cmocka_unit_test(test_nodes_from_nowhere),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_short_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_long_name_garbage),
		cmocka_unit_test(test_impossible_names),
		cmocka_unit_test(test_boot_sectors),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_short_table),
		cmocka_unit_test(test_dirty),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("intake FAT", tests, NULL, done);
}
