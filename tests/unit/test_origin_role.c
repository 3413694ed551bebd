/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-origin as a process in its sandbox, with this test as its supervisor: what the protocol is used for, and what the
 * role does when it is not kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/minisign.h"
#include "ipc/channel.h"
#include "proof/proof.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct minisign_secret *key;
static char key_text[MINISIGN_PUBLIC_TEXT_LEN + 1];

static int make_key(void **state)
{
	if (minisign_secret_new(&key) < 0)
		return -1;
	minisign_public_base64(minisign_secret_public(key), key_text);
	return 0;
}

static int free_key(void **state)
{
	key = minisign_secret_free(key);
	return 0;
}

static void start(struct prover *p)
{
	const struct pretend_key keys[] = { { "vendor-x", KEY_MINISIGN, key_text, strlen(key_text), 0 } };

	prover_start(p, "lazaret-origin", keys, ARRAY_LEN(keys));
}

static void test_list_in_batches(void **state)
{
	enum { COUNT = 3000 };
	_cleanup_free_ char *text = malloc(COUNT * 100);
	struct medium m = { 0 };
	struct proved told;
	struct prover p;
	size_t at = 0;

	for (int i = 0; i < COUNT; i++)
		at += (size_t)snprintf(text + at, 100, "%s  file-%d\n", SHA256, i);
	medium_add(&m, "some/dir/SHA256SUMS", text, at);
	medium_add(&m, "letter.txt", "Dear all\n", 9);
	start(&p);
	prove(&p, &m, "some/dir/SHA256SUMS", EVIDENCE_CHECKSUMS, PROVING_NOW, &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.entry_count, COUNT);
	assert_true(told.batches > 1);
	for (int i = 0; i < COUNT; i++) {
		char expected[64];

		(void)snprintf(expected, sizeof(expected), "some/dir/file-%d", i);
		assert_string_equal(told.entries[i].algorithm, "sha256");
		assert_string_equal(told.entries[i].hex, SHA256);
		assert_string_equal(told.entries[i].path, expected);
	}
	proved_done(&told);
	/* the role lives on, and a text is none */
	prove(&p, &m, "letter.txt", EVIDENCE_CHECKSUMS, PROVING_NOW, &told);
	assert_int_equal(told.outcome, LIST_NONE);
	assert_int_equal(told.entry_count, 0);
	assert_int_equal(told.signature_count + told.wanted_count + told.text_size, 0);
	proved_done(&told);
	prover_end(&p);
	medium_done(&m);
}

static void test_broken_list_says_where(void **state)
{
	static const char list[] = SHA256 "  a\n" SHA256 "  b\n" SHA256 "  ../c\n";
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	medium_add(&m, "SHA256SUMS", list, strlen(list));
	start(&p);
	prove(&p, &m, "SHA256SUMS", EVIDENCE_CHECKSUMS, PROVING_NOW, &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.bad, 1);
	assert_non_null(strstr(told.detail, "line 3: "));
	assert_non_null(find_entry(&told, "a", "sha256", SHA256));
	assert_non_null(find_entry(&told, "b", "sha256", SHA256));
	assert_int_equal(told.entry_count, 2);
	proved_done(&told);
	prover_end(&p);
	medium_done(&m);
}

static void test_digest(void **state)
{
	_cleanup_close_ int fd = memory_text("abc"), directory = open("/", O_RDONLY | O_CLOEXEC);
	struct encoder *out = &proving_out;
	struct message *in = &proving_in;
	struct prover p;
	uint8_t sum[16];

	start(&p);
	encoder_init(out);
	encode_str(out, "md5");
	peer_send(&p.peer, MESSAGE_ORIGIN_DIGEST, out, &fd, 1);
	peer_expect(&p.peer, MESSAGE_ORIGIN_DIGESTED, in);
	decode_exact(&in->payload, sum, sizeof(sum));
	assert_int_equal(decoder_end(&in->payload), 0);
	assert_int_equal(sum[0], 0x90);
	assert_int_equal(sum[15], 0x72);
	message_done(in);
	/* not readable: told, and the role lives on */
	peer_send(&p.peer, MESSAGE_ORIGIN_DIGEST, out, &directory, 1);
	assert_int_equal(channel_expect(&p.peer.channel, MESSAGE_ORIGIN_DIGESTED, in, NULL), -EISDIR);
	encoder_init(out);
	encode_str(out, "crc32");
	peer_send(&p.peer, MESSAGE_ORIGIN_DIGEST, out, &fd, 1);
	assert_int_equal(channel_expect(&p.peer.channel, MESSAGE_ORIGIN_DIGESTED, in, NULL), -ENOTSUP);
	prover_end(&p);
}

/* What another role proves is refused, and the role lives on. */
static void test_foreign_format_fails(void **state)
{
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	medium_add(&m, "a.asc", "x", 1);
	start(&p);
	prove(&p, &m, "a.asc", EVIDENCE_OPENPGP, PROVING_NOW, &told);
	assert_int_equal(told.error, -ENOTSUP);
	proved_done(&told);
	prove(&p, &m, "a.asc", EVIDENCE_NONE, PROVING_NOW, &told);
	assert_int_equal(told.error, -ENOTSUP);
	proved_done(&told);
	prove(&p, &m, "a.asc", (enum evidence_format)4000000000u, PROVING_NOW, &told);
	assert_int_equal(told.error, -ENOTSUP);
	proved_done(&told);
	prover_end(&p);
	medium_done(&m);
}

static void expect_start_failure(const char *json)
{
	_cleanup_close_ int fd = memory_text(json);
	_cleanup_free_ char *why = NULL;
	struct prover p;
	int r;

	peer_start(&p.peer, "lazaret-origin", CHANNEL_ORIGIN);
	encoder_init(&proving_out);
	peer_send(&p.peer, MESSAGE_ORIGIN_START, &proving_out, &fd, 1);
	r = channel_expect(&p.peer.channel, MESSAGE_READY, &proving_in, &why);
	assert_true(r < 0 && r != -ENOTCONN && r != -EPROTO);
	assert_non_null(why);
	assert_int_equal(peer_wait(&p.peer), EXIT_FAILURE);
}

static void test_start_with_bad_keys_fails(void **state)
{
	expect_start_failure("");
	expect_start_failure("{}");
	expect_start_failure("[{\"name\":\"x\",\"kind\":\"minisign\",\"key\":\"%\",\"until\":0}]");
	/* well formed, and no minisign key */
	expect_start_failure("[{\"name\":\"x\",\"kind\":\"minisign\",\"key\":\"bm90IGEga2V5\",\"until\":0}]");
}

/* What the supervisor would never say ends the role, with an error. */
static void test_junk_ends_the_role(void **state)
{
	struct prover p;

	start(&p);
	encoder_init(&proving_out);
	encode_str(&proving_out, "md5");
	encode_u32(&proving_out, 1); /* one field too many */
	{
		_cleanup_close_ int fd = memory_text("abc");

		peer_send(&p.peer, MESSAGE_ORIGIN_DIGEST, &proving_out, &fd, 1);
	}
	assert_int_equal(channel_receive(&p.peer.channel, &proving_in, false), -ENOTCONN);
	assert_int_equal(peer_wait(&p.peer), EXIT_FAILURE);
}

/* A descriptor that is no file: told, not believed, and the role lives on. */
static void test_directory_is_no_evidence(void **state)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	start(&p);
	prove_fd(&p, &m, "SHA256SUMS", directory, EVIDENCE_CHECKSUMS, PROVING_NOW, &told);
	assert_int_equal(told.error, -EINVAL);
	proved_done(&told);
	prover_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_in_batches),
		cmocka_unit_test(test_broken_list_says_where),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_foreign_format_fails),
		cmocka_unit_test(test_start_with_bad_keys_fails),
		cmocka_unit_test(test_junk_ends_the_role),
		cmocka_unit_test(test_directory_is_no_evidence),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
