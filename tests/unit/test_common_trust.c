/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* common/trust: keys.json against the .pub files, and what a key is trusted for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/testing.h"
#include "common/base64.h"
#include "common/hash.h"
#include "common/trust.h"

struct store {
	int fd;
	char path[64];
};

static int set_up(void **state)
{
	struct store *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->fd = private_directory(s->path);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct store *s = *state;

	remove_private_directory(s->fd, s->path);
	free(s);
	return 0;
}

static json_t *entry(const void *raw, size_t size)
{
	uint8_t sum[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];
	json_t *e;

	assert_int_equal(sha256(raw, size, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	e = json_pack("{si,ss,si,si,ss,ss,ss,ss,s[],s[sss],ss,s[],si}", "added_at", 100, "by", "ann\\x1b", "created", 50,
		      "expires", 0, "fingerprint", "0123456789ABCDEF0123456789ABCDEF01234567", "key_id", "0123456789ABCDEF", "kind",
		      "openpgp", "owner", "Vendor \\u{202E}", "paths", "purposes", "files", "package", "repository", "sha256",
		      hex, "types", "until", 0);
	assert_non_null(e);
	return e;
}

static void save(const struct store *s, json_t *keys)
{
	assert_int_equal(trust_metadata_save(s->fd, keys), 0);
	json_decref(keys);
}

static void save_one(const struct store *s, json_t *e)
{
	save(s, json_pack("{so}", "vendor", e));
}

static void refused(const struct store *s, const char *words)
{
	char *why = NULL;
	json_t *keys = NULL;

	assert_int_equal(trust_load(s->fd, &keys, &why), -EBADMSG);
	assert_null(keys);
	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why, words);
	free(why);
	assert_int_equal(trust_load(s->fd, &keys, NULL), -EBADMSG);
}

static void nothing_is_trusted_without_a_file(void **state)
{
	const struct store *s = *state;
	json_t *keys = NULL;

	write_file(s->fd, "dropped.pub", "key", 3);
	assert_int_equal(trust_load(s->fd, &keys, NULL), 0);
	assert_int_equal(json_array_size(keys), 0);
	json_decref(keys);
}

static void binary_keys_come_back_sorted(void **state)
{
	static const char raw[] = "\x99\x00\x0d\0\xff key";
	const struct store *s = *state;
	char text[BASE64_LEN(sizeof(raw)) + 1];
	json_t *keys = NULL, *key;

	base64_encode(raw, sizeof(raw), text);
	write_file(s->fd, "zeta.pub", raw, sizeof(raw));
	write_file(s->fd, "alpha.pub", raw, sizeof(raw));
	write_file(s->fd, "dropped.pub", raw, sizeof(raw));
	save(s, json_pack("{so,so}", "zeta", entry(raw, sizeof(raw)), "alpha", entry(raw, sizeof(raw))));
	assert_int_equal(trust_load(s->fd, &keys, NULL), 0);
	assert_int_equal(json_array_size(keys), 2);
	key = json_array_get(keys, 0);
	assert_string_equal(json_string_value(json_object_get(key, "name")), "alpha");
	assert_string_equal(json_string_value(json_object_get(key, "key")), text);
	assert_string_equal(json_string_value(json_object_get(key, "kind")), "openpgp");
	assert_string_equal(json_string_value(json_object_get(key, "by")), "ann\\x1b");
	assert_int_equal(json_array_size(json_object_get(key, "purposes")), 3);
	assert_int_equal(json_integer_value(json_object_get(key, "created")), 50);
	assert_null(json_object_get(key, "sha256"));
	assert_int_equal(json_object_size(key), 14);
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 1), "name")), "zeta");
	json_decref(keys);
}

static void a_file_replaced_behind_its_back_is_an_error(void **state)
{
	const struct store *s = *state;

	write_file(s->fd, "vendor.pub", "key", 3);
	save_one(s, entry("key", 3));
	write_file(s->fd, "vendor.pub", "kez", 3);
	refused(s, "vendor.pub: not the key that was trusted");
	write_file(s->fd, "vendor.pub", "key\n", 4);
	refused(s, "vendor.pub: not the key that was trusted");
	assert_int_equal(unlinkat(s->fd, "vendor.pub", 0), 0);
	refused(s, "`lazaret key distrust vendor`");
	write_file(s->fd, "other", "key", 3);
	assert_int_equal(symlinkat("other", s->fd, "vendor.pub"), 0);
	refused(s, "vendor.pub:");
	assert_int_equal(unlinkat(s->fd, "vendor.pub", 0), 0);
	assert_int_equal(mkfifoat(s->fd, "vendor.pub", 0600), 0); /* must not block */
	refused(s, "vendor.pub:");
}

static void keys_have_limits(void **state)
{
	const struct store *s = *state;
	_cleanup_free_ char *raw = calloc(1, KEY_BYTES_MAX + 1);
	json_t *keys = json_object(), *e, *loaded = NULL;
	char name[32];

	assert_non_null(raw);
	write_file(s->fd, "vendor.pub", raw, KEY_BYTES_MAX + 1);
	save_one(s, entry(raw, KEY_BYTES_MAX + 1));
	refused(s, "vendor.pub: File too large");
	e = entry(raw, KEY_BYTES_MAX);
	for (int i = 0; i < (int)(TRUST_BYTES_MAX / KEY_BYTES_MAX) + 1; i++) {
		(void)snprintf(name, sizeof(name), "k%d", i);
		assert_int_equal(json_object_set(keys, name, e), 0);
		(void)snprintf(name, sizeof(name), "k%d.pub", i);
		write_file(s->fd, name, raw, KEY_BYTES_MAX);
	}
	assert_int_equal(trust_metadata_save(s->fd, keys), 0);
	refused(s, "larger than");
	assert_int_equal(json_object_del(keys, "k0"), 0);
	assert_int_equal(trust_metadata_save(s->fd, keys), 0);
	assert_int_equal(trust_load(s->fd, &loaded, NULL), 0);
	json_decref(loaded);
	for (int i = 0; i <= TRUST_KEYS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "k%d", i);
		assert_int_equal(json_object_set(keys, name, e), 0);
	}
	json_decref(e);
	save(s, keys);
	refused(s, "more than 256 keys");
}

static void malformed_metadata_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"format\":\"lazaret.trust/2\",\"keys\":{}}",
		"{\"format\":\"lazaret.trust/1\",\"keys\":[]}",
		"{\"format\":\"lazaret.trust/1\",\"keys\":{},\"more\":1}",
		"{\"format\":\"lazaret.trust/1\",\"format\":\"lazaret.trust/1\",\"keys\":{}}",
		"{\"format\":\"lazaret.trust/1\",\"keys\":{\"vendor\":1}}",
		"{\"format\":\"lazaret.trust/1\",\"keys\":{\"vendor\":{}}}",
		"{\"format\":\"lazaret.trust/1\",\"keys\":{\"../vendor\":{}}}",
		"{\"format\":\"lazaret.trust/1\",\"keys\":{}}}",
	};
	const struct store *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		write_file(s->fd, TRUST_FILE, texts[i], strlen(texts[i]));
		refused(s, TRUST_FILE);
	}
}

static void every_field_of_an_entry_is_checked(void **state)
{
	const struct store *s = *state;
	const struct {
		const char *field;
		json_t *value; /* NULL: taken away */
	} rows[] = {
		{ "added_at", json_integer(-1) },
		{ "until", json_string("never") },
		{ "created", json_integer(-5) },
		{ "expires", NULL },
		{ "by", NULL },
		{ "owner", json_integer(1) },
		{ "kind", json_string("x509") },
		{ "kind", NULL },
		{ "fingerprint", json_string("") },
		{ "fingerprint", json_string("0123456789abcdefg") },
		{ "key_id", json_string("") },
		{ "sha256", json_string("00") },
		{ "sha256", NULL },
		{ "purposes", json_array() },
		{ "purposes", json_string("files") },
		{ "purposes", json_pack("[s]", "everything") },
		{ "purposes", json_pack("[ss]", "files", "files") },
		{ "purposes", json_pack("[i]", 1) },
		{ "paths", json_string("*") },
		{ "paths", json_pack("[s]", "/absolute") },
		{ "paths", json_pack("[i]", 1) },
		{ "types", json_pack("[s]", "pdf") },
		{ "types", json_null() },
		{ "more", json_integer(1) },
	};

	write_file(s->fd, "vendor.pub", "key", 3);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *e = entry("key", 3);

		assert_int_equal(rows[i].value ? json_object_set_new(e, rows[i].field, rows[i].value) :
						 json_object_del(e, rows[i].field), 0);
		save_one(s, e);
		refused(s, "the entry \"vendor\" is not in the form of");
	}
}

static void purposes_have_names(void **state)
{
	for (int p = 0; p < PURPOSE_COUNT_; p++)
		assert_int_equal(trust_purpose_by_name(trust_purpose_name((unsigned int)p)), p);
	assert_null(trust_purpose_name(PURPOSE_COUNT_));
	assert_int_equal(trust_purpose_by_name(""), -EINVAL);
	assert_int_equal(trust_purpose_by_name("file"), -EINVAL);
	for (int k = 0; k < KEY_KIND_COUNT_; k++)
		assert_int_equal(key_kind_by_name(key_kind_name((unsigned int)k)), k);
	assert_null(key_kind_name(KEY_KIND_COUNT_));
	assert_int_equal(key_kind_by_name("pgp"), -EINVAL);
}

static void a_key_counts_for_its_purposes_and_until_its_end(void **state)
{
	json_t *e = entry("key", 3);

	assert_true(trust_key_counts(e, PURPOSE_FILES, 1000));
	assert_true(trust_key_counts(e, PURPOSE_REPOSITORY, 1000));
	assert_false(trust_key_counts(e, PURPOSE_CODE, 1000));
	assert_false(trust_key_counts(e, PURPOSE_COUNT_, 1000));
	assert_int_equal(json_object_set_new(e, "until", json_integer(1000)), 0);
	assert_true(trust_key_counts(e, PURPOSE_FILES, 999));
	assert_false(trust_key_counts(e, PURPOSE_FILES, 1000));
	assert_int_equal(json_object_set_new(e, "expires", json_integer(500)), 0);
	assert_true(trust_key_counts(e, PURPOSE_FILES, 499));
	assert_false(trust_key_counts(e, PURPOSE_FILES, 500));
	assert_true(trust_key_has_ended(e, 500));
	json_decref(e);
	e = json_object();
	assert_false(trust_key_counts(e, PURPOSE_FILES, 0));
	assert_false(trust_key_covers(e, "a", NULL, 0));
	json_decref(e);
}

static bool covers(json_t *e, const char *path, const char *first, const char *second)
{
	const char *types[] = { first, second };

	return trust_key_covers(e, path, types, first ? second ? 2 : 1 : 0);
}

static void a_key_covers_paths(void **state)
{
	json_t *e = entry("key", 3);

	assert_true(covers(e, "any/where", NULL, NULL));
	assert_int_equal(json_object_set_new(e, "paths", json_pack("[ss]", "*.fw", "debian/*")), 0);
	assert_true(covers(e, "a/b/pump.fw", NULL, NULL));
	assert_true(covers(e, "debian/pool/x.deb", NULL, NULL));
	assert_false(covers(e, "x/debian/pool/x.deb", NULL, NULL));
	assert_false(covers(e, "pump.FW", NULL, NULL));
	assert_false(covers(e, "pump.fw/readme", NULL, NULL)); /* the last component decides, not a directory's name */
	json_decref(e);
}

static void a_key_covers_types(void **state)
{
	json_t *e = entry("key", 3);

	assert_int_equal(json_object_set_new(e, "types", json_pack("[ss]", "application/pdf", "image/*")), 0);
	assert_true(covers(e, "a", "application/pdf", NULL));
	assert_true(covers(e, "a", "Application/PDF", NULL));
	assert_true(covers(e, "a", "image/png", NULL));
	assert_true(covers(e, "a", "image/png", "application/octet-stream"));
	assert_true(covers(e, "a", "image/png", "text/plain"));
	assert_true(covers(e, "a", "image/png", "application/pdf"));
	assert_false(covers(e, "a", "image/png", "application/zip")); /* it can be taken for both */
	assert_false(covers(e, "a", "application/zip", "image/png"));
	assert_false(covers(e, "a", "application/octet-stream", NULL));
	assert_false(covers(e, "a", NULL, NULL));
	assert_int_equal(json_object_set_new(e, "paths", json_pack("[s]", "b")), 0);
	assert_false(covers(e, "a", "image/png", NULL)); /* both have to agree */
	json_decref(e);
}

static void patterns_that_match_nothing_are_refused(void **state)
{
	static const char *const bad_paths[] = { "", "/a", "a/", "a//b", "./a" };
	static const char *const bad_types[] = { "", "pdf", "/pdf", "application/", "a/b/c", "text/ plain", "a/b\n" };
	char longest[257];

	for (size_t i = 0; i < ARRAY_LEN(bad_paths); i++)
		assert_false(trust_path_valid(bad_paths[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad_types); i++)
		assert_false(trust_type_valid(bad_types[i]));
	assert_true(trust_path_valid("*.deb"));
	assert_true(trust_path_valid("pool/*"));
	assert_true(trust_type_valid("application/vnd.debian.binary-package"));
	assert_true(trust_type_valid("image/*"));
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	assert_false(trust_path_valid(longest));
	longest[255] = '\0';
	assert_true(trust_path_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_trusted_without_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(binary_keys_come_back_sorted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_replaced_behind_its_back_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_have_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(malformed_metadata_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_field_of_an_entry_is_checked, set_up, tear_down),
		cmocka_unit_test(purposes_have_names),
		cmocka_unit_test(a_key_counts_for_its_purposes_and_until_its_end),
		cmocka_unit_test(a_key_covers_paths),
		cmocka_unit_test(a_key_covers_types),
		cmocka_unit_test(patterns_that_match_nothing_are_refused),
	};

	return cmocka_run_group_tests_name("common/trust", tests, NULL, NULL);
}
