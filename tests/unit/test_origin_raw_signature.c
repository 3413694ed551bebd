/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Plain Ed25519 and ECDSA P-256 signatures beside a file, as openssl and cosign make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "origin/public_key.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define NOW PROVING_NOW

struct bytes {
	char *data;
	size_t size;
};

/* Made once: keys of each kind; a.bin ("data") signed in each way. */
static struct {
	int fd;
	char path[64];
	struct bytes ed_key, ec_key, other_key;		    /* PEM */
	struct bytes ed, ed_base64, ed_wrapped;		    /* 64 bytes; in base64, in one line, in two */
	struct bytes ec, ec_base64, ec_wrapped;		    /* DER; as cosign writes it, as openssl base64 does */
	struct bytes by_other, other_file, sha1, sha512, rsa; /* none of which may count */
	char ed_id[SHA256_HEX_LEN + 1], ec_id[SHA256_HEX_LEN + 1];
} d;

static struct bytes load(const char *name)
{
	struct bytes b;

	b.data = read_whole(d.fd, name, &b.size);
	return b;
}

static void make_key(const char *algorithm, const char *option, const char *name)
{
	char key[64], pub[64], der[64];

	(void)snprintf(key, sizeof(key), "%s.key", name);
	(void)snprintf(pub, sizeof(pub), "%s.pub", name);
	(void)snprintf(der, sizeof(der), "%s.der", name);
	tool_run(d.path, "openssl", "genpkey", "-algorithm", algorithm, "-out", key, option ? "-pkeyopt" : NULL, option);
	tool_run(d.path, "openssl", "pkey", "-in", key, "-pubout", "-out", pub);
	tool_run(d.path, "openssl", "pkey", "-in", key, "-pubout", "-outform", "DER", "-out", der);
}

/* The fingerprint that people compare: sha256sum of the key in DER. */
static void id_of(const char *der_name, char ret[static SHA256_HEX_LEN + 1])
{
	_cleanup_close_ int fd = openat(d.fd, der_name, O_RDONLY | O_CLOEXEC);
	uint8_t sum[SHA256_LEN];

	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	hex_encode(sum, sizeof(sum), ret);
}

static void make_signatures(void)
{
	tool_run(d.path, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "ed.key", "-in", "a.bin", "-out", "ed.sig");
	tool_run(d.path, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "ed.key", "-in", "b.bin", "-out", "b.sig");
	tool_run(d.path, "openssl", "base64", "-A", "-in", "ed.sig", "-out", "ed.b64");
	tool_run(d.path, "openssl", "base64", "-in", "ed.sig", "-out", "ed.wrapped");
	tool_run(d.path, "openssl", "dgst", "-sha256", "-sign", "ec.key", "-out", "ec.sig", "a.bin");
	tool_run(d.path, "openssl", "base64", "-A", "-in", "ec.sig", "-out", "ec.b64");
	tool_run(d.path, "openssl", "base64", "-in", "ec.sig", "-out", "ec.wrapped");
	tool_run(d.path, "openssl", "dgst", "-sha256", "-sign", "other.key", "-out", "other.sig", "a.bin");
	tool_run(d.path, "openssl", "dgst", "-sha1", "-sign", "ec.key", "-out", "sha1.sig", "a.bin");
	tool_run(d.path, "openssl", "dgst", "-sha512", "-sign", "ec.key", "-out", "sha512.sig", "a.bin");
	tool_run(d.path, "openssl", "dgst", "-sha256", "-sign", "rsa.key", "-out", "rsa.sig", "a.bin");
}

static int make(void **state)
{
	d.fd = private_directory(d.path);
	write_file(d.fd, "a.bin", "data", 4);
	write_file(d.fd, "b.bin", "date", 4);
	make_key("ED25519", NULL, "ed");
	make_key("EC", "ec_paramgen_curve:P-256", "ec");
	make_key("EC", "ec_paramgen_curve:P-256", "other");
	make_key("RSA", "rsa_keygen_bits:2048", "rsa");
	make_signatures();
	d.ed_key = load("ed.pub");
	d.ec_key = load("ec.pub");
	d.other_key = load("other.pub");
	d.ed = load("ed.sig");
	d.ed_base64 = load("ed.b64");
	d.ed_wrapped = load("ed.wrapped");
	d.ec = load("ec.sig");
	d.ec_base64 = load("ec.b64");
	d.ec_wrapped = load("ec.wrapped");
	d.by_other = load("other.sig");
	d.other_file = load("b.sig");
	d.sha1 = load("sha1.sig");
	d.sha512 = load("sha512.sig");
	d.rsa = load("rsa.sig");
	id_of("ed.der", d.ed_id);
	id_of("ec.der", d.ec_id);
	return 0;
}

static int clean(void **state)
{
	struct bytes *all[] = { &d.ed_key, &d.ec_key, &d.other_key, &d.ed, &d.ed_base64, &d.ed_wrapped, &d.ec, &d.ec_base64,
				&d.ec_wrapped, &d.by_other, &d.other_file, &d.sha1, &d.sha512, &d.rsa };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free(all[i]->data);
	remove_private_directory(d.fd, d.path);
	return 0;
}

/* Both keys, trusted until then. */
static void start(struct prover *p, uint64_t until)
{
	const struct pretend_key keys[] = {
		{ "vendor-ed", KEY_RAW, d.ed_key.data, d.ed_key.size, until },
		{ "vendor-ec", KEY_RAW, d.ec_key.data, d.ec_key.size, until },
	};

	prover_start(p, "lazaret-origin", keys, ARRAY_LEN(keys));
}

/* Prove `sig` as x/a.bin + `suffix`, beside x/a.bin with this content. */
static void check(struct prover *p, const struct bytes *sig, const char *suffix, const char *content, struct proved *ret)
{
	struct medium m = { 0 };
	char path[64];

	(void)snprintf(path, sizeof(path), "x/a.bin%s", suffix);
	medium_add(&m, "x/a.bin", content, strlen(content));
	medium_add(&m, path, sig->data, sig->size);
	prove(p, &m, path, EVIDENCE_RAW_SIGNATURE, NOW, ret);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->signature_count, 1);
	assert_int_equal(ret->entry_count + ret->text_size, 0);
	medium_done(&m);
}

static enum signature_outcome outcome(struct prover *p, const struct bytes *sig, const char *content)
{
	enum signature_outcome o;
	struct proved told;

	check(p, sig, ".sig", content, &told);
	o = told.signatures[0].outcome;
	assert_int_equal(told.signatures[0].key_name[0] == '\0', o == SIGNATURE_UNTRUSTED || o == SIGNATURE_MALFORMED);
	proved_done(&told);
	return o;
}

static void test_good(void **state)
{
	const struct {
		const struct bytes *sig;
		const char *suffix, *key, *id;
	} rows[] = {
		{ &d.ed, ".sig", "vendor-ed", d.ed_id },	   { &d.ed, ".signature", "vendor-ed", d.ed_id },
		{ &d.ed, ".ed25519", "vendor-ed", d.ed_id },	   { &d.ed_base64, ".sig", "vendor-ed", d.ed_id },
		{ &d.ed_wrapped, ".sig", "vendor-ed", d.ed_id },  { &d.ec, ".sig", "vendor-ec", d.ec_id },
		{ &d.ec, ".p256", "vendor-ec", d.ec_id },	   { &d.ec_base64, ".sig", "vendor-ec", d.ec_id },
		{ &d.ec_wrapped, ".SIG", "vendor-ec", d.ec_id },
	};
	struct prover p;

	start(&p, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proved told;

		check(&p, rows[i].sig, rows[i].suffix, "data", &told);
		expect_signature(&told, 0, SIGNATURE_GOOD, "x/a.bin", rows[i].key);
		assert_string_equal(told.signatures[0].key_id, rows[i].id);
		proved_done(&told);
		check(&p, rows[i].sig, rows[i].suffix, "date", &told);
		expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "x/a.bin", "");
		proved_done(&told);
	}
	prover_end(&p);
}

/* The recogniser agrees that these are what they are. */
static void test_recognised(void **state)
{
	const struct bytes *sigs[] = { &d.ed, &d.ed_base64, &d.ed_wrapped, &d.ec, &d.ec_base64, &d.ec_wrapped };
	struct prover p;

	start(&p, 0);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		assert_int_equal(recognise_bytes(&p, "a.bin.sig", sigs[i]->data, sigs[i]->size), EVIDENCE_RAW_SIGNATURE);
	prover_end(&p);
}

/* An altered file and a stranger look the same: the words say both, and it is never trust. */
static void test_none_verifies(void **state)
{
	const struct bytes *sigs[] = { &d.by_other, &d.other_file, &d.sha1, &d.sha512 };
	struct prover p;

	start(&p, 0);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		struct proved told;

		check(&p, sigs[i], ".sig", "data", &told);
		expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "x/a.bin", "");
		assert_string_equal(told.signatures[0].detail,
				    "by no raw key that this station trusts, or the file was altered");
		assert_string_equal(told.signatures[0].key_id, "");
		proved_done(&told);
	}
	prover_end(&p);
	prover_start(&p, "lazaret-origin", NULL, 0);
	assert_int_equal(outcome(&p, &d.ed, "data"), SIGNATURE_UNTRUSTED);
	assert_int_equal(outcome(&p, &d.ec, "data"), SIGNATURE_UNTRUSTED);
	prover_end(&p);
}

static void test_ended_trust_is_expired(void **state)
{
	struct proved told;
	struct prover p;

	start(&p, NOW);
	check(&p, &d.ed, ".sig", "data", &told);
	expect_signature(&told, 0, SIGNATURE_EXPIRED, "x/a.bin", "vendor-ed");
	proved_done(&told);
	assert_int_equal(outcome(&p, &d.ec, "data"), SIGNATURE_EXPIRED);
	assert_int_equal(outcome(&p, &d.ec, "date"), SIGNATURE_UNTRUSTED);
	prover_end(&p);
	start(&p, NOW + 1);
	assert_int_equal(outcome(&p, &d.ed, "data"), SIGNATURE_GOOD);
	prover_end(&p);
}

/* No name is signed: the bytes are good under any, and where the file is not, nothing is said. */
static void test_names(void **state)
{
	static const char *const silent[] = { "y/a.bin.sig", "x/a.bin.txt", "x/.sig" };
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	start(&p, 0);
	medium_add(&m, "x/a.bin", "data", 4);
	medium_add(&m, "x/renamed", "data", 4);
	medium_add(&m, "x/renamed.sig", d.ed.data, d.ed.size);
	prove(&p, &m, "x/renamed.sig", EVIDENCE_RAW_SIGNATURE, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "x/renamed", "vendor-ed");
	proved_done(&told);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		medium_add(&m, silent[i], d.ed.data, d.ed.size);
		prove(&p, &m, silent[i], EVIDENCE_RAW_SIGNATURE, NOW, &told);
		assert_int_equal(told.error, 0);
		assert_int_equal(told.signature_count, 0);
		proved_done(&told);
	}
	prover_end(&p);
	medium_done(&m);
}

static void expect_malformed(struct prover *p, const char *data, size_t size)
{
	const struct bytes sig = { (char *)(uintptr_t)data, size };

	assert_int_equal(outcome(p, &sig, "data"), SIGNATURE_MALFORMED);
}

/* Every beginning, and anything behind it. Base64 of 85 characters and the like is none either. */
static void test_malformed(void **state)
{
	const struct bytes *sigs[] = { &d.ed, &d.ed_base64, &d.ec, &d.ec_base64 };
	char longer[512];
	struct prover p;

	start(&p, 0);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		for (size_t cut = 0; cut < sigs[i]->size; cut++)
			if (cut != 64) /* that long, it is for the mathematics to refuse */
				expect_malformed(&p, sigs[i]->data, cut);
		memcpy(longer, sigs[i]->data, sigs[i]->size);
		for (const char *junk = " x=A-"; *junk; junk++) {
			longer[sigs[i]->size] = *junk;
			expect_malformed(&p, longer, sigs[i]->size + 1);
		}
		memcpy(longer + sigs[i]->size, sigs[i]->data, sigs[i]->size); /* twice */
		expect_malformed(&p, longer, 2 * sigs[i]->size);
	}
	expect_malformed(&p, "-----BEGIN PGP SIGNATURE-----\n", 30);
	expect_malformed(&p, "\n\n\n\n", 4);
	expect_malformed(&p, "====", 4);
	expect_malformed(&p, d.rsa.data, d.rsa.size);
	prover_end(&p);
}

/* One flipped bit anywhere: never good. */
static void test_no_bit_may_flip(void **state)
{
	const struct bytes *sigs[] = { &d.ed, &d.ec };
	struct prover p;

	start(&p, 0);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		for (size_t bit = 0; bit < 8 * sigs[i]->size; bit++) {
			sigs[i]->data[bit / 8] ^= (char)(1 << bit % 8);
			assert_int_not_equal(outcome(&p, sigs[i], "data"), SIGNATURE_GOOD);
			sigs[i]->data[bit / 8] ^= (char)(1 << bit % 8);
		}
		assert_int_equal(outcome(&p, sigs[i], "data"), SIGNATURE_GOOD);
	}
	prover_end(&p);
}

static void add_sparse(struct medium *m, const char *path, off_t size)
{
	int fd = memory_file("", 0);

	assert_int_equal(ftruncate(fd, size), 0);
	medium_add_fd(m, path, fd);
}

/* An empty file; one that is mapped; one that is too long for Ed25519, which is not read. */
static void test_sizes(void **state)
{
	static const off_t sizes[] = { 0, 20000000 };
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	start(&p, 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		write_file(d.fd, "sized", "", 0);
		{
			_cleanup_close_ int fd = openat(d.fd, "sized", O_WRONLY | O_CLOEXEC);

			assert_int_equal(ftruncate(fd, sizes[i]), 0);
		}
		tool_run(d.path, "openssl", "dgst", "-sha256", "-sign", "ec.key", "-out", "sized.p256", "sized");
		add_sparse(&m, "sized", sizes[i]);
		medium_add_from(&m, "sized.p256", d.fd, "sized.p256");
		prove(&p, &m, "sized.p256", EVIDENCE_RAW_SIGNATURE, NOW, &told);
		expect_signature(&told, 0, SIGNATURE_GOOD, "sized", "vendor-ec");
		proved_done(&told);
		if (sizes[i] == 0) /* openssl pkeyutl maps its input, and cannot map nothing */
			continue;
		tool_run(d.path, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "ed.key", "-in", "sized", "-out", "sized.sig");
		medium_add_from(&m, "sized.sig", d.fd, "sized.sig");
		prove(&p, &m, "sized.sig", EVIDENCE_RAW_SIGNATURE, NOW, &told);
		expect_signature(&told, 0, SIGNATURE_GOOD, "sized", "vendor-ed");
		proved_done(&told);
	}
	add_sparse(&m, "sized", (off_t)PLAIN_ED25519_FILE_MAX + 1);
	prove(&p, &m, "sized.sig", EVIDENCE_RAW_SIGNATURE, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "sized", "");
	assert_non_null(strstr(told.signatures[0].detail, "longer than this station reads"));
	proved_done(&told);
	prover_end(&p);
	medium_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_recognised),
		cmocka_unit_test(test_none_verifies),
		cmocka_unit_test(test_ended_trust_is_expired),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_no_bit_may_flip),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
