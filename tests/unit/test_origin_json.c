/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* JSON from a medium: limits, ambiguity, encodings in it; and that what the limits allow fits into the role's memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "origin/json_input.h"
#include "proof/proof.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

/* 0 and NULL, or the sentence. */
static const char *parse(const char *raw, size_t size)
{
	static char why[JSON_INPUT_WHY_MAX];
	json_t *j = NULL;
	int r = json_input_parse(raw, size, &j, why);

	assert_true(r == 0 ? j != NULL : r == -EBADMSG);
	json_decref(j);
	return r == 0 ? NULL : why;
}

/* `head`, then `unit` so many times, then `tail`. */
static char *repeat(const char *head, const char *unit, size_t count, const char *tail)
{
	size_t unit_size = strlen(unit), at = strlen(head);
	char *text = malloc(at + unit_size * count + strlen(tail) + 1);

	assert_non_null(text);
	memcpy(text, head, at);
	for (; count > 0; count--, at += unit_size)
		memcpy(text + at, unit, unit_size);
	memcpy(text + at, tail, strlen(tail) + 1);
	return text;
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *raw, *words;
	} rows[] = {
		{ "", "not JSON" },
		{ "[]", "not a JSON object" },
		{ "1", "not JSON" },
		{ "{\"a\":1,\"a\":1}", "duplicate" },
		{ "{\"x\":{\"a\":1,\"\\u0061\":2}}", "duplicate" },
		{ "{} {}", "not JSON" },
		{ "{\"a\":1}x", "not JSON" },
		{ "{\"a\":\"\\u0000\"}", "not JSON" },
		{ "{\"a\":\"\xff\"}", "not JSON" },
		{ "{\"a\":99999999999999999999}", "not JSON" },
		{ "{\"a\":1e999}", "not JSON" },
		{ "{\"a\":NaN}", "not JSON" },
		{ "{'a':1}", "not JSON" },
		{ "\xef\xbb\xbf{}", "not JSON" },
		{ "{\"a\":\"\\", "not JSON" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = parse(rows[i].raw, strlen(rows[i].raw));

		if (!why || !strstr(why, rows[i].words))
			fail_msg("%s: %s", rows[i].raw, why ? why : "accepted");
	}
	assert_non_null(parse("{}\0", 3));
	{
		static const char good[] = "{\"a\":[1,2.5,true,null,\"\\\"[{\"]}\n";

		assert_null(parse(good, sizeof(good) - 1));
	}
}

static void test_depth(void **state)
{
	_cleanup_free_ char *open = repeat("{\"a\":", "[", JSON_INPUT_DEPTH_MAX - 1, ""), *good = repeat(open, "]", JSON_INPUT_DEPTH_MAX - 1, "}");
	_cleanup_free_ char *more = repeat("{\"a\":", "[", JSON_INPUT_DEPTH_MAX, ""), *deep = repeat(more, "]", JSON_INPUT_DEPTH_MAX, "}");
	_cleanup_free_ char *quoted = repeat("{\"a\":\"", "[{\\\"", 1000, "\"}");

	assert_null(parse(good, strlen(good)));
	assert_non_null(strstr(parse(deep, strlen(deep)), "nested"));
	assert_null(parse(quoted, strlen(quoted)));
}

static void test_number_of_values(void **state)
{
	_cleanup_free_ char *many = repeat("{\"a\":[0", ",0", JSON_INPUT_VALUES_MAX - 3, "]}");
	_cleanup_free_ char *more = repeat("{\"a\":[0", ",0", JSON_INPUT_VALUES_MAX, "]}");

	assert_null(parse(many, strlen(many)));
	assert_non_null(strstr(parse(more, strlen(more)), "too many values"));
}

static void test_length(void **state)
{
	_cleanup_free_ char *text = repeat("{", " ", JSON_INPUT_BYTES_MAX, "}");
	_cleanup_close_ int fd = memory_text("12345678");
	_cleanup_free_ char *read = NULL;

	assert_non_null(strstr(parse(text, strlen(text)), "too long"));
	assert_int_equal(json_input_read(fd, 8, 7, &read), -EFBIG);
	assert_int_equal(json_input_read(fd, 8, 8, &read), 0);
	assert_string_equal(read, "12345678");
}

static void expect_base64(const char *text, const char *bytes, size_t size)
{
	_cleanup_free_ uint8_t *out = NULL;
	size_t out_size;
	int r = json_input_base64(text, 3, &out, &out_size);

	if (!bytes) {
		assert_int_equal(r, -EBADMSG);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(out_size, size);
	assert_memory_equal(out + 3, bytes, size);
	assert_int_equal(out[3 + size], 0);
}

static void test_base64(void **state)
{
	expect_base64("", "", 0);
	expect_base64("AA==", "\0", 1);
	expect_base64("AA", "\0", 1);
	expect_base64("+/+/", "\xfb\xff\xbf", 3);
	expect_base64("-_-_", "\xfb\xff\xbf", 3);
	expect_base64("-_-_AAA", "\xfb\xff\xbf\0\0", 5);
	expect_base64("+_+_", NULL, 0);
	expect_base64("A", NULL, 0);
	expect_base64("AB==", NULL, 0);
	expect_base64("AA=A", NULL, 0);
	expect_base64("====", NULL, 0);
	expect_base64("=", NULL, 0);
	expect_base64("AA==AA==", NULL, 0);
	expect_base64("AAA A", NULL, 0);
	expect_base64("AAAA\n", NULL, 0);
}

static void test_digests(void **state)
{
	static const char hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	uint8_t sum[ORIGIN_DIGEST_MAX];
	char text[256];
	bool is_proper;

	(void)snprintf(text, sizeof(text), "sha256:%s", hex);
	assert_string_equal(json_input_digest(text, sum, &is_proper)->name, "sha256");
	assert_int_equal(sum[0], 0xe3);
	assert_null(json_input_digest("multihash+base58:QmRZxt2b1FVZPNqd8", sum, &is_proper));
	assert_true(is_proper);
	static const char *const bad[] = { "", ":", "sha256", "sha256:", "sha256:e3", "sha256:../../../../x", "SHA256:e3b0",
					   "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "sha 256:00", "sha256::00" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(json_input_digest(bad[i], sum, &is_proper));
		if (is_proper)
			fail_msg("%s", bad[i]);
	}
}

/* -- in the role, with its limit of memory --------------------------------------------------------------------- */

static void prove_statement(const char *statement, struct proved *told)
{
	size_t size = strlen(statement), room = BASE64_LEN(size) + 1;
	_cleanup_free_ char *base64 = malloc(room), *text = malloc(room + 200);
	struct medium m = { 0 };
	struct prover p;

	assert_non_null(base64);
	assert_non_null(text);
	base64_encode(statement, size, base64);
	(void)snprintf(text, room + 200, "{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"%s\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
		       base64);
	medium_add(&m, "a.dsse", text, strlen(text));
	prover_start(&p, "lazaret-origin", NULL, 0);
	prove(&p, &m, "a.dsse", EVIDENCE_DSSE, PROVING_NOW, told);
	prover_end(&p);
	medium_done(&m);
}

#define STATEMENT "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"x\","
#define SUBJECT "{\"name\":\"some/directory/file\",\"digest\":{\"sha256\":" \
		"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}},"
#define RESOURCE "{\"name\":\"f%06zu\",\"algorithm\":\"sha256\",\"digest\":" \
		 "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}"

static void test_a_statement_about_as_many_files_as_a_station_is_built_for(void **state)
{
	_cleanup_free_ char *text = repeat(STATEMENT "\"subject\":[", SUBJECT, 99999, "");
	_cleanup_free_ char *whole = repeat(text, SUBJECT, 1, "  ");
	struct proved told;

	memcpy(strrchr(whole, 0x2c), "]} ", 3); /* for the last comma */
	prove_statement(whole, &told);
	assert_int_equal(told.error, 0);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.entry_count, 100000);
	proved_done(&told);
}

/* The tree that takes most memory for its bytes: refused or read, and the role lives on. */
static void test_the_largest_trees(void **state)
{
	static const char *const units[] = { "{},", "[],", "{\"a\":\"b\"},", "\"\",", "0.5," };

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t values = units[i][0] == '{' || units[i][0] == '[' ? 2 : 1;
		_cleanup_free_ char *text =
			repeat(STATEMENT "\"subject\":[{\"name\":\"a\",\"digest\":{}}],\"predicate\":[", units[i], JSON_INPUT_VALUES_MAX / values - 20, "0]}");
		struct proved told;

		prove_statement(text, &told);
		if (told.error != 0 || told.outcome != LIST_READ) {
			print_proved(&told);
			fail_msg("%s", units[i]);
		}
		proved_done(&told);
	}
}

static void test_a_large_model(void **state)
{
	enum { COUNT = 100000 };
	struct proved told;
	size_t room = COUNT * 140u + 1000, at;
	char *text = malloc(room);
	struct hash *h = hash_new();
	uint8_t sum[SHA256_LEN], root[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];

	assert_non_null(h);
	assert_int_equal(hex_decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sum, sizeof(sum)), 0);
	assert_non_null(text);
	at = (size_t)snprintf(text, room, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"https://model_signing/signature/v1.0\","
				  "\"predicate\":{\"serialization\":{\"method\":\"files\",\"hash_type\":\"sha256\"},\"resources\":[");
	for (size_t i = 0; i < COUNT; i++) {
		at += (size_t)snprintf(text + at, room - at, "%s" RESOURCE, i > 0 ? "," : "", i);
		assert_int_equal(hash_update(h, sum, sizeof(sum)), 0);
	}
	assert_int_equal(hash_final(h, root), 0);
	hash_free(h);
	hex_encode(root, sizeof(root), hex);
	(void)snprintf(text + at, room - at, "]},\"subject\":[{\"name\":\"m\",\"digest\":{\"sha256\":\"%s\"}}]}", hex);
	prove_statement(text, &told);
	free(text);
	if (told.error != 0 || told.outcome != LIST_READ || told.entry_count != COUNT)
		print_proved(&told);
	assert_int_equal(told.error, 0);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.entry_count, COUNT);
	proved_done(&told);
}

static int set_up(void **state)
{
	json_input_prepare();
	return digests_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_number_of_values),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_a_statement_about_as_many_files_as_a_station_is_built_for),
		cmocka_unit_test(test_the_largest_trees),
		cmocka_unit_test(test_a_large_model),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
