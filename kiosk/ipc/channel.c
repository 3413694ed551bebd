/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Framing: one SOCK_SEQPACKET packet is one message: u32 type, payload; descriptors as SCM_RIGHTS.
 *
 * Refused on receipt: a type that is out of range or not permitted now, a payload above its limit, a wrong
 * number of descriptors, truncated packets or ancillary data. Descriptors of a refused packet are closed.
 */
#include "ipc/channel.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "ipc/made_of.h"

#define HEADER_LEN 4

void channel_init(struct channel *c, int fd, bool is_supervisor, enum message_channel role)
{
	*c = (struct channel){
		.fd = fd, .is_supervisor = is_supervisor, .role = role, .state = STATE_BOOT
	};
	/* A role that was taken over answers without reading: after some tens of messages the socket is full. */
	if (is_supervisor) {
		const struct timeval limit = { .tv_sec = CHANNEL_SEND_SECONDS };

		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)); /* fails for what is no socket */
	}
}

void channel_done(struct channel *c)
{
	close_p(&c->fd);
}

int channel_answer_within(struct channel *c, uint64_t seconds)
{
	const struct timeval limit = { .tv_sec = (time_t)MIN(seconds, (uint64_t)INT32_MAX) };

	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	c->answer_s = seconds;
	return 0;
}

static void channel_advance(struct channel *c, const struct message_rule *rule)
{
	if (rule->next != STATE_SAME)
		c->state = rule->next;
}

static int send_packet(int fd, const void *data, size_t size, const void *head, const int *fds,
		       size_t fd_count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control = { 0 };
	struct iovec iov[2] = { { (void *)head, HEADER_LEN }, { (void *)data, size } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (fd_count > 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -ETIMEDOUT;
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno; /* closed with messages of ours unread: gone, too */
	return (size_t)n == HEADER_LEN + size ? 0 : -EIO;
}

int channel_send(struct channel *c, enum message_type type, const struct encoder *e, const int *fds,
		 size_t fd_count)
{
	const struct message_rule *rule = message_rule(type);
	size_t size = e ? e->size : 0;
	uint8_t head[HEADER_LEN] = { (uint8_t)type, (uint8_t)(type >> 8), 0, 0 };
	int r;

	if (e && e->error)
		return e->error;
	if (!message_permitted(type, c->role, c->is_supervisor, c->state) ||
	    fd_count != rule->fds || size > rule->payload_max)
		return -EPROTO;
	r = send_packet(c->fd, e ? e->data : NULL, size, head, fds, fd_count);
	if (r == 0)
		channel_advance(c, rule);
	return r;
}

/* Collect descriptors first, so that none leaks whatever else is wrong with the packet. */
static int take_descriptors(struct msghdr *msg, struct message *m)
{
	int r = msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EPROTO : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			r = -EPROTO;
			continue;
		}
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (m->fd_count < MESSAGE_FDS_MAX) {
				m->fds[m->fd_count++] = fd;
			} else {
				close_p(&fd);
				r = -EPROTO;
			}
		}
	}
	return r;
}

static int receive_packet(struct channel *c, struct message *m, bool is_nonblocking, size_t *ret_size)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control;
	struct iovec iov = { m->raw, sizeof(m->raw) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;
	int r;

	do
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | (is_nonblocking ? MSG_DONTWAIT : 0));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN && !is_nonblocking)
		return -ETIMEDOUT; /* channel_answer_within() */
	if (n < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	r = take_descriptors(&msg, m);
	if (r < 0)
		return r;
	if (n == 0)
		return -ENOTCONN;
	*ret_size = (size_t)n;
	return 0;
}

int channel_receive(struct channel *c, struct message *m, bool is_nonblocking)
{
	const struct message_rule *rule;
	size_t size = 0;
	uint32_t type;
	int r;

	m->fd_count = 0;
	r = receive_packet(c, m, is_nonblocking, &size);
	if (r == 0 && size < HEADER_LEN)
		r = -EPROTO;
	if (r < 0) {
		message_done(m);
		return r;
	}
	type = (uint32_t)m->raw[0] | (uint32_t)m->raw[1] << 8 | (uint32_t)m->raw[2] << 16 |
	       (uint32_t)m->raw[3] << 24;
	rule = message_rule(type);
	if (!message_permitted(type, c->role, !c->is_supervisor, c->state) ||
	    m->fd_count != rule->fds || size - HEADER_LEN > rule->payload_max) {
		message_done(m);
		return -EPROTO;
	}
	m->type = (enum message_type)type;
	m->size = size - HEADER_LEN;
	decoder_init(&m->payload, m->raw + HEADER_LEN, m->size);
	channel_advance(c, rule);
	return 0;
}

int channel_failure(struct message *m, char **ret_why)
{
	uint32_t error = decode_u32(&m->payload);
	_cleanup_free_ char *where = decode_str(&m->payload, 1024);
	_cleanup_free_ char *text = decode_str(&m->payload, 7000);

	if (decoder_end(&m->payload) < 0 || error == 0 || error > 4095)
		return -EPROTO;
	if (ret_why && asprintf(ret_why, "%s%s%s", where, *where ? ": " : "", text) < 0)
		*ret_why = NULL;
	return -(int)error;
}

int channel_expect(struct channel *c, enum message_type type, struct message *m, char **ret_why)
{
	int r;

	if (ret_why)
		*ret_why = NULL;
	r = channel_receive(c, m, false);
	if (r < 0)
		return r;
	if (m->type == type)
		return 0;
	r = m->type == MESSAGE_FAILED ? channel_failure(m, ret_why) : -EPROTO;
	message_done(m);
	return r;
}

void message_done(struct message *m)
{
	for (size_t i = 0; i < m->fd_count; i++)
		close_p(&m->fds[i]);
	m->fd_count = 0;
}

int channel_ready(struct channel *c, const char *role, const char *sandbox)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	uint8_t hash[PROTOCOL_HASH_LEN], made_of[SHA256_LEN];
	int r;

	if (!e)
		return -ENOMEM;
	r = protocol_hash(hash);
	if (r == 0)
		r = program_made_of(made_of);
	if (r < 0 && r != -ENODATA) /* zeros */
		return r;
	encoder_init(e);
	encode_str(e, role);
	encode_bytes(e, hash, sizeof(hash));
	encode_str(e, sandbox);
	encode_bytes(e, made_of, sizeof(made_of));
	return channel_send(c, MESSAGE_READY, e, NULL, 0);
}

int channel_take_ready(struct message *m, struct ready *ret)
{
	uint8_t theirs[PROTOCOL_HASH_LEN], ours[PROTOCOL_HASH_LEN];
	int r;

	decode_str_into(&m->payload, ret->role, sizeof(ret->role));
	decode_exact(&m->payload, theirs, sizeof(theirs));
	decode_str_into(&m->payload, ret->sandbox, sizeof(ret->sandbox));
	decode_exact(&m->payload, ret->made_of, sizeof(ret->made_of));
	r = decoder_end(&m->payload);
	message_done(m);
	if (r == 0)
		r = protocol_hash(ours);
	return r == 0 && memcmp(ours, theirs, sizeof(ours)) != 0 ? -EPROTONOSUPPORT : r;
}

int channel_fail(struct channel *c, int error, const char *where, const char *fmt, ...)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	char text[4096];
	va_list ap;

	if (!e)
		return -ENOMEM;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	encoder_init(e);
	encode_u32(e, (uint32_t)(error < 0 ? -error : error ? error : EIO));
	encode_str(e, where);
	encode_str(e, text);
	return channel_send(c, MESSAGE_FAILED, e, NULL, 0);
}
