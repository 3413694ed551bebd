/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files that are not what they were: grown, shrunk, exchanged, unreadable; and what the stream then says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "reader/feed.h"

#include "../lib/testing.h"

#define CHUNK STREAM_CHUNK_MAX

static int ends[2];

static int make_stream(void **state)
{
	(void)signal(SIGPIPE, SIG_IGN);
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int close_stream(void **state)
{
	(void)close(ends[0]);
	(void)close(ends[1]);
	return 0;
}

struct job {
	struct feed *feed;
	int fd;
	struct stat seen;
	enum stream_status status;
	const char *detail;
	char words[128]; /* the detail outlives the feed */
	int r;
};

static void *feed_it(void *context)
{
	struct job *j = context;

	j->r = feed_file(j->feed, 7, j->fd, &j->seen, &j->status, &j->detail);
	return NULL;
}

static uint64_t little(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

struct stream {
	uint64_t data, zeros, parts;
	enum stream_status status;
	bool all_x; /* every data byte was 'x' */
};

/* Read one file's stream. `act` is called once, when the first bytes have arrived: the feeder is in the midst of it. */
static struct stream drain(void (*act)(int fd), int fd)
{
	static uint8_t data[CHUNK];
	struct stream s = { .all_x = true };
	uint8_t head[STREAM_HEADER_LEN];

	assert_int_equal(fd_read_exact(ends[1], head, sizeof(head)), 0);
	assert_int_equal(little(head, 4), STREAM_BEGIN);
	assert_int_equal(little(head + 8, 8), 7);
	for (;;) {
		uint64_t size;

		assert_int_equal(fd_read_exact(ends[1], head, sizeof(head)), 0);
		size = little(head + 4, 4);
		if (little(head, 4) == STREAM_END)
			break;
		s.parts++;
		if (little(head, 4) == STREAM_ZEROS) {
			assert_int_equal(size, 0);
			s.zeros += little(head + 8, 8);
		} else {
			assert_int_equal(little(head, 4), STREAM_DATA);
			assert_true(size > 0 && size <= CHUNK);
			assert_int_equal(fd_read_exact(ends[1], data, size), 0);
			s.data += size;
			for (size_t i = 0; i < size; i++)
				s.all_x &= data[i] == 'x';
		}
		if (act)
			act(fd);
		act = NULL;
	}
	s.status = (enum stream_status)little(head + 4, 4);
	assert_int_equal(little(head + 8, 8), 7);
	return s;
}

static struct stream feed_and_drain(int fd, const struct stat *seen, void (*act)(int fd), struct job *job)
{
	pthread_t thread;
	struct stream s;

	*job = (struct job){ .feed = feed_new(ends[0]), .fd = fd };
	if (seen)
		job->seen = *seen;
	else
		assert_int_equal(fstat(fd, &job->seen), 0);
	assert_int_equal(pthread_create(&thread, NULL, feed_it, job), 0);
	s = drain(act, fd);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)snprintf(job->words, sizeof(job->words), "%s", job->detail);
	feed_free(job->feed);
	assert_int_equal(job->r, 0);
	assert_int_equal(s.status, job->status);
	assert_int_equal(job->words[0] == '\0', s.status == STREAM_COMPLETE);
	return s;
}

static int file_of(char c, size_t size)
{
	_cleanup_free_ char *data = malloc(size + 1);

	memset(data, c, size);
	return memory_file(data, size);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 4096, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		_cleanup_close_ int fd = file_of('x', sizes[i]);
		struct job job;
		struct stream s = feed_and_drain(fd, NULL, NULL, &job);

		assert_int_equal(s.status, STREAM_COMPLETE);
		assert_int_equal(s.data, sizes[i]);
		assert_int_equal(s.zeros, 0);
		assert_true(s.all_x);
	}
}

/* Holes and zeros travel as numbers. */
static void test_zero_chunks(void **state)
{
	_cleanup_close_ int fd = memory_file("", 0), mixed = file_of('x', 5);
	struct job job;
	struct stream s;

	assert_int_equal(ftruncate(fd, 64 * CHUNK), 0);
	s = feed_and_drain(fd, NULL, NULL, &job);
	assert_int_equal(s.status, STREAM_COMPLETE);
	assert_int_equal(s.zeros, 64 * CHUNK);
	assert_int_equal(s.data, 0);
	assert_int_equal(ftruncate(mixed, 2 * CHUNK + 3), 0);
	s = feed_and_drain(mixed, NULL, NULL, &job);
	assert_int_equal(s.status, STREAM_COMPLETE);
	assert_int_equal(s.data + s.zeros, 2 * CHUNK + 3);
	assert_true(s.zeros > 0);
}

static void grow(int fd)
{
	assert_int_equal(pwrite(fd, "y", 1, 64 * CHUNK), 1);
}

static void shrink(int fd)
{
	assert_int_equal(ftruncate(fd, 64 * CHUNK - 1), 0);
}

static void rewrite(int fd)
{
	const struct timespec tick = { .tv_nsec = 50000000 }; /* time stamps are as coarse as the kernel's timer */

	assert_int_equal(nanosleep(&tick, NULL), 0);
	assert_int_equal(pwrite(fd, "y", 1, 0), 1); /* same size; only the time tells */
}

/* The stream's socket holds less than the file, so that the feeder is in the midst of it when its file changes. */
static void test_changes_while_reading(void **state)
{
	static void (*const acts[])(int) = { grow, shrink, rewrite };

	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		_cleanup_close_ int fd = file_of('x', 64 * CHUNK);
		struct job job;

		assert_int_equal(feed_and_drain(fd, NULL, acts[i], &job).status, STREAM_CHANGED);
	}
}

static void test_another_file_than_was_seen(void **state)
{
	_cleanup_close_ int fd = file_of('x', 100), other = file_of('x', 100);
	struct stat seen, changed;
	struct job job;

	assert_int_equal(fstat(fd, &seen), 0);
	assert_int_equal(feed_and_drain(fd, &seen, NULL, &job).status, STREAM_COMPLETE);
	assert_int_equal(feed_and_drain(other, &seen, NULL, &job).status, STREAM_CHANGED);
	changed = seen;
	changed.st_size++;
	assert_int_equal(feed_and_drain(fd, &changed, NULL, &job).status, STREAM_CHANGED);
	changed = seen;
	changed.st_mtim.tv_nsec ^= 1;
	assert_int_equal(feed_and_drain(fd, &changed, NULL, &job).status, STREAM_CHANGED);
	changed = seen;
	changed.st_ino++;
	assert_int_equal(feed_and_drain(fd, &changed, NULL, &job).status, STREAM_CHANGED);
}

/* By now it is a device or a pipe: not a byte is read from it. */
static void test_no_longer_a_file(void **state)
{
	_cleanup_close_ int device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct stat seen;
	struct job job;
	struct stream s;

	assert_int_equal(fstat(device, &seen), 0);
	s = feed_and_drain(device, &seen, NULL, &job);
	assert_int_equal(s.status, STREAM_CHANGED);
	assert_int_equal(s.parts, 0);
}

/* A file that holds more than it says (as some files of /proc do) is not complete. */
static void test_more_than_announced(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	struct job job;
	struct stream s = feed_and_drain(fd, NULL, NULL, &job);

	assert_int_equal(s.status, STREAM_CHANGED);
	assert_true(s.data <= 1);
}

/* A file that cannot be read: /proc/self/mem at offset 0 gives EIO. */
static void test_unreadable(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	struct job job;

	assert_int_equal(feed_and_drain(fd, NULL, NULL, &job).status, STREAM_UNREADABLE);
	assert_string_equal(job.words, "unreadable at byte 0: Input/output error");
}

/* -- bad sectors: reading goes through here (the executable's symbol is taken before the C library's) ----------- */

static struct {
	int fd;		      /* on this one; -1: nowhere */
	uint64_t from, to;    /* bytes that cannot be read */
	int error;
	unsigned int heals;   /* after so many failures it can be read; 0: never */
	unsigned int failures, calls;
	size_t smallest;      /* bytes asked for */
} bad = { .fd = -1 };

ssize_t faulty_pread(int fd, void *to, size_t size, off_t at) __asm__("pread64");
ssize_t faulty_pread(int fd, void *to, size_t size, off_t at)
{
	if (fd == bad.fd) {
		bad.calls++;
		bad.smallest = MIN(bad.smallest, size);
	}
	if (fd == bad.fd && (uint64_t)at >= bad.from && (uint64_t)at < bad.to &&
	    (bad.heals == 0 || bad.failures < bad.heals)) {
		bad.failures++;
		errno = bad.error;
		return -1;
	}
	if (fd == bad.fd && (uint64_t)at < bad.from && (uint64_t)at + size > bad.from)
		size = bad.from - (uint64_t)at; /* up to the bad sector, as the kernel does */
	return syscall(SYS_pread64, fd, to, size, at);
}

ssize_t faulty_pread_checked(int fd, void *to, size_t size, off_t at, size_t room) __asm__("__pread64_chk");
ssize_t faulty_pread_checked(int fd, void *to, size_t size, off_t at, size_t room)
{
	assert_true(size <= room);
	return faulty_pread(fd, to, size, at);
}

static void break_file(int fd, uint64_t from, uint64_t to, int error, unsigned int heals)
{
	bad.fd = fd;
	bad.from = from;
	bad.to = to;
	bad.error = error;
	bad.heals = heals;
	bad.failures = bad.calls = 0;
	bad.smallest = SIZE_MAX;
}

static void test_a_bad_sector_is_named(void **state)
{
	_cleanup_close_ int fd = file_of('x', 3 * CHUNK);
	struct job job;
	struct stream s;

	break_file(fd, CHUNK + 8192, CHUNK + 8704, EIO, 0);
	s = feed_and_drain(fd, NULL, NULL, &job);
	assert_int_equal(s.status, STREAM_UNREADABLE);
	assert_int_equal(s.data, CHUNK + 8192);
	assert_string_equal(job.words, "unreadable at byte 1056768: Input/output error");
	assert_int_equal(bad.failures, 3); /* once, and twice more */
	assert_int_equal(bad.smallest, 4096);
	bad.fd = -1;
}

static void test_a_second_reading_helps(void **state)
{
	for (unsigned int heals = 1; heals <= 2; heals++) {
		_cleanup_close_ int fd = file_of('x', 3 * CHUNK);
		struct job job;
		struct stream s;

		break_file(fd, CHUNK + 8192, CHUNK + 8704, EIO, heals);
		s = feed_and_drain(fd, NULL, NULL, &job);
		assert_int_equal(s.status, STREAM_COMPLETE);
		assert_int_equal(s.data, 3 * CHUNK);
		assert_true(s.all_x);
		bad.fd = -1;
	}
}

/* One volume's budget, over all of its files; and a device that is no longer there is not asked again. */
static void test_retries_end(void **state)
{
	static const struct {
		int error;
		unsigned int files, calls;
		bool is_gone;
	} rows[] = { { EIO, 63, 63 * 3, false }, { EIO, 64, 64 * 3, true }, { ENODEV, 1, 1, true }, { ENOTCONN, 1, 1, true } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_close_ int fd = file_of('x', 100);
		struct feed *f = feed_new(ends[0]);
		enum stream_status status;
		const char *detail;
		struct stat seen;

		assert_int_equal(fstat(fd, &seen), 0);
		break_file(fd, 0, 100, rows[i].error, 0);
		for (unsigned int k = 0; k < rows[i].files; k++) {
			assert_false(feed_has_lost_medium(f));
			assert_int_equal(feed_file(f, k, fd, &seen, &status, &detail), 0);
			assert_int_equal(status, STREAM_UNREADABLE);
		}
		assert_int_equal(bad.calls, rows[i].calls);
		assert_int_equal(feed_has_lost_medium(f), rows[i].is_gone);
		bad.fd = -1;
		feed_free(f);
	}
}

static void test_retries_are_counted(void **state)
{
	_cleanup_close_ int fd = file_of('x', 8192);
	struct feed *f = feed_new(ends[0]);
	enum stream_status status;
	const char *detail;
	struct stat seen;

	assert_int_equal(fstat(fd, &seen), 0);
	for (unsigned int k = 0; k < 150; k++) { /* each begins well: the medium is there */
		static uint8_t sink[16384];

		break_file(fd, 4096, 8192, EIO, 0);
		assert_int_equal(feed_file(f, k, fd, &seen, &status, &detail), 0);
		assert_int_equal(status, STREAM_UNREADABLE);
		assert_int_equal(bad.failures, k < 100 ? 3 : 1); /* 200 of them for a volume */
		assert_true(recv(ends[1], sink, sizeof(sink), 0) > 4096);
	}
	assert_false(feed_has_lost_medium(f));
	bad.fd = -1;
	feed_free(f);
}

static void test_vault_has_gone(void **state)
{
	_cleanup_close_ int fd = file_of('x', 4 * CHUNK);
	struct feed *f = feed_new(ends[0]);
	enum stream_status status;
	const char *detail;
	struct stat seen;

	assert_int_equal(fstat(fd, &seen), 0);
	(void)close(ends[1]);
	assert_int_equal(feed_file(f, 7, fd, &seen, &status, &detail), -EPIPE);
	feed_free(f);
}

#define WITH_STREAM(test) cmocka_unit_test_setup_teardown(test, make_stream, close_stream)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STREAM(test_sizes),
		WITH_STREAM(test_zero_chunks),
		WITH_STREAM(test_changes_while_reading),
		WITH_STREAM(test_another_file_than_was_seen),
		WITH_STREAM(test_no_longer_a_file),
		WITH_STREAM(test_more_than_announced),
		WITH_STREAM(test_unreadable),
		WITH_STREAM(test_a_bad_sector_is_named),
		WITH_STREAM(test_a_second_reading_helps),
		WITH_STREAM(test_retries_end),
		WITH_STREAM(test_retries_are_counted),
		WITH_STREAM(test_vault_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
