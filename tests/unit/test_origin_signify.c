/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signatures by OpenBSD's signify, as the program itself makes them, and what can be done to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "origin/limits.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define NOW PROVING_NOW
#define LIST "SHA256 (a.bin) = 3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7\n"

/* Made once: two keys; a.bin ("data") and SHA256 (LIST) signed by the first, detached and embedded; a.bin by the second. */
static struct {
	int fd;
	char path[64];
	char *vendor, *stranger;	   /* public key files */
	char *detached, *by_stranger; /* a.bin.sig */
	char *embedded, *list_detached;	   /* SHA256.sig */
	char *legacy_minisign;		   /* of a.bin, by minisign -l */
} d;

static int make(void **state)
{
	d.fd = private_directory(d.path);
	write_file(d.fd, "a.bin", "data", 4);
	write_file(d.fd, "SHA256", LIST, strlen(LIST));
	tool_run(d.path, "signify-openbsd", "-G", "-n", "-p", "v.pub", "-s", "v.sec", "-c", "vendor x");
	tool_run(d.path, "signify-openbsd", "-G", "-n", "-p", "s.pub", "-s", "s.sec");
	tool_run(d.path, "signify-openbsd", "-S", "-s", "v.sec", "-m", "a.bin");
	tool_run(d.path, "signify-openbsd", "-S", "-s", "s.sec", "-m", "a.bin", "-x", "stranger.sig");
	tool_run(d.path, "signify-openbsd", "-S", "-s", "v.sec", "-m", "SHA256", "-x", "list.sig");
	tool_run(d.path, "signify-openbsd", "-S", "-e", "-s", "v.sec", "-m", "SHA256", "-x", "SHA256.sig");
	tool_run(d.path, "minisign", "-G", "-W", "-p", "m.pub", "-s", "m.key");
	tool_run(d.path, "minisign", "-S", "-l", "-s", "m.key", "-m", "a.bin", "-x", "m.sig");
	d.vendor = read_whole(d.fd, "v.pub", NULL);
	d.stranger = read_whole(d.fd, "s.pub", NULL);
	d.detached = read_whole(d.fd, "a.bin.sig", NULL);
	d.by_stranger = read_whole(d.fd, "stranger.sig", NULL);
	d.list_detached = read_whole(d.fd, "list.sig", NULL);
	d.embedded = read_whole(d.fd, "SHA256.sig", NULL);
	d.legacy_minisign = read_whole(d.fd, "m.sig", NULL);
	return 0;
}

static int clean(void **state)
{
	free(d.vendor);
	free(d.stranger);
	free(d.detached);
	free(d.by_stranger);
	free(d.list_detached);
	free(d.embedded);
	free(d.legacy_minisign);
	remove_private_directory(d.fd, d.path);
	return 0;
}

static void start(struct prover *p, const char *name, const char *key, uint64_t until)
{
	const struct pretend_key keys[] = { { name, KEY_SIGNIFY, key, strlen(key), until } };

	prover_start(p, "lazaret-origin", keys, ARRAY_LEN(keys));
}

static void start_vendor(struct prover *p)
{
	start(p, "vendor-x", d.vendor, 0);
}

/* Prove `sig` at `sig_path` with one file beside it (`path` NULL: none). */
static void check_size(struct prover *p, const char *sig_path, const char *sig, size_t sig_size, const char *path,
		       const char *content, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add(&m, sig_path, sig, sig_size);
	if (path)
		medium_add(&m, path, content, strlen(content));
	prove(p, &m, sig_path, EVIDENCE_SIGNIFY, NOW, ret);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->entry_count, 0);
	medium_done(&m);
}

static void check(struct prover *p, const char *sig_path, const char *sig, const char *path, const char *content,
		  struct proved *ret)
{
	check_size(p, sig_path, sig, strlen(sig), path, content, ret);
}

/* The one outcome for `sig` beside a.bin with this content. */
static enum signature_outcome outcome(struct prover *p, const char *sig, const char *content)
{
	enum signature_outcome o;
	struct proved told;

	check(p, "d/a.bin.sig", sig, "d/a.bin", content, &told);
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(told.text_size, 0);
	o = told.signatures[0].outcome;
	proved_done(&told);
	return o;
}

static void test_detached(void **state)
{
	struct proved told;
	struct prover p;

	start_vendor(&p);
	check(&p, "d/a.bin.sig", d.detached, "d/a.bin", "data", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "d/a.bin", "vendor-x");
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(strlen(told.signatures[0].key_id), 16);
	assert_string_equal(told.signatures[0].detail, ""); /* the comment is nobody's word */
	assert_int_equal(told.text_size, 0);
	proved_done(&told);
	prover_end(&p);
}

static void test_altered_file_is_bad(void **state)
{
	struct prover p;

	start_vendor(&p);
	assert_int_equal(outcome(&p, d.detached, "date"), SIGNATURE_BAD);
	assert_int_equal(outcome(&p, d.detached, "dat"), SIGNATURE_BAD);
	assert_int_equal(outcome(&p, d.detached, "data\n"), SIGNATURE_BAD);
	assert_int_equal(outcome(&p, d.detached, ""), SIGNATURE_BAD);
	assert_int_equal(outcome(&p, d.list_detached, "data"), SIGNATURE_BAD); /* swapped: another file's signature */
	prover_end(&p);
}

static void test_stranger_is_untrusted(void **state)
{
	struct proved told;
	struct prover p;

	start_vendor(&p);
	check(&p, "d/a.bin.sig", d.by_stranger, "d/a.bin", "data", &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "d/a.bin", "");
	assert_int_equal(strlen(told.signatures[0].key_id), 16);
	proved_done(&told);
	prover_end(&p);
	prover_start(&p, "lazaret-origin", NULL, 0);
	assert_int_equal(outcome(&p, d.detached, "data"), SIGNATURE_UNTRUSTED);
	prover_end(&p);
}

/* Trusted for minisign alone: the same bytes, another kind. */
static void test_other_kinds_do_not_count(void **state)
{
	const struct pretend_key keys[] = { { "vendor-x", KEY_MINISIGN, d.vendor, strlen(d.vendor), 0 } };
	struct prover p;

	prover_start(&p, "lazaret-origin", keys, 1);
	assert_int_equal(outcome(&p, d.detached, "data"), SIGNATURE_UNTRUSTED);
	prover_end(&p);
}

/* The stranger's key under the vendor's number: eight bytes that anyone can copy. */
static void test_borrowed_number_is_bad(void **state)
{
	_cleanup_free_ char *sig = strdup(d.by_stranger);
	char *ours = strchr(d.detached, '\n') + 1, *theirs = strchr(sig, '\n') + 1;
	struct prover p;

	memcpy(theirs, ours, 13); /* "Ed", and 7 bytes of the number and 6 bits of its last */
	start_vendor(&p);
	/* the last two bits of the number are the first of the fourteenth character: of 64 of those, one fits both */
	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; *c; c++) {
		enum signature_outcome o;

		theirs[13] = *c;
		o = outcome(&p, sig, "data");
		assert_true(o == SIGNATURE_BAD || o == SIGNATURE_UNTRUSTED);
		if ((*c == ours[13]))
			assert_int_equal(o, SIGNATURE_BAD);
	}
	prover_end(&p);
}

static void test_ended_trust_is_expired(void **state)
{
	struct proved told;
	struct prover p;

	start(&p, "vendor-x", d.vendor, NOW);
	check(&p, "d/a.bin.sig", d.detached, "d/a.bin", "data", &told);
	expect_signature(&told, 0, SIGNATURE_EXPIRED, "d/a.bin", "vendor-x");
	assert_non_null(strstr(told.signatures[0].detail, "'vendor-x', which has expired"));
	proved_done(&told);
	assert_int_equal(outcome(&p, d.detached, "date"), SIGNATURE_BAD);
	/* and what it signed is not repeated */
	check(&p, "SHA256.sig", d.embedded, NULL, NULL, &told);
	expect_signature(&told, 0, SIGNATURE_EXPIRED, "", "vendor-x");
	assert_int_equal(told.text_size, 0);
	proved_done(&told);
	prover_end(&p);
	start(&p, "vendor-x", d.vendor, NOW + 1);
	assert_int_equal(outcome(&p, d.detached, "data"), SIGNATURE_GOOD);
	prover_end(&p);
}

/* Trusted again under another name: the older entry's end is not in the way, whichever comes first. */
static void test_renewed_key_counts(void **state)
{
	for (int first = 0; first < 2; first++) {
		struct pretend_key keys[2];
		struct proved told;
		struct prover p;

		keys[first] = (struct pretend_key){ "vendor-x", KEY_SIGNIFY, d.vendor, strlen(d.vendor), 1 };
		keys[!first] = (struct pretend_key){ "renewed", KEY_SIGNIFY, d.vendor, strlen(d.vendor), 0 };
		prover_start(&p, "lazaret-origin", keys, 2);
		check(&p, "d/a.bin.sig", d.detached, "d/a.bin", "data", &told);
		expect_signature(&told, 0, SIGNATURE_GOOD, "d/a.bin", "renewed");
		assert_int_equal(told.signature_count, 1);
		proved_done(&told);
		prover_end(&p);
	}
}

static void test_embedded(void **state)
{
	struct proved told;
	struct prover p;

	start_vendor(&p);
	check(&p, "d/SHA256.sig", d.embedded, NULL, NULL, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "vendor-x");
	assert_int_equal(told.signature_count, 1);
	assert_string_equal(told.text, LIST);
	/* what the supervisor does with the text: it is recognised, and proved in its turn, at the same path */
	{
		_cleanup_close_ int fd = memory_text(told.text);
		struct medium m = { 0 };
		struct proved list;

		assert_int_equal(recognise_fd(&p, "d/SHA256.sig", fd), EVIDENCE_CHECKSUMS);
		prove_fd(&p, &m, "d/SHA256.sig", fd, EVIDENCE_CHECKSUMS, NOW, &list);
		assert_int_equal(list.outcome, LIST_READ);
		assert_non_null(find_entry(&list, "d/a.bin", "sha256", NULL));
		assert_int_equal(list.entry_count, 1);
		proved_done(&list);
	}
	proved_done(&told);
	prover_end(&p);
}

/* Mirrors carry the list itself, too: it is what was signed, as long as it is the same. */
static void test_embedded_beside_its_file(void **state)
{
	struct proved told;
	struct prover p;

	start_vendor(&p);
	check(&p, "d/SHA256.sig", d.embedded, "d/SHA256", LIST, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "vendor-x");
	expect_signature(&told, 1, SIGNATURE_GOOD, "d/SHA256", "vendor-x");
	assert_string_equal(told.text, LIST);
	proved_done(&told);
	check(&p, "d/SHA256.sig", d.embedded, "d/SHA256", "another", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "vendor-x");
	assert_int_equal(told.signature_count, 1);
	proved_done(&told);
	prover_end(&p);
}

/* The message is all that follows: one byte more, or one byte less, was not signed. */
static void test_embedded_with_more_behind_it_is_bad(void **state)
{
	static const char *const more[] = { "\n", "x", LIST, "SHA256 (evil) = 00\n" };
	struct proved told;
	struct prover p;

	start_vendor(&p);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		_cleanup_free_ char *sig = NULL;

		assert_true(asprintf(&sig, "%s%s", d.embedded, more[i]) > 0);
		check(&p, "SHA256.sig", sig, NULL, NULL, &told);
		expect_signature(&told, 0, SIGNATURE_BAD, "", "");
		assert_int_equal(told.text_size, 0);
		proved_done(&told);
	}
	check_size(&p, "SHA256.sig", d.embedded, strlen(d.embedded) - 1, NULL, NULL, &told);
	expect_signature(&told, 0, SIGNATURE_BAD, "", "");
	assert_int_equal(told.text_size, 0);
	proved_done(&told);
	check_size(&p, "SHA256.sig", d.embedded, strlen(d.embedded) + 1, NULL, NULL, &told); /* a NUL */
	expect_signature(&told, 0, SIGNATURE_BAD, "", "");
	proved_done(&told);
	prover_end(&p);
}

/* signify -V says "Signature Verified" here: it does not look behind the signature. */
static void test_detached_with_something_behind_it(void **state)
{
	_cleanup_free_ char *sig = NULL;
	struct proved told;
	struct prover p;

	assert_true(asprintf(&sig, "%sSHA256 (evil) = 00\n", d.detached) > 0);
	write_file(d.fd, "junk.sig", sig, strlen(sig));
	tool_run(d.path, "signify-openbsd", "-V", "-p", "v.pub", "-m", "a.bin", "-x", "junk.sig");
	start_vendor(&p);
	check(&p, "a.bin.sig", sig, "a.bin", "data", &told);
	expect_signature(&told, 0, SIGNATURE_MALFORMED, "a.bin", "");
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(told.text_size, 0);
	proved_done(&told);
	check(&p, "a.bin.sig", sig, "a.bin", "date", &told); /* neither the one nor the other */
	expect_signature(&told, 0, SIGNATURE_BAD, "", "");
	assert_int_equal(told.text_size, 0);
	proved_done(&told);
	prover_end(&p);
}

/* Between the signature and the message nothing can be moved: what stands there is message. */
static void test_message_of_another(void **state)
{
	_cleanup_free_ char *sig = NULL;
	struct proved told;
	struct prover p;

	assert_true(asprintf(&sig, "%s%s", d.by_stranger, LIST) > 0);
	start_vendor(&p);
	check(&p, "SHA256.sig", sig, "SHA256", LIST, &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "", "");
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(told.text_size, 0);
	proved_done(&told);
	prover_end(&p);
}

/* No name is signed: the bytes are good under any, and where the file is not, nothing is said. */
static void test_names(void **state)
{
	struct proved told;
	struct prover p;

	start_vendor(&p);
	check(&p, "x/b.sig", d.detached, "x/b", "data", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "x/b", "vendor-x");
	proved_done(&told);
	check(&p, "x/a.bin.sig", d.detached, "y/a.bin", "data", &told);
	assert_int_equal(told.signature_count, 0);
	assert_int_equal(told.wanted_count, 1);
	proved_done(&told);
	check(&p, "x/signature", d.detached, "x/a.bin", "data", &told);
	assert_int_equal(told.signature_count + told.wanted_count, 0);
	proved_done(&told);
	prover_end(&p);
}

static void test_malformed(void **state)
{
	static const char *const rows[] = {
		"", "\n", "untrusted comment: x", "untrusted comment: x\n", "untrusted comment: x\n\n", "untrusted comment:x\nRWQ=\n",
		"untrusted comment: x\nRWQ=\n", "trusted comment: x\n", "-----BEGIN PGP SIGNATURE-----\n",
	};
	_cleanup_free_ char *other = strdup(d.detached), *longer = malloc(1200 + strlen(d.detached)), *crlf = malloc(600);
	char *newline = strchr(d.detached, '\n');
	struct prover p;

	start_vendor(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(outcome(&p, rows[i], "data"), SIGNATURE_MALFORMED);
	/* every beginning of a good one */
	for (size_t cut = 0; cut < strlen(d.detached); cut++) {
		_cleanup_free_ char *part = strndup(d.detached, cut);

		assert_int_equal(outcome(&p, part, "data"), SIGNATURE_MALFORMED);
	}
	/* an algorithm that is not signify's */
	memcpy(strchr(other, '\n') + 1, "RUQ", 3);
	assert_int_equal(outcome(&p, other, "data"), SIGNATURE_MALFORMED);
	/* a comment of the greatest length that signify reads, and of one byte more */
	(void)snprintf(longer, 1200 + strlen(d.detached), "untrusted comment: %0*d%s", 1024, 0, newline);
	assert_int_equal(outcome(&p, longer, "data"), SIGNATURE_GOOD);
	(void)snprintf(longer, 1200 + strlen(d.detached), "untrusted comment: %0*d%s", 1025, 0, newline);
	assert_int_equal(outcome(&p, longer, "data"), SIGNATURE_MALFORMED);
	/* line ends of another system */
	(void)snprintf(crlf, 600, "%.*s\r\n%.*s\r\n", (int)(newline - d.detached), d.detached, (int)strlen(newline) - 2, newline + 1);
	assert_int_equal(outcome(&p, crlf, "data"), SIGNATURE_MALFORMED);
	prover_end(&p);
}

/* The comment may say anything, and counts for nothing. */
static void test_comment_is_not_repeated(void **state)
{
	_cleanup_free_ char *sig = NULL;
	struct proved told;
	struct prover p;

	assert_true(asprintf(&sig, "untrusted comment: verified by the officer\x1b[2J%s", strchr(d.detached, '\n')) > 0);
	start_vendor(&p);
	check(&p, "a.bin.sig", sig, "a.bin", "data", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "a.bin", "vendor-x");
	assert_null(strstr(told.signatures[0].detail, "officer"));
	proved_done(&told);
	prover_end(&p);
}

/* minisign's legacy signature is of the same making; with its own key, which nobody trusted for this. */
static void test_minisign_in_disguise(void **state)
{
	struct proved told;
	struct prover p;

	start_vendor(&p);
	check(&p, "a.bin.sig", d.legacy_minisign, "a.bin", "data", &told);
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(told.signatures[0].outcome, SIGNATURE_UNTRUSTED);
	proved_done(&told);
	prover_end(&p);
}

static void test_large_files(void **state)
{
	int fd = memory_file("", 0), huge = memory_file("", 0), sig_fd;
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	/* 20 MB that signify signs, and what is past the limit, which no byte is read of */
	assert_int_equal(ftruncate(fd, 20000000), 0);
	assert_int_equal(ftruncate(huge, (off_t)SIGNIFY_WORK_MAX + 1), 0);
	write_file(d.fd, "large", "", 0);
	{
		_cleanup_close_ int large = openat(d.fd, "large", O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(large, 20000000), 0);
	}
	tool_run(d.path, "signify-openbsd", "-S", "-s", "v.sec", "-m", "large");
	medium_add_from(&m, "large.sig", d.fd, "large.sig");
	medium_add_fd(&m, "large", fd);
	start_vendor(&p);
	prove(&p, &m, "large.sig", EVIDENCE_SIGNIFY, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "large", "vendor-x");
	proved_done(&told);
	medium_add_fd(&m, "large", huge);
	prove(&p, &m, "large.sig", EVIDENCE_SIGNIFY, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "large", "");
	assert_non_null(strstr(told.signatures[0].detail, "longer than this station reads"));
	proved_done(&told);
	/* a signature without end */
	sig_fd = memory_text(d.embedded);
	assert_int_equal(ftruncate(sig_fd, (off_t)SIGNIFY_TEXT_MAX + 1), 0);
	medium_add_fd(&m, "SHA256.sig", sig_fd);
	prove(&p, &m, "SHA256.sig", EVIDENCE_SIGNIFY, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_MALFORMED, "", "");
	proved_done(&told);
	prover_end(&p);
	medium_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_altered_file_is_bad),
		cmocka_unit_test(test_stranger_is_untrusted),
		cmocka_unit_test(test_other_kinds_do_not_count),
		cmocka_unit_test(test_borrowed_number_is_bad),
		cmocka_unit_test(test_ended_trust_is_expired),
		cmocka_unit_test(test_renewed_key_counts),
		cmocka_unit_test(test_embedded),
		cmocka_unit_test(test_embedded_beside_its_file),
		cmocka_unit_test(test_embedded_with_more_behind_it_is_bad),
		cmocka_unit_test(test_detached_with_something_behind_it),
		cmocka_unit_test(test_message_of_another),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_comment_is_not_repeated),
		cmocka_unit_test(test_minisign_in_disguise),
		cmocka_unit_test(test_large_files),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
