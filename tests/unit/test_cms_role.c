/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-cms in its sandbox, on signatures that openssl made (tests/lib/certificates.py), and on what no honest program makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "proof/proof.h"

#include "../lib/testing.h"
#include "../lib/proving.h"
#include "../lib/certified.h"

static int make_specimens(void **state)
{
	return certified_make("cms");
}

struct trusting {
	struct prover prover;
};

static void trust(struct trusting *t, const char *const *names, uint64_t until)
{
	certified_start(&t->prover, "lazaret-cms", names, until);
}

#define TRUST(t, until, ...) trust(t, (const char *const[]){ __VA_ARGS__, NULL }, until)

/* Prove SPECIMEN as `name` beside `signed_name`, whose bytes are those of `content`. */
static void prove_specimen(struct trusting *t, const char *specimen, const char *name, const char *content,
			   const char *signed_name, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add_from(&m, signed_name, dir_fd, content);
	medium_add_from(&m, name, dir_fd, specimen);
	prove(&t->prover, &m, name, EVIDENCE_CMS, PROVING_NOW, ret);
	medium_done(&m);
}

struct row {
	const char *specimen;
	enum signature_outcome outcome;
	const char *key, *word; /* a word of the detail; NULL: any */
};

static void check_rows(struct trusting *t, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		struct proved told;

		prove_specimen(t, r->specimen, "d/file.p7s", "file", "d/file", &told);
		if (told.signature_count != 1 || told.signatures[0].outcome != r->outcome)
			print_message("%s:\n", r->specimen);
		expect_signature(&told, 0, r->outcome, "d/file", r->key);
		assert_int_equal(told.signature_count, 1);
		assert_int_equal(told.entry_count, 0);
		assert_int_equal(told.outcome, LIST_NONE);
		if (r->word && !strstr(told.signatures[0].detail, r->word))
			fail_msg("%s: \"%s\" does not say \"%s\"", r->specimen, told.signatures[0].detail, r->word);
		assert_int_equal(strlen(told.signatures[0].key_id), r->outcome == SIGNATURE_MALFORMED ? 0 : 64);
		proved_done(&told);
	}
}

static void test_chains(void **state)
{
	static const struct row rows[] = {
		{ "code.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "smime.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "document.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "plain.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "any.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "pss.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "rsa-pss.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "sha512.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "ed25519.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "pem.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "keyid.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "whole-chain.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "signing-ca.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "root.p7s", SIGNATURE_UNTRUSTED, "", "key usage" }, /* its key signs certificates, it says */
		{ "noattr.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "attached.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "by-hand.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "many-digests.p7s", SIGNATURE_GOOD, "root", NULL }, /* what no signer uses costs nothing */
		{ "tls.p7s", SIGNATURE_UNTRUSTED, "", "extended key usage" },
		{ "encipher.p7s", SIGNATURE_UNTRUSTED, "", "key usage" },
		{ "unknown.p7s", SIGNATURE_UNTRUSTED, "", "critical" },
		{ "expired.p7s", SIGNATURE_EXPIRED, "root", "expired" },
		{ "early.p7s", SIGNATURE_EXPIRED, "root", "not valid yet" },
		{ "short.p7s", SIGNATURE_WEAK, "root", "too weak" },
		{ "sha1.p7s", SIGNATURE_WEAK, "root", "too weak" },
		{ "md-sha1.p7s", SIGNATURE_WEAK, "root", "sha1" },
		{ "md-md5.p7s", SIGNATURE_WEAK, "root", "md5" },
		{ "explicit.p7s", SIGNATURE_MALFORMED, "", "curve" },
		{ "dsa.p7s", SIGNATURE_MALFORMED, "", "kind" },
		{ "stranger.p7s", SIGNATURE_UNTRUSTED, "", NULL },
		{ "alone.p7s", SIGNATURE_UNTRUSTED, "", NULL },
		{ "chainless.p7s", SIGNATURE_UNTRUSTED, "", NULL }, /* the intermediate one is not there, and is not fetched */
		{ "impostor.p7s", SIGNATURE_UNTRUSTED, "", NULL },
		{ "below-version1.p7s", SIGNATURE_UNTRUSTED, "", NULL },
		{ "too-deep.p7s", SIGNATURE_UNTRUSTED, "", NULL },
		{ "below-tls-ca.p7s", SIGNATURE_UNTRUSTED, "", NULL },
		{ "below-old-ca.p7s", SIGNATURE_EXPIRED, "root", "expired" },
		{ "false-root.p7s", SIGNATURE_UNTRUSTED, "", NULL }, /* the root's name, another key */
		{ "with-crl.p7s", SIGNATURE_REVOKED, "root", "revoked" },
		{ "revoked.p7s", SIGNATURE_GOOD, "root", NULL }, /* without the list nobody knows */
		{ "crl-other.p7s", SIGNATURE_GOOD, "root", NULL },
	};
	struct trusting t;

	TRUST(&t, 0, "root");
	check_rows(&t, rows, ARRAY_LEN(rows));
	prover_end(&t.prover);
}

static void test_malformed(void **state)
{
	static const struct row rows[] = {
		{ "truncated.p7s", SIGNATURE_MALFORMED, "", NULL },
		{ "followed.p7s", SIGNATURE_MALFORMED, "", "follow" },
		{ "garbage.p7s", SIGNATURE_MALFORMED, "", NULL },
		{ "file", SIGNATURE_MALFORMED, "", "PEM" },
		{ "two-blocks.p7s", SIGNATURE_MALFORMED, "", "several" },
		{ "words-before.p7s", SIGNATURE_MALFORMED, "", "not signed" },
		{ "bytes-behind.p7s", SIGNATURE_MALFORMED, "", "not signed" },
		{ "headers.p7s", SIGNATURE_MALFORMED, "", "headers" },
		{ "broken-signature.p7s", SIGNATURE_BAD, "root", "signature" },
		{ "ed25519-bad.p7s", SIGNATURE_BAD, "root", "signature" },
		{ "ed25519-noattr.p7s", SIGNATURE_MALFORMED, "", NULL },
		{ "other-file.p7s", SIGNATURE_BAD, "root", "content" },
		{ "attached-other.p7s", SIGNATURE_BAD, "root", "brings" },
		{ "text.p7s", SIGNATURE_BAD, "root", "-binary" },
		{ "stranger-other.p7s", SIGNATURE_BAD, "", "content" }, /* wrong is wrong, whoever signed it */
		{ "many-signers.p7s", SIGNATURE_MALFORMED, "", "more signers" },
		{ "many-certificates.p7s", SIGNATURE_MALFORMED, "", "more certificates" },
		{ "many-crls.p7s", SIGNATURE_MALFORMED, "", "more lists" },
		{ "odd-digest.p7s", SIGNATURE_MALFORMED, "", "digest" },
		{ "other-type.p7s", SIGNATURE_MALFORMED, "", "type" },
		{ "no-type.p7s", SIGNATURE_MALFORMED, "", "type" },
		{ "no-digest.p7s", SIGNATURE_MALFORMED, "", "digest" },
		{ "token.p7s", SIGNATURE_MALFORMED, "", "something else" },
	};
	struct trusting t;

	TRUST(&t, 0, "root");
	check_rows(&t, rows, ARRAY_LEN(rows));
	prover_end(&t.prover);
}

/* Several CAs: the name that is told is that of the one in which the chain ends; a CA in the middle is one, too. */
static void test_several_anchors(void **state)
{
	static const struct row rows[] = {
		{ "code.p7s", SIGNATURE_GOOD, "root", NULL },
		{ "stranger.p7s", SIGNATURE_GOOD, "other", NULL },
		{ "below-sha1-root.p7s", SIGNATURE_GOOD, "sha1-root", NULL }, /* how a root signed itself proves nothing, either way */
		{ "tls.p7s", SIGNATURE_UNTRUSTED, "", "extended key usage" },
	};
	static const struct row middle[] = {
		{ "code.p7s", SIGNATURE_GOOD, "inter", NULL },
		{ "chainless.p7s", SIGNATURE_GOOD, "inter", NULL },
		{ "whole-chain.p7s", SIGNATURE_GOOD, "inter", NULL }, /* what lies above does not matter */
		{ "with-crl.p7s", SIGNATURE_REVOKED, "inter", NULL },
	};
	static const struct row by_the_ca[] = { { "signing-ca.p7s", SIGNATURE_GOOD, "signing-ca", NULL } };
	struct trusting t;

	TRUST(&t, 0, "signing-ca");
	check_rows(&t, by_the_ca, ARRAY_LEN(by_the_ca));
	prover_end(&t.prover);
	TRUST(&t, 0, "sha1-root", "other", "root");
	check_rows(&t, rows, ARRAY_LEN(rows));
	prover_end(&t.prover);
	TRUST(&t, 0, "inter");
	check_rows(&t, middle, ARRAY_LEN(middle));
	prover_end(&t.prover);
}

static void test_pinned_signer(void **state)
{
	static const struct row rows[] = {
		{ "alone.p7s", SIGNATURE_GOOD, "alone", NULL },
		{ "bare.p7s", SIGNATURE_GOOD, "alone", NULL }, /* its certificate is not in it */
		{ "code.p7s", SIGNATURE_GOOD, "code", NULL },
		{ "tls.p7s", SIGNATURE_UNTRUSTED, "", "extended key usage" }, /* the officer pinned what may not sign */
		{ "smime.p7s", SIGNATURE_UNTRUSTED, "", NULL },		       /* another one of the same CA */
		{ "other-file.p7s", SIGNATURE_BAD, "code", NULL },
	};
	static const struct row impostor[] = { { "impostor.p7s", SIGNATURE_UNTRUSTED, "", NULL } };
	struct trusting t;
	struct proved told;

	TRUST(&t, 0, "alone", "code", "tls");
	check_rows(&t, rows, ARRAY_LEN(rows));
	check_rows(&t, impostor, 1); /* a pinned signer vouches for no other certificate */
	prover_end(&t.prover);
	TRUST(&t, 0, "root");
	prove_specimen(&t, "bare.p7s", "d/file.p7s", "file", "d/file", &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "d/file", "");
	assert_non_null(strstr(told.signatures[0].detail, "not there"));
	proved_done(&told);
	prover_end(&t.prover);
}

static void test_officers_end(void **state)
{
	static const struct row ended[] = { { "code.p7s", SIGNATURE_EXPIRED, "root", "trust" },
					    { "other-file.p7s", SIGNATURE_BAD, "root", NULL } };
	static const struct row not_ended[] = { { "code.p7s", SIGNATURE_GOOD, "root", NULL } };
	static const struct row none[] = { { "code.p7s", SIGNATURE_UNTRUSTED, "", NULL } };
	struct trusting t;

	TRUST(&t, PROVING_NOW, "root");
	check_rows(&t, ended, ARRAY_LEN(ended));
	prover_end(&t.prover);
	TRUST(&t, PROVING_NOW + 1, "root");
	check_rows(&t, not_ended, ARRAY_LEN(not_ended));
	prover_end(&t.prover);
	prover_start(&t.prover, "lazaret-cms", NULL, 0);
	check_rows(&t, none, ARRAY_LEN(none));
	prover_end(&t.prover);
}

/* Each signer is told; the certificate's id is the SHA-256 of its DER. */
static void test_two_signers(void **state)
{
	_cleanup_free_ char *der = NULL;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	struct proved told;
	struct trusting t;
	bool is_told = false;
	size_t size;

	tool_run(directory, "openssl", "x509", "-in", "code.pem", "-outform", "DER", "-out", "code.der");
	der = read_whole(dir_fd, "code.der", &size);
	assert_int_equal(sha256(der, size, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	TRUST(&t, 0, "root");
	prove_specimen(&t, "two.p7s", "d/file.p7s", "file", "d/file", &told);
	assert_int_equal(told.signature_count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_ours = strcmp(told.signatures[i].key_id, hex) == 0;

		is_told |= is_ours;
		expect_signature(&told, i, is_ours ? SIGNATURE_GOOD : SIGNATURE_UNTRUSTED, "d/file", is_ours ? "root" : "");
	}
	assert_true(is_told);
	proved_done(&told);
	prover_end(&t.prover);
}

/* A signature shorn of its signed attributes fits a file that consists of them. */
static void test_attributes_as_a_file(void **state)
{
	struct proved told;
	struct trusting t;

	TRUST(&t, 0, "root");
	prove_specimen(&t, "attributes.p7s", "attributes.p7s", "attributes", "attributes", &told);
	assert_int_equal(told.signature_count, 1);
	expect_signature(&told, 0, SIGNATURE_MALFORMED, "attributes", "");
	proved_done(&told);
	prover_end(&t.prover);
}

static void expect_nothing(struct trusting *t, const char *specimen, const char *name, const char *signed_name, size_t wanted)
{
	struct proved told;

	prove_specimen(t, specimen, name, "file", signed_name, &told);
	if (told.error || told.signature_count || told.entry_count || told.wanted_count != wanted)
		print_proved(&told);
	assert_int_equal(told.error, 0);
	assert_int_equal(told.signature_count, 0);
	assert_int_equal(told.outcome, LIST_NONE);
	assert_int_equal(told.wanted_count, wanted);
	proved_done(&told);
}

static void test_nothing_to_say(void **state)
{
	struct trusting t;

	TRUST(&t, 0, "root", "inter");
	expect_nothing(&t, "bag.p7b", "file.p7b", "file", 1);
	expect_nothing(&t, "no-signer.p7s", "file.p7s", "file", 1);
	expect_nothing(&t, "encrypted.cms", "file.cms", "file", 1);
	expect_nothing(&t, "code.p7s", "d/file.p7s", "file", 1);      /* it is in another directory */
	expect_nothing(&t, "code.p7s", "another.p7s", "file", 1);     /* renamed: what it signed is not there */
	expect_nothing(&t, "code.p7s", "...p7s", "file", 0);
	expect_nothing(&t, "code.p7s", "file.txt", "file", 0);
	expect_nothing(&t, "code.p7s", ".p7s", "file", 0);
	prover_end(&t.prover);
}

/* Names by which a signature stands beside its file; case does not matter on a stick. */
static void test_names(void **state)
{
	static const char *const names[] = { "file.p7s", "file.P7S", "file.p7b", "file.p7", "file.p7c", "file.cms", "file.sig" };
	struct trusting t;

	TRUST(&t, 0, "root");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct proved told;

		prove_specimen(&t, "code.p7s", names[i], "file", "file", &told);
		expect_signature(&told, 0, SIGNATURE_GOOD, "file", "root");
		proved_done(&told);
	}
	prover_end(&t.prover);
}

/* Larger than the memory that the role may have: read in blocks. */
static void test_large_file(void **state)
{
	const off_t size = 400 << 20; /* RLIMIT_DATA of the role: 256 MiB */
	struct medium m = { 0 };
	struct proved told;
	struct trusting t;
	int fd = openat(dir_fd, "large", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	tool_run(directory, "openssl", "cms", "-sign", "-binary", "-in", "large", "-signer", "code.pem", "-inkey", "code.key",
		 "-certfile", "inter.pem", "-outform", "DER", "-out", "large.p7s");
	medium_add_fd(&m, "large", fd);
	medium_add_from(&m, "large.p7s", dir_fd, "large.p7s");
	TRUST(&t, 0, "root");
	prove(&t.prover, &m, "large.p7s", EVIDENCE_CMS, PROVING_NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "large", "root");
	proved_done(&told);
	assert_int_equal(pwrite(fd, "x", 1, size / 2), 1);
	prove(&t.prover, &m, "large.p7s", EVIDENCE_CMS, PROVING_NOW, &told);
	expect_signature(&told, 0, SIGNATURE_BAD, "large", "root");
	proved_done(&told);
	prover_end(&t.prover);
	medium_done(&m);
}

/* Longer than a signature ever is: not even read. */
static void test_endless_signature(void **state)
{
	struct medium m = { 0 };
	struct proved told;
	struct trusting t;
	int fd = memory_file("0\x83\xff\xff\xff", 5);

	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	medium_add_from(&m, "file", dir_fd, "file");
	medium_add_fd(&m, "file.p7s", fd);
	TRUST(&t, 0, "root");
	prove(&t.prover, &m, "file.p7s", EVIDENCE_CMS, PROVING_NOW, &told);
	expect_signature(&told, 0, SIGNATURE_MALFORMED, "file", "");
	proved_done(&told);
	prover_end(&t.prover);
	medium_done(&m);
}

/* Whatever bit of it is turned, it is not good for another reason: what is outside of the signed parts may change. */
static void test_every_byte(void **state)
{
	_cleanup_free_ char *sig = NULL;
	size_t size, good = 0;
	struct trusting t;

	sig = read_whole(dir_fd, "by-hand.p7s", &size);
	TRUST(&t, 0, "root");
	for (size_t i = 0; i < size; i++) {
		struct medium m = { 0 };
		struct proved told;

		sig[i] = (char)(sig[i] ^ 0x20);
		medium_add(&m, "file", "what somebody else has made\n", 28);
		medium_add(&m, "file.p7s", sig, size);
		prove(&t.prover, &m, "file.p7s", EVIDENCE_CMS, PROVING_NOW, &told);
		assert_int_equal(told.error, 0);
		for (size_t k = 0; k < told.signature_count; k++)
			good += told.signatures[k].outcome == SIGNATURE_GOOD;
		proved_done(&told);
		medium_done(&m);
		sig[i] = (char)(sig[i] ^ 0x20);
	}
	assert_int_equal(good, 0);
	prover_end(&t.prover);
}

static void test_prepare_refuses_what_is_no_certificate(void **state)
{
	const struct pretend_key keys[] = { { "vendor-x", KEY_X509_CA, "none", 4, 0 } };
	_cleanup_free_ char *why = NULL;
	struct message m;
	struct prover p;

	prover_send_start(&p, "lazaret-cms", keys, 1);
	assert_int_equal(channel_expect(&p.peer.channel, MESSAGE_READY, &m, &why), -EBADMSG);
	assert_int_equal(peer_wait(&p.peer), EXIT_FAILURE);
}

static void describe_file(struct prover *p, const char *file, struct described *d)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	data = read_whole(dir_fd, file, &size);
	describe_bytes(p, data, size, d);
}

static void test_describe(void **state)
{
	static const struct {
		const char *file, *kind, *trouble; /* a word; "": none */
	} rows[] = {
		{ "root.pem", "x509-ca", "" },
		{ "root.der", "x509-ca", "" },
		{ "sha1-root.pem", "x509-ca", "" },
		{ "alone.pem", "x509-signer", "" },
		{ "words.pem", "x509-signer", "" },
		{ "version1.pem", "x509-signer", "" },
		{ "tls.pem", "x509-signer", "extended key usage" },
		{ "encipher.pem", "x509-signer", "key usage" },
		{ "both.pem", "x509-ca", "several" },
		{ "with-key.pem", "x509-signer", "private key" },
		{ "short.pem", "x509-signer", "too short" },
		{ "explicit.pem", "x509-signer", "curve" },
		{ "long-gone.pem", "x509-signer", "expired" },
		{ "root.key", "", "" },
		{ "file", "", "" },
		{ "code.p7s", "", "" },
		{ "bag.p7b", "", "" },
	};
	static struct described d;
	struct prover p;

	prover_start(&p, "lazaret-cms", NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		describe_file(&p, rows[i].file, &d);
		if (strcmp(d.kind, rows[i].kind) != 0 || (*rows[i].trouble ? !strstr(d.trouble, rows[i].trouble) : *d.trouble))
			fail_msg("%s: kind \"%s\", trouble \"%s\"", rows[i].file, d.kind, d.trouble);
	}
	describe_file(&p, "root.der", &d);
	assert_string_equal(d.owner, "CN=root");
	assert_int_equal(d.created, 1577836800);
	assert_int_equal(d.expires, 2366841600);
	assert_int_equal(strlen(d.fingerprint), 64);
	assert_string_equal(d.key_id, d.fingerprint);
	assert_int_equal(strncmp((const char *)d.bytes, "-----BEGIN CERTIFICATE-----\n", 28), 0);
	prover_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_several_anchors),
		cmocka_unit_test(test_pinned_signer),
		cmocka_unit_test(test_officers_end),
		cmocka_unit_test(test_two_signers),
		cmocka_unit_test(test_attributes_as_a_file),
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_endless_signature),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_prepare_refuses_what_is_no_certificate),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, make_specimens, certified_remove);
}
