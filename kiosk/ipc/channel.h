/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One end of a SOCK_SEQPACKET connection between the supervisor and a role, with the permit table of
 * messages.def enforced in both directions.
 */
#ifndef LAZARET_IPC_CHANNEL_H
#define LAZARET_IPC_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "ipc/codec.h"
#include "ipc/message.h"

/* The descriptor on which every role finds its channel. */
#define CHANNEL_FD 3

/* How long the supervisor waits for room in the socket of a role that does not read. */
#define CHANNEL_SEND_SECONDS 5

struct channel {
	int fd;			   /* owned */
	bool is_supervisor;	   /* which side this end is */
	enum message_channel role; /* whose messages are legal here */
	enum message_state state;
	uint64_t answer_s; /* channel_answer_within() */
};

struct message {
	enum message_type type;
	uint8_t raw[MESSAGE_MAX];
	size_t size; /* of the payload */
	int fds[MESSAGE_FDS_MAX];
	size_t fd_count;
	struct decoder payload; /* at the first field */
};

void channel_init(struct channel *c, int fd, bool is_supervisor, enum message_channel role);
void channel_done(struct channel *c);
/* From now on channel_receive() and channel_expect() wait for at most `seconds` (0: without end), and then say -ETIMEDOUT; what is answered
 * later is never taken for the answer to something else, since nothing more can be asked while an answer is owed. */
_must_check_ int channel_answer_within(struct channel *c, uint64_t seconds);

/* Send one message. `e` is borrowed, may be NULL for an empty payload; `fds` are borrowed.
 * Blocks while the peer does not read; the supervisor's end for CHANNEL_SEND_SECONDS at most (-ETIMEDOUT). Returns 0, -EPROTO when the message is not legal now (our bug),
 * -EPIPE when the peer has gone, or another negative errno. */
_must_check_ int channel_send(struct channel *c, enum message_type type, const struct encoder *e,
			      const int *fds, size_t fd_count);

/* Receive one message; blocks unless MSG_DONTWAIT semantic is asked for with `is_nonblocking` (-EAGAIN).
 * Returns 0 and the message, -ENOTCONN when the peer closed, -EPROTO when it broke the protocol, or a
 * negative errno. Release with message_done(), which closes the descriptors not taken with TAKE_FD(). */
_must_check_ int channel_receive(struct channel *c, struct message *m, bool is_nonblocking);

/* Receive and require one type. Anything else is -EPROTO, except FAILED: its errno (negative) is returned
 * and its words are kept in `ret_why` (owned by the caller, may be NULL). */
_must_check_ int channel_expect(struct channel *c, enum message_type type, struct message *m,
				char **ret_why);
/* Of a FAILED message, which stays to be released: its errno (negative), and its words, "where: text", in `ret_why` (may be NULL). */
_must_check_ int channel_failure(struct message *m, char **ret_why);
void message_done(struct message *m);

/* What a role says of itself when it is ready. */
struct ready {
	char role[64], sandbox[80];
	uint8_t made_of[SHA256_LEN]; /* made_of.h; zeros: it cannot tell */
};

/* Of a READY message, which is released: 0; -EPROTO; -EPROTONOSUPPORT: its list of messages is another than ours. */
_must_check_ int channel_take_ready(struct message *m, struct ready *ret);

/* For roles: announce readiness after sandbox_enter(); report a failed request or start. */
_must_check_ int channel_ready(struct channel *c, const char *role, const char *sandbox);
int channel_fail(struct channel *c, int error, const char *where, const char *fmt, ...)
	_printf_(4, 5);

#endif
