/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The docket: what collides, what a list means, and what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "supervisor/docket.h"

static const uint8_t sum[SHA256_LEN] = { 1, 2, 3 };

static struct docket *docket_of(const char *const *paths)
{
	struct docket *d;

	assert_int_equal(docket_open(":memory:", &d), 0);
	for (uint64_t id = 0; paths[id]; id++)
		assert_int_equal(docket_add(d, id, 0, ENTRY_FILE, paths[id], 10, 0), 0);
	return d;
}

static void assert_collides(const char *a, const char *b, const char *other)
{
	const char *const paths[] = { a, b, NULL };
	struct docket *d = docket_of(paths);
	_cleanup_free_ char *found = NULL, *back = NULL;

	assert_int_equal(docket_collision(d, 0, a, &found), 0);
	assert_int_equal(docket_collision(d, 0, b, &back), 0);
	if (other) {
		assert_non_null(found);
		assert_string_equal(found, other);
		assert_non_null(back);
	} else {
		assert_null(found);
		assert_null(back);
	}
	docket_free(d);
}

static void test_names_that_some_systems_cannot_tell_apart(void **state)
{
	assert_collides("readme.txt", "README.TXT", "README.TXT");
	assert_collides("caf\xc3\xa9", "cafe\xcc\x81", "cafe\xcc\x81");	/* NFC and NFD */
	assert_collides("stra\xc3\x9f" "e", "STRASSE", "STRASSE");
	assert_collides("Dir/a", "dir/b", "dir/"); /* two directories become one */
	assert_collides("x/Sub/a", "x/sub/b", "x/sub/");
	assert_collides("a", "b", NULL);
	assert_collides("dir/a", "dir/b", NULL);
	assert_collides("a", "dir/a", NULL);
}

/* Only a corrupt file system has both; the publisher could make the first and would fail at the second. */
static void test_a_file_that_is_a_directory_as_well(void **state)
{
	assert_collides("a", "a/b", "a/");
	assert_collides("x/A", "x/a/b", "x/a/");
}

static void test_volumes_do_not_collide(void **state)
{
	const char *const none[] = { NULL };
	struct docket *d = docket_of(none);
	char *other;

	assert_int_equal(docket_add(d, 0, 0, ENTRY_FILE, "a/b", 1, 0), 0);
	assert_int_equal(docket_add(d, 1, 1, ENTRY_FILE, "A/b", 1, 0), 0);
	assert_int_equal(docket_collision(d, 0, "a/b", &other), 0);
	assert_null(other);
	assert_int_equal(docket_collision(d, 1, "A/b", &other), 0);
	assert_null(other);
	docket_free(d);
}

static void test_one_path_twice_is_refused(void **state)
{
	const char *const one[] = { "a", NULL };
	struct docket *d = docket_of(one);

	assert_int_equal(docket_add(d, 1, 0, ENTRY_FILE, "a", 1, 0), -EEXIST);
	docket_free(d);
}

static int count_listing(void *context, const struct docket_listing *l)
{
	assert_string_equal(l->list_path, "SHA256SUMS");
	++*(int *)context;
	return 0;
}

/* "Setup.exe" in the list is SETUP.EXE on a FAT volume: a mismatch must not stay unseen. */
static void test_a_list_means_a_name_in_any_case(void **state)
{
	const char *const paths[] = { "SHA256SUMS", "SETUP.EXE", NULL };
	struct docket *d = docket_of(paths);
	int count = 0;

	assert_int_equal(docket_add_listing(d, 0, 0, "Setup.exe", "sha256", sum, sizeof(sum)), 0);
	assert_int_equal(docket_listings(d, 0, "SETUP.EXE", count_listing, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(docket_listings(d, 1, "SETUP.EXE", count_listing, &count), 0);
	assert_int_equal(count, 1);
	docket_free(d);
}

static void test_a_fresh_entry_is_blocked_and_has_nothing_done(void **state)
{
	const char *const one[] = { "a", NULL };
	struct docket *d = docket_of(one);
	struct docket_entry e = { 0 };
	struct docket_counts n;

	assert_int_equal(docket_get(d, 0, &e), 1);
	assert_int_equal(e.verdict, VERDICT_BLOCKED);
	assert_int_equal(e.done, 0);
	assert_false(e.has_sum);
	assert_null(e.published_as);
	docket_entry_done(&e);
	assert_int_equal(docket_count(d, &n), 0);
	assert_int_equal(n.files, 1);
	assert_int_equal(n.approved, 0);
	assert_int_equal(n.blocked, 1);
	assert_int_equal(docket_get(d, 1, &e), 0);
	docket_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_some_systems_cannot_tell_apart),
		cmocka_unit_test(test_a_file_that_is_a_directory_as_well),
		cmocka_unit_test(test_volumes_do_not_collide),
		cmocka_unit_test(test_one_path_twice_is_refused),
		cmocka_unit_test(test_a_list_means_a_name_in_any_case),
		cmocka_unit_test(test_a_fresh_entry_is_blocked_and_has_nothing_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
