/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Key files that an officer may want to trust, by the programs that make them; and those that must not be trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/minisign.h"
#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

static struct {
	int fd;
	char path[64];
	struct prover prover;
	struct described key;
} d;

static int make(void **state)
{
	d.fd = private_directory(d.path);
	tool_run(d.path, "minisign", "-G", "-W", "-p", "m.pub", "-s", "m.key");
	tool_run(d.path, "signify-openbsd", "-G", "-n", "-p", "s.pub", "-s", "s.sec");
	tool_run(d.path, "signify-openbsd", "-G", "-n", "-p", "named.pub", "-s", "named.sec", "-c", "Vendor X 2026");
	tool_run(d.path, "openssl", "genpkey", "-algorithm", "ED25519", "-out", "ed.key");
	tool_run(d.path, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.key");
	tool_run(d.path, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "p384.key");
	tool_run(d.path, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
		 "ec_param_enc:explicit", "-out", "explicit.key");
	tool_run(d.path, "openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.key");
	tool_run(d.path, "openssl", "genpkey", "-algorithm", "X25519", "-out", "x.key");
	tool_run(d.path, "openssl", "pkey", "-in", "ed.key", "-aes256", "-passout", "pass:x", "-out", "locked.key");
	tool_run(d.path, "openssl", "rsa", "-in", "rsa.key", "-RSAPublicKey_out", "-out", "pkcs1.pub");
	tool_run(d.path, "openssl", "req", "-x509", "-key", "ec.key", "-subj", "/CN=x", "-days", "30", "-out", "certificate.pem");
	for (const char *const *name = (const char *const[]){ "ed", "ec", "p384", "explicit", "rsa", "x", NULL }; *name; name++) {
		char key[32], pub[32], der[32];

		(void)snprintf(key, sizeof(key), "%s.key", *name);
		(void)snprintf(pub, sizeof(pub), "%s.pub", *name);
		(void)snprintf(der, sizeof(der), "%s.der", *name);
		tool_run(d.path, "openssl", "pkey", "-in", key, "-pubout", "-out", pub);
		tool_run(d.path, "openssl", "pkey", "-in", key, "-pubout", "-outform", "DER", "-out", der);
	}
	prover_start(&d.prover, "lazaret-origin", NULL, 0);
	return 0;
}

static int clean(void **state)
{
	prover_end(&d.prover);
	remove_private_directory(d.fd, d.path);
	return 0;
}

static void describe_text(const char *text)
{
	describe_bytes(&d.prover, text, strlen(text), &d.key);
}

/* Into d.key. */
static void describe_file(const char *name)
{
	size_t size;
	_cleanup_free_ char *data = read_whole(d.fd, name, &size);

	describe_bytes(&d.prover, data, size, &d.key);
}

static void expect_key(const char *kind)
{
	assert_string_equal(d.key.kind, kind);
	assert_string_equal(d.key.trouble, "");
	assert_int_equal(strlen(d.key.fingerprint), 64);
	assert_true(d.key.size > 0);
	assert_int_equal(d.key.created + d.key.expires, 0);
}

/* A key of this kind that must not be trusted: nothing of it is handed on. */
static void expect_trouble(const char *kind, const char *words)
{
	assert_string_equal(d.key.kind, kind);
	if (!strstr(d.key.trouble, words))
		fail_msg("\"%s\", not \"%s\"", d.key.trouble, words);
	assert_int_equal(d.key.size, 0);
}

static void expect_none(void)
{
	assert_string_equal(d.key.kind, "");
}

static void test_minisign(void **state)
{
	_cleanup_free_ char *text = read_whole(d.fd, "m.pub", NULL);
	char *line = strchr(text, '\n') + 1, fingerprint[65];

	describe_file("m.pub");
	expect_key("minisign");
	assert_int_equal(d.key.size, MINISIGN_PUBLIC_TEXT_LEN);
	assert_memory_equal(d.key.bytes, line, MINISIGN_PUBLIC_TEXT_LEN);
	assert_int_equal(strlen(d.key.key_id), MINISIGN_ID_TEXT_LEN);
	assert_string_equal(d.key.owner, "");
	memcpy(fingerprint, d.key.fingerprint, sizeof(fingerprint));
	/* the line alone is how minisign's keys are passed on */
	describe_text(line);
	expect_key("minisign");
	assert_string_equal(d.key.fingerprint, fingerprint);
}

static void test_signify(void **state)
{
	describe_file("s.pub");
	expect_key("signify");
	assert_string_equal(d.key.owner, "signify");
	assert_int_equal(strlen(d.key.key_id), MINISIGN_ID_TEXT_LEN);
	describe_file("named.pub");
	expect_key("signify");
	assert_string_equal(d.key.owner, "Vendor X 2026");
	/* what the store keeps is what the role takes in */
	{
		const struct pretend_key key = { "x", KEY_SIGNIFY, d.key.bytes, d.key.size, 0 };
		struct prover p;

		prover_start(&p, "lazaret-origin", &key, 1);
		prover_end(&p);
	}
}

/* The bytes are of one form; the comment decides, and it is signify's program that always ends it so. */
static void test_comment_decides(void **state)
{
	static const struct {
		const char *comment, *kind;
	} rows[] = {
		{ "minisign public key DD3B87B217110FA", "minisign" },
		{ "minisign public key", "minisign" },
		{ "signify public key", "signify" },
		{ "Vendor X public key", "signify" },
		{ "minisign no more public key", "signify" },
		{ "Vendor X public keys", "minisign" },
		{ "Vendor X", "minisign" },
		{ "", "minisign" },
	};
	_cleanup_free_ char *text = read_whole(d.fd, "m.pub", NULL);
	const char *line = strchr(text, '\n') + 1;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *file = NULL;

		assert_true(asprintf(&file, "untrusted comment: %s\n%s", rows[i].comment, line) > 0);
		describe_text(file);
		expect_key(rows[i].kind);
	}
}

/* Both kinds of plain keys go by the SHA-256 of their DER, whichever way they are written. */
static void test_plain(void **state)
{
	static const char *const rows[][2] = { { "ed.pub", "ed.der" }, { "ec.pub", "ec.der" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_close_ int fd = openat(d.fd, rows[i][1], O_RDONLY | O_CLOEXEC);
		_cleanup_free_ char *pem = read_whole(d.fd, rows[i][0], NULL), *wordy = NULL;
		char id[SHA256_HEX_LEN + 1];
		uint8_t sum[SHA256_LEN];

		assert_int_equal(sha256_fd(fd, sum, NULL), 0);
		hex_encode(sum, sizeof(sum), id);
		for (int form = 0; form < 3; form++) {
			assert_true(form < 2 || asprintf(&wordy, "Our key:\n\n%s\nYours\n", pem) > 0);
			if (form < 2)
				describe_file(rows[i][form]);
			else
				describe_text(wordy);
			expect_key("raw");
			assert_string_equal(d.key.fingerprint, id);
			assert_string_equal(d.key.key_id, id);
			assert_string_equal((char *)d.key.bytes, pem); /* without the words around it */
		}
	}
}

static void test_plain_keys_that_do_not_count(void **state)
{
	static const char *const others[] = { "rsa.pub", "rsa.der", "p384.pub", "p384.der", "x.pub", "pkcs1.pub" };

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		describe_file(others[i]);
		expect_trouble("raw", "only Ed25519 and ECDSA P-256 keys");
	}
	describe_file("explicit.pub");
	expect_trouble("raw", "spells its curve out");
}

static void test_secret_keys_are_refused(void **state)
{
	static const char *const plain[] = { "ed.key", "ec.key", "rsa.key", "locked.key" };
	_cleanup_free_ char *public = read_whole(d.fd, "ed.pub", NULL), *secret = read_whole(d.fd, "ed.key", NULL), *both = NULL;

	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		describe_file(plain[i]);
		expect_trouble("raw", "private key");
	}
	assert_true(asprintf(&both, "%s%s", public, secret) > 0);
	describe_text(both);
	expect_trouble("raw", "private key");
	describe_file("m.key");
	expect_trouble("minisign", "secret key");
	describe_file("s.sec");
	expect_trouble("signify", "secret key");
}

static void test_two_keys_in_one_file(void **state)
{
	_cleanup_free_ char *a = read_whole(d.fd, "ed.pub", NULL), *b = read_whole(d.fd, "ec.pub", NULL), *both = NULL;
	_cleanup_free_ char *m = read_whole(d.fd, "m.pub", NULL), *twice = NULL;

	assert_true(asprintf(&both, "%s%s", a, b) > 0);
	describe_text(both);
	expect_trouble("raw", "more than one key");
	assert_true(asprintf(&twice, "%s%s", m, m) > 0);
	describe_text(twice);
	expect_none();
}

/* Not a password is asked for, not a header believed. */
static void test_encrypted_headers(void **state)
{
	_cleanup_free_ char *pem = read_whole(d.fd, "ed.pub", NULL), *text = NULL;
	char *body = strchr(pem, '\n') + 1;

	assert_true(asprintf(&text, "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00000000000000000000000000000000\n\n%s",
			     body) > 0);
	describe_text(text);
	expect_none();
}

static void test_others_are_left_to_others(void **state)
{
	static const char *const rows[] = {
		"", "\n", "x", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA vendor\n", "untrusted comment: signify public key\n",
		"untrusted comment: minisign public key 1\nRWQ=\n", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n",
		"-----BEGIN PUBLIC KEY-----\n", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", "\x99\x02\x0d\x04",
	};
	_cleanup_free_ char *huge = calloc(1, ORIGIN_KEY_BYTES_MAX + 10);
	size_t size;
	_cleanup_free_ char *der = read_whole(d.fd, "ed.der", &size);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		describe_text(rows[i]);
		expect_none();
	}
	describe_file("certificate.pem");
	expect_none();
	for (size_t cut = 0; cut < size; cut++) {
		describe_bytes(&d.prover, der, cut, &d.key);
		expect_none();
	}
	der = realloc(der, size + 1);
	assert_non_null(der);
	der[size] = 0;
	describe_bytes(&d.prover, der, size + 1, &d.key);
	expect_none();
	describe_bytes(&d.prover, huge, ORIGIN_KEY_BYTES_MAX + 10, &d.key);
	expect_none();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minisign),
		cmocka_unit_test(test_signify),
		cmocka_unit_test(test_comment_decides),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_plain_keys_that_do_not_count),
		cmocka_unit_test(test_secret_keys_are_refused),
		cmocka_unit_test(test_two_keys_in_one_file),
		cmocka_unit_test(test_encrypted_headers),
		cmocka_unit_test(test_others_are_left_to_others),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
