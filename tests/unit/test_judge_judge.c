/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The judge by table, and invariant 1 as a property: approved implies that all was done and nothing was found. */
#include "judge_fixture.h"

#define RULES(x) HEAD "rules:\n" x
#define PLAIN RULES("  - {name: plain, match: {type: text/plain}, why: w, verdict: approve}\n")
#define LEN(a) (a), ARRAY_LEN(a)

static const char *const plain_text[] = { "text/plain" };
static const char *const zip[] = { "application/zip" };

static void find(struct findings *f, enum reason reason, const char *member)
{
	assert_int_equal(findings_add(f, reason, member, "found"), 0);
}

/* Each reason code once: alone it leads to its default verdict, and is the reason given. */
static void invariant_1_each_reason_has_its_default(void **state)
{
	struct rule_set *set = fixture_rules(PLAIN);

	assert_int_equal(REASON_COUNT_, 27);
	for (unsigned int i = 0; i < REASON_COUNT_; i++) {
		struct findings f = { .done = ALL_CHECKS };
		struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
		struct judgement j;

		find(&f, (enum reason)i, "inner");
		assert_int_equal(judge_file(set, &s, &j), 0);
		assert_int_equal(j.verdict, reason_default_verdict((enum reason)i));
		assert_int_not_equal(j.verdict, VERDICT_APPROVED);
		assert_int_equal(j.reason_count, 1);
		assert_int_equal(j.reasons[0].reason, i);
		assert_string_equal(j.reasons[0].member, "inner");
		assert_string_equal(j.rule, "plain");
		judgement_done(&j);
		findings_done(&f);
	}
	rules_free(set);
}

static void invariant_1_all_good_is_approved(void **state)
{
	struct rule_set *set = fixture_rules(PLAIN);
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
	struct judgement j;

	assert_int_equal(judge_file(set, &s, &j), 0);
	assert_int_equal(j.verdict, VERDICT_APPROVED);
	assert_int_equal(j.reason_count, 0);
	assert_string_equal(j.rule, "plain");
	judgement_done(&j);
	assert_int_equal(j.verdict, VERDICT_BLOCKED);
	rules_free(set);
}

/* Every set of checks that were done against every set that is required. */
static void invariant_1_a_missing_check_never_approves(void **state)
{
	struct rule_set *set = fixture_rules(PLAIN);
	unsigned int approved = 0;

	for (uint32_t required = 0; required <= ALL_CHECKS; required++) {
		for (uint32_t done = 0; done <= ALL_CHECKS; done++) {
			struct findings f = { .done = done };
			struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
			uint32_t needed = required | JUDGE_CHECKS_ALWAYS | CHECK_TYPE; /* the rule looks at the type */
			struct judgement j;

			s.checks_required = required;
			assert_int_equal(judge_file(set, &s, &j), 0);
			assert_int_equal(j.verdict == VERDICT_APPROVED, (done & needed) == needed);
			if (j.verdict != VERDICT_APPROVED) {
				assert_int_equal(j.reason_count, 1);
				assert_int_equal(j.reasons[0].reason, REASON_SCAN_ERROR);
			}
			approved += j.verdict == VERDICT_APPROVED;
			judgement_done(&j);
		}
	}
	assert_int_equal(approved, 16 * 81); /* 3^4 pairs (required within done) of the free bits, needed ones free in required */
	rules_free(set);
}

static void missing_checks_are_named(void **state)
{
	static const enum check checks[] = { CHECK_READ,  CHECK_NAME,   CHECK_VIRUS,   CHECK_TYPE,
					     CHECK_LISTS, CHECK_ORIGIN, CHECK_CONTENT, CHECK_MEMBERS };
	static const char *const names[] = { "read", "name", "virus", "type", "lists", "origin", "content", "members" };
	struct rule_set *set = fixture_rules(PLAIN);

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct findings f = { .done = ALL_CHECKS & ~(uint32_t)checks[i] };
		struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
		struct judgement j;

		assert_string_equal(check_name(checks[i]), names[i]);
		assert_int_equal(judge_file(set, &s, &j), 0);
		assert_non_null(strstr(j.reasons[0].detail, names[i]));
		judgement_done(&j);
	}
	assert_null(check_name((enum check)3));
	rules_free(set);
}

/* A required check that nobody knows, and bits that nobody asked for. */
static void unknown_checks(void **state)
{
	struct rule_set *set = fixture_rules(PLAIN);
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
	struct judgement j;

	s.checks_required |= 1u << 20;
	assert_int_equal(judge_file(set, &s, &j), 0);
	assert_int_equal(j.verdict, VERDICT_HELD);
	assert_int_equal(j.reasons[0].reason, REASON_SCAN_ERROR);
	judgement_done(&j);
	rules_free(set);
}

/* One row: rules, file, and what the judge must say. Reasons in order, by their codes. */
struct row {
	const char *rules;
	const char *path;
	const char *types[3];
	enum verdict verdict;
	const char *rule;
	const char *reasons;
};

static void check_row(const struct row *row, const struct subject *base, const struct findings *f)
{
	struct rule_set *set = fixture_rules(row->rules);
	struct subject s = *base;
	struct judgement j;
	char reasons[512] = "";

	s.path = row->path;
	s.types = row->types;
	s.type_count = row->types[0] ? row->types[1] ? row->types[2] ? 3 : 2 : 1 : 0;
	s.findings = f;
	assert_int_equal(judge_file(set, &s, &j), 0);
	for (size_t i = 0; i < j.reason_count; i++) {
		if (i > 0)
			strncat(reasons, " ", sizeof(reasons) - strlen(reasons) - 1);
		strncat(reasons, reason_code(j.reasons[i].reason), sizeof(reasons) - strlen(reasons) - 1);
	}
	if (j.verdict != row->verdict || strcmp(j.rule, row->rule) != 0 || strcmp(reasons, row->reasons) != 0)
		fail_msg("%s under\n%s: %s by '%s' for '%s'", row->path, row->rules, verdict_name(j.verdict), j.rule, reasons);
	judgement_done(&j);
	rules_free(set);
}

#define ONE(match, rest) RULES("  - {name: r, match: " match ", why: w, " rest "}\n")
#define APPROVE "verdict: approve"

static void rules_by_table(void **state)
{
	static const struct row rows[] = {
		{ PLAIN, "x", { "image/png" }, VERDICT_BLOCKED, "", "no-rule" },
		{ HEAD "reasons: {no-rule: hold}\nrules:\n  - {name: plain, match: {type: text/plain}, why: w, verdict: approve}\n",
		  "x", { "image/png" }, VERDICT_HELD, "", "no-rule" },
		{ ONE("{type: text/plain}", "verdict: hold"), "x", { "text/plain" }, VERDICT_HELD, "r", "type-denied" },
		{ ONE("{type: text/plain}", "verdict: block"), "x", { "text/plain" }, VERDICT_BLOCKED, "r", "type-denied" },
		{ ONE("{name: x}", "verdict: block"), "x", { "text/plain" }, VERDICT_BLOCKED, "r", "no-rule" },
		{ ONE("any", "verdict: hold, reason: unsigned"), "x", { "text/plain" }, VERDICT_HELD, "r", "unsigned" },
		/* polyglots: approval needs all types, refusal one */
		{ PLAIN, "x", { "text/plain", "application/zip" }, VERDICT_BLOCKED, "", "no-rule" },
		{ PLAIN, "x", { "text/plain", "application/octet-stream" }, VERDICT_APPROVED, "plain", "" },
		{ PLAIN, "x", { "application/octet-stream", "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{type: text/csv}", APPROVE), "x", { "text/csv", "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{type: text/csv}", APPROVE), "x", { "text/csv", "text/html", "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{type: executables}", "verdict: block"), "x", { "text/plain", "application/x-dosexec" }, VERDICT_BLOCKED, "r", "type-denied" },
		{ ONE("{type: image/svg+xml}", APPROVE), "x", { "image/svg+xml", "text/xml" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{type: text/xml}", APPROVE), "x", { "text/xml", "image/svg+xml" }, VERDICT_BLOCKED, "", "no-rule" },
		/* names, sizes */
		{ ONE("{name: 'docs/*'}", APPROVE), "docs/a/b", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{name: 'docs/*'}", APPROVE), "other/docs/b", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{name: '*.TXT'}", APPROVE), "a.txt", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{name: '*.TXT', ignore-case: true}", APPROVE), "d/a.txt", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{size: {max: 1000}}", APPROVE), "x", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{size: {max: 999}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{size: {min: 1001}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		/* medium, people */
		{ ONE("{medium: {kind: usb, vendor: 'Ac*', model: Stick, serial: '08*'}}", APPROVE), "x", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{medium: {kind: optical}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{medium: {serial: 1}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{operator: alice, operator-group: staff}", APPROVE), "x", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{operator: bob}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{operator-group: guests}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule" },
		/* requirements */
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.jpg", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.PNG", { "image/png" }, VERDICT_APPROVED, "r", "" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.png.exe", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.jpg", { "application/vnd.microsoft.portable-executable" }, VERDICT_BLOCKED, "r", "type-mismatch" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.gif", { "image/gif", "application/zip" }, VERDICT_BLOCKED, "r", "type-mismatch" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a", { "application/octet-stream" }, VERDICT_HELD, "r", "type-unknown" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.pdf", { "application/octet-stream" }, VERDICT_HELD, "r", "type-unknown" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.xyz", { "chemical/x-pdb" }, VERDICT_HELD, "r", "type-unknown" },
		/* no lie, but no yes either: an extension that nobody knows, or none */
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.zzz", { "image/png" }, VERDICT_HELD, "r", "type-unknown" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "photo", { "image/png" }, VERDICT_HELD, "r", "type-unknown" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.exe", { "text/plain" }, VERDICT_BLOCKED, "r", "type-mismatch" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "README", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "x.whatever", { "application/x-empty" }, VERDICT_APPROVED, "r", "" },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}, reasons: {type-mismatch: hold}"), "a.jpg", { "image/png" }, VERDICT_HELD, "r", "type-mismatch" },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.ps1", { "text/plain" }, VERDICT_HELD, "r", "active-content" },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.DOCM", { "application/vnd.openxmlformats-officedocument.wordprocessingml.document" }, VERDICT_HELD, "r", "active-content" },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.txt", { "text/x-shellscript" }, VERDICT_HELD, "r", "active-content" },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.txt", { "text/plain", "text/html" }, VERDICT_HELD, "r", "active-content" },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.txt", { "text/plain" }, VERDICT_APPROVED, "r", "" },
		{ ONE("any", APPROVE ", require: {signature: any}"), "x", { "text/plain" }, VERDICT_HELD, "r", "unsigned" },
		{ ONE("any", APPROVE ", require: {checksum: any}"), "x", { "text/plain" }, VERDICT_HELD, "r", "unsigned" },
		{ ONE("any", APPROVE ", require: {checksum: vendor-x}, reasons: {unsigned: block}"), "x", { "text/plain" }, VERDICT_BLOCKED, "r", "unsigned" },
		{ ONE("{extension-agrees: true}", APPROVE), "a.png", { "image/png" }, VERDICT_APPROVED, "r", "" },
		{ ONE("{extension-agrees: false}", "verdict: block, reason: type-mismatch"), "a.jpg", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch" },
		{ ONE("{extension-agrees: false}", APPROVE), "a.png", { "image/png" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("{extension-agrees: false}", APPROVE), "a", { "application/octet-stream" }, VERDICT_BLOCKED, "", "no-rule" },
		{ ONE("any", APPROVE ", require: {signature: any, extension-agrees: true, no-active-content: true}"), "a.ps1", { "image/png" },
		  VERDICT_BLOCKED, "r", "type-mismatch active-content unsigned" },
	};
	struct findings f = { .done = ALL_CHECKS };
	struct subject base = fixture_subject("x", NULL, 0, &f);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i], &base, &f);
}

static void origin_by_table(void **state)
{
	static const struct {
		const char *rule;
		struct judge_signer signer;
		struct judge_listing listing;
		uint32_t done;
		enum verdict verdict;
	} rows[] = {
#define SIGNED(k) { k, "0", "a.minisig" }
#define NONE { 0 }
#define R(req) ONE("any", APPROVE ", require: {" req "}")
		{ R("signature: any"), SIGNED("vendor-x"), NONE, ALL_CHECKS, VERDICT_APPROVED },
		{ R("signature: vendor-x"), SIGNED("vendor-x"), NONE, ALL_CHECKS, VERDICT_APPROVED },
		{ R("signature: vendor-y"), SIGNED("vendor-x"), NONE, ALL_CHECKS, VERDICT_HELD },
		{ R("signature: any"), SIGNED(""), NONE, ALL_CHECKS, VERDICT_HELD },
		{ R("signature: any"), SIGNED("vendor-x"), NONE, ALL_CHECKS & ~CHECK_ORIGIN, VERDICT_HELD },
		{ R("signature: vendor-x"), NONE, { "S", "sha256", "vendor-x" }, ALL_CHECKS, VERDICT_APPROVED },
		{ R("signature: vendor-x"), NONE, { "S", "md5", "vendor-x" }, ALL_CHECKS, VERDICT_HELD },
		{ R("signature: vendor-x"), NONE, { "S", "sha1", "vendor-x" }, ALL_CHECKS, VERDICT_HELD },
		{ R("signature: vendor-x"), NONE, { "S", "sha256", NULL }, ALL_CHECKS, VERDICT_HELD },
		{ R("signature: vendor-x"), NONE, { "S", "sha256", "vendor-x" }, ALL_CHECKS & ~CHECK_LISTS, VERDICT_HELD },
		{ R("checksum: any"), NONE, { "S", "md5", NULL }, ALL_CHECKS, VERDICT_APPROVED },
		{ R("checksum: any"), NONE, { "S", "md5", NULL }, ALL_CHECKS & ~CHECK_LISTS, VERDICT_HELD },
		{ R("checksum: vendor-x"), NONE, { "S", "sha512", "vendor-x" }, ALL_CHECKS, VERDICT_APPROVED },
		{ R("checksum: vendor-x"), NONE, { "S", "sha512", "vendor-y" }, ALL_CHECKS, VERDICT_HELD },
		{ R("checksum: [vendor-x, vendor-y]"), NONE, { "S", "sha512", "vendor-y" }, ALL_CHECKS, VERDICT_APPROVED },
		{ R("checksum: vendor-x"), SIGNED("vendor-x"), NONE, ALL_CHECKS, VERDICT_HELD },
		{ ONE("{signature: vendor-x}", APPROVE), SIGNED("vendor-x"), NONE, ALL_CHECKS, VERDICT_APPROVED },
		{ ONE("{signature: vendor-x}", APPROVE), NONE, NONE, ALL_CHECKS, VERDICT_BLOCKED },
		{ ONE("{checksum: any}", APPROVE), NONE, { "S", "sha1", NULL }, ALL_CHECKS, VERDICT_APPROVED },
		{ ONE("{listed-by: any}", APPROVE), NONE, { "S", "sha256", "vendor-y" }, ALL_CHECKS, VERDICT_APPROVED },
		{ ONE("{listed-by: any}", APPROVE), NONE, { "S", "sha256", NULL }, ALL_CHECKS, VERDICT_BLOCKED },
#undef R
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_set *set = fixture_rules(rows[i].rule);
		struct findings f = { .done = rows[i].done };
		struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
		struct judgement j;

		s.signers = &rows[i].signer;
		s.signer_count = rows[i].signer.key_name != NULL;
		s.listings = &rows[i].listing;
		s.listing_count = rows[i].listing.list != NULL;
		s.checks_required = 0; /* what a rule builds on is required by the rule */
		assert_int_equal(judge_file(set, &s, &j), 0);
		if (j.verdict != rows[i].verdict)
			fail_msg("row %zu: %s", i, verdict_name(j.verdict));
		judgement_done(&j);
		rules_free(set);
	}
}

/* What a signature can stand in for: that libclamav could not look. Never what it found, or failed at. */
static void vouching(void **state)
{
	static const enum reason vouchable[] = { REASON_ENCRYPTED, REASON_LIMIT_EXCEEDED, REASON_CONTAINER_OPAQUE, REASON_SCAN_TIMEOUT };
	struct rule_set *set = fixture_rules(ONE("{type: archives}", APPROVE ", require: {signature: vendor-x}, vouch: virus"));
	struct judge_signer signer = SIGNED("vendor-x"), other = SIGNED("vendor-y");

	for (unsigned int i = 0; i < REASON_COUNT_; i++) {
		bool is_vouchable = false;

		for (size_t k = 0; k < ARRAY_LEN(vouchable); k++)
			is_vouchable = is_vouchable || vouchable[k] == i;
		for (unsigned int has_virus = 0; has_virus < 2; has_virus++) {
			struct findings f = { .done = has_virus ? ALL_CHECKS : ALL_CHECKS & ~(uint32_t)CHECK_VIRUS };
			struct subject s = fixture_subject("a.zip", LEN(zip), &f);
			struct judgement j;

			find(&f, (enum reason)i, NULL);
			s.signers = &signer;
			s.signer_count = 1;
			assert_int_equal(judge_file(set, &s, &j), 0);
			assert_int_equal(j.verdict == VERDICT_APPROVED, is_vouchable);
			judgement_done(&j);
			s.signers = &other;
			assert_int_equal(judge_file(set, &s, &j), 0);
			assert_int_not_equal(j.verdict, VERDICT_APPROVED);
			judgement_done(&j);
			/* vouched for, but another check is missing */
			s.signers = &signer;
			f.done &= ~(uint32_t)CHECK_LISTS;
			assert_int_equal(judge_file(set, &s, &j), 0);
			assert_int_not_equal(j.verdict, VERDICT_APPROVED);
			judgement_done(&j);
			findings_done(&f);
		}
	}
	/* no word of why the scanner did not look: then nobody can vouch */
	struct findings f = { .done = ALL_CHECKS & ~(uint32_t)CHECK_VIRUS };
	struct subject s = fixture_subject("a.zip", LEN(zip), &f);
	struct judgement j;

	s.signers = &signer;
	s.signer_count = 1;
	assert_int_equal(judge_file(set, &s, &j), 0);
	assert_int_equal(j.verdict, VERDICT_HELD);
	assert_int_equal(j.reasons[0].reason, REASON_SCAN_ERROR);
	judgement_done(&j);
	rules_free(set);
}

static void reasons_in_order_and_once(void **state)
{
	struct rule_set *set = fixture_rules(ONE("any", APPROVE ", require: {extension-agrees: true}, reasons: {encrypted: block}"));
	static const enum reason order[] = { REASON_MALWARE, REASON_TYPE_MISMATCH, REASON_ENCRYPTED, REASON_ENCRYPTED, REASON_LIMIT_EXCEEDED };
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.jpg", LEN(zip), &f);
	struct judgement j;

	find(&f, REASON_LIMIT_EXCEEDED, NULL);
	find(&f, REASON_ENCRYPTED, "b");
	find(&f, REASON_ENCRYPTED, "a");
	find(&f, REASON_TYPE_MISMATCH, NULL); /* an examiner says it too */
	find(&f, REASON_MALWARE, "x");
	assert_int_equal(judge_file(set, &s, &j), 0);
	assert_int_equal(j.verdict, VERDICT_BLOCKED);
	assert_int_equal(j.reason_count, ARRAY_LEN(order));
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		assert_int_equal(j.reasons[i].reason, order[i]);
	assert_string_equal(j.reasons[2].member, "a");
	assert_string_equal(j.reasons[1].detail, "found; the content is application/zip");
	judgement_done(&j);
	findings_done(&f);
	rules_free(set);
}

/* What could not be examined says so, instead of "no rule". */
static void unexamined_files(void **state)
{
	static const struct {
		enum reason reason;
		uint32_t done;
		enum verdict verdict;
	} rows[] = {
		{ REASON_SYMLINK, CHECK_NAME, VERDICT_BLOCKED },	 { REASON_UNREADABLE, CHECK_NAME, VERDICT_BLOCKED },
		{ REASON_QUOTA_EXCEEDED, CHECK_NAME, VERDICT_HELD },	 { REASON_SCANNER_CRASHED, CHECK_NAME | CHECK_READ | CHECK_LISTS | CHECK_ORIGIN, VERDICT_HELD },
		{ REASON_SCAN_TIMEOUT, CHECK_NAME | CHECK_READ | CHECK_LISTS | CHECK_ORIGIN, VERDICT_HELD },
	};
	struct rule_set *set = fixture_rules(PLAIN);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct findings f = { .done = rows[i].done };
		struct subject s = fixture_subject("a.txt", NULL, 0, &f);
		struct judgement j;

		find(&f, rows[i].reason, NULL);
		assert_int_equal(judge_file(set, &s, &j), 0);
		assert_int_equal(j.verdict, rows[i].verdict);
		assert_int_equal(j.reason_count, 1);
		assert_int_equal(j.reasons[0].reason, rows[i].reason);
		judgement_done(&j);
		findings_done(&f);
	}
	rules_free(set);
}

static void values_out_of_range(void **state)
{
	struct rule_set *set = fixture_rules(PLAIN);
	struct findings f = { .done = ALL_CHECKS, .count = 1 };
	struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
	struct judgement j;

	f.list[0].reason = (enum reason)999;
	assert_int_equal(judge_file(set, &s, &j), 0);
	assert_int_equal(j.verdict, VERDICT_BLOCKED);
	judgement_done(&j);
	rules_free(set);
}

static void tracing(void **state)
{
	struct rule_set *set = fixture_rules(RULES("  - {name: one, match: {type: image/png}, why: w1, verdict: approve}\n"
						   "  - {name: two, match: {name: '*.doc'}, why: w2, verdict: approve}\n"
						   "  - {name: three, match: any, why: w3, verdict: hold}\n"));
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
	struct judge_trace t;

	assert_int_equal(judge_explain(set, &s, &t), 0);
	assert_int_equal(t.count, 3);
	assert_string_equal(t.steps[0].why, "type 'text/plain' is not among its types");
	assert_string_equal(t.steps[1].why, "name 'a.txt' does not match");
	assert_false(t.steps[1].is_match);
	assert_true(t.steps[2].is_match);
	assert_string_equal(t.steps[2].why, "w3");
	assert_string_equal(t.judgement.rule, "three");
	assert_int_equal(t.judgement.verdict, VERDICT_HELD);
	judge_trace_done(&t);
	rules_free(set);
}

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* Random rules of one to three, random files: approved implies everything done, nothing found that was not vouched for
 * by a signature the rule requires, and the verdict never is milder than any reason. */
static void invariant_1_property(void **state)
{
	static const char *const matches[] = { "any", "{type: text/*}", "{type: archives}", "{name: 'a*'}", "{signature: any}",
					       "{size: {max: 500}}" };
	static const char *const tails[] = { APPROVE, "verdict: hold", "verdict: block", APPROVE ", require: {extension-agrees: true}",
					     APPROVE ", require: {signature: any}, vouch: virus", APPROVE ", require: {checksum: any}",
					     APPROVE ", reasons: {scan-error: block}" };
	static const char *const types[] = { "text/plain", "application/zip", "application/octet-stream", "image/png" };
	static const struct judge_signer signer = SIGNED("vendor-x");
	unsigned int seed = 42, approved = 0, vouched = 0;

	struct rule_set *set = NULL;
	char *text = NULL;

	for (unsigned int i = 0; i < 8000; i++) {
		const char *own[2] = { types[next_random(&seed) % 4], types[next_random(&seed) % 4] };
		struct findings f = { .done = next_random(&seed) % 4 ? ALL_CHECKS : next_random(&seed) & ALL_CHECKS };
		struct subject s = fixture_subject("a.txt", own, next_random(&seed) % 3, &f);
		uint64_t hard = 0;
		struct judgement j;

		while (!set || i % 80 == 79) { /* other rules now and then; dead ones and the like are no rules */
			rules_free(set);
			free(text);
			assert_true(asprintf(&text, RULES("  - {name: a, match: %s, why: w, %s}\n  - {name: b, match: %s, why: w, %s}\n"),
					     matches[next_random(&seed) % 6], tails[next_random(&seed) % 7],
					     matches[next_random(&seed) % 6], tails[next_random(&seed) % 7]) > 0);
			free(fixture_load(text, &set));
			if (set)
				break;
		}
		for (unsigned int n = next_random(&seed) % 3; n > 0; n--) {
			enum reason r = (enum reason)(next_random(&seed) % REASON_COUNT_);

			find(&f, r, next_random(&seed) % 2 ? "m" : NULL);
			hard |= r != REASON_ENCRYPTED && r != REASON_LIMIT_EXCEEDED && r != REASON_CONTAINER_OPAQUE && r != REASON_SCAN_TIMEOUT;
		}
		s.signers = &signer;
		s.signer_count = next_random(&seed) % 2;
		s.size = next_random(&seed) % 1000;
		s.checks_required = next_random(&seed) & ALL_CHECKS;
		assert_int_equal(judge_file(set, &s, &j), 0);
		if (j.verdict == VERDICT_APPROVED) {
			uint32_t missing = (s.checks_required | JUDGE_CHECKS_ALWAYS) & ~f.done;

			approved++;
			assert_int_equal(j.reason_count, 0);
			assert_false(hard);
			assert_true(j.rule[0]);
			if (f.count > 0) {
				vouched++;
				assert_int_equal(s.signer_count, 1);
				assert_true(f.done & CHECK_ORIGIN);
				assert_non_null(strstr(text, "vouch"));
				missing &= ~(uint32_t)(CHECK_VIRUS | CHECK_MEMBERS);
			}
			assert_int_equal(missing, 0);
		} else {
			assert_true(j.reason_count > 0);
			for (size_t k = 0; k < j.reason_count; k++) {
				assert_true(j.reasons[k].verdict <= j.verdict);
				assert_true(j.reasons[k].verdict >= VERDICT_HELD);
			}
		}
		judgement_done(&j);
		findings_done(&f);
	}
	rules_free(set);
	free(text);
	assert_true(approved > 100);
	assert_true(vouched > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariant_1_each_reason_has_its_default),
		cmocka_unit_test(invariant_1_all_good_is_approved),
		cmocka_unit_test(invariant_1_a_missing_check_never_approves),
		cmocka_unit_test(missing_checks_are_named),
		cmocka_unit_test(unknown_checks),
		cmocka_unit_test(rules_by_table),
		cmocka_unit_test(origin_by_table),
		cmocka_unit_test(vouching),
		cmocka_unit_test(reasons_in_order_and_once),
		cmocka_unit_test(unexamined_files),
		cmocka_unit_test(values_out_of_range),
		cmocka_unit_test(tracing),
		cmocka_unit_test(invariant_1_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
