/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* RPM packages by the rpm role's process in its sandbox: as rpmbuild and rpmsign make them, and as attackers would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define NOBODY ""
#define MALFORMED SIGNATURE_MALFORMED

static char directory[64];
static int directory_fd = -1;
static struct prover prover;

static const char *const key_names[] = { "vendor", "second", "short", "expired", "revoked" };
static struct pretend_key keys[ARRAY_LEN(key_names)];
static char *fingerprints[ARRAY_LEN(key_names)];

static char *read_key(const char *name, const char *ending, size_t *ret_size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "keys/%s.%s", name, ending);
	return read_whole(directory_fd, path, ret_size);
}

static int make_specimens(void **state)
{
	_cleanup_free_ char *script = realpath("tests/lib/rpms.py", NULL);

	assert_non_null(script);
	directory_fd = private_directory(directory);
	tool_run(directory, "python3", script, directory);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		keys[i] = (struct pretend_key){ .name = key_names[i], .kind = KEY_OPENPGP };
		keys[i].bytes = read_key(key_names[i], "pgp", &keys[i].size);
		fingerprints[i] = read_key(key_names[i], "fpr", NULL);
	}
	prover_start(&prover, "lazaret-rpm", keys, ARRAY_LEN(keys));
	return 0;
}

static int remove_specimens(void **state)
{
	prover_end(&prover);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		free((void *)(uintptr_t)keys[i].bytes);
		free(fingerprints[i]);
	}
	remove_private_directory(directory_fd, directory);
	return 0;
}

static void prove_package_by(struct prover *by, const char *name, uint64_t now, struct proved *ret)
{
	char path[64];
	struct medium m = { 0 };

	(void)snprintf(path, sizeof(path), "%s.rpm", name);
	medium_add_from(&m, "Packages/p.rpm", directory_fd, path);
	prove(by, &m, "Packages/p.rpm", EVIDENCE_RPM, now, ret);
	medium_done(&m);
	if (ret->error) {
		print_proved(ret);
		fail_msg("%s", name);
	}
	/* a package lists nothing, hands no text on, asks for no other file */
	assert_int_equal(ret->outcome, LIST_NONE);
	assert_int_equal(ret->entry_count, 0);
	assert_int_equal(ret->text_size, 0);
	assert_int_equal(ret->wanted_count, 0);
}

static void prove_package(const char *name, struct proved *ret)
{
	prove_package_by(&prover, name, PROVING_NOW, ret);
}

/* One signature alone, of this outcome; `words` stand in what is said of it. */
static void expect_one(const char *name, enum signature_outcome outcome, const char *key, const char *words)
{
	struct proved t;

	prove_package(name, &t);
	if (t.signature_count != 1)
		print_proved(&t);
	assert_int_equal(t.signature_count, 1);
	expect_signature(&t, 0, outcome, "", key);
	if (!strstr(t.signatures[0].detail, words))
		fail_msg("%s: %s", name, t.signatures[0].detail);
	proved_done(&t);
}

static void expect_none(const char *name)
{
	struct proved t;

	prove_package(name, &t);
	if (t.signature_count != 0)
		print_proved(&t);
	assert_int_equal(t.signature_count, 0);
	proved_done(&t);
}

static void test_signed_by_rpmsign(void **state)
{
	struct proved t;

	expect_one("signed", SIGNATURE_GOOD, "vendor", "specimen-1.0-1.noarch");
	expect_one("older", SIGNATURE_GOOD, "vendor", "specimen-0.9-1.noarch");
	expect_one("sha512", SIGNATURE_GOOD, "vendor", "SHA512");
	prove_package("signed", &t);
	assert_string_equal(t.signatures[0].key_id, fingerprints[0]);
	assert_int_equal(strlen(t.signatures[0].key_id), 40);
	proved_done(&t);
}

/* rpmkeys -K says "digests OK" of it, and exits with 0. */
static void test_unsigned_has_no_signature(void **state)
{
	expect_none("unsigned");
}

static void test_header_and_payload_signatures_are_both_told(void **state)
{
	struct proved t;

	prove_package("both", &t);
	assert_int_equal(t.signature_count, 2);
	expect_signature(&t, 0, SIGNATURE_GOOD, "", "vendor");
	expect_signature(&t, 1, SIGNATURE_GOOD, "", "vendor");
	proved_done(&t);
}

static void test_payload_that_was_not_signed(void **state)
{
	expect_one("payload-changed", SIGNATURE_BAD, "vendor", "payload");
	expect_one("payload-of-another", SIGNATURE_BAD, "vendor", "payload");
	expect_one("payload-longer", SIGNATURE_BAD, "vendor", "payload");
	expect_one("payload-shorter", SIGNATURE_BAD, "vendor", "payload");
	expect_one("payload-gone", SIGNATURE_BAD, "vendor", "payload");
}

static void test_header_that_was_not_signed(void **state)
{
	expect_one("header-changed", SIGNATURE_BAD, "vendor", "not what was signed");
	expect_one("signature-of-another", SIGNATURE_BAD, "vendor", "not what was signed");
	expect_one("outside-region", MALFORMED, NOBODY, "outside the region");
}

/* The lead is not signed, and nothing is taken from it. */
static void test_lead(void **state)
{
	expect_one("lead-changed", SIGNATURE_GOOD, "vendor", "specimen-1.0-1");
}

static void test_signatures_that_leave_the_payload_out(void **state)
{
	expect_one("header-only", SIGNATURE_WEAK, "vendor", "header alone");
	expect_one("payload-sha1", SIGNATURE_WEAK, "vendor", "sha1");
}

static void test_signatures_over_header_and_payload(void **state)
{
	expect_one("legacy", SIGNATURE_GOOD, "vendor", "SHA256");
	expect_one("legacy-payload-changed", SIGNATURE_BAD, "vendor", "not what was signed");
}

/* What vendors of Enterprise Linux 7 sign with. */
static void test_signatures_of_version_3(void **state)
{
	expect_one("version-3", SIGNATURE_GOOD, "vendor", "SHA256");
	expect_one("version-3-changed", SIGNATURE_BAD, "vendor", "not what was signed");
}

static void test_signatures_as_rpm_6_writes_them(void **state)
{
	struct proved t;

	prove_package("openpgp-tag", &t);
	assert_int_equal(t.signature_count, 2);
	expect_signature(&t, 0, SIGNATURE_GOOD, "", "vendor");
	expect_signature(&t, 1, SIGNATURE_GOOD, "", "second");
	proved_done(&t);
	expect_one("openpgp-tag-junk", MALFORMED, NOBODY, "");
	expect_one("openpgp-tag-no-base64", MALFORMED, NOBODY, "base64");
	expect_one("many-signatures", MALFORMED, NOBODY, "more signatures");
	expect_one("openpgp-tag-many", MALFORMED, NOBODY, "list of signatures");
}

static void test_keys_that_do_not_count(void **state)
{
	expect_one("stranger", SIGNATURE_UNTRUSTED, NOBODY, "not trusted");
	expect_one("expired", SIGNATURE_EXPIRED, "expired", "expired");
	expect_one("revoked", SIGNATURE_REVOKED, "revoked", "revoked");
	expect_one("short", SIGNATURE_WEAK, "short", "1024");
	expect_one("sha1", SIGNATURE_WEAK, "vendor", "SHA1");
}

static void test_trust_that_has_ended(void **state)
{
	struct pretend_key ended = keys[0];
	struct prover p;
	struct proved t;

	ended.until = PROVING_NOW - 1;
	prover_start(&p, "lazaret-rpm", &ended, 1);
	prove_package_by(&p, "signed", PROVING_NOW, &t);
	expect_signature(&t, 0, SIGNATURE_EXPIRED, "", "vendor");
	proved_done(&t);
	prove_package_by(&p, "signed", PROVING_NOW - 10, &t);
	expect_signature(&t, 0, SIGNATURE_GOOD, "", "vendor");
	proved_done(&t);
	prover_end(&p);
}

static void test_without_keys_everybody_is_a_stranger(void **state)
{
	struct prover p;
	struct proved t;

	prover_start(&p, "lazaret-rpm", NULL, 0);
	prove_package_by(&p, "signed", PROVING_NOW, &t);
	expect_signature(&t, 0, SIGNATURE_UNTRUSTED, "", NOBODY);
	proved_done(&t);
	prove_package_by(&p, "payload-changed", PROVING_NOW, &t);
	expect_signature(&t, 0, SIGNATURE_UNTRUSTED, "", NOBODY);
	proved_done(&t);
	prover_end(&p);
}

static void test_what_is_malformed(void **state)
{
	expect_one("junk-signature", MALFORMED, NOBODY, "");
	expect_one("empty-signature", MALFORMED, NOBODY, "");
	expect_one("truncated-header", MALFORMED, NOBODY, "cut off");
	expect_one("truncated-signatures", MALFORMED, NOBODY, "cut off");
	expect_one("huge-header", MALFORMED, NOBODY, "cut off");
	expect_one("junk-header", MALFORMED, NOBODY, "malformed");
	/* nothing about them is like a package */
	expect_none("truncated-lead");
	expect_none("not-an-rpm");
}

/* Cut anywhere, it is never good; and the role lives on. */
static void test_cut_at_every_length(void **state)
{
	_cleanup_free_ char *raw = NULL;
	struct medium m = { 0 };
	size_t size;

	raw = read_whole(directory_fd, "signed.rpm", &size);
	for (size_t n = 0; n < size; n += n < 400 ? 1 : 17) {
		_cleanup_close_ int fd = memory_file(raw, n);
		struct proved t;

		prove_fd(&prover, &m, "p.rpm", fd, EVIDENCE_RPM, PROVING_NOW, &t);
		assert_int_equal(t.error, 0);
		assert_true(t.signature_count <= 1);
		if (t.signature_count == 1)
			assert_true(t.signatures[0].outcome == SIGNATURE_MALFORMED || t.signatures[0].outcome == SIGNATURE_BAD);
		proved_done(&t);
	}
}

/* Any bit of header and payload changed, it is never good. Of the signature header, only what is not read may be. */
static void test_changed_everywhere(void **state)
{
	_cleanup_free_ char *raw = NULL;
	struct medium m = { 0 };
	size_t size, header_at;

	raw = read_whole(directory_fd, "signed.rpm", &size);
	header_at = 96 + 16 + 16 * (uint8_t)raw[96 + 11] + ((size_t)(uint8_t)raw[96 + 14] << 8 | (uint8_t)raw[96 + 15]);
	header_at = (header_at + 7) / 8 * 8;
	assert_memory_equal(raw + header_at, "\x8e\xad\xe8\x01", 4);
	for (size_t at = 96; at < size; at += at < header_at ? 7 : 1) {
		_cleanup_close_ int fd = -EBADF;
		struct proved t;

		raw[at] = (char)(raw[at] ^ 4);
		fd = memory_file(raw, size);
		prove_fd(&prover, &m, "p.rpm", fd, EVIDENCE_RPM, PROVING_NOW, &t);
		assert_int_equal(t.error, 0);
		if (at >= header_at && (t.signature_count != 1 || t.signatures[0].outcome == SIGNATURE_GOOD)) {
			print_proved(&t);
			fail_msg("byte %zu of %zu", at, size);
		}
		proved_done(&t);
		raw[at] = (char)(raw[at] ^ 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed_by_rpmsign),
		cmocka_unit_test(test_unsigned_has_no_signature),
		cmocka_unit_test(test_header_and_payload_signatures_are_both_told),
		cmocka_unit_test(test_payload_that_was_not_signed),
		cmocka_unit_test(test_header_that_was_not_signed),
		cmocka_unit_test(test_lead),
		cmocka_unit_test(test_signatures_that_leave_the_payload_out),
		cmocka_unit_test(test_signatures_over_header_and_payload),
		cmocka_unit_test(test_signatures_of_version_3),
		cmocka_unit_test(test_signatures_as_rpm_6_writes_them),
		cmocka_unit_test(test_keys_that_do_not_count),
		cmocka_unit_test(test_trust_that_has_ended),
		cmocka_unit_test(test_without_keys_everybody_is_a_stranger),
		cmocka_unit_test(test_what_is_malformed),
		cmocka_unit_test(test_cut_at_every_length),
		cmocka_unit_test(test_changed_everywhere),
	};

	return cmocka_run_group_tests(tests, make_specimens, remove_specimens);
}
