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

static void roll_up(struct judgement *file, size_t count, const struct judgement *members, const char *const *paths)
{
	struct roll_up *u = calloc(1, sizeof(*u));

	assert_non_null(u);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(roll_up_add(u, file, &members[i], paths[i]), 0);
	assert_int_equal(roll_up_end(u, file), 0);
	free(u);
}

static void the_strictest_wins(void **state)
{
	for (enum verdict file = VERDICT_APPROVED; file < VERDICT_COUNT_; file++) {
		for (enum verdict member = VERDICT_HELD; member < VERDICT_COUNT_; member++) {
			struct judgement f = { .verdict = file, .rule = "r" };
			struct judgement m = judged(member, REASON_NO_RULE, member, NULL);

			roll_up(&f, 1, &m, (const char *const[]){ "a/b" });
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

	roll_up(&f, 2, (struct judgement[]){ held, blocked }, (const char *const[]){ "h", "b" });
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

	struct roll_up *u = calloc(1, sizeof(*u));

	assert_non_null(u);
	for (unsigned int i = 0; i < 1000; i++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "x%u", i);
		assert_int_equal(roll_up_add(u, &f, &held, path), 0);
	}
	assert_int_equal(u->count, ROLL_UP_NAMED);
	assert_int_equal(roll_up_add(u, &f, &other, "y"), 0);
	assert_int_equal(roll_up_add(u, &f, &worse, "z"), 0);
	assert_int_equal(roll_up_end(u, &f), 0);
	assert_int_equal(f.reason_count, ROLL_UP_NAMED + 1);
	assert_string_equal(f.reasons[0].member, "z");
	assert_int_equal(f.verdict, VERDICT_BLOCKED);
	free(u);
	judgement_done(&f);
	judgement_done(&held);
	judgement_done(&worse);
	judgement_done(&other);
}

/* A package without a signature is told once, not once for each of its files; nor for the files of one that is in an archive. */
static void what_a_rule_says_of_the_whole_is_not_repeated(void **state)
{
	struct judgement f = judged(VERDICT_HELD, REASON_UNSIGNED, VERDICT_HELD, NULL), archive = { .verdict = VERDICT_APPROVED, .rule = "r" };
	struct judgement m = judged(VERDICT_HELD, REASON_UNSIGNED, VERDICT_HELD, NULL);

	roll_up(&f, 1, &m, (const char *const[]){ "a" });
	assert_int_equal(f.reason_count, 1);
	assert_null(f.reasons[0].member);
	roll_up(&archive, 3, (struct judgement[]){ m, m, m }, (const char *const[]){ "x.deb", "x.deb/data.tar", "x.debris" });
	assert_int_equal(archive.reason_count, 2);
	judgement_done(&f);
	judgement_done(&archive);
	judgement_done(&m);
}

/* libclamav found it in the whole and called the place "#1/#2"; a member in its own right says where it is. */
static void malware_is_told_where_it_is(void **state)
{
	struct judgement f = judged(VERDICT_BLOCKED, REASON_MALWARE, VERDICT_BLOCKED, "#1/#2");
	struct judgement vague = judged(VERDICT_BLOCKED, REASON_MALWARE, VERDICT_BLOCKED, "#1");
	struct judgement exact = judged(VERDICT_BLOCKED, REASON_MALWARE, VERDICT_BLOCKED, NULL);

	roll_up(&f, 2, (struct judgement[]){ vague, exact }, (const char *const[]){ "a.zip", "a.zip/virus.com" });
	assert_int_equal(f.reason_count, 1);
	assert_string_equal(f.reasons[0].member, "a.zip/virus.com");
	judgement_done(&f);
	judgement_done(&vague);
	judgement_done(&exact);
}

/* Sixteen deep, names that libclamav made up must not keep out the one that is real. */
static void a_real_name_displaces_a_made_up_one(void **state)
{
	struct judgement f = { .verdict = VERDICT_APPROVED, .rule = "r" };
	struct judgement vague[2 * ROLL_UP_NAMED], exact = judged(VERDICT_BLOCKED, REASON_MALWARE, VERDICT_BLOCKED, NULL);
	struct roll_up *u = calloc(1, sizeof(*u));
	bool is_told = false;

	assert_non_null(u);
	free(exact.reasons[0].detail);
	exact.reasons[0].detail = strdup("another name");
	for (size_t i = 0; i < ARRAY_LEN(vague); i++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "c%zu", i);
		vague[i] = judged(VERDICT_BLOCKED, REASON_MALWARE, VERDICT_BLOCKED, "#1");
		assert_int_equal(roll_up_add(u, &f, &vague[i], path), 0);
		judgement_done(&vague[i]);
	}
	assert_int_equal(roll_up_add(u, &f, &exact, "real"), 0);
	assert_int_equal(roll_up_end(u, &f), 0);
	for (size_t i = 0; i < f.reason_count; i++)
		is_told |= strcmp(f.reasons[i].member, "real") == 0;
	assert_true(is_told);
	assert_int_equal(f.reason_count, ROLL_UP_NAMED);
	free(u);
	judgement_done(&f);
	judgement_done(&exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strictest_wins),
		cmocka_unit_test(reasons_stay_in_order),
		cmocka_unit_test(a_few_are_named),
		cmocka_unit_test(what_a_rule_says_of_the_whole_is_not_repeated),
		cmocka_unit_test(malware_is_told_where_it_is),
		cmocka_unit_test(a_real_name_displaces_a_made_up_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
