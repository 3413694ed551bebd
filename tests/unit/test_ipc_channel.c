/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Every (state, message, side, channel) that is not in messages.def is refused, on both ends; packets that are not
 * as they should be are refused, and their descriptors are closed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "ipc/made_of.h"

#include "../lib/testing.h"

static const enum message_state states[] = { STATE_BOOT, STATE_IDLE, STATE_BUSY, STATE_ENDING };
static const enum message_channel channels[] = { CHANNEL_LEDGER,  CHANNEL_VAULT,  CHANNEL_INTAKE, CHANNEL_READER,
						 CHANNEL_FORKSERVER, CHANNEL_WORKER, CHANNEL_ORIGIN, CHANNEL_PUBLISH,
						 CHANNEL_DEVICES, CHANNEL_RECORDS, CHANNEL_PRINTER };

static struct message in;
static struct encoder out;
static int ends[2];
static int some_fd;

static int make_pair(void **state)
{
	some_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int close_pair(void **state)
{
	(void)close(ends[0]);
	(void)close(ends[1]);
	return close(some_fd);
}

/* The table once more, from the same file but not through message.c: what the permit table must say. */
#define BOOT STATE_BOOT
#define IDLE STATE_IDLE
#define BUSY STATE_BUSY
#define ENDING STATE_ENDING
#define SAME STATE_SAME
#define SIDE(sender) (#sender[0] == 'S')
static const struct {
	const char *name;
	bool from_supervisor;
	enum message_channel channel;
	unsigned int states;
	enum message_state next;
	size_t max, fds;
} expected[] = {
#define M(name, sender, channel, legal, next, max, fds)                                            \
	{ #name, SIDE(sender), CHANNEL_##channel, legal, next, max, fds },
#include "ipc/messages.def"
#undef M
};

static bool is_legal(size_t type, enum message_channel channel, bool from_supervisor, enum message_state s)
{
	return (expected[type].channel == channel || expected[type].channel == CHANNEL_ANY) &&
	       expected[type].from_supervisor == from_supervisor && (expected[type].states & s) != 0;
}

static void send_raw(const void *data, size_t size, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 16)];
	} control = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
	}
	assert_int_equal(sendmsg(ends[0], &msg, 0), size);
}

static void send_type(uint32_t type, size_t payload, size_t fd_count)
{
	static uint8_t packet[4 + MESSAGE_MAX];
	int fds[16];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = some_fd;
	for (size_t i = 0; i < 4; i++)
		packet[i] = (uint8_t)(type >> (8 * i));
	send_raw(packet, 4 + payload, fds, fd_count);
}

static struct channel receiver_in(enum message_channel channel, bool is_supervisor, enum message_state s)
{
	struct channel c;

	channel_init(&c, ends[1], is_supervisor, channel);
	c.state = s;
	return c;
}

/* Receiving: the whole product, through a real socket. */
static void test_every_pair_on_receive(void **state)
{
	size_t before = open_descriptors(), legal = 0;

	for (size_t type = 0; type < MESSAGE_COUNT_; type++)
		for (size_t k = 0; k < ARRAY_LEN(channels); k++)
			for (size_t s = 0; s < ARRAY_LEN(states); s++)
				for (int from_supervisor = 0; from_supervisor < 2; from_supervisor++) {
					struct channel c = receiver_in(channels[k], !from_supervisor, states[s]);
					bool ok = is_legal(type, channels[k], from_supervisor, states[s]);
					enum message_state next = expected[type].next ? expected[type].next : states[s];
					int r;

					send_type((uint32_t)type, 0, expected[type].fds);
					r = channel_receive(&c, &in, true);
					if (r != (ok ? 0 : -EPROTO))
						fail_msg("%s on channel %d in state %d: %d", expected[type].name,
							 channels[k], states[s], r);
					assert_int_equal(c.state, ok ? next : states[s]);
					if (ok)
						message_done(&in);
					legal += ok;
					assert_int_equal(open_descriptors(), before);
				}
	assert_true(legal > MESSAGE_COUNT_);
}

static void test_every_pair_on_send(void **state)
{
	int fds[MESSAGE_FDS_MAX] = { some_fd, some_fd, some_fd, some_fd };

	for (size_t type = 0; type < MESSAGE_COUNT_; type++)
		for (size_t k = 0; k < ARRAY_LEN(channels); k++)
			for (size_t s = 0; s < ARRAY_LEN(states); s++)
				for (int is_supervisor = 0; is_supervisor < 2; is_supervisor++) {
					struct channel c = receiver_in(channels[k], is_supervisor, states[s]);
					bool ok = is_legal(type, channels[k], is_supervisor, states[s]);
					char drop[8];

					assert_int_equal(channel_send(&c, (enum message_type)type, NULL, fds,
								      expected[type].fds),
							 ok ? 0 : -EPROTO);
					assert_int_equal(recv(ends[0], drop, sizeof(drop), MSG_DONTWAIT), ok ? 4 : -1);
				}
}

static void test_types_out_of_range(void **state)
{
	static const uint32_t types[] = { MESSAGE_COUNT_, MESSAGE_COUNT_ + 1, 0x10000, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct channel c = receiver_in(CHANNEL_VAULT, true, STATE_IDLE);

		send_type(types[i], 0, 0);
		assert_int_equal(channel_receive(&c, &in, true), -EPROTO);
		assert_null(message_rule(types[i]));
	}
}

/* One descriptor more or less, one byte more, for every message where it is legal otherwise. */
static void test_wrong_counts_and_sizes(void **state)
{
	size_t before = open_descriptors();

	for (size_t type = 0; type < MESSAGE_COUNT_; type++) {
		enum message_channel channel = expected[type].channel ? expected[type].channel : CHANNEL_VAULT;
		enum message_state s = STATE_BOOT;
		struct channel c;

		while (!(expected[type].states & s))
			s = (enum message_state)(s << 1);
		c = receiver_in(channel, !expected[type].from_supervisor, s);
		for (size_t fds = 0; fds <= MESSAGE_FDS_MAX + 2; fds++) {
			if (fds == expected[type].fds)
				continue;
			send_type((uint32_t)type, 0, fds);
			assert_int_equal(channel_receive(&c, &in, true), -EPROTO);
			assert_int_equal(open_descriptors(), before);
		}
		send_type((uint32_t)type, expected[type].max + 1, expected[type].fds);
		assert_int_equal(channel_receive(&c, &in, true), -EPROTO);
		assert_int_equal(open_descriptors(), before);
		assert_int_equal(c.state, s);
		send_type((uint32_t)type, expected[type].max, expected[type].fds);
		assert_int_equal(channel_receive(&c, &in, true), 0);
		assert_int_equal(in.size, expected[type].max);
		message_done(&in);
		assert_int_equal(open_descriptors(), before);
	}
}

static void test_send_refuses_wrong_counts_and_sizes(void **state)
{
	struct channel c = receiver_in(CHANNEL_VAULT, true, STATE_IDLE);
	int fds[2] = { some_fd, some_fd };

	assert_int_equal(channel_send(&c, MESSAGE_VAULT_STREAM, NULL, fds, 0), -EPROTO);
	assert_int_equal(channel_send(&c, MESSAGE_VAULT_STREAM, NULL, fds, 2), -EPROTO);
	encoder_init(&out);
	encode_u64(&out, 1);
	encode_u64(&out, 1);
	encode_u32(&out, 1);
	assert_int_equal(channel_send(&c, MESSAGE_VAULT_OPEN, &out, NULL, 0), -EPROTO);
	encoder_init(&out);
	out.error = -EMSGSIZE;
	assert_int_equal(channel_send(&c, MESSAGE_VAULT_OPEN, &out, NULL, 0), -EMSGSIZE);
	assert_int_equal(c.state, STATE_IDLE);
}

static void test_short_and_long_packets(void **state)
{
	static uint8_t packet[MESSAGE_MAX + 100];
	size_t before = open_descriptors();

	for (size_t size = 1; size < 4; size++) {
		struct channel c = receiver_in(CHANNEL_VAULT, true, STATE_BUSY);

		send_raw(packet, size, &some_fd, 1);
		assert_int_equal(channel_receive(&c, &in, true), -EPROTO);
		assert_int_equal(open_descriptors(), before);
	}
	{
		struct channel c = receiver_in(CHANNEL_VAULT, true, STATE_BUSY);

		packet[0] = MESSAGE_FAILED;
		send_raw(packet, sizeof(packet), &some_fd, 1); /* longer than the buffer: cut by the kernel */
		assert_int_equal(channel_receive(&c, &in, true), -EPROTO);
		assert_int_equal(open_descriptors(), before);
	}
}

/* A packet without a byte looks like the end, and must not leave descriptors behind. */
static void test_empty_packet_with_descriptors(void **state)
{
	struct channel c = receiver_in(CHANNEL_VAULT, true, STATE_IDLE);
	size_t before = open_descriptors();
	int fds[3] = { some_fd, some_fd, some_fd };

	send_raw("", 0, fds, 3);
	assert_int_equal(channel_receive(&c, &in, true), -ENOTCONN);
	assert_int_equal(open_descriptors(), before);
}

static void test_received_descriptors_close_on_exec(void **state)
{
	struct channel c = receiver_in(CHANNEL_VAULT, false, STATE_IDLE);

	send_type(MESSAGE_VAULT_STREAM, 0, 1);
	assert_int_equal(channel_receive(&c, &in, true), 0);
	assert_int_equal(fcntl(in.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	message_done(&in);
	message_done(&in); /* twice is harmless */
}

static void test_nonblocking_and_end(void **state)
{
	struct channel c = receiver_in(CHANNEL_VAULT, true, STATE_IDLE);
	int gone[2];

	assert_int_equal(channel_receive(&c, &in, true), -EAGAIN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gone), 0);
	(void)close(gone[0]);
	channel_init(&c, gone[1], true, CHANNEL_VAULT);
	c.state = STATE_IDLE;
	assert_int_equal(channel_receive(&c, &in, false), -ENOTCONN);
	assert_int_equal(channel_send(&c, MESSAGE_END, NULL, NULL, 0), -EPIPE); /* and no signal */
	channel_done(&c);
	assert_int_equal(c.fd, -EBADF);
}

static void encode_failure(uint32_t error, const char *where, const char *text)
{
	encoder_init(&out);
	encode_u32(&out, error);
	encode_str(&out, where);
	encode_str(&out, text);
}

static int expect_after(const struct encoder *e, char **ret_why)
{
	struct channel sender, c = receiver_in(CHANNEL_VAULT, true, STATE_BUSY);

	channel_init(&sender, ends[0], false, CHANNEL_VAULT);
	sender.state = STATE_BUSY;
	assert_int_equal(channel_send(&sender, MESSAGE_FAILED, e, NULL, 0), 0);
	return channel_expect(&c, MESSAGE_VAULT_COPY, &in, ret_why);
}

static void test_failed_is_decoded(void **state)
{
	char *why = NULL;

	encode_failure(ENOSPC, "spool", "no room");
	assert_int_equal(expect_after(&out, &why), -ENOSPC);
	assert_string_equal(why, "spool: no room");
	free(why);
	encode_failure(EIO, "", "words");
	assert_int_equal(expect_after(&out, &why), -EIO);
	assert_string_equal(why, "words");
	free(why);
	assert_int_equal(expect_after(&out, NULL), -EIO);
}

/* A FAILED that would read as success, or as nothing known, is a violation. */
static void test_failed_that_lies(void **state)
{
	static const uint32_t errors[] = { 0, 4096, 0x80000000, 0xffffffff };
	char *why;

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		encode_failure(errors[i], "x", "y");
		assert_int_equal(expect_after(&out, &why), -EPROTO);
		assert_null(why);
	}
	encode_failure(EIO, "x", "y");
	encode_u32(&out, 0);
	assert_int_equal(expect_after(&out, &why), -EPROTO);
	encoder_init(&out);
	assert_int_equal(expect_after(&out, &why), -EPROTO);
}

static void test_fail_always_carries_an_error(void **state)
{
	static const int errors[][2] = { { -ENOENT, -ENOENT }, { ENOENT, -ENOENT }, { 0, -EIO } };

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		struct channel sender, c = receiver_in(CHANNEL_VAULT, true, STATE_BUSY);
		char *why;

		channel_init(&sender, ends[0], false, CHANNEL_VAULT);
		sender.state = STATE_BUSY;
		assert_int_equal(channel_fail(&sender, errors[i][0], "x", "%5000s", "long"), 0);
		assert_int_equal(channel_expect(&c, MESSAGE_VAULT_COPY, &in, &why), errors[i][1]);
		assert_int_equal(strlen(why), 3 + 4095);
		free(why);
	}
}

static void test_expect_refuses_another_type(void **state)
{
	struct channel sender, c = receiver_in(CHANNEL_VAULT, true, STATE_BUSY);
	size_t before = open_descriptors();

	channel_init(&sender, ends[0], false, CHANNEL_VAULT);
	sender.state = STATE_BUSY;
	assert_int_equal(channel_send(&sender, MESSAGE_VAULT_SEALED, NULL, &some_fd, 1), 0);
	assert_int_equal(channel_expect(&c, MESSAGE_VAULT_COPY, &in, NULL), -EPROTO);
	assert_int_equal(open_descriptors(), before);
}

static void test_ready_carries_the_protocol_hash(void **state)
{
	struct channel sender, c;
	const uint8_t zero[SHA256_LEN] = { 0 };
	uint8_t made_of[SHA256_LEN];
	struct ready ready;

	channel_init(&sender, ends[0], false, CHANNEL_VAULT);
	channel_init(&c, ends[1], true, CHANNEL_VAULT);
	assert_int_equal(channel_ready(&sender, "vault", "layers"), 0);
	assert_int_equal(channel_expect(&c, MESSAGE_READY, &in, NULL), 0);
	assert_int_equal(channel_take_ready(&in, &ready), 0);
	assert_string_equal(ready.role, "vault");
	assert_string_equal(ready.sandbox, "layers");
	assert_int_equal(program_made_of(made_of), 0);
	assert_memory_equal(ready.made_of, made_of, sizeof(made_of));
	assert_memory_not_equal(ready.made_of, zero, sizeof(zero));
	assert_int_equal(c.state, STATE_IDLE);
	assert_int_equal(sender.state, STATE_IDLE);
	/* once only */
	assert_int_equal(channel_ready(&sender, "vault", "layers"), -EPROTO);
}

/* No message is so large that it could not be sent, and none carries more descriptors than are received. */
static void test_the_table_is_sane(void **state)
{
	for (size_t type = 0; type < MESSAGE_COUNT_; type++) {
		const struct message_rule *r = message_rule((unsigned int)type);

		assert_string_equal(r->name, expected[type].name);
		assert_true(r->payload_max + 4 <= MESSAGE_MAX);
		assert_true(r->fds <= MESSAGE_FDS_MAX);
		assert_true(r->states != 0 && (r->states & ~15u) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_table_is_sane, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_every_pair_on_receive, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_every_pair_on_send, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_types_out_of_range, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_wrong_counts_and_sizes, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_send_refuses_wrong_counts_and_sizes, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_short_and_long_packets, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_empty_packet_with_descriptors, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_received_descriptors_close_on_exec, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_nonblocking_and_end, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_failed_is_decoded, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_failed_that_lies, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_fail_always_carries_an_error, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_expect_refuses_another_type, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(test_ready_carries_the_protocol_hash, make_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
