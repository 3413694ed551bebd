/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "sandbox/lifeline.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD 5 /* kind and value */

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(LIFELINE_FDS * sizeof(int))];
};

int lifeline_send(int fd, enum lifeline_kind kind, int32_t value, const char *words, const int *fds)
{
	uint32_t v = (uint32_t)value;
	uint8_t bytes[HEAD + LIFELINE_WORDS_MAX] = { (uint8_t)kind, (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
						     (uint8_t)(v >> 24) };
	size_t size = words ? strnlen(words, LIFELINE_WORDS_MAX - 1) : 0;
	struct iovec part = { .iov_base = bytes, .iov_len = HEAD + size };
	union control control = { .header.cmsg_len = CMSG_LEN(LIFELINE_FDS * sizeof(int)), };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (size > 0)
		memcpy(bytes + HEAD, words, size);
	if (fds) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), fds, LIFELINE_FDS * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EPIPE || errno == ECONNRESET ? -ENOTCONN : -errno;
	return 0;
}

static int wait_for(int fd, int timeout_ms)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	int n = poll(&polled, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno; /* the receive then waits */
	return n == 0 ? -ETIMEDOUT : 0;
}

static void take_fds(struct msghdr *message, struct lifeline_message *ret)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	size_t count;
	int fds[LIFELINE_FDS];

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	count = MIN((c->cmsg_len - CMSG_LEN(0)) / sizeof(int), (size_t)LIFELINE_FDS);
	memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	for (size_t k = 0; k < count; k++)
		ret->fds[k] = fds[k];
}

static bool is_valid(const struct lifeline_message *m, ssize_t size, int flags)
{
	bool has_fds = m->fds[0] >= 0 && m->fds[1] >= 0, has_any = m->fds[0] >= 0 || m->fds[1] >= 0;

	if (size < HEAD || flags & (MSG_TRUNC | MSG_CTRUNC) || m->kind < LIFELINE_START || m->kind > LIFELINE_ENDED)
		return false;
	return m->kind == LIFELINE_START ? has_fds : !has_any;
}

int lifeline_receive(int fd, int timeout_ms, struct lifeline_message *ret)
{
	uint8_t bytes[HEAD + LIFELINE_WORDS_MAX - 1];
	struct iovec part = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct lifeline_message m = { .fds = { -EBADF, -EBADF } };
	int r = wait_for(fd, timeout_ms);
	ssize_t n;

	if (r < 0)
		return r;
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? -ENOTCONN : -errno;
	take_fds(&message, &m);
	if (n >= HEAD) {
		m.kind = bytes[0];
		m.value = (int32_t)(bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16 | (uint32_t)bytes[4] << 24);
		memcpy(m.words, bytes + HEAD, (size_t)n - HEAD);
	}
	if (!is_valid(&m, n, message.msg_flags)) {
		for (size_t k = 0; k < LIFELINE_FDS; k++)
			close_p(&m.fds[k]);
		return -EPROTO;
	}
	*ret = m;
	return 0;
}
