/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-printer: one receipt on one printer. It has the device, open for writing, and nothing else of the station; it reads
 * nothing from it. The receipt holds names from media, and the device is one that somebody can have exchanged. A printer that
 * takes nothing is given up at the deadline.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "ipc/channel.h"
#include "printer/paper.h"
#include "receipt/qr.h"
#include "receipt/receipt.h"
#include "sandbox/sandbox.h"

#define RECEIPT_MAX (8u << 20) /* bytes: a thousand hostile names, escaped */
#define COLUMNS_MAX 200

struct printer {
	struct channel channel;
	int device_fd;
	bool is_ending;
};

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Returns 0, -ETIMEDOUT, or what the device says; `*ret_done` in any case. */
static int write_all(int fd, const uint8_t *data, size_t size, int64_t deadline_ms, size_t *ret_done)
{
	for (*ret_done = 0; *ret_done < size;) {
		struct pollfd polled = { .fd = fd, .events = POLLOUT };
		int64_t left = deadline_ms - now_ms();
		ssize_t n = write(fd, data + *ret_done, size - *ret_done);

		if (n > 0) {
			*ret_done += (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&polled, 1, (int)MIN(left, (int64_t)1000)) < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

static const char *words_for(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "it takes nothing more: out of paper, switched off, or open";
	case -ENOSPC: /* as usblp says it */
		return "it is out of paper";
	case -ENODEV:
	case -ENXIO:
	case -EIO:
	case -EPIPE:
		return "it has gone, or is off-line";
	default:
		return strerror(-error);
	}
}

static int print(struct printer *p, enum paper_form form, unsigned int columns, const char *qr, int64_t deadline_ms, int receipt_fd)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *stream = NULL;
	struct encoder e;
	struct stat st;
	size_t size, done = 0;
	int r = fstat(receipt_fd, &st) < 0 ? -errno : st.st_size > RECEIPT_MAX ? -EFBIG : 0;

	if (r == 0) {
		text = calloc((size_t)st.st_size + 1, 1);
		r = text ? 0 : -ENOMEM;
	}
	if (r == 0 && lseek(receipt_fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = fd_read_exact(receipt_fd, text, (size_t)st.st_size);
	if (r == 0)
		r = paper_make(form, text, columns, qr, &stream, &size);
	if (r < 0)
		return channel_fail(&p->channel, r, "receipt", "%s", strerror(-r));
	r = write_all(p->device_fd, stream, size, deadline_ms, &done);
	if (r < 0)
		return channel_fail(&p->channel, r, "printer", "%s (%zu of %zu bytes)", words_for(r), done, size);
	encoder_init(&e);
	encode_u64(&e, done);
	return channel_send(&p->channel, MESSAGE_PRINTER_PRINTED, &e, NULL, 0);
}

static int on_print(struct printer *p, struct message *m)
{
	uint32_t form = decode_u32(&m->payload), columns = decode_u32(&m->payload);
	_cleanup_free_ char *qr = decode_str(&m->payload, QR_TEXT_MAX);
	uint32_t patience_ms = decode_u32(&m->payload);
	int r = decoder_end(&m->payload);

	if (r < 0 || form > PAPER_LABEL || columns == 0 || columns > COLUMNS_MAX)
		return -EPROTO;
	return print(p, (enum paper_form)form, columns, qr, now_ms() + patience_ms, m->fds[0]);
}

static int serve(struct printer *p)
{
	struct message m;
	int r = 0;

	while (r == 0 && !p->is_ending) {
		r = channel_receive(&p->channel, &m, false);
		if (r < 0)
			return r == -ENOTCONN ? 0 : r;
		if (m.type == MESSAGE_PRINTER_PRINT)
			r = on_print(p, &m);
		else
			p->is_ending = true; /* END: nothing else is permitted */
		message_done(&m);
	}
	return r;
}

static int start(struct printer *p, const char **ret_where)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	uint8_t hash[PROTOCOL_HASH_LEN];
	struct message m;
	int r = protocol_hash(hash); /* libcrypto reads its configuration when it is first used: inside it may not */

	*ret_where = "libcrypto";
	if (r < 0)
		return r;
	*ret_where = "start";
	r = channel_expect(&p->channel, MESSAGE_PRINTER_START, &m, NULL);
	if (r < 0)
		return r;
	p->device_fd = TAKE_FD(m.fds[0]);
	r = decoder_end(&m.payload);
	message_done(&m);
	if (r == 0)
		r = sandbox_enter(ROLE_PRINTER, &p->device_fd, 1, ret_where);
	return r < 0 ? r : channel_ready(&p->channel, "printer", sandbox);
}

int main(void)
{
	struct printer p = { .device_fd = -EBADF };
	const char *where = "start";
	int r;

	log_open("lazaret-printer");
	(void)signal(SIGPIPE, SIG_IGN); /* a FIFO that nobody reads any more is an error of write(2) */
	channel_init(&p.channel, CHANNEL_FD, false, CHANNEL_PRINTER);
	r = start(&p, &where);
	if (r < 0) {
		(void)channel_fail(&p.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		return EXIT_FAILURE;
	}
	r = serve(&p);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
