/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is wrong with a member is wrong with the file: order, strictness, and how many are named. */
#include "judge_fixture.h"

#include "judge/roll_up.h"

static struct judgement judged(enum verdict verdict, enum reason reason, enum verdict leads_to, const char *member)
{
	struct judgement g = { .verdict = verdict, .rule = "r", .reason_count = 1 };

	g.reasons = calloc(1, sizeof(*g.reasons));
	assert_non_null(g.reasons);
	g.reasons[0] = (struct judgement_reason){ reason, leads_to, strdup("why"), member ? strdup(member) : NULL };
	return g;
}

static void the_strictest_wins(void **state)
{
	for (enum verdict file = VERDICT_APPROVED; file < VERDICT_COUNT_; file++) {
		for (enum verdict member = VERDICT_HELD; member < VERDICT_COUNT_; member++) {
			struct judgement f = { .verdict = file, .rule = "r" };
			struct judgement m = judged(member, REASON_NO_RULE, member, NULL);

			assert_int_equal(judge_roll_up(&f, &m, "a/b"), 0);
			assert_int_equal(f.verdict, MAX(file, member));
			assert_int_equal(f.reason_count, 1);
			assert_string_equal(f.reasons[0].member, "a/b");
			assert_string_equal(f.rule, "r");
			judgement_done(&f);
			judgement_done(&m);
		}
	}
}

static void reasons_stay_in_order(void **state)
{
	struct judgement f = judged(VERDICT_HELD, REASON_ENCRYPTED, VERDICT_HELD, NULL);
	struct judgement blocked = judged(VERDICT_BLOCKED, REASON_MALWARE, VERDICT_BLOCKED, "deep/er");
	struct judgement held = judged(VERDICT_HELD, REASON_UNSIGNED, VERDICT_HELD, NULL);

	assert_int_equal(judge_roll_up(&f, &held, "h"), 0);
	assert_int_equal(judge_roll_up(&f, &blocked, "b"), 0);
	assert_int_equal(f.verdict, VERDICT_BLOCKED);
	assert_int_equal(f.reason_count, 3);
	assert_int_equal(f.reasons[0].reason, REASON_MALWARE);
	assert_string_equal(f.reasons[0].member, "b/deep/er");
	assert_int_equal(f.reasons[1].reason, REASON_ENCRYPTED);
	assert_null(f.reasons[1].member);
	assert_int_equal(f.reasons[2].reason, REASON_UNSIGNED);
	judgement_done(&f);
	judgement_done(&blocked);
	judgement_done(&held);
}

/* A thousand members of one kind are named a few times; one that is worse is named still. */
static void a_few_are_named(void **state)
{
	struct judgement f = { .verdict = VERDICT_APPROVED, .rule = "r" };
	struct judgement held = judged(VERDICT_HELD, REASON_ACTIVE_CONTENT, VERDICT_HELD, NULL);
	struct judgement worse = judged(VERDICT_BLOCKED, REASON_ACTIVE_CONTENT, VERDICT_BLOCKED, NULL);
	struct judgement other = judged(VERDICT_HELD, REASON_ENCRYPTED, VERDICT_HELD, NULL);

	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(judge_roll_up(&f, &held, "x"), 0);
	assert_int_equal(f.reason_count, ROLL_UP_NAMED);
	assert_int_equal(judge_roll_up(&f, &other, "y"), 0);
	assert_int_equal(judge_roll_up(&f, &worse, "z"), 0);
	assert_int_equal(f.reason_count, ROLL_UP_NAMED + 2);
	assert_string_equal(f.reasons[0].member, "z");
	assert_int_equal(f.verdict, VERDICT_BLOCKED);
	judgement_done(&f);
	judgement_done(&held);
	judgement_done(&worse);
	judgement_done(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strictest_wins),
		cmocka_unit_test(reasons_stay_in_order),
		cmocka_unit_test(a_few_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
