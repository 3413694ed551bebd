/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-authenticode in its sandbox, on programs that osslsigncode signed, and on what was made of them
 * (tests/lib/certificates.py). */
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

#define EARLIER 1750000000u /* s since 1970: June 2025, before what expires does */

static int make_specimens(void **state)
{
	return certified_make("authenticode");
}

static void trust(struct prover *p, const char *const *names, uint64_t until)
{
	certified_start(p, "lazaret-authenticode", names, until);
}

#define TRUST(p, until, ...) trust(p, (const char *const[]){ __VA_ARGS__, NULL }, until)

static void prove_program(struct prover *p, const char *specimen, uint64_t now, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add_from(&m, "d/setup.exe", dir_fd, specimen);
	prove(p, &m, "d/setup.exe", EVIDENCE_AUTHENTICODE, now, ret);
	medium_done(&m);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->entry_count + ret->wanted_count, 0);
}

struct row {
	const char *specimen;
	enum signature_outcome outcome;
	const char *key, *word; /* a word of the detail; NULL: any */
};

static void check_rows(struct prover *p, uint64_t now, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		struct proved told;

		prove_program(p, r->specimen, now, &told);
		if (told.signature_count != 1 || told.signatures[0].outcome != r->outcome)
			print_message("%s:\n", r->specimen);
		expect_signature(&told, 0, r->outcome, "", r->key);
		assert_int_equal(told.signature_count, 1);
		if (r->word && !strstr(told.signatures[0].detail, r->word))
			fail_msg("%s: \"%s\" does not say \"%s\"", r->specimen, told.signatures[0].detail, r->word);
		assert_int_equal(strlen(told.signatures[0].key_id), r->outcome == SIGNATURE_MALFORMED ? 0 : 64);
		proved_done(&told);
	}
}

static void test_signers(void **state)
{
	static const struct row rows[] = {
		{ "program-code", SIGNATURE_GOOD, "root", NULL },
		{ "program32-code", SIGNATURE_GOOD, "root", NULL },
		{ "real-code", SIGNATURE_GOOD, "root", NULL },
		{ "checksum", SIGNATURE_GOOD, "root", NULL }, /* filled in after signing: not hashed, and no code */
		{ "program-stranger", SIGNATURE_UNTRUSTED, "", NULL },
		{ "program-tls", SIGNATURE_UNTRUSTED, "", "extended key usage" },
		{ "program-plain", SIGNATURE_UNTRUSTED, "", "extended key usage" }, /* good for files, not for code */
		{ "program-any", SIGNATURE_UNTRUSTED, "", "extended key usage" },
		{ "program-expired", SIGNATURE_EXPIRED, "root", "expired" },
		{ "program-short", SIGNATURE_WEAK, "root", "weak" },
		{ "program-sha1", SIGNATURE_WEAK, "root", "weak" },
		{ "program-md-sha1", SIGNATURE_WEAK, "root", "sha1" },
	};
	static const struct row pinned[] = {
		{ "program-code", SIGNATURE_GOOD, "code", NULL },
		{ "program-tls", SIGNATURE_UNTRUSTED, "", "extended key usage" },
		{ "program-expired", SIGNATURE_UNTRUSTED, "", NULL },
	};
	static const struct row ended[] = { { "program-code", SIGNATURE_EXPIRED, "root", "trust" } };
	struct prover p;

	TRUST(&p, 0, "root");
	check_rows(&p, PROVING_NOW, rows, ARRAY_LEN(rows));
	prover_end(&p);
	TRUST(&p, 0, "code", "tls");
	check_rows(&p, PROVING_NOW, pinned, ARRAY_LEN(pinned));
	prover_end(&p);
	TRUST(&p, PROVING_NOW, "root");
	check_rows(&p, PROVING_NOW, ended, ARRAY_LEN(ended));
	prover_end(&p);
}

static void test_altered_files(void **state)
{
	static const struct row rows[] = {
		{ "tampered", SIGNATURE_BAD, "root", "program" },
		{ "moved", SIGNATURE_BAD, "root", "program" }, /* another program's signature */
		{ "program-jar", SIGNATURE_MALFORMED, "", "archive" },
		{ "appended", SIGNATURE_MALFORMED, "", "appended" },
		{ "appended-8", SIGNATURE_MALFORMED, "", "appended" },
		{ "cut", SIGNATURE_MALFORMED, "", "cut off" },
		{ "padded", SIGNATURE_MALFORMED, "", "appended" },
		{ "padded-data", SIGNATURE_MALFORMED, "", "appended" },
		{ "padded-unsaid", SIGNATURE_GOOD, "root", NULL },
		{ "garbage-entry", SIGNATURE_MALFORMED, "", NULL },
		{ "odd-entry", SIGNATURE_MALFORMED, "", "kind" }, /* a good signature, and a payload beside it: nothing is good */
		{ "many-entries", SIGNATURE_MALFORMED, "", "table" },
		{ "data-signature", SIGNATURE_MALFORMED, "", "something else" },
		{ "section-in-table", SIGNATURE_MALFORMED, "", "section" },
		{ "table-at-start", SIGNATURE_MALFORMED, "", "table" },
	};
	struct prover p;

	TRUST(&p, 0, "root");
	check_rows(&p, PROVING_NOW, rows, ARRAY_LEN(rows));
	prover_end(&p);
}

static void test_installer_packages(void **state)
{
	static const struct row rows[] = {
		{ "package-code", SIGNATURE_GOOD, "root", NULL },
		{ "package-zeros", SIGNATURE_GOOD, "root", NULL }, /* room that a writer left */
		{ "package-by-hand", SIGNATURE_GOOD, "root", NULL },
		{ "package-sha1", SIGNATURE_WEAK, "root", "sha1" },
		{ "package-stranger", SIGNATURE_UNTRUSTED, "", NULL },
		{ "package-expired", SIGNATURE_EXPIRED, "root", "expired" },
		/* where one stream ends and the next begins: no difference to the digest of contents alone */
		{ "package-nameless", SIGNATURE_WEAK, "root", "names" },
		{ "package-nameless-border", SIGNATURE_WEAK, "root", "names" },
		{ "package-border", SIGNATURE_BAD, "root", "not what was signed" },
		{ "package-class", SIGNATURE_BAD, "root", "not what was signed" },
		{ "package-script", SIGNATURE_MALFORMED, "", "something else" }, /* a signature of a script, say */
		{ "package-spare", SIGNATURE_MALFORMED, "", "appended" },
		{ "package-half", SIGNATURE_GOOD, "root", NULL }, /* of a size: with small sectors it says nothing */
		{ "package-zeroed", SIGNATURE_BAD, "root", "not what was signed" },
		{ "package-endless", SIGNATURE_MALFORMED, "", NULL },
		{ "package-jar", SIGNATURE_MALFORMED, "", "archive" },
		{ "package-archive", SIGNATURE_GOOD, "root", NULL },
		/* the vendor's end of an archive, before which another directory stands; and with none before it */
		{ "package-directory", SIGNATURE_MALFORMED, "", "archive" },
		{ "package-moved", SIGNATURE_GOOD, "root", NULL },
		{ "package-appended", SIGNATURE_MALFORMED, "", "appended" },
		{ "package-cut", SIGNATURE_MALFORMED, "", NULL },
		{ "package-shared", SIGNATURE_MALFORMED, "", "in common" },
		{ "package-loop", SIGNATURE_MALFORMED, "", "in common" },
		{ "package-disorder", SIGNATURE_MALFORMED, "", "order" },
		{ "package-twice", SIGNATURE_MALFORMED, "", "two places" },
	};
	struct prover p;

	TRUST(&p, 0, "root");
	check_rows(&p, PROVING_NOW, rows, ARRAY_LEN(rows));
	prover_end(&p);
}

static void test_cabinets(void **state)
{
	static const struct row rows[] = {
		{ "cabinet-code", SIGNATURE_GOOD, "root", NULL },
		{ "cabinet-stranger", SIGNATURE_UNTRUSTED, "", NULL },
		{ "cabinet-sha1", SIGNATURE_WEAK, "root", "sha1" },
		{ "cabinet-tampered", SIGNATURE_BAD, "root", "not what was signed" },
		{ "cabinet-jar", SIGNATURE_MALFORMED, "", "archive" },
		{ "cabinet-appended", SIGNATURE_MALFORMED, "", "appended" },
		{ "cabinet-cut", SIGNATURE_MALFORMED, "", "cut off" },
		{ "cabinet-inserted", SIGNATURE_MALFORMED, "", "not where" },
		{ "cabinet-reserved", SIGNATURE_MALFORMED, "", "header" },
		{ "cabinet-header", SIGNATURE_MALFORMED, "", "header" },
		{ "cabinet-number", SIGNATURE_MALFORMED, "", "set" },
		{ "cabinet-set", SIGNATURE_MALFORMED, "", "set" },
	};
	struct prover p;

	TRUST(&p, 0, "root");
	check_rows(&p, PROVING_NOW, rows, ARRAY_LEN(rows));
	prover_end(&p);
}

static void expect_nothing(struct prover *p, const char *specimen)
{
	struct proved told;

	prove_program(p, specimen, PROVING_NOW, &told);
	if (told.signature_count > 0)
		print_message("%s:\n", specimen), print_proved(&told);
	assert_int_equal(told.signature_count, 0);
	assert_int_equal(told.outcome, LIST_NONE);
	proved_done(&told);
}

static void test_unsigned(void **state)
{
	struct prover p;

	TRUST(&p, 0, "root");
	expect_nothing(&p, "program");
	expect_nothing(&p, "stripped");
	expect_nothing(&p, "unlisted"); /* a signature that nothing points to is none */
	expect_nothing(&p, "dos");
	expect_nothing(&p, "cabinet");
	expect_nothing(&p, "cabinet-emptied");
	expect_nothing(&p, "cabinet-own");
	expect_nothing(&p, "package");
	expect_nothing(&p, "package-odd");
	expect_nothing(&p, "file");
	expect_nothing(&p, "code.p7s");
	prover_end(&p);
}

static void test_several_signatures(void **state)
{
	struct proved told;
	struct prover p;

	TRUST(&p, 0, "root");
	prove_program(&p, "program-nested", PROVING_NOW, &told);
	assert_int_equal(told.signature_count, 2);
	expect_signature(&told, 0, SIGNATURE_WEAK, "", "root");
	expect_signature(&told, 1, SIGNATURE_GOOD, "", "root");
	proved_done(&told);
	prove_program(&p, "program-nested-stranger", PROVING_NOW, &told);
	assert_int_equal(told.signature_count, 2);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "root");
	expect_signature(&told, 1, SIGNATURE_UNTRUSTED, "", "");
	proved_done(&told);
	prove_program(&p, "two-entries", PROVING_NOW, &told);
	assert_int_equal(told.signature_count, 2);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "root");
	expect_signature(&told, 1, SIGNATURE_UNTRUSTED, "", "");
	proved_done(&told);
	prover_end(&p);
}

static void test_time_stamps(void **state)
{
	static const struct row rows[] = {
		{ "stamped", SIGNATURE_GOOD, "root", "time stamp of 'root'" },
		{ "stamped-late", SIGNATURE_EXPIRED, "root", NULL },   /* stamped when it had expired */
		{ "stamped-future", SIGNATURE_EXPIRED, "root", NULL }, /* by a clock that is ahead of ours */
		{ "stamped-other", SIGNATURE_EXPIRED, "root", NULL },  /* a stamp of another signature */
		{ "stamped-sha1", SIGNATURE_EXPIRED, "root", NULL },
		{ "stamped-stranger", SIGNATURE_EXPIRED, "root", NULL },
		{ "stamped-code", SIGNATURE_EXPIRED, "root", NULL }, /* code signers stamp no time */
		{ "stamped-plain-use", SIGNATURE_EXPIRED, "root", NULL },
		{ "stamped-expired-tsa", SIGNATURE_EXPIRED, "root", NULL },
		{ "stamped-revoked", SIGNATURE_REVOKED, "root", NULL },
		{ "stamped-lifetime", SIGNATURE_EXPIRED, "root", NULL },
	};
	static const struct row by_other[] = {
		{ "stamped-stranger", SIGNATURE_GOOD, "root", "time stamp of 'other'" },
	};
	static const struct row before[] = {
		{ "program-expired", SIGNATURE_GOOD, "root", NULL },
		{ "stamped-lifetime", SIGNATURE_GOOD, "root", NULL },
	};
	static const struct row ended[] = { { "stamped", SIGNATURE_EXPIRED, "root", "trust" } };
	struct prover p;

	TRUST(&p, 0, "root");
	check_rows(&p, PROVING_NOW, rows, ARRAY_LEN(rows));
	check_rows(&p, EARLIER, before, ARRAY_LEN(before));
	prover_end(&p);
	TRUST(&p, 0, "root", "other");
	check_rows(&p, PROVING_NOW, by_other, ARRAY_LEN(by_other));
	prover_end(&p);
	TRUST(&p, PROVING_NOW, "root"); /* no stamp outlives what the officer has ended */
	check_rows(&p, PROVING_NOW, ended, ARRAY_LEN(ended));
	prover_end(&p);
}

static void prove_catalog(struct prover *p, const char *specimen, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add_from(&m, "d/a.cat", dir_fd, specimen);
	medium_add_from(&m, "d/driver.sys", dir_fd, "driver.sys");
	medium_add_from(&m, "d/x64/driver.sys", dir_fd, "driver-other.sys");
	medium_add_from(&m, "d/signed.sys", dir_fd, "signed.sys");
	prove(p, &m, "d/a.cat", EVIDENCE_CATALOG, PROVING_NOW, ret);
	medium_done(&m);
	assert_int_equal(ret->error, 0);
}

static const char *sum_of(const char *name, char hex[static SHA256_HEX_LEN + 1])
{
	_cleanup_free_ char *data = NULL;
	uint8_t sum[SHA256_LEN];
	size_t size;

	data = read_whole(dir_fd, name, &size);
	assert_int_equal(sha256(data, size, sum), 0);
	hex_encode(sum, sizeof(sum), hex);
	return hex;
}

static void test_catalog(void **state)
{
	static const struct {
		const char *specimen, *key;
		enum signature_outcome outcome;
	} others[] = {
		{ "expired.cat", "root", SIGNATURE_EXPIRED },
		{ "stranger.cat", "", SIGNATURE_UNTRUSTED },
		{ "tampered.cat", "root", SIGNATURE_BAD },
		{ "no-catalog.cat", "", SIGNATURE_MALFORMED },
		{ "followed.cat", "", SIGNATURE_MALFORMED },
		{ "code.p7s", "", SIGNATURE_MALFORMED },
		{ "file", "", SIGNATURE_MALFORMED },
	};
	char hex[SHA256_HEX_LEN + 1];
	struct proved told;
	struct prover p;

	TRUST(&p, 0, "root");
	prove_catalog(&p, "good.cat", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "root");
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(told.outcome, LIST_READ);
	if (told.entry_count != 3)
		print_proved(&told);
	assert_int_equal(told.entry_count, 3);
	assert_int_equal(told.bad, 1); /* SHA-1 */
	assert_non_null(find_entry(&told, "", "sha256", sum_of("file", hex)));
	/* by their image hash and name; not the one that has a certificate table, whose bytes the hash leaves out */
	assert_non_null(find_entry(&told, "d/driver.sys", "sha256", sum_of("driver.sys", hex)));
	assert_non_null(find_entry(&told, "d/x64/driver.sys", "sha256", sum_of("driver-other.sys", hex)));
	proved_done(&told);
	prove_catalog(&p, "damaged.cat", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "root");
	assert_int_equal(told.outcome, LIST_BROKEN);
	proved_done(&told);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		prove_catalog(&p, others[i].specimen, &told);
		expect_signature(&told, 0, others[i].outcome, "", others[i].key);
		assert_int_equal(told.signature_count, 1);
		if (others[i].outcome == SIGNATURE_BAD || others[i].outcome == SIGNATURE_MALFORMED)
			assert_int_equal(told.entry_count, 0);
		proved_done(&told);
	}
	prover_end(&p);
}

/* With the byte at `at` another: is it still good? Nothing ends the role. */
static bool is_good_without(struct prover *p, char *data, size_t size, size_t at)
{
	struct medium m = { 0 };
	struct proved told;
	bool is_good = false;

	data[at] = (char)(data[at] ^ 0x10);
	medium_add(&m, "a.exe", data, size);
	prove(p, &m, "a.exe", EVIDENCE_AUTHENTICODE, PROVING_NOW, &told);
	assert_int_equal(told.error, 0);
	for (size_t k = 0; k < told.signature_count; k++)
		is_good |= told.signatures[k].outcome == SIGNATURE_GOOD;
	proved_done(&told);
	medium_done(&m);
	data[at] = (char)(data[at] ^ 0x10);
	return is_good;
}

/* Whatever byte of a signed program is another, it is not good, but for its checksum. In the signature some bytes do not matter,
 * such as its version and whether a parameter is NULL; what it covers is the same then. */
static void test_every_byte(void **state)
{
	const size_t checksum_at = 88 + 64;
	_cleanup_free_ char *data = NULL;
	struct prover p;
	size_t size;

	data = read_whole(dir_fd, "program-code", &size);
	TRUST(&p, 0, "root");
	for (size_t i = 0; i < size; i += i < 600 || i > 1000 ? 1 : 37)
		if (is_good_without(&p, data, size, i) && i < 1024 && (i < checksum_at || i >= checksum_at + 4))
			fail_msg("byte %zu may be another", i);
	prover_end(&p);
}

static void test_every_byte_of_a_cabinet(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t size, signature_at;
	struct prover p;

	data = read_whole(dir_fd, "cabinet-code", &size);
	signature_at = (uint8_t)data[44] | (size_t)(uint8_t)data[45] << 8;
	assert_in_range(signature_at, 60, size);
	TRUST(&p, 0, "root");
	for (size_t i = 0; i < size; i += i < signature_at ? 1 : 37)
		if (is_good_without(&p, data, size, i) && i < signature_at)
			fail_msg("byte %zu may be another", i);
	prover_end(&p);
}

/* Contents, names, sizes, states and times (the specimen lists where they are). */
static void test_every_byte_of_a_package(void **state)
{
	_cleanup_free_ char *data = NULL, *ranges = NULL;
	size_t size, ranges_size, from, length, step, count = 0;
	struct prover p;
	int used;

	data = read_whole(dir_fd, "package-code", &size);
	ranges = read_whole(dir_fd, "package-covered", &ranges_size);
	TRUST(&p, 0, "root");
	for (const char *at = ranges; sscanf(at, "%zu %zu %zu%n", &from, &length, &step, &used) == 3; at += used) {
		assert_in_range(from + length, 1, size);
		for (size_t i = from; i < from + length; i += step, count++)
			if (is_good_without(&p, data, size, i))
				fail_msg("byte %zu may be another", i);
	}
	assert_in_range(count, 500, size);
	prover_end(&p);
}

/* Wherever else: it may be what nobody signs, but it ends nothing. */
static void test_any_byte_of_a_package(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct prover p;
	size_t size;

	data = read_whole(dir_fd, "package-code", &size);
	TRUST(&p, 0, "root");
	for (size_t i = 0; i < size; i += i < 512 ? 1 : 61)
		(void)is_good_without(&p, data, size, i);
	prover_end(&p);
}

static void test_endless(void **state)
{
	static const struct {
		const char *specimen, *name;
		enum evidence_format format;
	} rows[] = {
		{ "program-code", "a.exe", EVIDENCE_AUTHENTICODE },
		{ "package-code", "a.msi", EVIDENCE_AUTHENTICODE },
		{ "cabinet-code", "a.cab", EVIDENCE_AUTHENTICODE },
		{ "good.cat", "a.cat", EVIDENCE_CATALOG },
	};
	struct prover p;

	TRUST(&p, 0, "root");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *data = NULL;
		struct medium m = { 0 };
		struct proved told;
		size_t size;
		int fd;

		data = read_whole(dir_fd, rows[i].specimen, &size);
		fd = memory_file(data, size);
		assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
		medium_add_fd(&m, rows[i].name, fd);
		prove(&p, &m, rows[i].name, rows[i].format, PROVING_NOW, &told);
		expect_signature(&told, 0, SIGNATURE_MALFORMED, "", "");
		proved_done(&told);
		medium_done(&m);
	}
	prover_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signers),
		cmocka_unit_test(test_altered_files),
		cmocka_unit_test(test_installer_packages),
		cmocka_unit_test(test_cabinets),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_several_signatures),
		cmocka_unit_test(test_time_stamps),
		cmocka_unit_test(test_catalog),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_byte_of_a_cabinet),
		cmocka_unit_test(test_every_byte_of_a_package),
		cmocka_unit_test(test_any_byte_of_a_package),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, make_specimens, certified_remove);
}
