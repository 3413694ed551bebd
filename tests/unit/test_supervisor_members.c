/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The docket's part about containers: who waits, what is owed and when it is void, what belongs to which file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/docket_members.h"

#define FIRST DOCKET_MEMBER_FIRST

static int open_docket(void **state)
{
	struct docket *d;

	assert_int_equal(docket_open(":memory:", &d), 0);
	*state = d;
	return 0;
}

static int close_docket(void **state)
{
	docket_free(*state);
	return 0;
}

static void add(struct docket *d, uint64_t id, uint64_t container, uint64_t root, uint32_t depth, const char *path)
{
	const struct docket_member m = { .id = id, .container = container, .root = root, .depth = depth,
					 .path = (char *)(uintptr_t)path, .size = 7 };

	assert_int_equal(docket_add_member(d, &m), 0);
}

static const uint8_t *sum_of(uint8_t byte)
{
	static uint8_t sum[SHA256_LEN];

	memset(sum, byte, sizeof(sum));
	return sum;
}

struct seen {
	uint64_t ids[4];
	size_t count;
};

static int note(void *context, struct docket_member *m)
{
	struct seen *seen = context;

	assert_true(m->container < m->id);
	assert_true(seen->count < 4);
	seen->ids[seen->count++] = m->id;
	return 0;
}

static void members_come_after_what_they_are_in(void **state)
{
	struct docket *d = *state;
	struct docket_member m = { 0 };
	struct seen seen = { 0 };

	add(d, FIRST + 10, 1, 1, 1, "a.tar");
	add(d, FIRST + 20, FIRST + 10, 1, 2, "b\xff");
	add(d, FIRST + 11, 1, 1, 1, "c");
	add(d, FIRST + 30, 2, 2, 1, "another file's");
	assert_int_equal(docket_each_member(d, 1, note, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.ids[2], FIRST + 20);
	assert_int_equal(docket_get_member(d, FIRST + 20, &m), 1);
	assert_string_equal(m.path, "b\xff");
	assert_false(m.has_sum);
	docket_member_done(&m);
	assert_int_equal(docket_get_member(d, FIRST + 99, &m), 0);
	assert_int_equal(docket_is_layout(d, FIRST + 10), 0);
	assert_int_equal(docket_mark_layout(d, FIRST + 10), 0);
	assert_int_equal(docket_mark_layout(d, FIRST + 10), 0);
	assert_int_equal(docket_is_layout(d, FIRST + 10), 1);
	assert_int_equal(docket_is_layout(d, 1), 0); /* another container */
}

/* What docket.h says of entries holds for members: once sealed, trouble takes the bytes away. */
static void a_member_is_sealed_once(void **state)
{
	struct docket *d = *state;
	struct docket_member m = { 0 };

	add(d, FIRST, 1, 1, 1, "a");
	assert_int_equal(docket_sealed(d, FIRST, 9, sum_of(1)), 0);
	assert_int_equal(docket_sealed(d, FIRST, 9, sum_of(2)), -ENOENT);
	assert_int_equal(docket_sealed(d, FIRST + 1, 9, sum_of(2)), -ENOENT);
	assert_int_equal(docket_done(d, FIRST, CHECK_READ), 0);
	assert_int_equal(docket_examined(d, FIRST, CHECK_TYPE, "[\"text/plain\"]", "[]"), 0);
	assert_int_equal(docket_get_member(d, FIRST, &m), 1);
	assert_int_equal(m.size, 9);
	assert_int_equal(m.done, CHECK_READ | CHECK_TYPE);
	docket_member_done(&m);
	assert_int_equal(docket_trouble(d, FIRST, STREAM_CUT, "x"), 0);
	assert_int_equal(docket_get_member(d, FIRST, &m), 1);
	assert_false(m.has_sum);
	docket_member_done(&m);
}

static void files_wait_in_order_members_depth_first(void **state)
{
	struct docket *d = *state;
	uint64_t id, formats;

	assert_int_equal(docket_wait(d, 5, 0, 1), 0);
	assert_int_equal(docket_wait(d, 3, 0, 2), 0);
	assert_int_equal(docket_wait(d, FIRST + 1, 3, 4), 0);
	assert_int_equal(docket_wait(d, FIRST + 2, 3, 8), 0);
	assert_int_equal(docket_wait(d, FIRST + 3, 5, 16), 0);
	assert_int_equal(docket_next_waiting(d, 0, &id, &formats), 1);
	assert_int_equal(id, 3);
	assert_int_equal(formats, 2);
	assert_int_equal(docket_next_waiting(d, 3, &id, &formats), 1);
	assert_int_equal(id, FIRST + 2);
	assert_int_equal(docket_next_waiting(d, 3, &id, &formats), 1);
	assert_int_equal(docket_next_waiting(d, 3, &id, &formats), 0);
	assert_int_equal(docket_next_waiting(d, 0, &id, &formats), 1);
	assert_int_equal(id, 5);
	assert_int_equal(docket_next_waiting(d, 0, &id, &formats), 0);
}

static void deferred_files_come_back_in_the_order_of_the_medium(void **state)
{
	struct docket *d = *state;
	uint64_t id = 0;

	assert_int_equal(docket_next_deferred(d, &id), 0);
	assert_int_equal(docket_defer(d, 4), 0);
	assert_int_equal(docket_defer(d, 7), 0);
	assert_int_equal(docket_defer(d, 4), -EEXIST);
	assert_int_equal(docket_next_deferred(d, &id), 1);
	assert_int_equal(id, 4);
	assert_int_equal(docket_defer(d, 9), 0);
	assert_int_equal(docket_next_deferred(d, &id), 1);
	assert_int_equal(id, 7);
	assert_int_equal(docket_next_deferred(d, &id), 1);
	assert_int_equal(id, 9);
	assert_int_equal(docket_next_deferred(d, &id), 0);
}

static int count_owed(void *context, const char *member, const char *detail)
{
	++*(unsigned int *)context;
	return 0;
}

static unsigned int owed(struct docket *d, uint64_t root, uint64_t id)
{
	unsigned int n = 0;

	assert_int_equal(docket_owed(d, root, id, count_owed, &n), 0);
	return n;
}

/* A file whose member was opened in another file owes still: nobody has judged what is in it as a part of this one. */
static void what_is_owed_is_void_within_the_same_file_alone(void **state)
{
	struct docket *d = *state;

	assert_int_equal(docket_owe(d, 1, 1, sum_of(7), "x.deb", "a package"), 0);
	assert_int_equal(docket_owe(d, 1, FIRST, sum_of(7), NULL, "a package"), 0);
	assert_int_equal(docket_owe(d, 1, 1, sum_of(8), "y", "another"), 0);
	assert_int_equal(docket_opened(d, 2, sum_of(7)), 0);
	assert_int_equal(owed(d, 1, 1), 2);
	assert_int_equal(docket_opened(d, 1, sum_of(7)), 0);
	assert_int_equal(owed(d, 1, 1), 1);
	assert_int_equal(owed(d, 1, FIRST), 0);
	for (unsigned int i = 0; i < 3 * DOCKET_OWED_TOLD; i++)
		assert_int_equal(docket_owe(d, 1, 1, sum_of(9), "z", "many"), 0);
	assert_int_equal(owed(d, 1, 1), DOCKET_OWED_TOLD);
}

static void what_was_inspected_counts_for_the_same_file_alone(void **state)
{
	struct docket *d = *state;

	assert_int_equal(docket_inspected(d, 1, sum_of(7)), 0);
	assert_int_equal(docket_inspected(d, 1, sum_of(7)), 0);
	assert_int_equal(docket_is_inspected(d, 1, sum_of(7)), 1);
	assert_int_equal(docket_is_inspected(d, 1, sum_of(8)), 0);
	assert_int_equal(docket_is_inspected(d, 2, sum_of(7)), 0);
	assert_int_equal(docket_forget_inspected(d, 1), 0);
	assert_int_equal(docket_is_inspected(d, 1, sum_of(7)), 0);
}

/* Many findings that hold a file must not hide one that blocks it; the place belongs to the finding. */
static void findings_have_a_place(void **state)
{
	struct docket *d = *state;
	struct docket_member m = { 0 };

	add(d, FIRST, 1, 1, 1, "a.zip");
	for (unsigned int i = 0; i < 20; i++) {
		char place[16];

		(void)snprintf(place, sizeof(place), "m\x1b%u", i);
		assert_int_equal(docket_find_in(d, FIRST, REASON_ENCRYPTED, place, "encrypted"), 0);
	}
	assert_int_equal(docket_find_in(d, FIRST, REASON_ARCHIVE_UNSAFE, "../x", "upwards"), 0);
	assert_int_equal(docket_get_member(d, FIRST, &m), 1);
	assert_non_null(strstr(m.findings, "archive-unsafe"));
	assert_non_null(strstr(m.findings, "\"../x\""));
	assert_null(strchr(m.findings, '\x1b'));
	docket_member_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_come_after_what_they_are_in, open_docket, close_docket),
		cmocka_unit_test_setup_teardown(deferred_files_come_back_in_the_order_of_the_medium, open_docket, close_docket),
		cmocka_unit_test_setup_teardown(a_member_is_sealed_once, open_docket, close_docket),
		cmocka_unit_test_setup_teardown(files_wait_in_order_members_depth_first, open_docket, close_docket),
		cmocka_unit_test_setup_teardown(what_is_owed_is_void_within_the_same_file_alone, open_docket, close_docket),
		cmocka_unit_test_setup_teardown(what_was_inspected_counts_for_the_same_file_alone, open_docket, close_docket),
		cmocka_unit_test_setup_teardown(findings_have_a_place, open_docket, close_docket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
