/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A container can have more findings than a list has places. None of its reasons may get lost: the judge excuses some of
 * them for a signed file, and must see those that it does not excuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/finding.h"
#include "common/macros.h"

static void fill(struct findings *f, enum reason reason)
{
	for (unsigned int i = 0; i < 2 * FINDINGS_MAX; i++) {
		char member[16];

		(void)snprintf(member, sizeof(member), "m%u", i);
		assert_int_equal(findings_add(f, reason, member, "encrypted"), 0);
	}
	assert_int_equal(f->count, FINDINGS_MAX);
}

static const struct finding *find(const struct findings *f, enum reason reason)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].reason == reason)
			return &f->list[i];
	return NULL;
}

static void malware_behind_many_encrypted_members_is_told_invariant_1(void **state)
{
	struct findings f = { 0 };

	fill(&f, REASON_ENCRYPTED);
	assert_int_equal(findings_add(&f, REASON_MALWARE, "last", "Eicar"), 0);
	assert_non_null(find(&f, REASON_MALWARE));
	assert_string_equal(find(&f, REASON_MALWARE)->member, "last");
	assert_string_equal(f.list[0].member, "m0"); /* the first ones stay */
	assert_int_equal(f.count, FINDINGS_MAX);
	findings_done(&f);
}

static void every_reason_finds_a_place_in_a_full_list(void **state)
{
	struct findings f = { 0 };

	fill(&f, REASON_LIMIT_EXCEEDED);
	for (unsigned int r = 0; r < REASON_COUNT_; r++)
		assert_int_equal(findings_add(&f, (enum reason)r, NULL, "x"), 0);
	for (unsigned int r = 0; r < REASON_COUNT_; r++)
		assert_non_null(find(&f, (enum reason)r));
	assert_int_equal(f.count, FINDINGS_MAX);
	findings_done(&f);
}

static void a_reason_that_is_there_takes_no_further_place(void **state)
{
	struct findings f = { 0 };

	fill(&f, REASON_ENCRYPTED);
	assert_int_equal(findings_add(&f, REASON_ENCRYPTED, "another", "x"), 0);
	assert_string_equal(f.list[FINDINGS_MAX - 1].member, "m31");
	findings_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malware_behind_many_encrypted_members_is_told_invariant_1),
		cmocka_unit_test(every_reason_finds_a_place_in_a_full_list),
		cmocka_unit_test(a_reason_that_is_there_takes_no_further_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
