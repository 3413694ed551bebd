/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Going back to what was in force before: what is shown of it, and what two persons said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "update/undo.h"

static char dir[] = "/tmp/lazaret-undo-XXXXXX";

static void path_of(const char *name, char out[static 256])
{
	(void)snprintf(out, 256, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	path_of(name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int group_setup(void **state)
{
	char path[256];

	if (!mkdtemp(dir))
		return -1;
	path_of("sets", path);
	return mkdir(path, 0755);
}

static int group_teardown(void **state)
{
	return dir_remove_tree(AT_FDCWD, dir);
}

#define SUM "0123456789012345678901234567890123456789012345678901234567890123"
#define SET(name, version, set) \
	"{\"applied_at\":1,\"files\":[{\"file\":\"rules.yaml\",\"sha256\":\"" SUM "\"}],\"made\":1795000000,\"name\":\"" name "\",\"pack\":\"" SUM "\",\"set\":\"" set "\",\"version\":" version "}"

static void put_current(const char *keys, const char *undo)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "{\"format\":\"lazaret.sets/1\",\"applied_at\":5,\"by\":\"ben\",\"keys\":[%s],\"sets\":{\"rules\":%s,\"types\":%s},\"undo\":%s,\"versions\":{\"site\":7}}", keys,
			     SET("site", "7", "site-7"), SET("other", "2", "other-2"), undo) > 0);
	write_file("sets/current", text);
	free(text);
}

#define BEFORE "{\"applied_at\":1,\"by\":\"ben\",\"keys\":[],\"sets\":{\"types\":" SET("other", "2", "other-2") "},\"versions\":{\"other\":2}}"

static void what_changes_is_shown_and_no_more(void **state)
{
	json_t *o, *change;

	put_current("\"vendor\"", BEFORE);
	o = undo_json(dir);
	assert_int_equal(json_array_size(json_object_get(o, "changes")), 1); /* types stay */
	change = json_array_get(json_object_get(o, "changes"), 0);
	assert_string_equal(json_string_value(json_object_get(change, "kind")), "rules");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(change, "from"), "version")), 7);
	assert_true(json_is_null(json_object_get(change, "to")));
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "keys"), 0)), "vendor");
	assert_int_equal(json_integer_value(json_object_get(o, "more_keys")), 0);
	json_decref(o);
}

/* The station's object is a part of a line of 64 KiB. */
static void hundreds_of_keys_fit_in_a_line(void **state)
{
	char keys[512 * 67 + 1] = "";
	size_t at = 0;
	json_t *o;

	for (unsigned int k = 0; k < 500; k++)
		at += (size_t)snprintf(keys + at, sizeof(keys) - at, "%s\"k%062u\"", k ? "," : "", k);
	put_current(keys, BEFORE);
	o = undo_json(dir);
	assert_int_equal(json_array_size(json_object_get(o, "keys")), UNDO_KEYS_SHOWN);
	assert_int_equal(json_integer_value(json_object_get(o, "more_keys")), 500 - UNDO_KEYS_SHOWN);
	assert_true(json_dumpb(o, NULL, 0, JSON_COMPACT) < 4096);
	json_decref(o);
}

static void nothing_to_go_back_to_is_null(void **state)
{
	static const char *const texts[] = { "", "{}", "{\"format\":\"lazaret.sets/2\"}" };
	json_t *o;

	put_current("", "null");
	o = undo_json(dir);
	assert_true(json_is_null(o));
	for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
		write_file("sets/current", texts[k]);
		assert_true(json_is_null(undo_json(dir)));
	}
	assert_true(json_is_null(undo_json("/nowhere")));
}

static void what_was_said_holds_for_these_bytes_alone(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "{\"by\":\"ben\",\"second\":\"anna\",\"sha256\":\"" SUM "\"}", "{\"by\":\"ben\",\"reason\":\"x\",\"second\":5,\"sha256\":\"" SUM "\"}",
		"{\"by\":\"ben\",\"reason\":\"x\",\"second\":\"anna\",\"sha256\":\"" SUM "\",\"more\":1}",
	};
	char other[] = SUM;
	json_t *said;

	assert_null(undo_approved(dir, SUM));
	assert_int_equal(undo_approve(dir, "ben", "anna", "false \"alarms\"", SUM), 0);
	said = undo_approved(dir, SUM);
	assert_string_equal(json_string_value(json_object_get(said, "by")), "ben");
	assert_string_equal(json_string_value(json_object_get(said, "second")), "anna");
	assert_string_equal(json_string_value(json_object_get(said, "reason")), "false \"alarms\"");
	json_decref(said);
	other[0] = 'f';
	assert_null(undo_approved(dir, other));
	for (size_t k = 0; k < ARRAY_LEN(wrong); k++) {
		write_file("updates/" UNDO_APPROVED, wrong[k]);
		assert_null(undo_approved(dir, SUM));
	}
}

static void who_may(void **state)
{
	char anna[] = "anna", ben[] = "ben", cleo[] = "cleo", dora[] = "dora";
	const struct person administrator = { .name = anna, .roles = 1u << PERSON_ADMINISTRATOR }, officer = { .name = ben, .roles = 1u << PERSON_OFFICER },
			    second = { .name = cleo, .roles = 1u << PERSON_OFFICER }, auditor = { .name = dora, .roles = 1u << PERSON_AUDITOR },
			    gone = { .name = cleo, .roles = 1u << PERSON_OFFICER, .until = 1 };

	assert_null(undo_persons_refused(&officer, &administrator));
	assert_null(undo_persons_refused(&officer, &second));
	assert_non_null(undo_persons_refused(&administrator, &officer));
	assert_non_null(undo_persons_refused(&officer, &officer));
	assert_non_null(undo_persons_refused(&officer, &auditor));
	assert_non_null(undo_persons_refused(&officer, &gone));
	assert_non_null(undo_persons_refused(&gone, &officer));
	assert_non_null(undo_persons_refused(NULL, &officer));
	assert_non_null(undo_persons_refused(&officer, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_changes_is_shown_and_no_more), cmocka_unit_test(hundreds_of_keys_fit_in_a_line), cmocka_unit_test(nothing_to_go_back_to_is_null),
		cmocka_unit_test(what_was_said_holds_for_these_bytes_alone), cmocka_unit_test(who_may),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
