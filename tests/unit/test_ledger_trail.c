/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The audit trail: every way of altering it is found, every way of tearing its end is survived (invariant 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "common/chain.h"
#include "common/fd.h"
#include "ledger/trail.h"

#define RECORDS 300

/* Positions in the long trail: all near its ends, some between (each costs a walk of up to 300 signatures). */
#define FEW	   25
#define NEXT(n) ((n) < FEW || (n) >= RECORDS - FEW ? (n) + 1 : MIN((n) + 17, RECORDS - FEW))

static char dir[] = "/tmp/lazaret-trail-XXXXXX";
static int top_fd = -EBADF, dir_fd = -EBADF;
static struct minisign_secret *key, *other_key;
static char *good; /* a whole trail of RECORDS records */
static size_t good_size;

static const struct minisign_public *public_key(void)
{
	return minisign_secret_public(key);
}

static struct trail *open_trail(void)
{
	struct trail *t = NULL;
	const char *why = NULL;

	assert_int_equal(trail_open(dir_fd, key, "station one", false, &t, &why), 0);
	return t;
}

static int try_append(struct trail *t, int n)
{
	json_t *body = json_pack("{sisss[sis]}", "n", n, "name", "a \"quoted\" name \\ \xc3\xa9", "list", "x", n, "y");
	struct trail_place place;
	const char *why = NULL;
	int r = trail_append(t, "test-record", body, &place, &why);

	json_decref(body);
	return r;
}

static void set_trail(const void *data, size_t size)
{
	assert_int_equal(file_replace(dir_fd, CHAIN_FILE, data, size, 0640), 0);
}

static char *get_trail(size_t *ret_size)
{
	char *data;

	assert_int_equal(file_read(dir_fd, CHAIN_FILE, 64 << 20, &data, ret_size), 0);
	return data;
}

static struct chain_result walk_bytes(const char *data, size_t size, const struct minisign_public *with)
{
	static int fd = -EBADF;
	struct chain_result result;

	if (fd < 0)
		fd = memfd_create("trail", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, data, size, 0), size);
	assert_int_equal(chain_walk(fd, with, NULL, &result), 0);
	return result;
}

static struct chain_result walk(void)
{
	size_t size;
	_cleanup_free_ char *data = get_trail(&size);

	return walk_bytes(data, size, public_key());
}

static int setup(void **state)
{
	struct trail *t;

	if (!mkdtemp(dir) || minisign_secret_new(&key) < 0 || minisign_secret_new(&other_key) < 0)
		return -1;
	top_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_open_make(top_fd, "audit", 0700, &dir_fd) < 0)
		return -1;
	t = open_trail();
	for (int i = 1; i < RECORDS; i++)
		assert_int_equal(try_append(t, i), 0);
	trail_free(t);
	good = get_trail(&good_size);
	return 0;
}

static int teardown(void **state)
{
	free(good);
	close_p(&dir_fd);
	close_p(&top_fd);
	minisign_secret_free(key);
	minisign_secret_free(other_key);
	return dir_remove_tree(AT_FDCWD, dir);
}

/* Offset of line `n` (from 0); of the end when n == RECORDS. */
static size_t line_at(int n)
{
	const char *p = good;

	for (; n > 0; n--)
		p = strchr(p, '\n') + 1;
	return (size_t)(p - good);
}

static void test_06_a_whole_trail_is_good(void **state)
{
	struct chain_result r = walk_bytes(good, good_size, public_key());

	assert_true(r.is_good);
	assert_int_equal(r.records, RECORDS);
	assert_int_equal(r.last_seq, RECORDS - 1);
	assert_int_equal(r.fragments, 0);
	assert_true(walk_bytes(good, good_size, NULL).is_good);
}

static void test_06_another_key_is_found(void **state)
{
	struct chain_result r = walk_bytes(good, good_size, minisign_secret_public(other_key));

	assert_false(r.is_good);
	assert_int_equal(r.bad_line, 1);
}

/* A line with good form and hash, signed with the wrong key. */
static void test_06_forged_signature_is_found(void **state)
{
	struct chain_result before = walk_bytes(good, good_size, public_key());
	_cleanup_free_ char *line = NULL, *bytes = malloc(good_size + CHAIN_LINE_MAX);
	json_t *body = json_pack("{ss}", "verdict", "approved");
	uint8_t hash[SHA256_LEN];
	struct chain_result r;
	size_t size;

	assert_int_equal(chain_line_make(other_key, before.last_seq + 1, before.last_hash, 1, "decision", body, &line,
					 &size, hash), 0);
	json_decref(body);
	memcpy(bytes, good, good_size);
	memcpy(bytes + good_size, line, size);
	r = walk_bytes(bytes, good_size + size, public_key());
	assert_false(r.is_good);
	assert_int_equal(r.bad_line, RECORDS + 1);
	assert_false(r.is_torn_end);
}

/* Only lines around the change are walked again: a change in line n cannot be hidden by what is far away, and the
 * whole trail for each of its bytes would take hours. The window is a trail of its own: it starts at line 0. */
static void test_06_every_changed_byte_is_found(void **state)
{
	size_t size = line_at(4);
	_cleanup_free_ char *bytes = malloc(size);

	for (size_t i = 0; i < size; i++) {
		static const unsigned char masks[] = { 0x01, 0x20, 0x80 };

		for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
			struct chain_result r;

			memcpy(bytes, good, size);
			bytes[i] = (char)(bytes[i] ^ masks[k]);
			r = walk_bytes(bytes, size, public_key());
			assert_false(r.is_good);
			assert_true(r.bad_offset <= i);
		}
	}
}

/* And one byte in lines of the long trail, at a place that moves through all fields. */
static void test_06_a_changed_byte_in_a_long_trail_is_found(void **state)
{
	_cleanup_free_ char *bytes = malloc(good_size);

	for (int n = 0; n < RECORDS; n = NEXT(n)) {
		size_t from = line_at(n), size = line_at(n + 1) - from, i = from + (size_t)(n * 7) % size;
		struct chain_result r;

		memcpy(bytes, good, good_size);
		bytes[i] ^= 0x02;
		r = walk_bytes(bytes, good_size, public_key());
		assert_false(r.is_good);
		assert_true(r.bad_line == (uint64_t)n + 1);
	}
}

static void test_06_every_deleted_byte_is_found(void **state)
{
	size_t size = line_at(4);
	_cleanup_free_ char *bytes = malloc(size);

	for (size_t i = 0; i < size; i++) {
		memcpy(bytes, good, i);
		memcpy(bytes + i, good + i + 1, size - i - 1);
		assert_false(walk_bytes(bytes, size - 1, public_key()).is_good);
	}
}

static void test_06_every_inserted_byte_is_found(void **state)
{
	static const char inserted[] = { ' ', '\n', '0', '\0', '\t' };
	size_t size = line_at(3);
	_cleanup_free_ char *bytes = malloc(size + 1);

	for (size_t i = 0; i <= size; i++)
		for (size_t k = 0; k < sizeof(inserted); k++) {
			memcpy(bytes, good, i);
			bytes[i] = inserted[k];
			memcpy(bytes + i + 1, good + i, size - i);
			assert_false(walk_bytes(bytes, size + 1, public_key()).is_good);
		}
}

static void test_06_every_deleted_line_is_found(void **state)
{
	_cleanup_free_ char *bytes = malloc(good_size);

	for (int n = 0; n < RECORDS - 1; n = NEXT(n)) {
		size_t from = line_at(n), to = line_at(n + 1);
		struct chain_result r;

		memcpy(bytes, good, from);
		memcpy(bytes + from, good + to, good_size - to);
		r = walk_bytes(bytes, good_size - (to - from), public_key());
		assert_false(r.is_good);
		assert_int_equal(r.bad_line, n + 1);
	}
}

static void test_06_every_swapped_pair_of_lines_is_found(void **state)
{
	_cleanup_free_ char *bytes = malloc(good_size);

	for (int n = 0; n < RECORDS - 1; n = NEXT(n)) {
		size_t a = line_at(n), b = line_at(n + 1), c = line_at(n + 2);

		memcpy(bytes, good, good_size);
		memcpy(bytes + a, good + b, c - b);
		memcpy(bytes + a + (c - b), good + a, b - a);
		assert_false(walk_bytes(bytes, good_size, public_key()).is_good);
	}
}

static void test_06_every_repeated_line_is_found(void **state)
{
	_cleanup_free_ char *bytes = malloc(2 * good_size);

	for (int n = 0; n < RECORDS; n = NEXT(n)) {
		size_t a = line_at(n), b = line_at(n + 1);

		memcpy(bytes, good, b);
		memcpy(bytes + b, good + a, good_size - a);
		assert_false(walk_bytes(bytes, b + good_size - a, public_key()).is_good);
	}
}

/* Truncation inside a record shows; between two records only a witness can tell (lazaret audit verify --expect-*). */
static void test_06_truncation(void **state)
{
	size_t last = line_at(5);

	for (size_t size = line_at(3); size < line_at(6); size++) {
		struct chain_result r = walk_bytes(good, size, public_key());
		bool is_boundary = good[size - 1] == '\n';

		assert_int_equal(r.is_good, is_boundary);
		assert_int_equal(r.is_torn_end, !is_boundary);
		if (size == last)
			assert_int_equal(r.last_seq, 4);
	}
	assert_false(walk_bytes("", 0, public_key()).is_good);
}

#define TORN 6 /* records of the trail whose last one is torn */

static void test_06_torn_at_every_byte_is_continued(void **state)
{
	size_t last = line_at(TORN - 1), end = line_at(TORN);

	for (size_t size = last; size <= end; size++) {
		bool is_complete = size >= end - 1, is_torn = size > last && !is_complete;
		struct chain_result r;
		struct trail *t;
		size_t now;
		_cleanup_free_ char *data = NULL;

		set_trail(good, size);
		t = open_trail();
		assert_int_equal(try_append(t, 1), 0);
		assert_int_equal(try_append(t, 2), 0);
		trail_free(t);
		r = walk();
		assert_true(r.is_good);
		assert_int_equal(r.fragments, is_torn);
		assert_int_equal(r.records, TORN - 1 + (is_complete ? 1 : 0) + (is_torn ? 1 : 0) + 2);
		data = get_trail(&now); /* nothing was cut */
		assert_memory_equal(data, good, size);
	}
}

/* Other shapes that a power cut leaves. */
static void test_06_odd_tails_are_continued(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} tails[] = {
		{ "\0\0\0\0", 4 },
		{ "\0\0\0\0}\n", 6 },
		{ "{\"body\"", 7 },
		{ "{\"body\"\n{\"bo", 12 }, /* declaring the first one was interrupted */
		{ "{\"body\"\n", 8 },
		{ "\n", 1 },
		{ "\n\n", 2 },
		{ "\xff\xfe", 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		_cleanup_free_ char *bytes = malloc(good_size + tails[i].size);
		struct trail *t;
		struct chain_result r;

		memcpy(bytes, good, good_size);
		memcpy(bytes + good_size, tails[i].bytes, tails[i].size);
		set_trail(bytes, good_size + tails[i].size);
		t = open_trail();
		assert_int_equal(try_append(t, 1), 0);
		trail_free(t);
		r = walk();
		assert_true(r.is_good);
		assert_int_equal(r.fragments, 1);
	}
}

static void test_06_long_zero_tail(void **state)
{
	size_t extra = 3 * CHAIN_LINE_MAX;
	_cleanup_free_ char *bytes = calloc(1, good_size + CHAIN_TORN_MAX + 10);
	const char *why = NULL;
	struct trail *t = NULL;
	struct chain_result r;

	memcpy(bytes, good, good_size);
	set_trail(bytes, good_size + extra);
	t = open_trail();
	assert_int_equal(try_append(t, 1), 0);
	trail_free(t);
	r = walk();
	assert_true(r.is_good);
	assert_int_equal(r.fragments, 1);

	set_trail(bytes, good_size + CHAIN_TORN_MAX + 10); /* no interrupted write is that long */
	assert_int_equal(trail_open(dir_fd, key, "s", false, &t, &why), -EBADMSG);
}

static void test_06_a_declared_fragment_cannot_change(void **state)
{
	size_t size, cut = line_at(RECORDS - 1) + 40, from = line_at(RECORDS - 1);
	_cleanup_free_ char *data = NULL;
	struct trail *t;

	set_trail(good, cut);
	t = open_trail();
	assert_int_equal(try_append(t, 1), 0);
	trail_free(t);
	data = get_trail(&size);
	assert_true(walk_bytes(data, size, public_key()).is_good);
	for (size_t i = from; i <= cut; i++) { /* its newline is part of it */
		data[i] ^= 0x04;
		assert_false(walk_bytes(data, size, public_key()).is_good);
		data[i] ^= 0x04;
	}
	memmove(data + from, data + from + 1, size - from - 1);
	assert_false(walk_bytes(data, size - 1, public_key()).is_good);
}

/* An altered record is not a torn one: nothing is appended to it. */
static void test_06_nothing_is_appended_to_an_altered_end(void **state)
{
	size_t last = line_at(RECORDS - 1);
	_cleanup_free_ char *bytes = malloc(good_size);
	char *digit;
	struct trail *t = NULL;
	const char *why = NULL;

	memcpy(bytes, good, good_size);
	digit = strstr(bytes + last, "\"n\":") + 4;
	*digit = *digit == '1' ? '2' : '1';
	set_trail(bytes, good_size);
	assert_int_equal(trail_open(dir_fd, key, "s", false, &t, &why), -EBADMSG);
	assert_non_null(why);

	set_trail(good, good_size);
	t = open_trail();
	set_trail(bytes, good_size); /* while it is open */
	assert_int_equal(try_append(t, 1), -EBADMSG);
	trail_free(t);
	assert_int_equal(trail_open(dir_fd, other_key, "s", false, &t, &why), -EBADMSG);
}

static void test_06_a_vanished_trail_is_not_begun_again(void **state)
{
	struct trail *t = NULL;
	const char *why = NULL;

	assert_int_equal(unlinkat(dir_fd, CHAIN_FILE, 0), 0);
	assert_int_equal(trail_open(dir_fd, key, "s", true, &t, &why), -ENOENT);
	assert_non_null(strstr(why, "missing"));
	t = open_trail();
	assert_int_equal(unlinkat(dir_fd, CHAIN_FILE, 0), 0);
	assert_int_equal(try_append(t, 1), -ENOENT);
	trail_free(t);
	set_trail("", 0);
	assert_int_equal(trail_open(dir_fd, key, "s", false, &t, &why), -EBADMSG);
	set_trail(good, good_size);
}

static void test_06_a_link_is_not_followed(void **state)
{
	struct trail *t = NULL;
	const char *why = NULL;

	assert_int_equal(unlinkat(dir_fd, CHAIN_FILE, 0), 0);
	assert_int_equal(symlinkat("elsewhere", dir_fd, CHAIN_FILE), 0);
	assert_int_equal(trail_open(dir_fd, key, "s", false, &t, &why), -ELOOP);
	assert_int_equal(unlinkat(dir_fd, CHAIN_FILE, 0), 0);
	set_trail(good, good_size);
}

/* A full disk: the append fails, and what is there stays good. RLIMIT_FSIZE stands in for the disk's end; SIGXFSZ is
 * ignored, so that write(2) says EFBIG after a part. */
static void test_06_a_failed_write_is_reported_and_continued(void **state)
{
	int status;
	pid_t pid;

	set_trail(good, good_size);
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { good_size + 100, good_size + 100 };
		struct trail *t = open_trail();

		(void)signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || try_append(t, 1) == 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	{
		struct trail *t = open_trail();

		assert_int_equal(try_append(t, 2), 0);
		trail_free(t);
	}
	assert_true(walk().is_good);
}

static void *append_many(void *context)
{
	struct trail *t = open_trail();

	for (int i = 0; i < 100; i++)
		if (try_append(t, i) < 0)
			return t; /* any pointer: failed */
	trail_free(t);
	return NULL;
}

static void test_06_two_writers_share_one_trail(void **state)
{
	pthread_t threads[3];
	struct chain_result r;

	set_trail(good, good_size);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	r = walk();
	assert_true(r.is_good);
	assert_int_equal(r.records, RECORDS + 300);
	assert_int_equal(r.fragments, 0);
}

static void test_last_report_is_found_behind_fragments(void **state)
{
	char sha[SHA256_HEX_LEN + 1], wanted[SHA256_HEX_LEN + 1];
	json_t *body;
	struct trail_place place;
	const char *why = NULL;
	struct trail *t;
	size_t size;
	_cleanup_free_ char *data = NULL;

	set_trail(good, good_size);
	t = open_trail();
	assert_int_equal(trail_last_report(t, sha), 0);
	assert_string_equal(sha, "");
	memset(wanted, 'a', SHA256_HEX_LEN);
	wanted[SHA256_HEX_LEN] = '\0';
	body = json_pack("{ssss}", "transfer", "T-1", "sha256", wanted);
	assert_int_equal(trail_append(t, CHAIN_TYPE_REPORT, body, &place, &why), 0);
	json_decref(body);
	data = get_trail(&size);
	set_trail(data, size - 1); /* lacks its newline */
	assert_int_equal(trail_last_report(t, sha), 0);
	assert_string_equal(sha, wanted);
	for (int i = 0; i < 300; i++)
		assert_int_equal(try_append(t, i), 0);
	free(data);
	data = get_trail(&size);
	set_trail(data, size - 30);
	assert_int_equal(try_append(t, 1), 0);
	assert_int_equal(trail_last_report(t, sha), 0);
	assert_string_equal(sha, wanted);
	assert_int_equal(trail_has_report(t, "T-1"), 0);
	assert_int_equal(trail_has_report(t, "T-2"), -ENOENT);
	trail_free(t);
}

/* -- segments, clock ------------------------------------------------------------------------------------------------- */

static struct trail *open_with(const struct trail_options *options)
{
	struct trail *t = NULL;
	const char *why = NULL;

	assert_int_equal(trail_open_with(dir_fd, key, "station one", false, options, &t, &why), 0);
	return t;
}

static struct chain_result walk_all(void)
{
	struct chain_result result;

	assert_int_equal(chain_walk_all(dir_fd, public_key(), CHAIN_SIGNATURES, NULL, &result), 0);
	return result;
}

static void test_06_a_full_file_is_closed(void **state)
{
	const struct trail_options options = { .segment_bytes = 4096, .witness_dir_fd = -EBADF };
	const char *why = NULL;
	struct stat st;
	struct trail *t;

	set_trail(good, line_at(3));
	t = open_with(&options);
	assert_int_equal(trail_rotate(t, &why), 0); /* not full */
	while (fstatat(dir_fd, CHAIN_FILE, &st, 0) == 0 && st.st_size < 4096)
		assert_int_equal(try_append(t, 1), 0);
	assert_int_equal(trail_reserve(t, 1 << 20), 0);
	assert_int_equal(trail_rotate(t, &why), 1);
	assert_int_equal(fstatat(dir_fd, "audit-0000000000.jsonl", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(st.st_blocks * 512 < 1 << 19); /* what was set aside behind its end was given back */
	assert_int_equal(trail_rotate(t, &why), 0); /* one record is no file to close */
	assert_int_equal(try_append(t, 2), 0);
	assert_true(walk_all().is_good);
	assert_int_equal(walk_all().segments, 1);
	trail_free(t);
	assert_int_equal(unlinkat(dir_fd, "audit-0000000000.jsonl", 0), 0);
}

/* A torn end is declared by the next record, and only then is the file closed. A name that is taken stops no record. */
static void test_06_a_file_that_cannot_be_closed_goes_on(void **state)
{
	const struct trail_options options = { .segment_bytes = 4096, .witness_dir_fd = -EBADF };
	const char *why = NULL;
	struct trail *t;

	set_trail(good, line_at(50) - 7);
	t = open_with(&options);
	assert_int_equal(trail_rotate(t, &why), 0);
	assert_int_equal(try_append(t, 1), 0);
	assert_int_equal(file_replace(dir_fd, "audit-0000000000.jsonl", "x", 1, 0640), 0);
	assert_int_equal(trail_rotate(t, &why), -EEXIST);
	assert_non_null(strstr(why, "name"));
	assert_int_equal(try_append(t, 2), 0);
	assert_true(walk().is_good);
	assert_int_equal(unlinkat(dir_fd, "audit-0000000000.jsonl", 0), 0);
	assert_int_equal(trail_rotate(t, &why), 1);
	assert_true(walk_all().is_good);
	assert_int_equal(walk_all().fragments, 1);
	trail_free(t);
	assert_int_equal(unlinkat(dir_fd, "audit-0000000000.jsonl", 0), 0);
}

static int keep_step(void *context, const struct chain_record *r, uint64_t line)
{
	if (strcmp(r->type, CHAIN_TYPE_CLOCK) == 0)
		json_object_update(context, r->body);
	return 0;
}

/* The battery of the clock is empty: it begins again years ago. */
static void test_06_a_clock_behind_the_trail_is_recorded(void **state)
{
	static const uint8_t zero[SHA256_LEN];
	const struct trail_options options = { .witness_dir_fd = -EBADF, .boot_id = "01234567-89ab-cdef-0123-456789abcdef" };
	char public[MINISIGN_PUBLIC_TEXT_LEN + 1];
	_cleanup_free_ char *line = NULL;
	json_t *body, *step = json_object();
	uint8_t hash[SHA256_LEN];
	int64_t later = time(NULL) + 100000;
	struct trail *t;
	size_t size;

	minisign_public_base64(public_key(), public);
	body = json_pack("{ssssss}", "format", CHAIN_FORMAT, "public_key", public, "station", "s");
	assert_int_equal(chain_line_make(key, 0, zero, later, CHAIN_TYPE_GENESIS, body, &line, &size, hash), 0);
	json_decref(body);
	set_trail(line, size);
	t = open_with(&options);
	assert_int_equal(try_append(t, 1), 0);
	assert_int_equal(try_append(t, 2), 0); /* once: the clock stands still behind the trail, and has not moved again */
	assert_int_equal(trail_walk(t, keep_step, step), 0);
	assert_int_equal(walk().records, 4);
	assert_string_equal(json_string_value(json_object_get(step, "boot")), "other");
	assert_int_equal(json_integer_value(json_object_get(step, "expected")), later);
	assert_true(json_integer_value(json_object_get(step, "moved_ms")) < -99000000);
	json_decref(step);
	trail_free(t);
	set_trail(good, good_size);
}

static void test_bodies(void **state)
{
	static const char *const bad[] = { "", "1", "[]", "{\"a\":1.5}", "{\"a\":{\"b\":[1e3]}}", "{\"a\":1,\"a\":2}", "{} x",
					   "{\"a\":\"\xff\"}", "{\"a\":NaN}", "{\"a\":\"\\u0000\"}" };
	const char *why = NULL;
	json_t *body = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(chain_body_parse(bad[i], strlen(bad[i]), &body, &why), -EINVAL);
		assert_non_null(why);
	}
	assert_int_equal(chain_body_parse("{\"a\":[1,{\"b\":null}]}", 20, &body, &why), 0);
	json_decref(body);
	assert_true(chain_type_valid("inspection-started"));
	assert_false(chain_type_valid(""));
	assert_false(chain_type_valid("Report"));
	assert_false(chain_type_valid("-x"));
	assert_false(chain_type_valid("a\nb"));
}

static void test_a_record_too_long_is_refused(void **state)
{
	_cleanup_free_ char *text = calloc(1, CHAIN_LINE_MAX + 1);
	json_t *body;
	struct trail_place place;
	const char *why = NULL;
	struct trail *t;

	set_trail(good, good_size);
	t = open_trail();
	memset(text, 'x', CHAIN_LINE_MAX);
	body = json_pack("{ss}", "text", text);
	assert_int_equal(trail_append(t, "test", body, &place, &why), -E2BIG);
	json_decref(body);
	assert_int_equal(try_append(t, 1), 0);
	trail_free(t);
	assert_true(walk().is_good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_06_a_whole_trail_is_good),
		cmocka_unit_test(test_06_another_key_is_found),
		cmocka_unit_test(test_06_forged_signature_is_found),
		cmocka_unit_test(test_06_every_changed_byte_is_found),
		cmocka_unit_test(test_06_a_changed_byte_in_a_long_trail_is_found),
		cmocka_unit_test(test_06_every_deleted_byte_is_found),
		cmocka_unit_test(test_06_every_inserted_byte_is_found),
		cmocka_unit_test(test_06_every_deleted_line_is_found),
		cmocka_unit_test(test_06_every_swapped_pair_of_lines_is_found),
		cmocka_unit_test(test_06_every_repeated_line_is_found),
		cmocka_unit_test(test_06_truncation),
		cmocka_unit_test(test_06_torn_at_every_byte_is_continued),
		cmocka_unit_test(test_06_odd_tails_are_continued),
		cmocka_unit_test(test_06_long_zero_tail),
		cmocka_unit_test(test_06_a_declared_fragment_cannot_change),
		cmocka_unit_test(test_06_nothing_is_appended_to_an_altered_end),
		cmocka_unit_test(test_06_a_vanished_trail_is_not_begun_again),
		cmocka_unit_test(test_06_a_link_is_not_followed),
		cmocka_unit_test(test_06_a_failed_write_is_reported_and_continued),
		cmocka_unit_test(test_06_two_writers_share_one_trail),
		cmocka_unit_test(test_last_report_is_found_behind_fragments),
		cmocka_unit_test(test_06_a_full_file_is_closed),
		cmocka_unit_test(test_06_a_file_that_cannot_be_closed_goes_on),
		cmocka_unit_test(test_06_a_clock_behind_the_trail_is_recorded),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_a_record_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
