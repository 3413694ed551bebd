/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* .cargo-checksum.json of vendored crates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OTHER "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
#define LIST_PATH "vendor/serde/.cargo-checksum.json"

static struct prover prover;

static int start(void **state)
{
	prover_start(&prover, "lazaret-origin", NULL, 0);
	return 0;
}

static int end(void **state)
{
	prover_end(&prover);
	return 0;
}

static void prove_json_size(const char *json, size_t size, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add(&m, LIST_PATH, json, size);
	prove(&prover, &m, LIST_PATH, EVIDENCE_CARGO, PROVING_NOW, ret);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->signature_count + ret->text_size + ret->wanted_count, 0);
	medium_done(&m);
}

static void prove_json(const char *json, struct proved *ret)
{
	prove_json_size(json, strlen(json), ret);
}

/* As cargo vendor writes it. */
static void test_crate(void **state)
{
	struct proved told;

	prove_json("{\"files\":{\"Cargo.toml\":\"" SHA256 "\",\"src/lib.rs\":\"" OTHER "\",\"tests/\\u00e9.rs\":\"" SHA256
		   "\"},\"package\":\"" OTHER "\"}", &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.flags, PROVED_COMPLETE);
	assert_int_equal(told.bad, 0);
	assert_int_equal(told.entry_count, 4);
	assert_non_null(find_entry(&told, "vendor/serde/Cargo.toml", "sha256", SHA256));
	assert_non_null(find_entry(&told, "vendor/serde/src/lib.rs", "sha256", OTHER));
	assert_non_null(find_entry(&told, "vendor/serde/tests/\xc3\xa9.rs", "sha256", SHA256));
	assert_non_null(find_entry(&told, "", "sha256", OTHER)); /* the .crate, wherever it lies */
	proved_done(&told);
}

/* A crate out of a Git repository has no package; one of Debian's has no files, and nothing is said of those that are there. */
static void test_parts(void **state)
{
	static const char *const without[] = { "", ",\"package\":null", ",\"x\":[1]" };
	struct proved told;

	for (size_t i = 0; i < ARRAY_LEN(without); i++) {
		_cleanup_free_ char *json = NULL;

		assert_true(asprintf(&json, "{\"files\":{\"a\":\"" SHA256 "\"}%s}", without[i]) > 0);
		prove_json(json, &told);
		assert_int_equal(told.outcome, LIST_READ);
		assert_int_equal(told.entry_count, 1);
		assert_int_equal(told.flags, PROVED_COMPLETE);
		proved_done(&told);
	}
	prove_json("{\"package\":\"" SHA256 "\",\"files\":{}}", &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.entry_count, 1);
	assert_int_equal(told.flags, 0);
	proved_done(&told);
}

static void test_broken(void **state)
{
	static const char *const rows[] = {
		"", "{", "[]", "{}", "null", "{\"files\":[]}", "{\"files\":null}", "{\"files\":\"x\"}", "{\"files\":{}} x",
		"{\"files\":{\"a\":1}}", "{\"files\":{\"a\":null}}", "{\"files\":{\"a\":\"\"}}", "{\"files\":{\"a\":\"" SHA256 "0\"}}",
		"{\"files\":{\"a\":\"x3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}}",
		"{\"files\":{\"../a\":\"" SHA256 "\"}}", "{\"files\":{\"/a\":\"" SHA256 "\"}}", "{\"files\":{\"\":\"" SHA256 "\"}}",
		"{\"files\":{\".\":\"" SHA256 "\"}}", "{\"files\":{\"a/../b\":\"" SHA256 "\"}}",
		"{\"files\":{\"a\\u0000b\":\"" SHA256 "\"}}",
		"{\"files\":{\"a\":\"" SHA256 "\",\"a\":\"" OTHER "\"}}", /* twice: two readers would read two lists */
		"{\"files\":{},\"files\":{\"a\":\"" SHA256 "\"}}",
		"{\"files\":{},\"package\":1}", "{\"files\":{},\"package\":\"x\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proved told;

		prove_json(rows[i], &told);
		if (told.outcome != LIST_BROKEN)
			fail_msg("%s", rows[i]);
		assert_int_equal(told.entry_count, 0);
		assert_true(told.bad > 0 && told.detail[0]);
		proved_done(&told);
	}
}

/* One bad name, and none of it vouches. */
static void test_one_bad_name_breaks_it(void **state)
{
	struct proved told;

	prove_json("{\"files\":{\"a\":\"" SHA256 "\",\"../b\":\"" SHA256 "\",\"c\":\"" SHA256 "\"}}", &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_int_equal(told.entry_count, 2);
	assert_int_equal(told.bad, 1);
	assert_non_null(strstr(told.detail, "../b"));
	proved_done(&told);
}

/* Nested without end, longer than is read, cut anywhere. */
static void test_hostile(void **state)
{
	static const char good[] = "{\"files\":{\"a\":\"" SHA256 "\"},\"package\":\"" OTHER "\"}";
	_cleanup_free_ char *deep = malloc(200001);
	struct medium m = { 0 };
	struct proved told;
	int fd = memory_text(good);

	assert_non_null(deep);
	memcpy(deep, "{\"files\":", 9);
	memset(deep + 9, '[', 200000 - 9);
	prove_json_size(deep, 200000, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	proved_done(&told);
	for (size_t cut = 0; cut < strlen(good); cut++) {
		prove_json_size(good, cut, &told);
		assert_int_equal(told.outcome, LIST_BROKEN);
		assert_int_equal(told.entry_count, 0);
		proved_done(&told);
	}
	assert_int_equal(ftruncate(fd, 1ll << 40), 0);
	medium_add_fd(&m, LIST_PATH, fd);
	prove(&prover, &m, LIST_PATH, EVIDENCE_CARGO, PROVING_NOW, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	assert_non_null(strstr(told.detail, "longer than this station reads"));
	proved_done(&told);
	medium_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crate),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_one_bad_name_breaks_it),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, start, end);
}
