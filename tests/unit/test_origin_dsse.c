/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* DSSE envelopes and the in-toto statements in them. */
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

#define DSSE(name, expected, words) { "dsse/" name, "a.dsse", EVIDENCE_DSSE, expected, words }
#define LINES(name, expected, words) { "dsse/" name, "all.intoto.jsonl", EVIDENCE_DSSE, expected, words }
#define BOTH "sha256 a.bin=; sha512 a.bin=; sha256 sub/b.bin="

static void test_good(void **state)
{
	static const struct row rows[] = {
		DSSE("good", "good vendor | " BOTH " | read", "https://slsa.dev/provenance/v1"),
		DSSE("good-v0.1", "good vendor | " BOTH " | read", NULL),
		DSSE("edwards", "good edwards | " BOTH " | read", NULL),
		DSSE("pinned", "good pinned | " BOTH " | read", NULL),
		DSSE("two-signers", "untrusted; good vendor | " BOTH " | read", NULL),
		DSSE("url-safe", "good vendor | " BOTH " | read", NULL),
		DSSE("passed", "good vendor | " BOTH " | read", "verification_summary"),
		DSSE("unknown-type", "good vendor |  | none", NULL),
		DSSE("fault", "good vendor | " BOTH " | read without vouching", "openvex"),
		LINES("lines", "good vendor | sha256 a.bin=; sha512 a.bin=; sha256 sub/b.bin= | read", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* What is listed by nobody that is trusted still proves a mismatch. */
static void test_not_by_a_trusted_key(void **state)
{
	static const struct row rows[] = {
		DSSE("tampered", "untrusted | sha256 a.bin! | read", "by no key that is trusted"),
		DSSE("tampered-with-hint", "bad vendor | sha256 a.bin! | read", "names the key 'vendor'"),
		DSSE("stranger-with-hint", "bad vendor | " BOTH " | read", "names the key 'vendor'"),
		DSSE("by-stranger", "untrusted | sha256 a.bin! | read", NULL),
		/* the type is signed with the payload: a signature over one thing is none over another */
		DSSE("other-type", "untrusted | " BOTH " | read", NULL),
		DSSE("without-encoding", "untrusted | " BOTH " | read", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_malformed(void **state)
{
	static const struct row rows[] = {
		DSSE("stripped", "malformed |  | none", "without signatures"),
		DSSE("many-signatures", "malformed |  | none", "too many"),
		DSSE("truncated", "malformed |  | none", "not JSON"),
		DSSE("followed", "malformed |  | none", "not JSON"),
		DSSE("deep", "malformed |  | none", "nested too deeply"),
		DSSE("huge", "malformed |  | none", "too many values"),
		DSSE("duplicate", "malformed |  | none", "duplicate"),
		DSSE("not-base64", "malformed |  | none", "payload is not base64"),
		DSSE("not-base64-signature", "malformed |  | none", "signature that is not base64"),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* Well signed, and not to be relied on. */
static void test_statements_that_cannot_be_read(void **state)
{
	static const struct row rows[] = {
		DSSE("without-predicate-type", "good vendor |  | broken", "predicateType"),
		DSSE("without-subjects", "good vendor |  | broken", "without subjects"),
		DSSE("not-a-statement", "good vendor |  | broken", "not an in-toto statement"),
		DSSE("duplicate-in-payload", "good vendor |  | broken", "duplicate"),
		DSSE("short-digest", "good vendor |  | broken", "proper digests"),
		DSSE("failed", "good vendor |  | broken", "does not say that its subjects passed"),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* What is no path says nothing of where a file is, and never leads out of the directory. */
static void test_names_of_subjects(void **state)
{
	static const struct row rows[] = {
		DSSE("names", "good vendor | sha256 *.; sha256 *.; sha256 *.; sha256 v1.2/a.bin=; sha256 *.; sha256 *.; sha256 *.; "
			      "sha256 *.; sha256 sub/b.bin= | read 1 bad", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* Who signed one line of a file does not vouch for what another line lists. */
static void test_lines_need_one_signer_of_all(void **state)
{
	static const struct row rows[] = {
		LINES("line-by-stranger", "untrusted; untrusted | " BOTH "; sha256 a.bin! | read", "not all signed by one trusted key"),
		LINES("line-by-second", "untrusted | " BOTH "; sha256 a.bin! | read", "not all signed by one trusted key"),
		LINES("line-malformed", "malformed; untrusted | " BOTH " | read", NULL),
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* JSON that happens to have such a suffix is no bad signature. */
static void test_other_json_is_left_alone(void **state)
{
	static const struct row rows[] = {
		{ "dsse/lines-of-data", "training.jsonl", EVIDENCE_DSSE, " |  | none", NULL },
		{ "dsse/data", "thing.bundle", EVIDENCE_DSSE, " |  | none", NULL },
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_the_officers_end_of_a_key(void **state)
{
	static const struct row row = DSSE("good", "expired vendor | " BOTH " | read", "has expired");
	struct pretend_key key = bench.keys[0];
	struct prover p;

	key.until = bench.now;
	prover_start(&p, "lazaret-origin", &key, 1);
	assert_true(check_row_at(&p, &row, bench.now));
	prover_end(&p);
}

/* No key at all: jansson and libcrypto have been set up all the same before the sandbox closed. */
static void test_without_keys(void **state)
{
	static const struct row rows[] = {
		DSSE("good", "untrusted | " BOTH " | read", NULL),
		{ "bundle/chain", "a.bin.sigstore.json", EVIDENCE_SIGSTORE_BUNDLE, "untrusted | " BOTH " | read", NULL },
	};
	struct prover p;

	prover_start(&p, "lazaret-origin", NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(check_row_at(&p, &rows[i], bench.now));
	prover_end(&p);
}

static void test_key_ids(void **state)
{
	struct medium m = { 0 };
	struct proved told;
	_cleanup_free_ char *der = NULL;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	size_t size;

	tool_run(bench.path, "openssl", "pkey", "-pubin", "-in", "keys/vendor.pub", "-outform", "DER", "-out", "vendor.der");
	der = read_whole(bench.fd, "vendor.der", &size);
	assert_int_equal(sha256(der, size, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	load_medium(&m, "dsse/good");
	prove(&bench.prover, &m, "a.dsse", EVIDENCE_DSSE, bench.now, &told);
	assert_string_equal(told.signatures[0].key_id, hex);
	proved_done(&told);
	medium_done(&m);
}

static int set_up(void **state)
{
	return digests_prepare() < 0 || make_bench(state) < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_not_by_a_trusted_key),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_statements_that_cannot_be_read),
		cmocka_unit_test(test_names_of_subjects),
		cmocka_unit_test(test_lines_need_one_signer_of_all),
		cmocka_unit_test(test_other_json_is_left_alone),
		cmocka_unit_test(test_the_officers_end_of_a_key),
		cmocka_unit_test(test_without_keys),
		cmocka_unit_test(test_key_ids),
	};

	return cmocka_run_group_tests(tests, set_up, remove_bench);
}
