/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files that are longer than one look of libclamav: which are looked at in windows, which are owed, which are held. The looks
 * are short ones here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "../lib/examining.h"
#include "examine/windows.h"

#define LOOK (1u << 20)
#define WINDOW (256u << 10)
#define OVERLAP (16u << 10)
#define SIZE ((3u << 20) + 777)

static struct bench bench;
static struct clam *engine;
static uint8_t *data;
static char *eicar;
static size_t eicar_size;

static int set_up(void **state)
{
	static const char *const names[] = { "db-ndb", "eicar", NULL };
	struct database_file file;
	struct clam_setup setup = { .files = &file, .file_count = 1, .shipped_dir = "rules/clamav", .scan_time_ms = 60000,
				    .look_max = LOOK, .window_bytes = WINDOW, .window_overlap = OVERLAP };
	char why[WHY_MAX] = "";

	bench_make(&bench, names);
	file = pinned(&bench, "eicar.ndb");
	setup.database_fd = bench.dir_fd;
	setup.private_parent = bench.dir;
	if (clam_open(&setup, &engine, why) < 0)
		fail_msg("%s", why);
	free(file.name);
	free(file.sha256);
	assert_int_equal(clam_set_tmpdir(engine, bench.tmp), 0);
	assert_int_equal(file_read(bench.dir_fd, "eicar.com", 100, &eicar, &eicar_size), 0);
	data = malloc(SIZE);
	assert_non_null(data);
	return 0;
}

static int tear_down(void **state)
{
	free(data);
	free(eicar);
	clam_free(engine);
	bench_remove(&bench);
	return 0;
}

static void fill(void)
{
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 31 + i / 257 + 128) | 0x80; /* numbers without a magic one */
}

static bool inspect(const char *note, struct findings *f, struct tally *t)
{
	struct containers containers;
	uint8_t sum[SHA256_LEN];
	struct clam_file file = { .data = data, .size = SIZE, .raw_name = "weights", .sum = sum, .containers = &containers,
				  .window_note = note };

	containers_find(data, SIZE, &containers);
	assert_int_equal(sha256(data, SIZE, sum), 0);
	return clam_inspect(engine, &file, f, t);
}

static void test_a_long_flat_file_is_clean_when_every_window_is(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	_cleanup_(tally_done) struct tally t = { 0 };

	fill();
	assert_true(inspect("in windows", &f, &t));
	if (f.count > 0)
		print_findings("clean", &f);
	assert_int_equal(f.count, 0);
	assert_true(f.done & CHECK_VIRUS);
	assert_int_equal(t.owed_count + t.inspected_count, 0);
}

/* Wherever it lies: in each window, across each edge, at both ends. */
static void test_malware_is_found_in_every_place(void **state)
{
	const size_t step = WINDOW - OVERLAP;
	size_t places[64], count = 0;

	places[count++] = 0;
	places[count++] = SIZE - eicar_size;
	for (size_t edge = step; edge < SIZE && count + 4 < ARRAY_LEN(places); edge += step) {
		places[count++] = edge - eicar_size / 2;		   /* across a window's start */
		places[count++] = edge + OVERLAP - eicar_size / 2;	   /* across the end of the one before */
	}
	for (size_t i = 0; i < count; i++) {
		_cleanup_(findings_done) struct findings f = { 0 };
		_cleanup_(tally_done) struct tally t = { 0 };

		if (places[i] + eicar_size > SIZE)
			continue;
		fill();
		memcpy(data + places[i], eicar, eicar_size);
		(void)inspect("in windows", &f, &t);
		if (!has_finding(&f, REASON_MALWARE, NULL))
			fail_msg("not found at %zu", places[i]);
	}
}

static void test_without_a_reason_for_windows_it_is_a_limit(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	_cleanup_(tally_done) struct tally t = { 0 };

	fill();
	assert_false(inspect(NULL, &f, &t));
	assert_true(has_finding(&f, REASON_LIMIT_EXCEEDED, ""));
	assert_false(f.done & CHECK_VIRUS);
}

/* What a window happens to begin with is no type: a zip's header in the midst of weights is numbers. */
static void test_a_window_is_raw_data(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	_cleanup_(tally_done) struct tally t = { 0 };

	fill();
	memcpy(data + (WINDOW - OVERLAP), "\x28\xb5\x2f\xfd", 4);
	memcpy(data + 2 * (WINDOW - OVERLAP), "Rar!\x1a\x07\0", 7);
	memcpy(data + 3 * (WINDOW - OVERLAP), "7z\xbc\xaf\x27\x1c\0\4", 8);
	assert_true(inspect("in windows", &f, &t));
	if (f.count > 0)
		print_findings("raw", &f);
	assert_int_equal(f.count, 0);
	assert_true(f.done & CHECK_VIRUS);
}

static void test_a_long_container_is_owed(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	_cleanup_(tally_done) struct tally t = { 0 };

	fill();
	memcpy(data, "!<arch>\ndebian-binary", 21);
	assert_false(inspect("in windows", &f, &t)); /* a container is opened, whatever else it may be */
	assert_int_equal(f.count, 0);
	assert_true(f.done & CHECK_VIRUS);
	assert_int_equal(t.owed_count, 1);
	assert_null(t.owed[0].member);
}

/* Of a document the attachments and scripts come out, and not all of its bytes. */
static void test_a_long_document_is_held(void **state)
{
	static const char *const starts[] = { "%PDF-1.5\n", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		_cleanup_(findings_done) struct findings f = { 0 };
		_cleanup_(tally_done) struct tally t = { 0 };

		fill();
		memcpy(data, starts[i], strlen(starts[i]));
		assert_false(inspect("in windows", &f, &t));
		assert_true(has_finding(&f, REASON_LIMIT_EXCEEDED, ""));
		assert_int_equal(t.owed_count, 0);
	}
}

static struct types types_of(const char *first, const char *second)
{
	struct types t = { .count = 0 };

	assert_int_equal(types_add(&t, first, strlen(first)), 0);
	if (second)
		assert_int_equal(types_add(&t, second, strlen(second)), 0);
	return t;
}

static void test_which_types_may_be_looked_at_in_windows(void **state)
{
	static const struct {
		const char *first, *second;
		bool is_good;
	} rows[] = {
		{ "application/vnd.safetensors", NULL, true },
		{ "application/vnd.gguf", "application/octet-stream", true },
		{ "video/mp4", "application/octet-stream", true },
		{ "audio/mpeg", NULL, true },
		{ "application/octet-stream", NULL, false },
		{ "application/x-dosexec", NULL, false },
		{ "video/mp4", "application/zip", false },
		{ "text/plain", NULL, false },
		{ "video", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct types t = types_of(rows[i].first, rows[i].second);

		if (!!window_note(&t) != rows[i].is_good)
			fail_msg("%s", rows[i].first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_long_flat_file_is_clean_when_every_window_is),
		cmocka_unit_test(test_malware_is_found_in_every_place),
		cmocka_unit_test(test_without_a_reason_for_windows_it_is_a_limit),
		cmocka_unit_test(test_a_window_is_raw_data),
		cmocka_unit_test(test_a_long_container_is_owed),
		cmocka_unit_test(test_a_long_document_is_held),
		cmocka_unit_test(test_which_types_may_be_looked_at_in_windows),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
