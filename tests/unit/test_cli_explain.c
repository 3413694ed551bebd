/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* cli/explain: what is taken from a kept report, and what is printed of a hostile name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/explain.h"
#include "common/reason.h"

#define ALL \
	(CHECK_READ | CHECK_NAME | CHECK_VIRUS | CHECK_TYPE | CHECK_LISTS | CHECK_ORIGIN | CHECK_CONTENT | CHECK_MEMBERS)

static const char report[] =
	"{\"files\":[\n"
	"{\"path\":\"a.deb\",\"reasons\":[{\"code\":\"container-opaque\",\"detail\":\"ar\",\"member\":\"\"},"
	"{\"code\":\"no-rule\",\"detail\":\"\",\"member\":\"\"}],"
	"\"signers\":[{\"key\":\"00\",\"name\":\"vendor-x\",\"via\":\"a.deb.minisig\"}],\"size\":77,"
	"\"type\":\"application/vnd.debian.binary-package\",\"verdict\":\"held\"},\n"
	"{\"path\":\"b.zip\",\"reasons\":[{\"code\":\"type-denied\",\"detail\":\"\",\"member\":\"x.exe\"}],\"signers\":[],"
	"\"size\":7,\"type\":\"application/zip\",\"verdict\":\"blocked\"},\n"
	"{\"path\":\"link\",\"reasons\":[{\"code\":\"symlink\",\"detail\":\"\",\"member\":\"\"}],\"signers\":[],\"size\":0,"
	"\"type\":\"\",\"verdict\":\"blocked\"}\n"
	"],\"format\":\"lazaret.report/1\",\"medium\":{\"kind\":\"usb\",\"model\":\"M\",\"serial\":\"S\",\"vendor\":\"V\"},"
	"\"operator\":\"alice\"}\n";

static int facts(const char *path, struct explain_facts *f)
{
	FILE *in = fmemopen((void *)(uintptr_t)report, strlen(report), "r");
	int r;

	assert_non_null(in);
	memset(f, 0, sizeof(*f));
	explain_init(f, ALL);
	r = explain_from_report(in, path, f);
	fclose(in);
	return r;
}

static struct rule_set *documents(void)
{
	struct yaml_errors errors = { 0 };
	struct rule_set *set = NULL;

	assert_int_equal(rules_load("rules/documents.yaml", "rules/types", NULL, &errors, &set), 0);
	return set;
}

static void from_a_report(void **state)
{
	struct rule_set *set = documents();
	struct explain_facts f;
	char *said = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&said, &size);

	assert_int_equal(facts("a.deb", &f), 0);
	assert_int_equal(f.subject.size, 77);
	assert_int_equal(f.subject.type_count, 1);
	assert_int_equal(f.subject.signer_count, 1);
	assert_string_equal(f.subject.medium.kind, "usb");
	assert_string_equal(f.subject.operator_name, "alice");
	assert_int_equal(f.findings.count, 1); /* without the rules' own "no-rule" */
	assert_int_equal(f.findings.list[0].reason, REASON_CONTAINER_OPAQUE);
	assert_int_equal(rules_explain_print(set, &f, false, out), 1);
	fclose(out);
	assert_non_null(strstr(said, "fired   signed-software"));
	free(said);
	explain_done(&f);

	assert_int_equal(facts("b.zip", &f), 0);
	assert_int_equal(f.findings.count, 1); /* but what they said of a member stands */
	explain_done(&f);
	assert_int_equal(facts("link", &f), 0);
	assert_int_equal(f.subject.type_count, 0);
	assert_int_equal(f.findings.done & CHECK_TYPE, 0);
	explain_done(&f);
	assert_int_equal(facts("missing", &f), -ENOENT);
	explain_done(&f);
	rules_free(set);
}

static void hostile_names_are_escaped(void **state)
{
	struct rule_set *set = documents();
	struct explain_facts f = { 0 };

	for (unsigned int is_json = 0; is_json < 2; is_json++) {
		char *said = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&said, &size);

		explain_init(&f, ALL);
		f.subject.path = "a\033[31m\nb\xff\"";
		f.types[0] = "video/\033x";
		f.subject.type_count = 1;
		assert_int_equal(rules_explain_print(set, &f, is_json, out), 0);
		fclose(out);
		assert_null(strchr(said, 033));
		assert_null(strchr(said, '\xff'));
		assert_non_null(strstr(said, "no-rule"));
		if (is_json) {
			json_t *parsed = json_loads(said, JSON_REJECT_DUPLICATES, NULL);

			assert_non_null(parsed);
			assert_string_equal(json_string_value(json_object_get(parsed, "verdict")), "blocked");
			json_decref(parsed);
		}
		free(said);
	}
	rules_free(set);
}

#define MEMBER(path, member, types, within, findings, done) \
	"{\"event\":\"facts\",\"asked\":true,\"path\":\"" path "\",\"member\":\"" member "\",\"size\":5,\"types\":[" types \
	"],\"containers\":[" within "],\"findings\":[" findings "],\"done\":" done "}"

/* A zip that the rules approve as such, and what is in it. */
static void members_decide_too(void **state)
{
	static const struct {
		const char *member;
		enum verdict verdict;
		const char *said; /* text */
	} rows[] = {
		{ MEMBER("a.txt", "d/a.txt", "\"text/plain\"", "\"application/zip\"", "", "255"), VERDICT_APPROVED, "1 members, of which 0 do not pass\n" },
		{ MEMBER("a.exe", "d/a.exe", "\"application/x-dosexec\"", "\"application/zip\"", "", "255"), VERDICT_BLOCKED,
		  "    blocked  programs: d/a.exe\n" },
		{ MEMBER("a.exe", "b.docx/a.exe", "\"application/x-dosexec\"", "\"application/msword\",\"application/zip\"", "", "255"),
		  VERDICT_BLOCKED, "    blocked  program-in-document: b.docx/a.exe\n" },
		{ MEMBER("a.txt", "a.txt", "\"text/plain\"", "\"application/zip\"", "{\"code\":\"malware\",\"detail\":\"X\"}", "255"), VERDICT_BLOCKED,
		  "malware (blocked)" },
		{ MEMBER("a.txt", "a.txt", "\"text/plain\"", "\"application/zip\"", "", "127"), VERDICT_HELD, "the check 'members' did not run to its end" },
		{ MEMBER("a.mp4", "x/a\\u001b.mp4", "\"video/mp4\"", "\"application/zip\"", "", "255"), VERDICT_BLOCKED, "no rule: x/a" },
	};
	struct rule_set *set = documents();

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		bool is_json = i % 2;
		struct explain_facts f = { 0 };
		char *said = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&said, &size);

		explain_init(&f, ALL);
		f.subject.path = "a.zip";
		f.types[0] = "application/zip";
		f.subject.type_count = 1;
		f.members = json_array();
		assert_int_equal(json_array_append_new(f.members, json_loads(rows[i / 2].member, 0, NULL)), 0);
		assert_int_equal(rules_explain_print(set, &f, is_json, out), rows[i / 2].verdict == VERDICT_APPROVED);
		fclose(out);
		assert_null(strchr(said, 033));
		if (is_json) {
			json_t *parsed = json_loads(said, JSON_REJECT_DUPLICATES, NULL);

			assert_string_equal(json_string_value(json_object_get(parsed, "verdict")), verdict_name(rows[i / 2].verdict));
			assert_int_equal(json_integer_value(json_object_get(json_object_get(parsed, "members"), "count")), 1);
			json_decref(parsed);
		} else if (!strstr(said, rows[i / 2].said) || strncmp(said, "a.zip\n", 6) != 0) {
			fail_msg("row %zu: %s", i / 2, said);
		}
		free(said);
		explain_done(&f);
	}
	rules_free(set);
}

/* However many there are, all count, and the first ones are named; what cannot be understood is no approval. */
static void many_and_broken_members(void **state)
{
	struct rule_set *set = documents();
	struct explain_facts f = { 0 };
	char *said = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&said, &size);
	json_t *deep = json_loads(MEMBER("a.txt", "a.txt", "\"text/plain\"", "\"application/zip\"", "", "255"), 0, NULL);

	explain_init(&f, ALL);
	f.subject.path = "a.zip";
	f.types[0] = "application/zip";
	f.subject.type_count = 1;
	f.members = json_array();
	for (unsigned int i = 0; i < EXPLAIN_NAMED_MAX + 7; i++)
		assert_int_equal(json_array_append_new(f.members,
						       json_loads(MEMBER("a.mp4", "a.mp4", "\"video/mp4\"", "\"application/zip\"", "", "255"), 0, NULL)), 0);
	assert_int_equal(rules_explain_print(set, &f, false, out), 0);
	fflush(out);
	assert_non_null(strstr(said, "57 members, of which 57 do not pass:"));
	assert_non_null(strstr(said, "and 7 more"));
	json_array_clear(f.members);
	for (unsigned int i = 0; i < EXPLAIN_CONTAINERS_MAX; i++)
		assert_int_equal(json_array_append_new(json_object_get(deep, "containers"), json_string("application/zip")), 0);
	assert_int_equal(json_array_append_new(f.members, deep), 0);
	assert_int_equal(rules_explain_print(set, &f, false, out), -EBADMSG);
	json_array_clear(f.members);
	assert_int_equal(json_array_append_new(f.members, json_loads(MEMBER("a", "a", "", "\"x/y\"", "{\"code\":\"nonsense\"}", "255"), 0, NULL)), 0);
	assert_true(rules_explain_print(set, &f, false, out) < 0);
	fclose(out);
	free(said);
	explain_done(&f);
	rules_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_a_report),
		cmocka_unit_test(hostile_names_are_escaped),
		cmocka_unit_test(members_decide_too),
		cmocka_unit_test(many_and_broken_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
