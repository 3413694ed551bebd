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
	assert_int_equal(l->volume, 0);
	++*(int *)context;
	return 0;
}

/* "Setup.exe" in the list is SETUP.EXE on a FAT volume: a mismatch must not stay unseen. */
static void test_a_list_means_a_name_in_any_case(void **state)
{
	const char *const paths[] = { "SHA256SUMS", "SETUP.EXE", NULL };
	struct docket *d = docket_of(paths);
	int count = 0;

	assert_int_equal(docket_set_evidence(d, 0, 1), 0);
	assert_int_equal(docket_add_listing(d, 0, 0, "Setup.exe", "sha256", sum, sizeof(sum)), 0);
	assert_int_equal(docket_listings(d, 0, "SETUP.EXE", sum, count_listing, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(docket_listings(d, 0, "SETUP.EX", sum, count_listing, &count), 0);
	assert_int_equal(count, 1);
	/* asked from another volume, it is told with the list's own */
	assert_int_equal(docket_listings(d, 1, "SETUP.EXE", sum, count_listing, &count), 0);
	assert_int_equal(count, 2);
	docket_free(d);
}

static int count_only(void *context, const struct docket_listing *l)
{
	++*(unsigned int *)context;
	return l->digest_size == SHA256_LEN ? 0 : -EIO;
}

/* Each line of a list costs the station something for each file of that name, and room in the spool. */
static void test_a_list_that_contradicts_itself_a_thousand_times(void **state)
{
	static const char *const paths[] = { "a", "list", NULL };
	struct docket *d = docket_of(paths);
	uint8_t digest[SHA256_LEN] = { 0 };
	unsigned int count = 0;

	(void)state;
	assert_int_equal(docket_set_evidence(d, 1, 1), 0);
	for (unsigned int k = 0; k < 1000; k++) {
		digest[0] = (uint8_t)k;
		digest[1] = (uint8_t)(k >> 8);
		assert_int_equal(docket_add_listing(d, 1, 0, "A", "sha256", digest, sizeof(digest)), 0);
		assert_int_equal(docket_add_listing(d, 1, 0, "\xff no file", "sha256", digest, sizeof(digest)), 0);
	}
	assert_int_equal(docket_listings(d, 0, "a", sum, count_only, &count), 0);
	assert_int_equal(count, DOCKET_LISTINGS_OF_ONE_NAME);
	count = 0;
	assert_int_equal(docket_listings(d, 0, "\xff no file", sum, count_only, &count), 0);
	assert_int_equal(count, 0);
	docket_free(d);
}

/* A thousand findings that hold a file must neither fill the docket nor hide one that blocks it. */
static void test_findings_of_one_reason_are_few(void **state)
{
	static const char *const one[] = { "a", NULL };
	struct docket *d = docket_of(one);
	struct docket_entry e;
	char words[32];
	size_t count = 0;

	(void)state;
	for (unsigned int k = 0; k < 1000; k++) {
		(void)snprintf(words, sizeof(words), "by somebody %u", k);
		assert_int_equal(docket_find(d, 0, REASON_UNTRUSTED_KEY, words), 0);
	}
	assert_int_equal(docket_find(d, 0, REASON_CHECKSUM_MISMATCH, "other"), 0);
	assert_int_equal(docket_find(d, 0, REASON_CHECKSUM_MISMATCH, "other"), 0);
	assert_int_equal(docket_get(d, 0, &e), 1);
	for (const char *at = e.findings; (at = strstr(at, "\"code\"")); at++)
		count++;
	assert_int_equal(count, DOCKET_FINDINGS_OF_ONE_REASON + 1);
	assert_non_null(strstr(e.findings, "checksum-mismatch"));
	docket_entry_done(&e);
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

struct seen_rows {
	unsigned int count;
	char text[400];
};

static int each_seen(void *context, const char *series, const char *key_name, uint64_t date)
{
	struct seen_rows *rows = context;
	size_t at = strlen(rows->text);

	rows->count++;
	(void)snprintf(rows->text + at, sizeof(rows->text) - at, "%s|%s|%llu\n", series, key_name, (unsigned long long)date);
	return 0;
}

static int each_series(void *context, const struct docket_series *s)
{
	if (strcmp(s->series, "far") == 0) {
		assert_int_equal(s->date, INT64_MAX);
		assert_int_equal(s->valid_until, 7);
	}
	++*(unsigned int *)context;
	return 0;
}

/* What nobody signed, what is not trusted and what is dated later than anything can be has not been seen. */
static void test_series_that_have_been_seen(void **state)
{
	static const struct {
		const char *series, *signer, *second;
		uint64_t date;
		bool is_distrusted;
	} told[] = {
		{ "a", "k", NULL, 100, false },	  { "a", "k", NULL, 300, false },   { "a", "k", NULL, 200, false },
		{ "a", "other", NULL, 50, false }, { "b", "k", "other", 70, false }, { "b", "k", NULL, 400, true },
		{ "b", NULL, NULL, 500, false },   { "", "k", NULL, 600, false },    { "c", "k", NULL, 0, false },
		{ "d", "k", NULL, 1000, false },   { "e", "k", NULL, 1001, false },  { "far", "k", NULL, UINT64_MAX, false },
	};
	const char *const paths[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", NULL };
	struct docket *d = docket_of(paths);
	struct seen_rows rows = { 0 };
	unsigned int count = 0;

	for (uint64_t id = 0; id < ARRAY_LEN(told); id++) {
		const struct docket_series s = { id, (char *)told[id].series, told[id].date, 7 };

		assert_int_equal(docket_set_evidence(d, id, 1), 0);
		assert_int_equal(docket_add_series(d, &s), 0);
		if (told[id].signer)
			assert_int_equal(docket_add_signer(d, id, told[id].signer, "id", "via"), 0);
		if (told[id].second)
			assert_int_equal(docket_add_signer(d, id, told[id].second, "id", "via"), 0);
		if (told[id].is_distrusted)
			assert_int_equal(docket_distrust(d, id), 0);
	}
	assert_int_equal(docket_each_series(d, each_series, &count), 0);
	assert_int_equal(count, ARRAY_LEN(told));
	assert_int_equal(docket_each_seen(d, each_seen, &rows), 0);
	assert_int_equal(rows.count, 0);
	assert_int_equal(docket_see_series(d, 1000), 0);
	assert_int_equal(docket_each_seen(d, each_seen, &rows), 0);
	assert_string_equal(rows.text, "a|k|300\na|other|50\nb|k|70\nb|other|70\nd|k|1000\n");
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
		cmocka_unit_test(test_a_list_that_contradicts_itself_a_thousand_times),
		cmocka_unit_test(test_findings_of_one_reason_are_few),
		cmocka_unit_test(test_a_fresh_entry_is_blocked_and_has_nothing_done),
		cmocka_unit_test(test_series_that_have_been_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
