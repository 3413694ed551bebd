/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Sigstore bundles, by key and by certificate; signed models in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "proof/digest.h"
#include "proof/proof.h"

#include "../lib/testing.h"
#include "../lib/proving.h"
#include "attestation_fixture.h"

#define BUNDLE(name, expected, words) { "bundle/" name, "a.bin.sigstore.json", EVIDENCE_SIGSTORE_BUNDLE, expected, words }
#define MODEL_FILE(name, file, expected, words) { "model/" name, file, EVIDENCE_SIGSTORE_BUNDLE, expected, words }
#define MODEL(name, expected, words) MODEL_FILE(name, "model.sig", expected, words)
#define BOTH "sha256 a.bin=; sha512 a.bin=; sha256 sub/b.bin="
#define FILES "sha256 a.bin=; sha256 sub/b.bin="
#define KEYLESS "transparency log"

static void test_by_key(void **state)
{
	static const struct row rows[] = {
		BUNDLE("key-hex", "good vendor | " BOTH " | read", NULL),
		BUNDLE("key-pem", "good vendor | " BOTH " | read", NULL),
		BUNDLE("key-base64", "good vendor | " BOTH " | read", NULL),
		BUNDLE("key-v0.1", "good vendor | " BOTH " | read", NULL),
		/* a hint finds a trusted key, and is none; nor is a key that came along */
		BUNDLE("stranger-as-hex", "bad vendor | " BOTH " | read", NULL),
		BUNDLE("stranger-as-pem", "bad vendor | " BOTH " | read", NULL),
		BUNDLE("stranger-as-base64", "bad vendor | " BOTH " | read", NULL),
		BUNDLE("own-key", "untrusted | " BOTH " | read", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_malformed(void **state)
{
	static const struct row rows[] = {
		BUNDLE("unknown-version", "malformed |  | none", "version"),
		BUNDLE("both", "malformed |  | none", "not just one of envelope and signature"),
		BUNDLE("without-material", "malformed |  | none", "verification material"),
		BUNDLE("two-materials", "malformed |  | none", "verification material"),
		BUNDLE("not-a-certificate", "malformed |  | none", "verification material"),
		BUNDLE("truncated", "malformed |  | none", "not JSON"),
		BUNDLE("message-without-signature", "malformed |  | none", "without a proper signature"),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_by_certificate(void **state)
{
	static const struct row rows[] = {
		BUNDLE("chain", "good house | " BOTH " | read", NULL),
		BUNDLE("chain-sha256", "good house | " BOTH " | read", NULL),
		BUNDLE("certificate", "good house | " BOTH " | read", NULL),
		BUNDLE("rsa", "good house | " BOTH " | read", NULL),
		BUNDLE("rsa-tampered", "bad house | " BOTH " | read", "has not signed this"),
		BUNDLE("short", "weak house | " BOTH " | read", NULL),
		BUNDLE("pinned", "good pinned | " BOTH " | read", NULL),
		BUNDLE("other-ca", "untrusted | " BOTH " | read", NULL),
		/* the certificates of another, whose key has not signed this */
		BUNDLE("swapped-chain", "bad house | " BOTH " | read", "has not signed this"),
		BUNDLE("no-authority", "untrusted | " BOTH " | read", NULL),
		BUNDLE("server", "untrusted | " BOTH " | read", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* An authority that gives certificates to everybody proves nothing, in time or late. */
static void test_keyless(void **state)
{
	static const struct row in_time = BUNDLE("keyless", "untrusted | " BOTH " | read", KEYLESS);
	static const struct row late = BUNDLE("keyless", "expired house | " BOTH " | read", KEYLESS);

	assert_true(check_row_at(&bench.prover, &in_time, bench.now));
	assert_true(check_row_at(&bench.prover, &late, bench.now + 20 * 365 * 86400ull));
}

static void test_expired_certificates(void **state)
{
	static const struct row rows[] = {
		BUNDLE("chain", "expired house | " BOTH " | read", "expired"),
		BUNDLE("pinned", "expired pinned | " BOTH " | read", "expired"),
		BUNDLE("message-certificate", "expired house over a.bin |  | none", "expired"),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(check_row_at(&bench.prover, &rows[i], bench.now + 20 * 365 * 86400ull));
}

static void test_over_a_file(void **state)
{
	static const struct row rows[] = {
		BUNDLE("message", "good vendor over a.bin |  | none", NULL),
		BUNDLE("message-edwards", "good edwards over a.bin |  | none", NULL),
		BUNDLE("message-certificate", "good house over a.bin |  | none", NULL),
		BUNDLE("message-altered", "bad vendor over a.bin |  | none", "another file"),
		BUNDLE("message-swapped", "bad vendor over a.bin |  | none", "another file"),
		BUNDLE("message-stranger", "untrusted over a.bin |  | none", NULL),
		BUNDLE("message-other-digest", "malformed over a.bin |  | none", "another digest"),
		{ "bundle/message-alone", "gone.bin.sigstore.json", EVIDENCE_SIGSTORE_BUNDLE, " |  | none", NULL },
		{ "bundle/cosign-old", "a.bin.bundle", EVIDENCE_SIGSTORE_BUNDLE, "good vendor over a.bin |  | none", NULL },
		{ "bundle/cosign-old-altered", "a.bin.bundle", EVIDENCE_SIGSTORE_BUNDLE, "untrusted over a.bin |  | none", NULL },
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_models(void **state)
{
	static const struct row rows[] = {
		MODEL("good", "good vendor | " FILES " | read complete", "model_signing"),
		MODEL("altered", "good vendor | sha256 a.bin!; sha256 sub/b.bin= | read complete", NULL),
		MODEL("blake2b", "good vendor | blake2b a.bin=; blake2b sub/b.bin= | read complete", NULL),
		/* what the signer told to ignore is signed by nobody: complete all the same */
		MODEL("ignoring", "good vendor | " FILES " | read complete", NULL),
		MODEL("digests-0.1", "good vendor | " FILES " | read complete", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_models_that_are_refused(void **state)
{
	static const struct row rows[] = {
		MODEL("blake3", "good vendor |  | broken", "does not compute"),
		MODEL("mixed", "good vendor |  | broken", "another kind"),
		MODEL("shards", "good vendor |  | broken", "shards"),
		MODEL("shards-0.1", "good vendor |  | broken", "does not compute"),
		MODEL("other-root", "good vendor |  | broken", "not that of its files"),
		MODEL("twice", "good vendor |  | broken", "twice"),
		MODEL("name-0", "good vendor |  | broken", "canonical"),
		MODEL("name-1", "good vendor |  | broken", "canonical"),
		MODEL("name-2", "good vendor |  | broken", "canonical"),
		MODEL("name-3", "good vendor |  | broken", "canonical"),
		MODEL("name-4", "good vendor |  | broken", "canonical"),
		MODEL("name-5", "good vendor |  | broken", "proper name"),
		MODEL("empty", "good vendor |  | broken", "without files"),
		MODEL("two-models", "good vendor |  | broken", "not one model"),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* The signature of a single file, and one beside the directory of the model, say nothing of what else is there. */
static void test_where_models_are(void **state)
{
	static const struct row rows[] = {
		MODEL_FILE("single", "a.bin.sig", "good vendor | sha256 a.bin= | read", NULL),
		MODEL_FILE("above", "signature.sig", "good vendor | sha256 sub/b.bin= | read", NULL),
		MODEL_FILE("above-by-name", "sub.sig", "good vendor | sha256 sub/b.bin=; sha256 sub/c.bin= | read", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static int set_up(void **state)
{
	return digests_prepare() < 0 || make_bench(state) < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_key),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_by_certificate),
		cmocka_unit_test(test_keyless),
		cmocka_unit_test(test_expired_certificates),
		cmocka_unit_test(test_over_a_file),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_models_that_are_refused),
		cmocka_unit_test(test_where_models_are),
	};

	return cmocka_run_group_tests(tests, set_up, remove_bench);
}
