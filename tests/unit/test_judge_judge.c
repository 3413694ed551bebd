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
	const char *within[4]; /* the nearest first */
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
	s.containers = row->within;
	while (row->within[s.container_count])
		s.container_count++;
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

#define FILE_OF_MEDIUM { NULL }

static void rules_by_table(void **state)
{
	static const struct row rows[] = {
		{ PLAIN, "x", { "image/png" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ HEAD "reasons: {no-rule: hold}\nrules:\n  - {name: plain, match: {type: text/plain}, why: w, verdict: approve}\n",
		  "x", { "image/png" }, VERDICT_HELD, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{type: text/plain}", "verdict: hold"), "x", { "text/plain" }, VERDICT_HELD, "r", "type-denied", FILE_OF_MEDIUM },
		{ ONE("{type: text/plain}", "verdict: block"), "x", { "text/plain" }, VERDICT_BLOCKED, "r", "type-denied", FILE_OF_MEDIUM },
		{ ONE("{name: x}", "verdict: block"), "x", { "text/plain" }, VERDICT_BLOCKED, "r", "no-rule", FILE_OF_MEDIUM },
		{ ONE("any", "verdict: hold, reason: unsigned"), "x", { "text/plain" }, VERDICT_HELD, "r", "unsigned", FILE_OF_MEDIUM },
		/* polyglots: approval needs all types, refusal one */
		{ PLAIN, "x", { "text/plain", "application/zip" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ PLAIN, "x", { "text/plain", "application/octet-stream" }, VERDICT_APPROVED, "plain", "", FILE_OF_MEDIUM },
		{ PLAIN, "x", { "application/octet-stream", "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{type: text/csv}", APPROVE), "x", { "text/csv", "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{type: text/csv}", APPROVE), "x", { "text/csv", "text/html", "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{type: executables}", "verdict: block"), "x", { "text/plain", "application/x-dosexec" }, VERDICT_BLOCKED, "r", "type-denied", FILE_OF_MEDIUM },
		{ ONE("{type: image/svg+xml}", APPROVE), "x", { "image/svg+xml", "text/xml" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{type: text/xml}", APPROVE), "x", { "text/xml", "image/svg+xml" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		/* names, sizes */
		{ ONE("{name: 'docs/*'}", APPROVE), "docs/a/b", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{name: 'docs/*'}", APPROVE), "other/docs/b", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{name: '*.TXT'}", APPROVE), "a.txt", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{name: '*.TXT', ignore-case: true}", APPROVE), "d/a.txt", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{size: {max: 1000}}", APPROVE), "x", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{size: {max: 999}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{size: {min: 1001}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		/* medium, people */
		{ ONE("{medium: {kind: usb, vendor: 'Ac*', model: Stick, serial: '08*'}}", APPROVE), "x", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		/* each of them has to match, also when the others do */
		{ ONE("{medium: {kind: usb, vendor: 'X*', model: Stick, serial: '08*'}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{medium: {kind: usb, vendor: 'Ac*', model: Disk, serial: '08*'}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{medium: {kind: usb, vendor: 'Ac*', model: Stick, serial: '09*'}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{medium: {kind: optical}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{medium: {serial: 1}}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{operator: alice, operator-group: staff}", APPROVE), "x", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{operator: bob}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{operator-group: guests}", APPROVE), "x", { "text/plain" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		/* requirements */
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.jpg", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.PNG", { "image/png" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.png.exe", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.jpg", { "application/vnd.microsoft.portable-executable" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.gif", { "image/gif", "application/zip" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a", { "application/octet-stream" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.pdf", { "application/octet-stream" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.xyz", { "chemical/x-pdb" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		/* no lie, but no yes either: an extension that nobody knows, or none */
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.zzz", { "image/png" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "photo", { "image/png" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "a.exe", { "text/plain" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "README", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}"), "x.whatever", { "application/x-empty" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {extension-agrees: true}, reasons: {type-mismatch: hold}"), "a.jpg", { "image/png" }, VERDICT_HELD, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.ps1", { "text/plain" }, VERDICT_HELD, "r", "active-content", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.DOCM", { "application/vnd.openxmlformats-officedocument.wordprocessingml.document" }, VERDICT_HELD, "r", "active-content", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.txt", { "text/x-shellscript" }, VERDICT_HELD, "r", "active-content", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.txt", { "text/plain", "text/html" }, VERDICT_HELD, "r", "active-content", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {no-active-content: true}"), "a.txt", { "text/plain" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {signature: any}"), "x", { "text/plain" }, VERDICT_HELD, "r", "unsigned", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {checksum: any}"), "x", { "text/plain" }, VERDICT_HELD, "r", "unsigned", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {checksum: vendor-x}, reasons: {unsigned: block}"), "x", { "text/plain" }, VERDICT_BLOCKED, "r", "unsigned", FILE_OF_MEDIUM },
		{ ONE("{extension-agrees: true}", APPROVE), "a.png", { "image/png" }, VERDICT_APPROVED, "r", "", FILE_OF_MEDIUM },
		{ ONE("{extension-agrees: false}", "verdict: block, reason: type-mismatch"), "a.jpg", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ ONE("{extension-agrees: false}", APPROVE), "a.png", { "image/png" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("{extension-agrees: false}", APPROVE), "a", { "application/octet-stream" }, VERDICT_BLOCKED, "", "no-rule", FILE_OF_MEDIUM },
		{ ONE("any", APPROVE ", require: {signature: any, extension-agrees: true, no-active-content: true}"), "a.ps1", { "image/png" },
		  VERDICT_BLOCKED, "r", "type-mismatch active-content unsigned", FILE_OF_MEDIUM },
	};
	struct findings f = { .done = ALL_CHECKS };
	struct subject base = fixture_subject("x", NULL, 0, &f);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i], &base, &f);
}

#define ZIP "application/zip"
#define GZIP "application/gzip"
#define DOC "application/msword"
#define DOCX "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define TEXT { "text/plain" }

/* Which files and members a rule is for, and what a name within a container says. */
static void members_by_table(void **state)
{
	static const struct row rows[] = {
#define W(words) ONE("{within: " words "}", APPROVE)
#define PASSES VERDICT_APPROVED, "r", ""
#define FAILS VERDICT_BLOCKED, "", "no-rule"
		{ ONE("any", APPROVE), "x", TEXT, PASSES, { ZIP } },
		{ PLAIN, "x", TEXT, VERDICT_APPROVED, "plain", "", { ZIP, GZIP, DOC } },
		{ W("nothing"), "x", TEXT, PASSES, FILE_OF_MEDIUM },
		{ W("nothing"), "x", TEXT, FAILS, { ZIP } },
		{ W("anything"), "x", TEXT, PASSES, { ZIP } },
		{ W("anything"), "x", TEXT, FAILS, FILE_OF_MEDIUM },
		{ W("application/zip"), "x", TEXT, PASSES, { ZIP } },
		{ W("application/zip"), "x", TEXT, FAILS, { GZIP } },
		{ W("application/zip"), "x", TEXT, FAILS, FILE_OF_MEDIUM },
		{ W("application/zip"), "x", TEXT, PASSES, { DOCX, GZIP, ZIP } },
		{ W("Application/ZIP"), "x", TEXT, PASSES, { ZIP } },
		{ W("'application/vnd.openxml*'"), "x", TEXT, PASSES, { DOCX } },
		{ W("documents"), "x", TEXT, PASSES, { ZIP, DOC } },
		{ W("documents"), "x", TEXT, FAILS, { ZIP, GZIP } },
		{ W("[nothing, documents]"), "x", TEXT, PASSES, FILE_OF_MEDIUM },
		{ W("[nothing, documents]"), "x", TEXT, PASSES, { DOC } },
		{ W("[nothing, documents]"), "x", TEXT, FAILS, { ZIP } },
		{ ONE("{within: documents, type: executables}", "verdict: block"), "x", { "application/x-dosexec" }, VERDICT_BLOCKED, "r", "type-denied", { ZIP, DOC } },
		{ ONE("{within: archives}", "verdict: block"), "x", TEXT, VERDICT_BLOCKED, "r", "no-rule", { ZIP } },
		/* names: a member's own, and one that the station made up */
		{ ONE("{within: archives, name: 'a/*'}", APPROVE), "a/x", TEXT, PASSES, { ZIP } },
#define AGREES ONE("any", APPROVE ", require: {extension-agrees: true}")
		{ AGREES, "data.tar", { "application/x-tar" }, PASSES, { "application/x-xz" } },
		{ AGREES, "data", { "application/x-tar" }, PASSES, { "application/x-xz" } },
		{ AGREES, "0123abcd", { "application/x-tar" }, PASSES, { "application/zstd" } },
		{ AGREES, "data", { "application/x-tar" }, VERDICT_HELD, "r", "type-unknown", { ZIP } },
		{ AGREES, "data", { "application/x-tar" }, VERDICT_HELD, "r", "type-unknown", { ZIP, "application/x-xz" } },
		{ AGREES, "data.png", { "application/x-tar" }, VERDICT_BLOCKED, "r", "type-mismatch", { "application/x-xz" } },
		{ AGREES, "data", { "application/octet-stream" }, VERDICT_HELD, "r", "type-unknown", { "application/x-xz" } },
		{ AGREES, "data", { "chemical/x-pdb" }, VERDICT_HELD, "r", "type-unknown", { "application/x-xz" } },
		{ AGREES, "1Table", { "image/png" }, PASSES, { DOC } },
		{ AGREES, "word/1Table", { "image/png" }, VERDICT_HELD, "r", "type-unknown", { DOCX } },
		{ ONE("{extension-agrees: true}", APPROVE), "data", { "application/x-tar" }, PASSES, { "application/x-xz" } },
		{ ONE("{extension-agrees: false}", "verdict: block"), "data", { "application/x-tar" }, FAILS, { "application/x-xz" } },
		/* versions are no extensions */
		{ AGREES, "lib/libssl.so.3", { "application/x-sharedlib" }, PASSES, { "application/x-tar" } },
		{ AGREES, "lib/libz.so.1.2.13", { "application/x-sharedlib" }, PASSES, FILE_OF_MEDIUM },
		{ AGREES, "lib/libz.so.1.x", { "application/x-sharedlib" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		{ AGREES, "lib/libz.so.1.png", { "application/x-sharedlib" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ AGREES, "libz.so.1/x.png", { "application/x-sharedlib" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ AGREES, "lib/libz.so.3", { "image/png" }, VERDICT_BLOCKED, "r", "type-mismatch", FILE_OF_MEDIUM },
		{ AGREES, "lua5.4", { "application/x-pie-executable" }, VERDICT_HELD, "r", "type-unknown", FILE_OF_MEDIUM },
		{ AGREES, "tool.1", { "text/troff" }, PASSES, FILE_OF_MEDIUM },
		{ AGREES, "tool.8", { "text/plain" }, PASSES, FILE_OF_MEDIUM },
	};
	struct findings f = { .done = ALL_CHECKS };
	struct subject base = fixture_subject("x", NULL, 0, &f);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i], &base, &f);
}

/* What is vouched for, by rule and finding; everything else stays a reason, signed or not. */
static void vouching_by_table(void **state)
{
	static const struct judge_signer signer = { "vendor-x", "0", "x.minisig" };
	static const struct {
		const char *vouch;
		enum reason found;
		uint32_t missing; /* checks */
		bool is_signed;
		const char *reasons; /* "": approved */
	} rows[] = {
		{ "virus", REASON_ENCRYPTED, 0, true, "" },
		{ "virus", REASON_ENCRYPTED, CHECK_MEMBERS, true, "" },
		{ "virus", REASON_LIMIT_EXCEEDED, CHECK_MEMBERS | CHECK_VIRUS, true, "" },
		{ "virus", REASON_CONTAINER_OPAQUE, CHECK_MEMBERS, true, "" },
		{ "virus", REASON_SCAN_TIMEOUT, CHECK_MEMBERS | CHECK_VIRUS, true, "" },
		{ "virus", REASON_CONTAINER_OPAQUE, CHECK_MEMBERS | CHECK_CONTENT, true, "scan-error" },
		{ "virus", REASON_CONTAINER_OPAQUE, CHECK_MEMBERS, false, "container-opaque unsigned" },
		{ "virus", REASON_QUOTA_EXCEEDED, CHECK_MEMBERS, true, "quota-exceeded" },
		{ "virus", REASON_ARCHIVE_UNSAFE, CHECK_MEMBERS, true, "archive-unsafe" },
		{ "virus", REASON_SCAN_ERROR, CHECK_MEMBERS, true, "scan-error" },
		{ "virus", REASON_SCANNER_CRASHED, CHECK_MEMBERS, true, "scanner-crashed" },
		{ "virus", REASON_ACTIVE_CONTENT, 0, true, "active-content" },
		{ "active-content", REASON_ACTIVE_CONTENT, 0, true, "" },
		{ "active-content", REASON_ACTIVE_CONTENT, 0, false, "active-content unsigned" },
		{ "active-content", REASON_ACTIVE_CONTENT, CHECK_CONTENT, true, "scan-error" },
		{ "active-content", REASON_ACTIVE_CONTENT, CHECK_MEMBERS, true, "scan-error" },
		{ "active-content", REASON_ACTIVE_CONTENT, CHECK_VIRUS, true, "scan-error" },
		{ "active-content", REASON_ENCRYPTED, CHECK_MEMBERS, true, "encrypted" },
		{ "[virus, active-content]", REASON_ACTIVE_CONTENT, 0, true, "" },
		{ "[virus, active-content]", REASON_ACTIVE_CONTENT, CHECK_MEMBERS, true, "scan-error" },
		{ "[virus, active-content]", REASON_ENCRYPTED, CHECK_MEMBERS, true, "" },
		{ "[virus, active-content]", REASON_MALWARE, CHECK_VIRUS, true, "malware" },
		{ "[virus, active-content]", REASON_TYPE_MISMATCH, 0, true, "type-mismatch" },
		{ "[virus, active-content]", REASON_ARCHIVE_UNSAFE, 0, true, "archive-unsafe" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct findings f = { .done = ALL_CHECKS & ~rows[i].missing };
		struct subject s = fixture_subject("a.zip", LEN(zip), &f);
		struct row row = { NULL, "a.zip", { ZIP }, VERDICT_APPROVED, "r", rows[i].reasons, { ZIP } };
		_cleanup_free_ char *rules = NULL;
		enum reason worst = rows[i].found;

		assert_true(asprintf(&rules, ONE("any", APPROVE ", require: {signature: any}, vouch: %s"), rows[i].vouch) > 0);
		row.rules = rules;
		if (*row.reasons)
			row.verdict = strstr(row.reasons, reason_code(worst)) ? reason_default_verdict(worst) : VERDICT_HELD;
		find(&f, rows[i].found, NULL);
		s.signers = &signer;
		s.signer_count = rows[i].is_signed;
		check_row(&row, &s, &f);
		findings_done(&f);
	}
}

/* What a rule asks of the content, somebody must have looked for; what was not opened to the bottom never passes. */
static void members_and_content_are_checked(void **state)
{
	static const struct {
		const char *require;
		uint32_t done;
		enum verdict verdict;
	} rows[] = {
		{ "extension-agrees: true", ALL_CHECKS & ~CHECK_CONTENT, VERDICT_APPROVED },
		{ "no-active-content: true", ALL_CHECKS & ~CHECK_CONTENT, VERDICT_HELD },
		{ "content-checked: true", ALL_CHECKS & ~CHECK_CONTENT, VERDICT_HELD },
		{ "content-checked: true", ALL_CHECKS, VERDICT_APPROVED },
		{ "extension-agrees: true", ALL_CHECKS & ~CHECK_MEMBERS, VERDICT_HELD },
	};
	static const struct {
		enum reason found; /* explains on its own what is missing */
		uint32_t missing;
	} explained[] = {
		{ REASON_ENCRYPTED, CHECK_MEMBERS },	   { REASON_ARCHIVE_UNSAFE, CHECK_MEMBERS },
		{ REASON_LIMIT_EXCEEDED, CHECK_MEMBERS },  { REASON_CONTAINER_OPAQUE, CHECK_MEMBERS },
		{ REASON_QUOTA_EXCEEDED, CHECK_MEMBERS },  { REASON_MALWARE, CHECK_MEMBERS | CHECK_VIRUS },
		{ REASON_ACTIVE_CONTENT, CHECK_CONTENT },  { REASON_TYPE_MISMATCH, CHECK_CONTENT },
		{ REASON_ARCHIVE_UNSAFE, CHECK_CONTENT },
		{ REASON_SCANNER_CRASHED, CHECK_CONTENT | CHECK_MEMBERS | CHECK_VIRUS | CHECK_TYPE },
		{ REASON_SCAN_TIMEOUT, CHECK_CONTENT | CHECK_MEMBERS }, { REASON_SCAN_ERROR, CHECK_CONTENT | CHECK_MEMBERS },
		/* what was not read could not be examined either */
		{ REASON_UNREADABLE, CHECK_READ | CHECK_CONTENT | CHECK_MEMBERS | CHECK_VIRUS | CHECK_TYPE },
	};
	struct rule_set *set;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *rules = NULL;
		struct findings f = { .done = rows[i].done };
		struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
		struct judgement j;

		s.checks_required = 0;
		assert_true(asprintf(&rules, ONE("any", APPROVE ", require: {%s}"), rows[i].require) > 0);
		set = fixture_rules(rules);
		assert_int_equal(judge_file(set, &s, &j), 0);
		assert_int_equal(j.verdict, rows[i].verdict);
		judgement_done(&j);
		rules_free(set);
	}
	set = fixture_rules(ONE("any", APPROVE));
	for (size_t i = 0; i < ARRAY_LEN(explained); i++) {
		struct findings f = { .done = ALL_CHECKS & ~explained[i].missing };
		struct subject s = fixture_subject("a.zip", LEN(zip), &f);
		struct judgement j;

		find(&f, explained[i].found, NULL);
		assert_int_equal(judge_file(set, &s, &j), 0);
		assert_int_equal(j.reason_count, 1);
		assert_int_equal(j.reasons[0].reason, explained[i].found);
		judgement_done(&j);
		findings_done(&f);
	}
	rules_free(set);
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

static void tracing_members(void **state)
{
	static const struct {
		const char *words, *within[3], *why;
	} rows[] = {
		{ "anything", { NULL }, "it is a file of the medium, and no member of a container" },
		{ "documents", { NULL }, "it is a file of the medium, and no member of such a container" },
		{ "nothing", { ZIP }, "it is a member of a container, '" ZIP "'" },
		{ "documents", { ZIP }, "'" ZIP "' is not among the containers that it is for" },
		{ "[nothing, documents]", { ZIP, GZIP }, "'" ZIP "', or what that is in, is not among the containers that it is for" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct findings f = { .done = ALL_CHECKS };
		struct subject s = fixture_subject("a.txt", LEN(plain_text), &f);
		_cleanup_free_ char *rules = NULL;
		struct judge_trace t;
		struct rule_set *set;

		assert_true(asprintf(&rules, ONE("{within: %s, type: text/plain}", APPROVE), rows[i].words) > 0);
		set = fixture_rules(rules);
		s.containers = rows[i].within;
		while (rows[i].within[s.container_count])
			s.container_count++;
		assert_int_equal(judge_explain(set, &s, &t), 0);
		assert_int_equal(t.count, 1);
		assert_false(t.steps[0].is_match);
		assert_string_equal(t.steps[0].why, rows[i].why);
		judge_trace_done(&t);
		rules_free(set);
	}
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
					       "{size: {max: 500}}", "{within: nothing}", "{within: archives}" };
	static const char *const tails[] = { APPROVE, "verdict: hold", "verdict: block", APPROVE ", require: {extension-agrees: true}",
					     APPROVE ", require: {signature: any}, vouch: virus", APPROVE ", require: {checksum: any}",
					     APPROVE ", reasons: {scan-error: block}", APPROVE ", require: {signature: any}, vouch: [virus, active-content]",
					     APPROVE ", require: {content-checked: true}" };
	static const char *const types[] = { "text/plain", "application/zip", "application/octet-stream", "image/png" };
	static const char *const containers[] = { "application/msword", "application/zip" };
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
					     matches[next_random(&seed) % ARRAY_LEN(matches)], tails[next_random(&seed) % ARRAY_LEN(tails)],
					     matches[next_random(&seed) % ARRAY_LEN(matches)], tails[next_random(&seed) % ARRAY_LEN(tails)]) > 0);
			free(fixture_load(text, &set));
			if (set)
				break;
		}
		for (unsigned int n = next_random(&seed) % 3; n > 0; n--) {
			enum reason r = (enum reason)(next_random(&seed) % REASON_COUNT_);

			find(&f, r, next_random(&seed) % 2 ? "m" : NULL);
			hard |= r != REASON_ENCRYPTED && r != REASON_LIMIT_EXCEEDED && r != REASON_CONTAINER_OPAQUE && r != REASON_SCAN_TIMEOUT &&
				r != REASON_ACTIVE_CONTENT;
		}
		s.containers = containers;
		s.container_count = next_random(&seed) % 3;
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
				for (size_t k = 0; k < f.count; k++)
					assert_true(f.list[k].reason != REASON_ACTIVE_CONTENT || strstr(text, "active-content]"));
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
		cmocka_unit_test(members_by_table),
		cmocka_unit_test(vouching_by_table),
		cmocka_unit_test(members_and_content_are_checked),
		cmocka_unit_test(origin_by_table),
		cmocka_unit_test(vouching),
		cmocka_unit_test(reasons_in_order_and_once),
		cmocka_unit_test(unexamined_files),
		cmocka_unit_test(values_out_of_range),
		cmocka_unit_test(tracing),
		cmocka_unit_test(tracing_members),
		cmocka_unit_test(invariant_1_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
