/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-origin as a process in its sandbox, with this test as its supervisor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/minisign.h"
#include "ipc/channel.h"
#include "ipc/origin.h"

#include "../lib/testing.h"

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct encoder out; /* 64 KiB: too much for every test's stack */
static struct message in;
static struct minisign_secret *key;

static int make_key(void **state)
{
	return minisign_secret_new(&key);
}

static int free_key(void **state)
{
	key = minisign_secret_free(key);
	return 0;
}

static void start(struct peer *p)
{
	char text[MINISIGN_PUBLIC_TEXT_LEN + 1];

	minisign_public_base64(minisign_secret_public(key), text);
	peer_start(p, "lazaret-origin", CHANNEL_ORIGIN);
	encoder_init(&out);
	encode_u32(&out, 1);
	encode_str(&out, "vendor-x");
	encode_str(&out, text);
	encode_str(&out, ORIGIN_PURPOSE);
	encode_u64(&out, 0);
	peer_send(p, MESSAGE_ORIGIN_START, &out, NULL, 0);
	peer_ready(p);
}

static void send_list(struct peer *p, const char *name, int fd)
{
	encoder_init(&out);
	encode_str(&out, name);
	peer_send(p, MESSAGE_ORIGIN_LIST, &out, &fd, 1);
}

/* Receive entries until the list ends; checks each; returns how many. */
static uint32_t receive_entries(struct peer *p, enum list_outcome *ret_outcome, uint32_t *ret_batches)
{
	uint32_t n = 0, told;

	for (*ret_batches = 0;; ++*ret_batches) {
		assert_int_equal(channel_receive(&p->channel, &in, false), 0);
		if (in.type != MESSAGE_ORIGIN_ENTRIES)
			break;
		for (uint32_t count = decode_u32(&in.payload); count > 0; count--, n++) {
			char algorithm[16], path[64], expected[64];
			uint8_t sum[32];

			decode_str_into(&in.payload, algorithm, sizeof(algorithm));
			decode_exact(&in.payload, sum, sizeof(sum));
			decode_str_into(&in.payload, path, sizeof(path));
			(void)snprintf(expected, sizeof(expected), "file-%u", n);
			assert_string_equal(algorithm, "sha256");
			assert_int_equal(sum[0], 0xe3);
			assert_string_equal(path, expected);
		}
		assert_int_equal(decoder_end(&in.payload), 0);
		message_done(&in);
	}
	assert_int_equal(in.type, MESSAGE_ORIGIN_LIST_END);
	*ret_outcome = (enum list_outcome)decode_u32(&in.payload);
	told = decode_u32(&in.payload);
	assert_int_equal(told, n);
	message_done(&in);
	return n;
}

static void test_list_in_batches(void **state)
{
	enum { COUNT = 3000 };
	_cleanup_free_ char *text = malloc(COUNT * 100);
	_cleanup_close_ int fd = -EBADF;
	enum list_outcome outcome;
	struct peer p;
	uint32_t batches;
	size_t at = 0;

	for (int i = 0; i < COUNT; i++)
		at += (size_t)sprintf(text + at, "%s  file-%d\n", SHA256, i);
	fd = memory_text(text);
	start(&p);
	send_list(&p, "some/dir/SHA256SUMS", fd);
	assert_int_equal(receive_entries(&p, &outcome, &batches), COUNT);
	assert_int_equal(outcome, LIST_READ);
	assert_true(batches > 1);
	/* the role lives on, and a text is none */
	send_list(&p, "letter.txt", memory_text("Dear all\n"));
	assert_int_equal(receive_entries(&p, &outcome, &batches), 0);
	assert_int_equal(outcome, LIST_NONE);
	peer_end(&p);
}

static void test_digest(void **state)
{
	_cleanup_close_ int fd = memory_text("abc"), directory = open("/", O_RDONLY | O_CLOEXEC);
	struct peer p;
	uint8_t sum[16];

	start(&p);
	encoder_init(&out);
	encode_str(&out, "md5");
	peer_send(&p, MESSAGE_ORIGIN_DIGEST, &out, &fd, 1);
	peer_expect(&p, MESSAGE_ORIGIN_DIGESTED, &in);
	decode_exact(&in.payload, sum, sizeof(sum));
	assert_int_equal(decoder_end(&in.payload), 0);
	assert_int_equal(sum[0], 0x90);
	assert_int_equal(sum[15], 0x72);
	message_done(&in);
	/* not readable: told, and the role lives on */
	peer_send(&p, MESSAGE_ORIGIN_DIGEST, &out, &directory, 1);
	assert_int_equal(channel_expect(&p.channel, MESSAGE_ORIGIN_DIGESTED, &in, NULL), -EISDIR);
	encoder_init(&out);
	encode_str(&out, "crc32");
	peer_send(&p, MESSAGE_ORIGIN_DIGEST, &out, &fd, 1);
	assert_int_equal(channel_expect(&p.channel, MESSAGE_ORIGIN_DIGESTED, &in, NULL), -ENOTSUP);
	peer_end(&p);
}

static void ask_signature(struct peer *p, const char *name, const char *sig, const char *content,
			  enum signature_outcome expected, const char *key_name)
{
	_cleanup_close_ int sig_fd = memory_text(sig), fd = memory_text(content);
	int fds[2] = { sig_fd, fd };
	char id[MINISIGN_ID_TEXT_LEN + 1], name_told[64], detail[ORIGIN_DETAIL_MAX + 1];

	encoder_init(&out);
	encode_str(&out, name);
	peer_send(p, MESSAGE_ORIGIN_SIGNATURE, &out, fds, 2);
	peer_expect(p, MESSAGE_ORIGIN_SIGNED, &in);
	assert_int_equal(decode_u32(&in.payload), expected);
	decode_str_into(&in.payload, id, sizeof(id));
	decode_str_into(&in.payload, name_told, sizeof(name_told));
	decode_str_into(&in.payload, detail, sizeof(detail));
	assert_int_equal(decoder_end(&in.payload), 0);
	assert_string_equal(name_told, key_name);
	message_done(&in);
}

static void test_signatures(void **state)
{
	_cleanup_close_ int fd = memory_text("data");
	_cleanup_free_ char *sig = NULL, *wordy = NULL;
	char comment[MINISIGN_TRUSTED_MAX + 1];
	struct peer p;

	memset(comment, 'c', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	assert_int_equal(minisign_sign_fd(key, fd, "timestamp:1\tfile:a\thashed", NULL, &sig), 0);
	assert_int_equal(minisign_sign_fd(key, fd, comment, NULL, &wordy), 0);
	start(&p);
	ask_signature(&p, "d/a", sig, "data", SIGNATURE_GOOD, "vendor-x");
	ask_signature(&p, "d/b", sig, "data", SIGNATURE_OTHER_FILE, "vendor-x");
	ask_signature(&p, "d/a", sig, "date", SIGNATURE_BAD, "");
	ask_signature(&p, "d/a", "x", "data", SIGNATURE_MALFORMED, "");
	ask_signature(&p, "d/a", wordy, "data", SIGNATURE_GOOD, "vendor-x"); /* the longest comment fits, cut */
	peer_end(&p);
}

static void test_start_with_a_bad_key_fails(void **state)
{
	_cleanup_free_ char *why = NULL;
	struct peer p;

	peer_start(&p, "lazaret-origin", CHANNEL_ORIGIN);
	encoder_init(&out);
	encode_u32(&out, 1);
	encode_str(&out, "vendor-x");
	encode_str(&out, "not a key");
	encode_str(&out, "");
	encode_u64(&out, 0);
	peer_send(&p, MESSAGE_ORIGIN_START, &out, NULL, 0);
	assert_int_equal(channel_expect(&p.channel, MESSAGE_READY, &in, &why), -EINVAL);
	assert_non_null(strstr(why, "trusted keys"));
	assert_int_equal(peer_wait(&p), EXIT_FAILURE);
}

/* What the supervisor would never say ends the role, with an error. */
static void test_junk_ends_the_role(void **state)
{
	struct peer p;

	start(&p);
	encoder_init(&out);
	encode_str(&out, "md5");
	encode_u32(&out, 1); /* one field too many */
	{
		_cleanup_close_ int fd = memory_text("abc");

		peer_send(&p, MESSAGE_ORIGIN_DIGEST, &out, &fd, 1);
	}
	assert_int_equal(channel_receive(&p.channel, &in, false), -ENOTCONN);
	assert_int_equal(peer_wait(&p), EXIT_FAILURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_in_batches),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_start_with_a_bad_key_fails),
		cmocka_unit_test(test_junk_ends_the_role),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
