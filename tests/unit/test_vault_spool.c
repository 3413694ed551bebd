/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The spool: limits, holes, the full disk, and the proof that nobody can write to a sealed copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "vault/spool.h"

#include "../lib/testing.h"

static char directory[64];
static int dir_fd;
static struct spool *spool;

static int make_directory(void **state)
{
	dir_fd = private_directory(directory);
	return 0;
}

static int remove_directory(void **state)
{
	spool = spool_free(spool);
	remove_private_directory(dir_fd, directory);
	return 0;
}

static void open_spool(uint64_t bytes, uint64_t files, uint64_t largest)
{
	const struct spool_limits limits = { .bytes = bytes, .files = files, .largest_bytes = largest };

	assert_int_equal(spool_new(fcntl(dir_fd, F_DUPFD_CLOEXEC, 0), &limits, &spool), 0);
}

static enum stream_status end(enum stream_status said, int *ret_fd, uint64_t *ret_size)
{
	enum stream_status status;
	uint8_t sum[SHA256_LEN];
	int fd;

	assert_int_equal(spool_end(spool, said, &status, ret_size, sum, &fd), 0);
	assert_int_equal(fd >= 0, status == STREAM_COMPLETE);
	if (ret_fd)
		*ret_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	return status;
}

static enum stream_status put(uint64_t id, size_t size)
{
	_cleanup_free_ char *data = calloc(1, size + 1);
	uint64_t told;

	memset(data, 'x', size);
	assert_int_equal(spool_begin(spool, id), 0);
	if (size > 0)
		spool_add(spool, data, size);
	return end(STREAM_COMPLETE, NULL, &told);
}

static size_t entries(void)
{
	size_t n = 0;

	for (uint64_t id = 0; id < 64; id++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "%016llx", (unsigned long long)id);
		n += exists(dir_fd, name);
	}
	return n;
}

static void test_sealed_copy(void **state)
{
	uint8_t sum[SHA256_LEN], expected[SHA256_LEN];
	enum stream_status status;
	char data[8] = "";
	struct stat st;
	uint64_t size;
	int fd, again;

	open_spool(100, 10, 100);
	assert_int_equal(spool_begin(spool, 7), 0);
	spool_add(spool, "ab", 2);
	spool_add(spool, "cd", 2);
	assert_int_equal(spool_open(spool, 7, &again), -ENOENT); /* not yet */
	assert_int_equal(spool_forget(spool, 7), -ENOENT);
	assert_int_equal(spool_end(spool, STREAM_COMPLETE, &status, &size, sum, &fd), 0);
	assert_int_equal(status, STREAM_COMPLETE);
	assert_int_equal(size, 4);
	assert_int_equal(sha256("abcd", 4, expected), 0);
	assert_memory_equal(sum, expected, SHA256_LEN);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(pread(fd, data, 8, 0), 4);
	assert_string_equal(data, "abcd");
	(void)close(fd);
	assert_int_equal(spool_open(spool, 7, &again), 0);
	assert_int_equal(pread(again, data, 8, 0), 4);
	(void)close(again);
	assert_int_equal(spool_forget(spool, 7), 0);
	assert_int_equal(spool_open(spool, 7, &again), -ENOENT);
	assert_int_equal(spool_forget(spool, 7), -ENOENT);
}

/* Somebody else holds it open for writing: there is no seal. */
static void test_a_writer_is_noticed(void **state)
{
	uint8_t sum[SHA256_LEN];
	enum stream_status status;
	uint64_t size;
	int writer, fd;

	open_spool(100, 10, 100);
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add(spool, "ab", 2);
	writer = openat(dir_fd, "0000000000000001", O_WRONLY | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(spool_end(spool, STREAM_COMPLETE, &status, &size, sum, &fd), -EBUSY);
	assert_int_equal(fd, -EBADF);
	assert_int_equal(entries(), 0);
	(void)close(writer);
	assert_int_equal(put(2, 5), STREAM_COMPLETE);
}

/* A shared mapping keeps a file writable after its descriptor is closed. */
static void test_a_writable_mapping_is_noticed(void **state)
{
	uint8_t sum[SHA256_LEN];
	enum stream_status status;
	uint64_t size;
	int writer, fd;
	char *map;

	open_spool(100, 10, 100);
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add(spool, "ab", 2);
	writer = openat(dir_fd, "0000000000000001", O_RDWR | O_CLOEXEC);
	map = mmap(NULL, 2, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	(void)close(writer);
	assert_int_equal(spool_end(spool, STREAM_COMPLETE, &status, &size, sum, &fd), -EBUSY);
	assert_int_equal(munmap(map, 2), 0);
}

static void test_quota_of_files(void **state)
{
	open_spool(100, 2, 100);
	assert_int_equal(put(0, 1), STREAM_COMPLETE);
	assert_int_equal(put(1, 1), STREAM_COMPLETE);
	assert_int_equal(put(2, 1), STREAM_QUOTA);
	assert_int_equal(entries(), 2);
	assert_int_equal(spool_forget(spool, 0), 0);
	assert_int_equal(put(3, 1), STREAM_COMPLETE);
}

static void test_quota_of_bytes(void **state)
{
	open_spool(10, 10, 10);
	assert_int_equal(put(0, 6), STREAM_COMPLETE);
	assert_int_equal(put(1, 5), STREAM_QUOTA);
	assert_int_equal(entries(), 1);
	assert_int_equal(put(2, 4), STREAM_COMPLETE); /* exactly full */
	assert_int_equal(put(3, 1), STREAM_QUOTA);
	assert_int_equal(put(4, 0), STREAM_COMPLETE);
	assert_int_equal(spool_forget(spool, 0), 0);
	assert_int_equal(put(5, 6), STREAM_COMPLETE);
}

static void test_largest_copy(void **state)
{
	open_spool(1000, 10, 10);
	assert_int_equal(put(0, 10), STREAM_COMPLETE);
	assert_int_equal(put(1, 11), STREAM_QUOTA);
	assert_int_equal(entries(), 1);
}

/* A copy that was given up half-way costs no quota: unreadable files must not use it up. */
static void test_what_is_given_up_costs_nothing(void **state)
{
	static const enum stream_status said[] = { STREAM_UNREADABLE, STREAM_CHANGED, STREAM_CUT };
	uint64_t size;

	open_spool(10, 1, 10);
	for (uint64_t id = 0; id < 9; id++) {
		assert_int_equal(spool_begin(spool, id), 0);
		spool_add(spool, "12345678", 8);
		if (id % 2)
			spool_add(spool, "123", 3); /* over the quota */
		assert_int_equal(end(said[id % 3], NULL, &size), id % 2 ? STREAM_QUOTA : said[id % 3]);
		assert_int_equal(size, 8);
		assert_int_equal(entries(), 0);
	}
	assert_int_equal(put(9, 10), STREAM_COMPLETE);
}

static void test_what_follows_is_swallowed(void **state)
{
	uint64_t size;

	open_spool(10, 10, 10);
	assert_int_equal(spool_begin(spool, 0), 0);
	spool_add(spool, "12345678901", 11);
	spool_add(spool, "1", 1); /* would fit again */
	spool_add_zeros(spool, UINT64_MAX);
	assert_int_equal(end(STREAM_COMPLETE, NULL, &size), STREAM_QUOTA);
	assert_int_equal(entries(), 0);
}

static void test_holes(void **state)
{
	enum { HOLE = 1 << 20 };
	_cleanup_free_ char *plain = calloc(1, HOLE + 2);
	uint8_t sum[SHA256_LEN], expected[SHA256_LEN];
	enum stream_status status;
	struct stat st;
	uint64_t size;
	int fd;

	open_spool(4 * HOLE, 10, 4 * HOLE);
	assert_int_equal(spool_begin(spool, 0), 0);
	spool_add(spool, "a", 1);
	spool_add_zeros(spool, HOLE);
	spool_add(spool, "b", 1);
	assert_int_equal(spool_end(spool, STREAM_COMPLETE, &status, &size, sum, &fd), 0);
	plain[0] = 'a';
	plain[HOLE + 1] = 'b';
	assert_int_equal(sha256(plain, HOLE + 2, expected), 0);
	assert_memory_equal(sum, expected, SHA256_LEN);
	assert_int_equal(sha256_fd(fd, sum, &size), 0);
	assert_memory_equal(sum, expected, SHA256_LEN);
	assert_int_equal(size, HOLE + 2);
	(void)close(fd);
	/* a hole at the end, and nothing else */
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add_zeros(spool, HOLE);
	assert_int_equal(end(STREAM_COMPLETE, &fd, &size), STREAM_COMPLETE);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, HOLE);
	assert_true(st.st_blocks * 512 < HOLE);
	(void)close(fd);
}

/* A hole counts in full: what is examined and published is that long. */
static void test_holes_count(void **state)
{
	uint64_t size;

	open_spool(1 << 20, 10, 1 << 20);
	assert_int_equal(spool_begin(spool, 0), 0);
	spool_add(spool, "a", 1);
	spool_add_zeros(spool, 1 << 20);
	assert_int_equal(end(STREAM_COMPLETE, NULL, &size), STREAM_QUOTA);
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add(spool, "a", 1);
	spool_add_zeros(spool, UINT64_MAX); /* the sum wraps */
	assert_int_equal(end(STREAM_COMPLETE, NULL, &size), STREAM_QUOTA);
}

static void test_ids_rise(void **state)
{
	uint64_t size;

	open_spool(100, 10, 100);
	assert_int_equal(put(5, 1), STREAM_COMPLETE);
	assert_int_equal(spool_begin(spool, 5), -EPROTO);
	assert_int_equal(spool_begin(spool, 4), -EPROTO);
	assert_int_equal(spool_begin(spool, UINT64_MAX), -EPROTO); /* nothing could follow it */
	assert_int_equal(spool_begin(spool, 6), 0);
	assert_int_equal(spool_begin(spool, 7), -EPROTO); /* one at a time */
	assert_int_equal(end(STREAM_COMPLETE, NULL, &size), STREAM_COMPLETE);
	{
		enum stream_status status;
		uint8_t sum[SHA256_LEN];
		int fd;

		assert_int_equal(spool_end(spool, STREAM_COMPLETE, &status, &size, sum, &fd), -EPROTO);
	}
}

/* A file that is there already is not written into. */
static void test_a_file_in_the_way(void **state)
{
	open_spool(100, 10, 100);
	write_file(dir_fd, "0000000000000000", "old", 3);
	assert_int_equal(put(0, 5), STREAM_CUT);
	assert_int_equal(put(1, 5), STREAM_COMPLETE);
}

static int put_kept(uint64_t id, const char *data)
{
	uint64_t size;
	int fd;

	assert_int_equal(spool_begin(spool, id), 0);
	spool_add(spool, data, strlen(data));
	assert_int_equal(end(STREAM_COMPLETE, &fd, &size), STREAM_COMPLETE);
	return fd;
}

static void assert_holds(int fd, const char *data)
{
	char read[64] = "";

	assert_int_equal(pread(fd, read, sizeof(read) - 1, 0), strlen(data));
	assert_string_equal(read, data);
	(void)close(fd);
}

/* The file of a forgotten copy becomes another: with nothing of the old one, and found by the new id alone. */
static void test_a_file_is_written_anew(void **state)
{
	struct stat before, after;
	int fd;

	open_spool(1000, 10, 1000);
	fd = put_kept(3, "a longer copy, which was there before");
	assert_int_equal(fstat(fd, &before), 0);
	(void)close(fd);
	assert_int_equal(spool_forget(spool, 3), 0);
	fd = put_kept(4, "short");
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_mode & 07777, 0400);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_holds(fd, "short");
	assert_int_equal(spool_open(spool, 3, &fd), -ENOENT);
	assert_int_equal(spool_forget(spool, 3), -ENOENT);
	assert_int_equal(spool_open(spool, 4, &fd), 0);
	assert_holds(fd, "short");
	assert_holds(put_kept(5, "beside it"), "beside it"); /* a file of its own */
	assert_int_equal(entries(), 2);
	assert_int_equal(spool_forget(spool, 4), 0);
	assert_holds(put_kept(6, ""), "");
	assert_int_equal(spool_open(spool, 5, &fd), 0);
	assert_holds(fd, "beside it");
	assert_int_equal(entries(), 2);
}

/* Whoever kept a copy, or a map of it, must never see another one there. */
static void test_a_file_that_somebody_has_is_not_written_anew(void **state)
{
	int kept, fd;
	char *map;

	open_spool(1000, 10, 1000);
	kept = put_kept(1, "first");
	assert_int_equal(spool_forget(spool, 1), 0);
	assert_holds(put_kept(2, "second"), "second");
	assert_holds(kept, "first");
	fd = openat(dir_fd, "0000000000000002", O_RDONLY | O_CLOEXEC);
	map = mmap(NULL, 6, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	(void)close(fd);
	assert_int_equal(spool_forget(spool, 2), 0);
	assert_holds(put_kept(3, "third"), "third");
	assert_memory_equal(map, "second", 6);
	assert_int_equal(munmap(map, 6), 0);
	assert_int_equal(entries(), 1);
}

/* Zeros that are not written are zeros also where the file had something else. */
static void test_a_hole_has_nothing_of_the_copy_before(void **state)
{
	enum { HOLE = 20000 };
	static char old[3 * HOLE + 1], expected[HOLE + 2], data[sizeof(expected)];
	uint64_t size;
	int fd;

	open_spool(1 << 20, 10, 1 << 20);
	memset(old, 'o', sizeof(old) - 1);
	(void)close(put_kept(0, old));
	assert_int_equal(spool_forget(spool, 0), 0);
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add(spool, "a", 1);
	spool_add_zeros(spool, HOLE);
	spool_add(spool, "b", 1);
	assert_int_equal(end(STREAM_COMPLETE, &fd, &size), STREAM_COMPLETE);
	expected[0] = 'a';
	expected[HOLE + 1] = 'b';
	assert_int_equal(pread(fd, data, sizeof(data), 0), sizeof(data));
	assert_memory_equal(data, expected, sizeof(data));
	(void)close(fd);
	assert_int_equal(spool_open(spool, 1, &fd), 0);
	(void)close(fd);
}

/* A copy that is given up takes its file with it; long files give their room back at once. */
static void test_files_that_are_not_kept(void **state)
{
	uint64_t size;

	open_spool(1 << 20, 2000, 1 << 20);
	assert_int_equal(put(0, 10), STREAM_COMPLETE);
	assert_int_equal(spool_forget(spool, 0), 0);
	assert_int_equal(entries(), 1);
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add(spool, "12345", 5);
	assert_int_equal(end(STREAM_CUT, NULL, &size), STREAM_CUT);
	assert_int_equal(entries(), 0);
	assert_int_equal(put(2, 100 << 10), STREAM_COMPLETE);
	assert_int_equal(spool_forget(spool, 2), 0);
	assert_int_equal(entries(), 0);
	for (uint64_t id = 3; id < 1003; id++)
		assert_int_equal(put(id, 1), STREAM_COMPLETE);
	for (uint64_t id = 3; id < 1003; id++)
		assert_int_equal(spool_forget(spool, id), 0);
	for (uint64_t id = 1003; id < 2003; id++)
		assert_int_equal(put(id, 2), STREAM_COMPLETE);
	for (uint64_t id = 1003; id < 2003; id++) {
		int fd;

		assert_int_equal(spool_open(spool, id, &fd), 0);
		assert_holds(fd, "xx");
	}
}

/* The disk is full, in the form that needs no root. */
static void test_full_disk(void **state)
{
	static char block[16384];
	struct rlimit before, small;
	uint64_t size;

	open_spool(1 << 20, 10, 1 << 20);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(spool_begin(spool, 0), 0);
	spool_add(spool, block, sizeof(block));
	assert_int_equal(end(STREAM_COMPLETE, NULL, &size), STREAM_NO_SPACE);
	assert_int_equal(spool_begin(spool, 1), 0);
	spool_add_zeros(spool, sizeof(block));
	assert_int_equal(end(STREAM_COMPLETE, NULL, &size), STREAM_NO_SPACE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(entries(), 0);
	assert_int_equal(put(2, 100), STREAM_COMPLETE);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_sealed_copy),
		IN_DIRECTORY(test_a_writer_is_noticed),
		IN_DIRECTORY(test_a_writable_mapping_is_noticed),
		IN_DIRECTORY(test_quota_of_files),
		IN_DIRECTORY(test_quota_of_bytes),
		IN_DIRECTORY(test_largest_copy),
		IN_DIRECTORY(test_what_is_given_up_costs_nothing),
		IN_DIRECTORY(test_what_follows_is_swallowed),
		IN_DIRECTORY(test_holes),
		IN_DIRECTORY(test_holes_count),
		IN_DIRECTORY(test_ids_rise),
		IN_DIRECTORY(test_a_file_in_the_way),
		IN_DIRECTORY(test_a_file_is_written_anew),
		IN_DIRECTORY(test_a_file_that_somebody_has_is_not_written_anew),
		IN_DIRECTORY(test_a_hole_has_nothing_of_the_copy_before),
		IN_DIRECTORY(test_files_that_are_not_kept),
		IN_DIRECTORY(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
