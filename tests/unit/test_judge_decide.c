/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What officers decide, on top of rules and findings: by table, for every reason that there is. */
#include "judge_fixture.h"

#include "common/decision.h"
#include "judge/roll_up.h"

#define RULES                                                                                          \
	HEAD "rules:\n"                                                                                \
	     "  - name: text\n    match: {type: text/plain}\n    verdict: approve\n    why: w\n"       \
	     "  - name: odd\n    match: {type: application/octet-stream}\n    verdict: hold\n    reason: type-unknown\n    why: w\n"

static const char *const text_type[] = { "text/plain" }, *const odd_type[] = { "application/octet-stream" };
static const char *const zip[] = { "application/zip" };

static struct rule_set *set;

static int setup(void **state)
{
	set = fixture_rules(RULES);
	return 0;
}

static int teardown(void **state)
{
	rules_free(set);
	return 0;
}

static struct judgement decide(struct subject *s, enum decision d)
{
	struct judgement j;

	s->decision = d;
	assert_int_equal(judge_file(set, s, &j), 0);
	assert_int_equal(judge_decide(s, &j), 0);
	return j;
}

static struct judgement with_finding(enum reason reason, enum decision d)
{
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.txt", text_type, 1, &f);
	struct judgement j;

	assert_int_equal(findings_add(&f, reason, NULL, "found"), 0);
	j = decide(&s, d);
	findings_done(&f);
	return j;
}

/* What the officer's manual promises, reason by reason. */
static const struct {
	enum reason reason;
	bool released, allowed; /* does it pass? */
} table[] = {
	{ REASON_MALWARE, false, true },	   { REASON_TYPE_DENIED, false, true },
	{ REASON_TYPE_UNKNOWN, true, true },	   { REASON_TYPE_MISMATCH, false, true },
	{ REASON_ACTIVE_CONTENT, true, true },	   { REASON_ENCRYPTED, true, true },
	{ REASON_ARCHIVE_UNSAFE, false, true },	   { REASON_LIMIT_EXCEEDED, true, true },
	{ REASON_CONTAINER_OPAQUE, true, true },   { REASON_UNSIGNED, true, true },
	{ REASON_BAD_SIGNATURE, false, false },	   { REASON_UNTRUSTED_KEY, true, true },
	{ REASON_CHECKSUM_MISMATCH, false, false }, { REASON_HASH_DENIED, false, false },
	{ REASON_UNSAFE_NAME, false, false },	   { REASON_NAME_COLLISION, false, false },
	{ REASON_SPECIAL_FILE, false, false },	   { REASON_SYMLINK, false, false },
	{ REASON_UNREADABLE, false, false },	   { REASON_CHANGED_WHILE_READING, false, false },
	{ REASON_SCAN_ERROR, true, false },	   { REASON_SCAN_TIMEOUT, true, false },
	{ REASON_SCANNER_CRASHED, true, false },   { REASON_DATABASE_STALE, false, false },
	{ REASON_NO_RULE, false, false },	   { REASON_QUOTA_EXCEEDED, false, false },
	{ REASON_OFFICER_REJECTED, false, false },
};

_Static_assert(ARRAY_LEN(table) == REASON_COUNT_, "every reason has its row");

static void test_each_reason(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct judgement without = with_finding(table[i].reason, DECISION_NONE);
		struct judgement released = with_finding(table[i].reason, DECISION_RELEASE), allowed = with_finding(table[i].reason, DECISION_ALLOW);

		if ((released.verdict == VERDICT_APPROVED) != table[i].released || (allowed.verdict == VERDICT_APPROVED) != table[i].allowed)
			fail_msg("%s: released %s, allowed %s", reason_code(table[i].reason), verdict_name(released.verdict),
				 verdict_name(allowed.verdict));
		assert_int_not_equal(without.verdict, VERDICT_APPROVED);
		assert_int_equal(without.decision, DECISION_NONE);
		assert_int_equal(released.decision, table[i].released ? DECISION_RELEASE : DECISION_NONE);
		assert_int_equal(released.overridden_count, table[i].released);
		assert_int_equal(released.reason_count, !table[i].released);
		assert_int_equal(allowed.overridden_count, table[i].allowed);
		if (!table[i].allowed) /* as strict as before */
			assert_int_equal(allowed.verdict, without.verdict);
		assert_string_equal(released.rule, "text"); /* the one that fired */
		judgement_done(&without);
		judgement_done(&released);
		judgement_done(&allowed);
	}
}

static void test_a_release_takes_nothing_away_from_a_block(void **state)
{
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.txt", odd_type, 1, &f);
	struct judgement j;

	j = decide(&s, DECISION_RELEASE);
	assert_int_equal(j.verdict, VERDICT_APPROVED);
	assert_string_equal(j.rule, "odd");
	judgement_done(&j);
	assert_int_equal(findings_add(&f, REASON_MALWARE, NULL, "found"), 0);
	j = decide(&s, DECISION_RELEASE);
	assert_int_equal(j.verdict, VERDICT_BLOCKED);
	assert_int_equal(j.reason_count, 1);
	assert_int_equal(j.reasons[0].reason, REASON_MALWARE);
	judgement_done(&j);
	findings_done(&f);
}

static void test_rejected_and_denied_block_what_passes(void **state)
{
	static const struct {
		enum decision decision;
		enum reason reason;
	} both[] = { { DECISION_REJECT, REASON_OFFICER_REJECTED }, { DECISION_DENY, REASON_HASH_DENIED } };
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.txt", text_type, 1, &f);

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		struct judgement j = decide(&s, both[i].decision);

		assert_int_equal(j.verdict, VERDICT_BLOCKED);
		assert_int_equal(j.reasons[0].reason, both[i].reason);
		assert_int_equal(j.decision, both[i].decision);
		judgement_done(&j);
		s.containers = zip; /* a member as well */
		s.container_count = 1;
		j = decide(&s, both[i].decision);
		assert_int_equal(j.verdict, VERDICT_BLOCKED);
		judgement_done(&j);
		s.container_count = 0;
	}
}

static void test_members_are_not_released(void **state)
{
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.bin", odd_type, 1, &f);
	struct judgement j;

	s.containers = zip;
	s.container_count = 1;
	for (int d = DECISION_RELEASE; d <= DECISION_ALLOW; d += DECISION_ALLOW - DECISION_RELEASE) {
		j = decide(&s, (enum decision)d);
		assert_int_equal(j.verdict, VERDICT_HELD);
		assert_int_equal(j.decision, DECISION_NONE);
		judgement_done(&j);
	}
}

/* A file's decision reaches what was said of its members, but no rejection among them. */
static void test_after_the_members(void **state)
{
	struct findings clean = { .done = ALL_CHECKS }, bad = { .done = ALL_CHECKS };
	struct subject file = fixture_subject("a.txt", text_type, 1, &clean), member = fixture_subject("m", text_type, 1, &bad);
	struct roll_up *u = calloc(1, sizeof(*u));
	struct judgement g, m;

	assert_int_equal(findings_add(&bad, REASON_MALWARE, NULL, "found"), 0);
	for (int is_rejected = 0; is_rejected < 2; is_rejected++) {
		memset(u, 0, sizeof(*u));
		assert_int_equal(judge_file(set, &file, &g), 0);
		member.containers = zip;
		member.container_count = 1;
		m = decide(&member, is_rejected ? DECISION_REJECT : DECISION_NONE);
		assert_int_equal(roll_up_add(u, &g, &m, "m"), 0);
		assert_int_equal(roll_up_end(u, &g), 0);
		assert_int_equal(g.verdict, VERDICT_BLOCKED);
		file.decision = DECISION_ALLOW;
		assert_int_equal(judge_decide(&file, &g), 0);
		assert_int_equal(g.verdict, is_rejected ? VERDICT_BLOCKED : VERDICT_APPROVED);
		assert_int_equal(g.reason_count, is_rejected);
		judgement_done(&m);
		judgement_done(&g);
	}
	roll_up_done(u);
	free(u);
	findings_done(&bad);
}

/* One finding, told of the file and of a member, with different verdicts: what merges them keeps the stricter, and a release does not
 * get past it, even where only the file's verdict still says so. */
static void test_a_release_does_not_pass_a_block_that_was_merged(void **state)
{
	static const struct {
		enum verdict file, member; /* of the finding */
		bool is_said;
	} rows[] = { { VERDICT_BLOCKED, VERDICT_HELD, true }, { VERDICT_HELD, VERDICT_BLOCKED, true }, { VERDICT_HELD, VERDICT_BLOCKED, false } };
	const struct subject file = { .decision = DECISION_RELEASE };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct roll_up *u = calloc(1, sizeof(*u));
		struct judgement g = { .verdict = rows[i].file }, m = { .verdict = rows[i].member };

		for (struct judgement *j = &g; j; j = j == &g ? &m : NULL) {
			j->reasons = calloc(1, sizeof(*j->reasons));
			assert_non_null(j->reasons);
			j->reasons[0] = (struct judgement_reason){ REASON_ACTIVE_CONTENT, j->verdict, strdup("macro"), NULL };
			j->reason_count = 1;
		}
		assert_int_equal(roll_up_add(u, &g, &m, "m"), 0);
		assert_int_equal(roll_up_end(u, &g), 0);
		assert_int_equal(g.verdict, VERDICT_BLOCKED);
		for (size_t k = 0; !rows[i].is_said && k < g.reason_count; k++)
			g.reasons[k].verdict = VERDICT_HELD;
		g.rule = "text";
		assert_int_equal(judge_decide(&file, &g), 0);
		assert_int_equal(g.verdict, VERDICT_BLOCKED);
		assert_true(g.reason_count > 0);
		judgement_done(&g);
		judgement_done(&m);
		free(u);
	}
}

/* The type is not known, so that no rule was looked for; that is not what an allowance is about. */
static void test_an_allowance_is_no_rule(void **state)
{
	struct findings f = { .done = ALL_CHECKS & ~(unsigned int)CHECK_TYPE };
	struct subject s = fixture_subject("a.bin", NULL, 0, &f);
	struct judgement j;

	assert_int_equal(findings_add(&f, REASON_LIMIT_EXCEEDED, NULL, "found"), 0);
	j = decide(&s, DECISION_ALLOW);
	assert_int_not_equal(j.verdict, VERDICT_APPROVED);
	judgement_done(&j);
	j = decide(&s, DECISION_RELEASE); /* two persons have looked at exactly this */
	assert_int_equal(j.verdict, j.reason_count == 0 ? VERDICT_APPROVED : j.reasons[0].verdict);
	judgement_done(&j);
	findings_done(&f);
}

/* Where the type is not even asked for (checks: type: false), nothing but that is in the way of an allowance. */
static void test_an_allowance_is_no_rule_where_types_are_not_asked_for(void **state)
{
	struct findings f = { .done = ALL_CHECKS & ~(unsigned int)CHECK_TYPE };
	struct subject s = fixture_subject("a.bin", NULL, 0, &f);
	struct judgement j;

	s.checks_required &= ~(unsigned int)CHECK_TYPE;
	assert_int_equal(findings_add(&f, REASON_ENCRYPTED, NULL, "found"), 0);
	j = decide(&s, DECISION_ALLOW);
	assert_int_equal(j.verdict, VERDICT_HELD);
	assert_int_equal(j.reason_count, 1);
	assert_int_equal(j.overridden_count, 0);
	assert_int_equal(j.decision, DECISION_NONE);
	judgement_done(&j);
	findings_done(&f);
}

/* What is allowed is taken away beside what is not: the reasons that stay are those that count. */
static void test_an_allowance_leaves_the_missing_rule_alone(void **state)
{
	static const char *const picture[] = { "image/png" };
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.png", picture, 1, &f);
	struct judgement j;

	for (int n = 0; n < 2; n++) { /* whichever comes first */
		assert_int_equal(findings_add(&f, n == 0 ? REASON_MALWARE : REASON_ENCRYPTED, NULL, "found"), 0);
		j = decide(&s, DECISION_ALLOW);
		assert_int_not_equal(j.verdict, VERDICT_APPROVED);
		assert_string_equal(j.rule, "");
		assert_int_equal(j.reason_count, 1);
		assert_int_equal(j.reasons[0].reason, REASON_NO_RULE);
		assert_int_equal(j.overridden_count, n + 1);
		assert_int_equal(j.decision, DECISION_ALLOW);
		judgement_done(&j);
	}
	findings_done(&f);
}

static void test_what_may_follow_what(void **state)
{
	static const bool may[5][5] = { /* in force: nothing, release, reject, allow, deny; next: release, reject, allow, deny, remove */
		{ true, true, true, true, false }, { true, true, true, true, true }, { false, false, false, false, true },
		{ false, true, true, true, true }, { false, false, false, false, true },
	};
	enum decision d;

	for (int now = DECISION_NONE; now <= DECISION_DENY; now++)
		for (int next = DECISION_RELEASE; next <= DECISION_REMOVE; next++)
			assert_int_equal(!decision_conflict((enum decision)now, (enum decision)next), may[now][next - 1]);
	for (int k = DECISION_RELEASE; k < DECISION_COUNT_; k++) {
		assert_int_equal(decision_parse(decision_name((enum decision)k), &d), 0);
		assert_int_equal(d, k);
	}
	assert_int_equal(decision_parse("", &d), -ENOENT);
	assert_null(decision_name(DECISION_NONE));
	assert_true(decision_id_valid("0123abcd"));
	assert_false(decision_id_valid("0123abcD"));
	assert_false(decision_id_valid("0123abc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_reason),
		cmocka_unit_test(test_a_release_takes_nothing_away_from_a_block),
		cmocka_unit_test(test_rejected_and_denied_block_what_passes),
		cmocka_unit_test(test_members_are_not_released),
		cmocka_unit_test(test_after_the_members),
		cmocka_unit_test(test_a_release_does_not_pass_a_block_that_was_merged),
		cmocka_unit_test(test_an_allowance_is_no_rule),
		cmocka_unit_test(test_an_allowance_is_no_rule_where_types_are_not_asked_for),
		cmocka_unit_test(test_an_allowance_leaves_the_missing_rule_alone),
		cmocka_unit_test(test_what_may_follow_what),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
