/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Packs that wait: which names and comments are taken, what is kept of how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/testing.h"
#include "common/trust.h"
#include "update/offers.h"

static void test_names(void **state)
{
	assert_true(offers_name_ok("a.lazaret-pack"));
	assert_false(offers_name_ok(".lazaret-pack"));
	assert_false(offers_name_ok(".a.lazaret-pack"));
	assert_false(offers_name_ok("a.lazaret-pack.json"));
	assert_false(offers_name_ok("../a.lazaret-pack"));
	assert_false(offers_name_ok("a b.lazaret-pack"));
	assert_false(offers_name_ok("a\n.lazaret-pack"));
	assert_false(offers_name_ok(""));
}

static void comment(const char *text, const char *name, uint64_t version)
{
	char got[TRUST_NAME_MAX + 1];
	uint64_t v;

	assert_int_equal(offers_comment(text, got, &v), name != NULL);
	if (name) {
		assert_string_equal(got, name);
		assert_int_equal(v, version);
	}
}

static void test_comments(void **state)
{
	comment("lazaret.pack/1 name:site version:7 made:1700000000", "site", 7);
	comment("lazaret.pack/1 name:site version:7 made:1700000000 ", NULL, 0);
	comment("lazaret.pack/1  name:site version:7 made:1700000000", NULL, 0);
	comment("lazaret.pack/1 name:site version:07 made:1700000000", NULL, 0);
	comment("lazaret.pack/1 name:site version:-7 made:1700000000", NULL, 0);
	comment("lazaret.pack/1 name:site version:0 made:1700000000", NULL, 0);
	comment("lazaret.pack/1 name:site version:9999999999999 made:1700000000", NULL, 0);
	comment("lazaret.pack/1 name:../x version:7 made:1700000000", NULL, 0);
	comment("lazaret.pack/2 name:site version:7 made:1700000000", NULL, 0);
	comment("timestamp:1700000000\tfile:x\thashed", NULL, 0);
	comment("", NULL, 0);
}

#define SHA256 "00000000000000000000000000000000000000000000000000000000000000a1"
#define ANOTHER "00000000000000000000000000000000000000000000000000000000000000a2"

/* What is approved is bytes, not a name. */
static void check_approval(const char *dir)
{
	char *sha256 = offers_sha256(dir, "p03.lazaret-pack"), *by;

	assert_non_null(sha256);
	assert_string_equal(sha256, SHA256);
	free(sha256);
	assert_null(offers_sha256(dir, "none.lazaret-pack"));
	assert_null(offers_sha256(dir, "../p03.lazaret-pack"));
	assert_null(offers_approved_by(dir, "p03.lazaret-pack", SHA256));
	assert_true(offers_approve(dir, "../p03.lazaret-pack", "ben", SHA256) < 0);
	assert_int_equal(offers_approve(dir, "p03.lazaret-pack", "ben", SHA256), 0);
	by = offers_approved_by(dir, "p03.lazaret-pack", SHA256);
	assert_non_null(by);
	assert_string_equal(by, "ben");
	free(by);
	assert_null(offers_approved_by(dir, "p03.lazaret-pack", ANOTHER));
}

static void test_kept(void **state)
{
	char dir[] = "/tmp/lazaret-offers-XXXXXX";
	int fd = memory_file("bytes of a pack", 15);
	json_t *facts, *versions = json_pack("{s:i}", "site", 5), *offers;

	assert_non_null(mkdtemp(dir));
	offers = offers_json(dir, versions);
	assert_int_equal(json_array_size(offers), 0);
	json_decref(offers);
	for (int k = 0; k <= OFFERS_MAX; k++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "p%02d.lazaret-pack", k);
		facts = json_pack("{s:s,s:s,s:s,s:s,s:i}", "from", "t", "name", "site", "pack", name, "sha256", SHA256, "version", k);
		assert_int_equal(offers_keep(dir, name, fd, 15, "signature", facts), k == OFFERS_MAX ? -EMLINK : 0);
		json_decref(facts);
	}
	facts = json_pack("{s:s,s:s,s:s,s:s,s:i}", "from", "u", "name", "site", "pack", "p03.lazaret-pack", "sha256", SHA256, "version", 9);
	assert_int_equal(offers_keep(dir, "p03.lazaret-pack", fd, 15, "signature", facts), 0); /* one that is there is replaced */
	json_decref(facts);
	offers = offers_json(dir, versions);
	assert_int_equal(json_array_size(offers), OFFERS_MAX);
	assert_string_equal(json_string_value(json_object_get(json_array_get(offers, 4), "trouble")), "older than what is in force");
	assert_string_equal(json_string_value(json_object_get(json_array_get(offers, 5), "trouble")), "in force already");
	assert_true(json_is_null(json_object_get(json_array_get(offers, 6), "trouble")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(offers, 3), "version")), 9);
	json_decref(offers);
	check_approval(dir);
	assert_int_equal(offers_remove(dir, "p03.lazaret-pack"), 0);
	assert_int_equal(offers_remove(dir, "p03.lazaret-pack"), 0);
	offers = offers_json(dir, versions);
	assert_int_equal(json_array_size(offers), OFFERS_MAX - 1);
	json_decref(offers);
	json_decref(versions);
	close(fd);
	assert_int_equal(dir_remove_tree(AT_FDCWD, dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_comments), cmocka_unit_test(test_kept) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
