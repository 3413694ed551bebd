/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Rules from text, and a file that has passed every check, for the judge's tests. Run from the source's root. */
#ifndef LAZARET_TESTS_JUDGE_FIXTURE_H
#define LAZARET_TESTS_JUDGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fd.h"
#include "judge/judge.h"
#include "judge/rules.h"

#define ALL_CHECKS \
	(CHECK_READ | CHECK_NAME | CHECK_VIRUS | CHECK_TYPE | CHECK_LISTS | CHECK_ORIGIN | CHECK_CONTENT | CHECK_MEMBERS)
#define TYPES_DIR "rules/types"
#define HEAD "format: lazaret.rules/1\ntitle: t\n"

static const char *const fixture_keys[] = { "vendor-x", "vendor-y" };
static const struct rules_context fixture_context = { fixture_keys, 2 };

/* Errors as printed, the file called "f"; "" when there are none. Owned by the caller. */
_unused_ static char *fixture_load(const char *text, struct rule_set **ret)
{
	char path[] = "/tmp/lazaret-rules-XXXXXX", *printed = NULL, *p;
	struct yaml_errors errors = { 0 };
	size_t size = 0;
	FILE *f = open_memstream(&printed, &size);
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
	*ret = NULL;
	r = rules_load(path, TYPES_DIR, &fixture_context, &errors, ret);
	unlink(path);
	assert_int_equal(r < 0, yaml_errors_any(&errors));
	assert_int_equal(r < 0, *ret == NULL);
	yaml_errors_print(&errors, f);
	fclose(f);
	yaml_errors_done(&errors);
	while ((p = strstr(printed, path))) {
		p[0] = 'f';
		memmove(p + 1, p + strlen(path), strlen(p + strlen(path)) + 1);
	}
	return printed;
}

_unused_ static struct rule_set *fixture_rules(const char *text)
{
	struct rule_set *set;
	char *errors = fixture_load(text, &set);

	if (!set)
		fail_msg("%s", errors);
	free(errors);
	return set;
}

/* Everything borrowed from static or the caller's storage. */
_unused_ static struct subject fixture_subject(const char *path, const char *const *types, size_t type_count,
					       const struct findings *findings)
{
	return (struct subject){
		.path = path,
		.size = 1000,
		.types = types,
		.type_count = type_count,
		.findings = findings,
		.medium = { "usb", "Acme", "Stick", "0815" },
		.operator_name = "alice",
		.operator_group = "staff",
		.checks_required = ALL_CHECKS,
	};
}

#endif
