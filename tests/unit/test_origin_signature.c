/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signatures: what counts as good, and the ways to make a bad one look so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "common/hash.h"
#include "proof/digest.h"
#include "origin/limits.h"
#include "origin/signature.h"

#define NOW 1800000000u

static struct minisign_secret *vendor, *stranger;

static int make_keys(void **state)
{
	return minisign_secret_new(&vendor) < 0 || minisign_secret_new(&stranger) < 0 || digests_prepare() < 0 ||
	       signatures_prepare() < 0;
}

static int free_keys(void **state)
{
	vendor = minisign_secret_free(vendor);
	stranger = minisign_secret_free(stranger);
	return 0;
}

static void keyring_free_p(struct keyring **k)
{
	*k = keyring_free(*k);
}

static int add(struct keyring *k, const char *name, const struct minisign_secret *s, const char *purposes,
	       uint64_t until)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(minisign_public_text(minisign_secret_public(s), &text), 0);
	return keyring_add(k, name, text, purposes, until);
}

static struct keyring *ring_of(const struct minisign_secret *s, const char *purposes, uint64_t until)
{
	struct keyring *k = keyring_new();

	assert_non_null(k);
	assert_int_equal(add(k, "vendor-x", s, purposes, until), 0);
	return k;
}

static char *sign(const struct minisign_secret *s, const char *content, const char *comment)
{
	_cleanup_close_ int fd = memory_text(content);
	char *text;

	assert_int_equal(minisign_sign_fd(s, fd, comment, NULL, &text), 0);
	return text;
}

static struct signature_verdict check(const struct keyring *k, const char *sig, const char *content, const char *path)
{
	_cleanup_close_ int sig_fd = memory_text(sig), fd = memory_text(content);
	struct signature_verdict v;

	assert_int_equal(signature_check(k, sig_fd, fd, path, NOW, &v), 0);
	return v;
}

static void test_good(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0);
	_cleanup_free_ char *sig = sign(vendor, "data", "timestamp:1\tfile:a.bin\thashed");
	struct signature_verdict v = check(k, sig, "data", "dir/a.bin");
	char id[MINISIGN_ID_TEXT_LEN + 1];

	assert_int_equal(v.outcome, SIGNATURE_GOOD);
	assert_string_equal(v.key_name, "vendor-x");
	assert_string_equal(v.detail, "timestamp:1\tfile:a.bin\thashed");
	minisign_id_text(minisign_secret_public(vendor)->id, id);
	assert_string_equal(v.key_id, id);
}

static void test_altered_file_is_bad(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0);
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct signature_verdict v = check(k, sig, "Data", "a");

	assert_int_equal(v.outcome, SIGNATURE_BAD);
	assert_string_equal(v.key_name, "");
}

/* The comment is what binds the name: altering it must not go unnoticed. */
static void test_altered_comment_is_bad(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0);
	_cleanup_free_ char *sig = sign(vendor, "data", "timestamp:1\tfile:a.bin\thashed");
	char *at = strstr(sig, "a.bin");

	at[0] = 'b';
	assert_int_equal(check(k, sig, "data", "b.bin").outcome, SIGNATURE_BAD);
}

static void test_unknown_key_is_untrusted(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0), *empty = keyring_new();
	_cleanup_free_ char *sig = sign(stranger, "data", "x");
	struct signature_verdict v = check(k, sig, "data", "a");

	assert_int_equal(v.outcome, SIGNATURE_UNTRUSTED);
	assert_string_equal(v.key_name, "");
	assert_int_equal(strlen(v.key_id), MINISIGN_ID_TEXT_LEN);
	assert_int_equal(check(empty, sig, "data", "a").outcome, SIGNATURE_UNTRUSTED);
}

/* A key id is eight bytes that anyone can put into a signature. */
static void test_borrowed_key_id_is_bad(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = keyring_new();
	struct minisign_public forged = *minisign_secret_public(vendor);
	_cleanup_free_ char *sig = sign(stranger, "data", "x"), *text = NULL;

	memcpy(forged.id, minisign_secret_public(stranger)->id, sizeof(forged.id));
	assert_int_equal(minisign_public_text(&forged, &text), 0);
	assert_int_equal(keyring_add(k, "vendor-x", text, "", 0), 0);
	assert_int_equal(check(k, sig, "data", "a").outcome, SIGNATURE_BAD);
}

static const struct {
	const char *comment, *path;
	enum signature_outcome outcome;
} names_table[] = {
	{ "timestamp:1\tfile:a.bin\thashed", "a.bin", SIGNATURE_GOOD },
	{ "timestamp:1\tfile:a.bin\thashed", "x/y/a.bin", SIGNATURE_GOOD },
	{ "timestamp:1\tfile:a.bin\thashed", "b.bin", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "A.BIN", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.bin/", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.bin/b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.bi", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.binx", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a b\thashed", "a b", SIGNATURE_GOOD },
	{ "timestamp:1\tfile:a b\thashed", "a", SIGNATURE_OTHER_FILE },
	{ "file:a", "a", SIGNATURE_GOOD },
	{ "file:a", "b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1 file:a hashed", "a", SIGNATURE_GOOD },
	{ "timestamp:1 file:a hashed", "b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1 file:a b", "a b", SIGNATURE_GOOD },
	{ "file:a\tfile:b", "a", SIGNATURE_OTHER_FILE },
	{ "file:a\tfile:b", "b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\thashed", "anything", SIGNATURE_GOOD },
	{ "", "anything", SIGNATURE_GOOD },
	{ "see profile:x", "anything", SIGNATURE_GOOD },
};

static void test_name_binding(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0);

	for (size_t i = 0; i < ARRAY_LEN(names_table); i++) {
		_cleanup_free_ char *sig = sign(vendor, "data", names_table[i].comment);
		struct signature_verdict v = check(k, sig, "data", names_table[i].path);

		if (v.outcome != names_table[i].outcome)
			fail_msg("\"%s\" for %s: %d", names_table[i].comment, names_table[i].path, v.outcome);
	}
}

static void test_expired_keys_do_not_count(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *just = ring_of(vendor, "", NOW), *later = ring_of(vendor, "", NOW + 1);
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct signature_verdict v = check(just, sig, "data", "a");

	assert_int_equal(check(later, sig, "data", "a").outcome, SIGNATURE_GOOD);
	assert_int_equal(v.outcome, SIGNATURE_UNTRUSTED);
	assert_string_equal(v.key_name, "");
	assert_non_null(strstr(v.detail, "'vendor-x', which has expired"));
	assert_int_equal(check(just, sig, "other", "a").outcome, SIGNATURE_BAD);
}

/* The officer trusted the key again under another name: the older entry's end is not in the way. */
static void test_renewed_key_counts(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 1);
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct signature_verdict v;

	assert_int_equal(add(k, "renewed", vendor, "", 0), 0);
	v = check(k, sig, "data", "a");
	assert_int_equal(v.outcome, SIGNATURE_GOOD);
	assert_string_equal(v.key_name, "renewed");
}

static void test_purposes(void **state)
{
	static const struct {
		const char *purposes;
		enum signature_outcome outcome;
	} rows[] = {
		{ "", SIGNATURE_GOOD },		      { "files", SIGNATURE_GOOD },
		{ "updates,files", SIGNATURE_GOOD },   { "files,updates", SIGNATURE_GOOD },
		{ "updates", SIGNATURE_UNTRUSTED },   { "profiles", SIGNATURE_UNTRUSTED },
		{ "filesystem", SIGNATURE_UNTRUSTED }, { ",", SIGNATURE_UNTRUSTED },
	};
	_cleanup_free_ char *sig = sign(vendor, "data", "x");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, rows[i].purposes, 0);

		assert_int_equal(check(k, sig, "data", "a").outcome, rows[i].outcome);
	}
}

static void test_malformed(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0);
	_cleanup_free_ char *sig = sign(vendor, "data", "x"), *longer = NULL, *huge = malloc(MINISIGN_TEXT_MAX + 100);
	struct signature_verdict v = check(k, "", "data", "a");

	assert_int_equal(v.outcome, SIGNATURE_MALFORMED);
	assert_string_equal(v.key_id, "");
	assert_true(v.detail[0] != '\0');
	assert_true(asprintf(&longer, "%sjunk", sig) > 0);
	assert_int_equal(check(k, longer, "data", "a").outcome, SIGNATURE_MALFORMED);
	assert_int_equal(check(k, "-----BEGIN PGP SIGNATURE-----\n", "data", "a").outcome, SIGNATURE_MALFORMED);
	/* a good signature with more behind it than is read */
	(void)snprintf(huge, MINISIGN_TEXT_MAX + 100, "%s%0*d", sig, (int)(MINISIGN_TEXT_MAX - strlen(sig) + 50), 0);
	assert_int_equal(check(k, huge, "data", "a").outcome, SIGNATURE_MALFORMED);
	for (size_t cut = 0; cut + 1 < strlen(sig); cut++) {
		_cleanup_free_ char *part = strndup(sig, cut);

		assert_int_equal(check(k, part, "data", "a").outcome, SIGNATURE_MALFORMED);
	}
}

static void test_unreadable_is_no_verdict(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = ring_of(vendor, "", 0);
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	_cleanup_close_ int sig_fd = memory_text(sig), directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct signature_verdict v = { .outcome = SIGNATURE_OUTCOME_COUNT_ };

	assert_int_equal(signature_check(k, sig_fd, directory, "a", NOW, &v), -EISDIR);
	assert_int_equal(signature_check(k, directory, sig_fd, "a", NOW, &v), -EINVAL);
	assert_int_equal(v.outcome, SIGNATURE_OUTCOME_COUNT_);
}

static void test_keyring_refuses(void **state)
{
	_cleanup_(keyring_free_p) struct keyring *k = keyring_new();

	assert_int_equal(keyring_add(k, "x", "not a key", "", 0), -EINVAL);
	for (size_t i = 0; i < KEYS_MAX; i++)
		assert_int_equal(add(k, "x", vendor, "", 0), 0);
	assert_int_equal(add(k, "x", vendor, "", 0), -E2BIG);
}

/* Examples of FIPS 180-4, RFC 1321 and RFC 7693: "abc" again, this time through a descriptor and whole. */
static void test_digests(void **state)
{
	static const struct {
		const char *name, *abc;
	} rows[] = {
		{ "md5", "900150983cd24fb0d6963f7d28e17f72" },
		{ "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
		{ "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
		{ "sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
		{ "blake2b", "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
			     "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923" },
	};
	_cleanup_close_ int fd = memory_text("abc"), directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct digest *d = digest_by_name(rows[i].name);
		uint8_t sum[ORIGIN_DIGEST_MAX];
		char hex[2 * ORIGIN_DIGEST_MAX + 1];

		assert_non_null(d);
		assert_int_equal(digest_fd(d, fd, sum), 0);
		hex_encode(sum, d->size, hex);
		assert_string_equal(hex, rows[i].abc);
		assert_int_equal(digest_fd(d, directory, sum), -EISDIR);
	}
	assert_null(digest_by_name("sha3"));
	assert_null(digest_by_name(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_altered_file_is_bad),
		cmocka_unit_test(test_altered_comment_is_bad),
		cmocka_unit_test(test_unknown_key_is_untrusted),
		cmocka_unit_test(test_borrowed_key_id_is_bad),
		cmocka_unit_test(test_name_binding),
		cmocka_unit_test(test_expired_keys_do_not_count),
		cmocka_unit_test(test_renewed_key_counts),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unreadable_is_no_verdict),
		cmocka_unit_test(test_keyring_refuses),
		cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
