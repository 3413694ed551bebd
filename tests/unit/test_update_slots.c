/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* slots.json: which versions and states are taken, that what is kept is read again, and nothing else. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/testing.h"
#include "update/slots.h"

#define ROOT "3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f"

static void test_versions(void **state)
{
	static const char *const good[] = { "0", "0.1.0", "1.2.3.4.5", "20261123", "999999999.0" };
	static const char *const bad[] = { "", ".", "1.", ".1", "1..2", "1-2", "1.0+3", "1.0~rc1", "v1", "1 ", "1000000000", "1.2.3.4.5.6.7.8.9.1.2.34", "../1" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(slots_version_ok(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (slots_version_ok(bad[i]))
			fail_msg("'%s' is taken for a version", bad[i]);
}

static void not_made(const char *s, const char *version, const char *root, const char *slot, const char *reason)
{
	json_t *o = slots_make(s, version, root, slot, reason, json_array());

	if (o)
		fail_msg("made: %s %s %s %s", s, version, root, slot);
}

static void test_made(void **state)
{
	char dir[] = "/tmp/lazaret-slots.XXXXXX", path[64], *long_reason = calloc(1, SLOTS_REASON_MAX + 2);
	json_t *o, *again, *record;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	assert_null(slots_load(dir));
	o = slots_make("written", "0.2.0", ROOT, "b", "a\x1b word", json_pack("[s]", "databases"));
	assert_non_null(o);
	assert_null(strchr(json_string_value(json_object_get(o, "reason")), '\x1b'));
	assert_int_equal(slots_save(dir, o), 0);
	again = slots_load(dir);
	assert_true(json_equal(o, again));
	record = slots_record(o);
	assert_int_equal(json_object_size(record), 5);
	assert_null(json_object_get(record, "at"));
	json_decref(record);
	json_decref(again);
	json_decref(o);

	memset(long_reason, 'x', SLOTS_REASON_MAX + 1);
	not_made("eaten", "0.2.0", ROOT, "b", "");
	not_made("written", "0.2.0-1", ROOT, "b", "");
	not_made("written", "0.2.0", "3f", "b", "");
	not_made("written", "0.2.0", ROOT, "c", "");
	not_made("written", "0.2.0", ROOT, "b", long_reason);
	free(long_reason);

	/* of a newer version */
	(void)snprintf(path, sizeof(path), "%s/" SLOTS_FILE, dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("{\"format\":\"lazaret.slots/2\"}", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_null(slots_load(dir));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_bad_checks(void **state)
{
	json_t *selfcheck = json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "wrong", "name", "keys", "state", "bad", "name", "iommu", "state", "warning");
	json_t *names = slots_bad_checks(selfcheck);

	assert_int_equal(json_array_size(names), 1);
	assert_string_equal(json_string_value(json_array_get(names, 0)), "keys");
	json_decref(names);
	json_decref(selfcheck);
	names = slots_bad_checks(NULL);
	assert_int_equal(json_array_size(names), 0);
	json_decref(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_bad_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
