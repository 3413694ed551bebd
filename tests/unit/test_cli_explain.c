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

#define ALL (CHECK_READ | CHECK_NAME | CHECK_VIRUS | CHECK_TYPE | CHECK_LISTS | CHECK_ORIGIN)

static const char report[] =
	"{\"files\":[\n"
	"{\"path\":\"a.deb\",\"reasons\":[{\"code\":\"container-opaque\",\"detail\":\"ar\",\"member\":\"\"},"
	"{\"code\":\"no-rule\",\"detail\":\"\",\"member\":\"\"}],"
	"\"signers\":[{\"key\":\"00\",\"name\":\"vendor-x\",\"via\":\"a.deb.minisig\"}],\"size\":77,"
	"\"type\":\"application/vnd.debian.binary-package\",\"verdict\":\"held\"},\n"
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
	assert_int_equal(rules_explain_print(set, &f.subject, false, out), 1);
	fclose(out);
	assert_non_null(strstr(said, "fired   signed-software"));
	free(said);
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
		assert_int_equal(rules_explain_print(set, &f.subject, is_json, out), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_a_report),
		cmocka_unit_test(hostile_names_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
