/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Rule files: what is refused, where, and that live rules never are. */
#include "judge_fixture.h"

#define RULE(name, match, rest) "  - {name: " name ", match: " match ", why: w, " rest "}\n"
#define RULES "rules:\n"
#define OK "verdict: approve"

static void good_files(void **state)
{
	static const char *const rows[] = {
		RULES RULE("a", "any", "verdict: hold"),
		"types: {mine: [text/plain, image/*]}\n" RULES RULE("a", "{type: mine}", OK),
		"reasons: {no-rule: hold, encrypted: block}\n" RULES RULE("a", "{type: documents}", OK),
		/* not dead: narrower first, other dimension, refusing rules see polyglots that approving ones do not */
		RULES RULE("a", "{type: text/plain}", OK) RULE("b", "{type: text/*}", OK),
		RULES RULE("a", "{type: text/*, size: {max: 10}}", OK) RULE("b", "{type: text/plain}", OK),
		RULES RULE("a", "{type: text/*}", OK) RULE("b", "{type: text/plain}", "verdict: block"),
		RULES RULE("a", "{name: '*.txt'}", OK) RULE("b", "{name: '*.TXT'}", OK),
		RULES RULE("a", "{signature: vendor-x}", OK) RULE("b", "{signature: any}", OK),
		RULES RULE("a", "{checksum: any}", OK) RULE("b", "{signature: any}", OK),
		RULES RULE("a", "{listed-by: vendor-x}", OK) RULE("b", "{signature: vendor-x}", OK),
		RULES RULE("a", "{medium: {kind: usb}}", OK) RULE("b", "{medium: {kind: optical}}", OK),
		RULES RULE("a", "{operator-group: staff}", OK) RULE("b", "any", "verdict: hold"),
		RULES RULE("a", "{type: executables, extension-agrees: false}", "verdict: block")
			RULE("b", "{type: executables}", "verdict: block"),
		RULES RULE("a", "{type: archives}", OK ", require: {signature: vendor-x}, vouch: virus"),
		RULES RULE("a", "{type: archives, signature: any}", OK ", require: {signature: any}, vouch: virus"),
		RULES RULE("a", "{type: text/plain}", OK ", reasons: {type-mismatch: hold, scan-error: block}"),
		RULES RULE("a", "{name: 'docs/*', ignore-case: true}", OK),
		/* members: other containers, files and members, narrower first */
		RULES RULE("a", "{within: nothing}", OK) RULE("b", "{within: anything}", OK),
		RULES RULE("a", "{within: nothing}", OK) RULE("b", "any", OK),
		RULES RULE("a", "{within: anything}", OK) RULE("b", "{type: text/plain}", OK),
		RULES RULE("a", "{within: archives}", OK) RULE("b", "{within: [archives, documents]}", OK),
		RULES RULE("a", "{within: documents}", OK) RULE("b", "{within: anything}", OK),
		RULES RULE("a", "{within: application/zip}", OK) RULE("b", "{within: [nothing, application/zip]}", OK),
		RULES RULE("a", "{within: [nothing, archives]}", OK) RULE("b", "{within: packages}", OK),
		RULES RULE("a", "any", OK ", require: {signature: any}, vouch: [virus, active-content]"),
		RULES RULE("a", "{signature: any}", OK ", require: {signature: any}, vouch: active-content"),
		RULES RULE("a", "any", OK ", require: {content-checked: true}"),
		RULES RULE("a", "any", OK ", require: {signature: any, no-active-content: true}, vouch: virus"),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = NULL;

		assert_true(asprintf(&text, HEAD "%s", rows[i]) > 0);
		rules_free(fixture_rules(text));
	}
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "rules: []\n", "f:3:8: rules: must be a list of 1 to 1000 rules" },
		{ RULES RULE("a", "any", "verdict: allow"), "verdict: 'allow' is not one of: approve, hold, block" },
		{ RULES "  - {name: a, match: any, verdict: hold}\n", "f:4:5: missing key 'why'" },
		{ RULES "  - {name: a, why: w, verdict: hold}\n", "missing key 'match'" },
		{ RULES RULE("a", "{}", OK), "match: is empty; write 'match: any'" },
		{ RULES RULE("a", "{tpye: text/plain}", OK), "unknown key 'tpye'; did you mean 'type'?" },
		{ RULES RULE("a", "{member: x}", OK), "member: members are judged like files" },
		{ RULES RULE("a", "any", OK) RULE("a", "any", OK), "a rule 'a' is there already (line 4)" },
		/* a type that nothing is recognised as */
		{ RULES RULE("a", "{type: aplication/pdf}", OK), "is not a type that this station knows; did you mean application/pdf" },
		{ RULES RULE("a", "{type: pdf}", OK), "'pdf' is neither a MIME type (text/plain) nor a type group" },
		{ RULES RULE("a", "{type: document}", OK), "did you mean documents" },
		{ RULES RULE("a", "{type: 'picture/*'}", OK), "'picture/*' is not a type that this station knows" },
		{ RULES RULE("a", "{type: 'a b/c'}", OK), "is not a MIME type" },
		{ "types: {mine: [text/plain]}\n" RULES RULE("a", "any", "verdict: hold"), "f:3:9: type group 'mine' is used by no rule" },
		{ "types: {images: [text/plain]}\n" RULES RULE("a", "{type: images}", OK), "there is a type group 'images' already" },
		{ "types: {anything: [text/plain]}\n" RULES RULE("a", "any", "verdict: hold"), "'anything' is a word of 'within'" },
		{ "types: {nothing: [text/plain]}\n" RULES RULE("a", "any", "verdict: hold"), "'nothing' is a word of 'within'" },
		{ RULES RULE("a", "{within: aplication/zip}", OK), "is not a type that this station knows; did you mean application/zip" },
		{ RULES RULE("a", "{within: zip}", OK), "'zip' is neither a MIME type (text/plain) nor a type group" },
		{ RULES RULE("a", "{within: archive}", OK), "did you mean archives" },
		{ RULES RULE("a", "{within: [anything, nothing]}", OK), "'anything' beside 'nothing' means every file and member" },
		{ RULES RULE("a", "{within: [archives, anything]}", OK), "'anything' already means every container" },
		{ RULES RULE("a", "{within: {}}", OK), "f:4:" },
		/* contradictions */
		{ RULES RULE("a", "any", OK ", require: {signature: any, no-active-content: true}, vouch: active-content"),
		  "'active-content' contradicts 'no-active-content'" },
		{ RULES RULE("a", "any", OK ", require: {signature: any, no-active-content: true}, vouch: [virus, active-content]"),
		  "'active-content' contradicts 'no-active-content'" },
		{ RULES RULE("a", "any", OK ", vouch: active-content"), "vouch: needs 'require: {signature: ...}'" },
		{ RULES RULE("a", "any", OK ", require: {signature: any}, vouch: [virus, malware]"), "'malware' cannot be vouched for" },
		{ RULES RULE("a", "any", OK ", require: {signature: any}, vouch: [virus, virus]"), "'virus' is in the list twice" },
		{ RULES RULE("a", "any", OK ", require: {no-active-content: true, content-checked: true}"),
		  "content-checked: has no effect beside 'no-active-content'" },
		{ RULES RULE("a", "any", OK ", require: {content-checked: false}"), "content-checked: false has no effect" },
		{ RULES RULE("a", "{size: {min: 2, max: 1}}", OK), "size: no file can be that large" },
		{ RULES RULE("a", "{type: image/png, name: '*.exe'}", OK ", require: {extension-agrees: true}"),
		  "'extension-agrees' cannot be met by type 'image/png' under any name" },
		{ RULES RULE("a", "{type: application/octet-stream}", OK ", require: {extension-agrees: true}"),
		  "'extension-agrees' cannot be met by type 'application/octet-stream': no type table" },
		{ RULES RULE("a", "{type: text/html}", OK ", require: {no-active-content: true}"),
		  "'no-active-content' cannot be met by type 'text/html'" },
		{ RULES RULE("a", "{type: image/png, extension-agrees: false}", OK ", require: {extension-agrees: true}"),
		  "because it does not" },
		{ RULES RULE("a", "{signature: vendor-z}", OK), "'vendor-z' is no trusted key; did you mean vendor-" },
		{ RULES RULE("a", "any", OK ", require: {signature: someone}"), "'someone' is no trusted key of this station" },
		{ RULES RULE("a", "any", OK ", require: {checksum: someone}"), "'someone' is no trusted key" },
		{ RULES RULE("a", "{name: /etc/x}", OK), "can match no file" },
		{ RULES RULE("a", "{medium: {kind: floppy}}", OK), "'floppy' is not a kind of medium" },
		/* without effect */
		{ RULES RULE("a", "{ignore-case: true, type: text/plain}", OK), "ignore-case: has no effect without 'name'" },
		{ RULES RULE("a", "{name: x, ignore-case: false}", OK), "ignore-case: has no effect unless it is true" },
		{ RULES RULE("a", "{size: {}}", OK), "size: has no effect" },
		{ RULES RULE("a", "any", "verdict: hold, require: {extension-agrees: true}"), "require: has no effect on a rule that does not" },
		{ RULES RULE("a", "any", "verdict: block, vouch: virus"), "vouch: has no effect on a rule" },
		{ RULES RULE("a", "any", OK ", reason: unsigned"), "reason: has no effect on a rule that approves" },
		{ RULES RULE("a", "any", OK ", require: {}"), "require: is empty" },
		{ RULES RULE("a", "any", OK ", require: {extension-agrees: false}"), "false has no effect" },
		{ RULES RULE("a", "any", OK ", vouch: virus"), "vouch: needs 'require: {signature: ...}'" },
		{ RULES RULE("a", "any", OK ", require: {signature: any}, vouch: type"), "'type' cannot be vouched for" },
		{ RULES RULE("a", "{signature: any}", OK ", require: {signature: any}"), "'require: signature' has no effect" },
		{ RULES RULE("a", "{signature: vendor-x}", OK ", require: {signature: any}"), "'require: signature' has no effect" },
		{ RULES RULE("a", "{listed-by: vendor-x}", OK ", require: {checksum: any}"), "'require: checksum' has no effect" },
		{ RULES RULE("a", "{signature: [any, vendor-x]}", OK), "already means every trusted key" },
		{ RULES RULE("a", "any", OK ", reasons: {encrypted: hold}"), "'encrypted: hold' has no effect: it is what happens anyway" },
		{ RULES RULE("a", "any", "verdict: block, reasons: {encrypted: block}"), "has no effect" },
		{ RULES RULE("a", "any", OK ", reasons: {no-rule: hold}"), "cannot happen once a rule has matched" },
		{ RULES RULE("a", "any", OK ", reasons: {encrypted: approve}"), "encrypted: must be one of: hold, block" },
		{ RULES RULE("a", "any", OK ", reasons: {encripted: block}"), "did you mean 'encrypted'?" },
		/* dead */
		{ RULES RULE("a", "any", OK) RULE("b", "any", OK), "f:5:5: rule 'b' is dead: rule 'a' at line 4" },
		{ RULES RULE("a", "{type: text/*}", OK) RULE("b", "{type: text/plain}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{type: text/*}", "verdict: block") RULE("b", "{type: text/plain}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{type: documents}", OK) RULE("b", "{type: [application/pdf, text/rtf]}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{name: '*.gz'}", OK) RULE("b", "{name: '*.tar.gz', size: {max: 5}}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{name: '*.txt', ignore-case: true}", OK) RULE("b", "{name: 'docs/*.TXT'}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{size: {max: 10}}", OK) RULE("b", "{size: {min: 3, max: 7}}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{signature: any}", OK) RULE("b", "{signature: vendor-x}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{signature: vendor-x}", OK) RULE("b", "{listed-by: vendor-x}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{checksum: any}", OK) RULE("b", "{listed-by: any}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{medium: {kind: [usb, card]}}", OK) RULE("b", "{medium: {kind: usb, vendor: 'A*'}}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{operator: '*'}", OK) RULE("b", "{operator: bob}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{type: executables}", "verdict: block") RULE("b", "{type: executables, extension-agrees: false}", "verdict: block"),
		  "rule 'b' is dead" },
		{ RULES RULE("a", "any", OK) RULE("b", "{within: anything}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{within: anything}", OK) RULE("b", "{within: archives}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{within: nothing}", OK) RULE("b", "{within: nothing, type: text/plain}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{within: [nothing, archives]}", OK) RULE("b", "{within: nothing}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{within: [nothing, archives]}", OK) RULE("b", "{within: [application/zip, nothing]}", OK), "rule 'b' is dead" },
		{ RULES RULE("a", "{within: 'application/*'}", OK) RULE("b", "{within: documents, type: text/plain}", "verdict: hold"),
		  NULL /* text/rtf is among the documents */ },
		{ RULES RULE("a", "{within: 'application/*'}", OK) RULE("b", "{within: packages, type: text/plain}", "verdict: hold"), "rule 'b' is dead" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = NULL, *errors = NULL;
		struct rule_set *set;

		assert_true(asprintf(&text, HEAD "%s", rows[i].text) > 0);
		errors = fixture_load(text, &set);
		if (rows[i].error ? !strstr(errors, rows[i].error) : *errors != '\0')
			fail_msg("row %zu: wanted '%s' in '%s'", i, rows[i].error ? rows[i].error : "nothing", errors);
		rules_free(set);
	}
}

/* Facts that a check has found cannot be put before an officer; the others can be tightened, and nothing else. */
static void reasons_that_always_block(void **state)
{
	static const enum reason softer[] = { REASON_TYPE_MISMATCH, REASON_ARCHIVE_UNSAFE };

	for (unsigned int i = 0; i < REASON_COUNT_; i++) {
		bool is_blocked = reason_default_verdict((enum reason)i) == VERDICT_BLOCKED, may_soften = false;
		_cleanup_free_ char *text = NULL, *errors = NULL;
		struct rule_set *set;

		for (size_t j = 0; j < ARRAY_LEN(softer); j++)
			may_soften = may_soften || softer[j] == i;
		assert_true(asprintf(&text, HEAD RULES "  - {name: a, match: any, why: w, verdict: approve, reasons: {%s: %s}}\n",
				     reason_code((enum reason)i), is_blocked ? "hold" : "block") > 0);
		errors = fixture_load(text, &set);
		assert_int_equal(set != NULL, !is_blocked || may_soften);
		if (is_blocked && !may_soften && i != REASON_NO_RULE)
			assert_non_null(strstr(errors, "always blocks: no officer can decide on it"));
		rules_free(set);
	}
}

static void all_errors_in_one_run(void **state)
{
	struct rule_set *set;
	char *errors = fixture_load(HEAD "reasons: {malware: hold}\n" RULES
				    RULE("a", "{type: pdf}", OK ", require: {signature: nobody}")
				    RULE("b", "{size: {min: 2, max: 1}}", "verdict: maybe, reasons: {x: hold}"), &set);

	assert_non_null(strstr(errors, "'malware' always blocks"));
	assert_non_null(strstr(errors, "'pdf' is neither"));
	assert_non_null(strstr(errors, "'nobody' is no trusted key"));
	assert_non_null(strstr(errors, "no file can be that large"));
	assert_non_null(strstr(errors, "'maybe' is not one of"));
	assert_non_null(strstr(errors, "'x' is not a reason"));
	free(errors);
}

static void files_that_are_missing(void **state)
{
	struct yaml_errors errors = { 0 };
	struct rule_set *set = NULL;

	assert_int_equal(rules_load("/nonexistent.yaml", TYPES_DIR, NULL, &errors, &set), -ENOENT);
	assert_int_equal(errors.count, 1);
	yaml_errors_done(&errors);
	assert_int_equal(rules_load("rules/documents.yaml", "/nonexistent", NULL, &errors, &set), -ENOENT);
	assert_true(yaml_errors_any(&errors));
	yaml_errors_done(&errors);
	assert_int_equal(rules_load("rules/documents.yaml", "/proc/self/fdinfo", NULL, &errors, &set), -ENOENT);
	assert_non_null(strstr(errors.list[0].message, "no type tables"));
	yaml_errors_done(&errors);
	assert_null(set);
}

static void hash_covers_every_byte(void **state)
{
	struct rule_set *a = fixture_rules(HEAD RULES RULE("a", "any", OK));
	struct rule_set *b = fixture_rules(HEAD RULES RULE("a", "any", OK) "# x\n");
	uint8_t zero[SHA256_LEN] = { 0 };

	assert_memory_not_equal(rules_sha256(a), rules_sha256(b), SHA256_LEN);
	assert_memory_not_equal(rules_sha256(a), zero, SHA256_LEN);
	assert_string_equal(rules_title(a), "t");
	assert_int_equal(rules_count(a), 1);
	assert_string_equal(rules_name(a, 0), "a");
	assert_null(rules_name(a, 1));
	assert_string_equal(rules_why(a, "a"), "w");
	rules_free(a);
	rules_free(b);
}

/* What the manual page shows must be rules: a reader copies them. */
static void examples_of_the_manual_load(void **state)
{
	static char page[64 << 10];
	FILE *f = fopen("docs/man/lazaret-rules.5", "re");
	unsigned int examples = 0;
	char *begin;
	size_t n;

	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	assert_true(n > 0 && n < sizeof(page) - 1);
	fclose(f);
	begin = strstr(page, ".Sh EXAMPLES");
	while (begin && (begin = strstr(begin, ".Bd -literal"))) {
		_cleanup_free_ char *text = NULL;
		char *end = strstr(begin, ".Ed");

		assert_non_null(end);
		*end = '\0';
		begin = strchr(begin, '\n') + 1;
		assert_true(asprintf(&text, "%s%s", strncmp(begin, "format:", 7) == 0 ? "" : HEAD, begin) > 0);
		rules_free(fixture_rules(text));
		begin = end + 1;
		examples++;
	}
	assert_int_equal(examples, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files),		     cmocka_unit_test(bad_files),
		cmocka_unit_test(reasons_that_always_block), cmocka_unit_test(all_errors_in_one_run),
		cmocka_unit_test(files_that_are_missing),    cmocka_unit_test(hash_covers_every_byte),
		cmocka_unit_test(examples_of_the_manual_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
