/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The stream of a reader that lies, stops anywhere, or arrives in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vault/receive.h"

#include "../lib/testing.h"

static char directory[64];
static int dir_fd;
static struct spool *spool;

static int make_spool(void **state)
{
	const struct spool_limits limits = { .bytes = 8 << 20, .files = 100, .largest_bytes = 4 << 20 };

	dir_fd = private_directory(directory);
	return spool_new(fcntl(dir_fd, F_DUPFD_CLOEXEC, 0), &limits, &spool);
}

static int remove_spool(void **state)
{
	spool = spool_free(spool);
	remove_private_directory(dir_fd, directory);
	return 0;
}

struct told {
	char text[512]; /* "id status size sum-prefix;" for each file */
	int answer;	/* what the callback returns */
};

static int on_file(void *context, uint64_t id, enum stream_status status, uint64_t size,
		   const uint8_t sum[static SHA256_LEN], int fd)
{
	struct told *t = context;
	size_t at = strlen(t->text);

	assert_int_equal(fd >= 0, status == STREAM_COMPLETE);
	(void)snprintf(t->text + at, sizeof(t->text) - at, "%llu %d %llu %02x%02x;", (unsigned long long)id, status,
		       (unsigned long long)size, sum[0], sum[1]);
	if (fd >= 0)
		(void)close(fd);
	return t->answer;
}

struct script {
	uint8_t bytes[1024];
	size_t size;
};

static void put(struct script *s, uint32_t type, uint32_t size, uint64_t value, const char *data)
{
	uint8_t *p = s->bytes + s->size;

	for (size_t i = 0; i < 4; i++) {
		p[i] = (uint8_t)(type >> (8 * i));
		p[4 + i] = (uint8_t)(size >> (8 * i));
	}
	for (size_t i = 0; i < 8; i++)
		p[8 + i] = (uint8_t)(value >> (8 * i));
	s->size += STREAM_HEADER_LEN;
	if (data) {
		memcpy(s->bytes + s->size, data, strlen(data));
		s->size += strlen(data);
	}
}

/* Pump what is there, and then the end of the stream. Returns the last result. */
static int run(const struct script *s, size_t split, struct told *told)
{
	struct receiver *r;
	int ends[2], e = 1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	r = receiver_new(spool, on_file, told);
	if (split > 0) {
		assert_int_equal(fd_write_all(ends[0], s->bytes, split), 0);
		e = receiver_pump(r, ends[1]);
	}
	if (e == 1 && split < s->size) {
		assert_int_equal(fd_write_all(ends[0], s->bytes + split, s->size - split), 0);
		e = receiver_pump(r, ends[1]);
	}
	(void)close(ends[0]);
	while (e == 1)
		e = receiver_pump(r, ends[1]);
	(void)close(ends[1]);
	receiver_free(r);
	return e;
}

static void two_files(struct script *s, uint64_t first)
{
	s->size = 0;
	put(s, STREAM_BEGIN, 0, first, NULL);
	put(s, STREAM_DATA, 3, 0, "abc");
	put(s, STREAM_ZEROS, 0, 5, NULL);
	put(s, STREAM_DATA, 1, 0, "d");
	put(s, STREAM_END, STREAM_COMPLETE, first, NULL);
	put(s, STREAM_BEGIN, 0, first + 1, NULL);
	put(s, STREAM_END, STREAM_UNREADABLE, first + 1, NULL);
	put(s, STREAM_BEGIN, 0, first + 2, NULL);
	put(s, STREAM_END, STREAM_COMPLETE, first + 2, NULL);
}

static void test_whole_stream(void **state)
{
	struct script s;
	struct told told = { 0 };

	two_files(&s, 0);
	assert_int_equal(run(&s, 0, &told), 0);
	/* SHA-256 of "abc\0\0\0\0\0d" and of nothing */
	assert_string_equal(told.text, "0 0 9 6942;1 1 0 0000;2 0 0 e3b0;");
}

/* Cut in two at every byte: the same result. */
static void test_split_anywhere(void **state)
{
	struct script s;

	two_files(&s, 0);
	for (size_t split = 0; split <= s.size; split++) {
		struct told told = { 0 };
		uint64_t first = 10 * (split + 1);
		char expected[128];

		two_files(&s, first);
		assert_int_equal(run(&s, split, &told), 0);
		(void)snprintf(expected, sizeof(expected), "%llu 0 9 6942;%llu 1 0 0000;%llu 0 0 e3b0;",
			       (unsigned long long)first, (unsigned long long)first + 1, (unsigned long long)first + 2);
		assert_string_equal(told.text, expected);
		for (uint64_t id = first; id < first + 3; id++)
			assert_int_equal(spool_forget(spool, id), id == first + 1 ? -ENOENT : 0);
	}
}

/* The stream ends at every byte: never a file more than was ended, and an open one is told as cut. */
static void test_end_anywhere(void **state)
{
	struct script s;
	size_t whole;

	two_files(&s, 0);
	whole = s.size;
	for (size_t cut = 0; cut < whole; cut++) {
		struct told told = { 0 };
		uint64_t first = 10 * (cut + 1);
		size_t completed = 0;

		two_files(&s, first);
		s.size = cut;
		/* between two files is a clean end: after the first END, and after the second */
		assert_int_equal(run(&s, 0, &told), cut == 0 || cut == 84 || cut == 116 ? 0 : -EPROTO);
		assert_false(spool_is_open(spool));
		for (const char *p = told.text; (p = strstr(p, " 0 9 6942;")); p++)
			completed++;
		assert_int_equal(completed, cut >= 84);
		assert_int_equal(spool_forget(spool, first), cut >= 84 ? 0 : -ENOENT);
	}
}

static const struct {
	const char *what;
	uint32_t type, size;
	uint64_t value;
	bool is_inside; /* sent inside a file */
} violations[] = {
	{ "type 0", 0, 0, 0, true },
	{ "unknown type", 5, 0, 0, false },
	{ "huge type", 0xffffffff, 0, 0, true },
	{ "begin in a file", STREAM_BEGIN, 0, 900, true },
	{ "begin with a size", STREAM_BEGIN, 1, 900, false },
	{ "id that does not rise", STREAM_BEGIN, 0, 0, false },
	{ "last id", STREAM_BEGIN, 0, UINT64_MAX, false },
	{ "data outside of a file", STREAM_DATA, 1, 0, false },
	{ "no data", STREAM_DATA, 0, 0, true },
	{ "too much data", STREAM_DATA, STREAM_CHUNK_MAX + 1, 0, true },
	{ "far too much data", STREAM_DATA, 0xffffffff, 0, true },
	{ "data with a value", STREAM_DATA, 1, 1, true },
	{ "zeros outside of a file", STREAM_ZEROS, 0, 1, false },
	{ "no zeros", STREAM_ZEROS, 0, 0, true },
	{ "zeros with a size", STREAM_ZEROS, 1, 1, true },
	{ "end outside of a file", STREAM_END, 0, 0, false },
	{ "end of another file", STREAM_END, 0, 7777, true },
	{ "unknown status", STREAM_END, STREAM_STATUS_COUNT_, 0, true },
	{ "huge status", STREAM_END, 0xffffffff, 0, true },
};

/* Each ends the stream; the copy that was open is told as cut, under its own id; and the next reader's stream works. */
static void test_violations(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(violations); i++) {
		struct script s = { .size = 0 };
		struct told told = { 0 };
		uint64_t id = 10 * (i + 1);
		char expected[64] = "";

		if (violations[i].is_inside)
			put(&s, STREAM_BEGIN, 0, id, NULL);
		else if (i > 0)
			put(&s, STREAM_BEGIN, 0, id, NULL), put(&s, STREAM_END, STREAM_CHANGED, id, NULL);
		put(&s, violations[i].type, violations[i].size,
		    violations[i].type == STREAM_END && violations[i].value == 0 ? id : violations[i].value, "x");
		if (run(&s, 0, &told) != -EPROTO)
			fail_msg("accepted: %s", violations[i].what);
		(void)snprintf(expected, sizeof(expected), "%llu %d 0 0000;", (unsigned long long)id,
			       violations[i].is_inside ? STREAM_CUT : STREAM_CHANGED);
		assert_string_equal(told.text, expected);
		assert_false(spool_is_open(spool));
		told.text[0] = '\0';
		two_files(&s, id + 1);
		assert_int_equal(run(&s, 0, &told), 0);
		assert_non_null(strstr(told.text, " 0 9 6942;"));
	}
}

/* More than the quota in one part: told, and the stream goes on. */
static void test_quota_does_not_end_the_stream(void **state)
{
	struct script s = { .size = 0 };
	struct told told = { 0 };

	put(&s, STREAM_BEGIN, 0, 1, NULL);
	put(&s, STREAM_ZEROS, 0, UINT64_MAX, NULL);
	put(&s, STREAM_END, STREAM_COMPLETE, 1, NULL);
	put(&s, STREAM_BEGIN, 0, 2, NULL);
	put(&s, STREAM_END, STREAM_COMPLETE, 2, NULL);
	assert_int_equal(run(&s, 0, &told), 0);
	assert_string_equal(told.text, "1 3 0 0000;2 0 0 e3b0;");
}

/* The supervisor has gone: that is no matter of the stream. */
static void test_error_of_the_callback_is_returned(void **state)
{
	struct script s;
	struct told told = { .answer = -EPIPE };

	two_files(&s, 0);
	assert_int_equal(run(&s, 0, &told), -EPIPE);
}

#define IN_SPOOL(test) cmocka_unit_test_setup_teardown(test, make_spool, remove_spool)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SPOOL(test_whole_stream),
		IN_SPOOL(test_split_anywhere),
		IN_SPOOL(test_end_anywhere),
		IN_SPOOL(test_violations),
		IN_SPOOL(test_quota_does_not_end_the_stream),
		IN_SPOOL(test_error_of_the_callback_is_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
