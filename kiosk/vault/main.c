/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-vault: keeps what was read. Sees raw bytes and parses none; the only role that ever has a writable
 * descriptor of a copy, and none once the copy is sealed. One vault serves one transfer.
 */
#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "ipc/channel.h"
#include "sandbox/sandbox.h"
#include "vault/receive.h"
#include "vault/spool.h"

#define PROGRESS_MS 250

struct vault {
	struct channel channel;
	struct spool *spool;
	struct receiver *receiver; /* while a stream is open */
	int stream_fd;
	int64_t told_ms; /* CLOCK_MONOTONIC, of the last VAULT_PROGRESS */
	uint64_t told_bytes;
};

static int send_file(void *context, uint64_t id, enum stream_status status, uint64_t size,
		     const uint8_t sum[static SHA256_LEN], int fd)
{
	struct vault *v = context;
	struct encoder e;

	encoder_init(&e);
	encode_u64(&e, id);
	encode_u64(&e, size);
	if (fd >= 0)
		encode_bytes(&e, sum, SHA256_LEN);
	encode_u32(&e, status);
	if (fd >= 0)
		return channel_send(&v->channel, MESSAGE_VAULT_SEALED, &e, &fd, 1);
	return channel_send(&v->channel, MESSAGE_VAULT_DROPPED, &e, NULL, 0);
}

static int start(struct vault *v, int *ret_dir_fd)
{
	struct message m;
	struct spool_limits limits;
	int r = channel_expect(&v->channel, MESSAGE_VAULT_START, &m, NULL);

	if (r < 0)
		return r;
	limits.bytes = decode_u64(&m.payload);
	limits.files = decode_u64(&m.payload);
	limits.largest_bytes = decode_u64(&m.payload);
	r = decoder_end(&m.payload);
	if (r == 0) {
		*ret_dir_fd = TAKE_FD(m.fds[0]);
		r = spool_new(*ret_dir_fd, &limits, &v->spool);
	}
	message_done(&m);
	return r;
}

static int on_stream(struct vault *v, struct message *m)
{
	if (v->receiver)
		return -EPROTO;
	v->receiver = receiver_new(v->spool, send_file, v);
	if (!v->receiver)
		return -ENOMEM;
	v->stream_fd = TAKE_FD(m->fds[0]);
	return decoder_end(&m->payload);
}

static int on_open(struct vault *v, struct message *m)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t id = decode_u64(&m->payload);
	struct encoder e;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = spool_open(v->spool, id, &fd);
	if (r < 0)
		return channel_fail(&v->channel, r, "spool", "copy %llu: %s", (unsigned long long)id,
				    strerror(-r));
	encoder_init(&e);
	encode_u64(&e, id);
	return channel_send(&v->channel, MESSAGE_VAULT_COPY, &e, &fd, 1);
}

static int on_forget(struct vault *v, struct message *m)
{
	uint64_t id = decode_u64(&m->payload);
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = spool_forget(v->spool, id);
	if (r < 0)
		log_warning("copy %llu: %s", (unsigned long long)id, strerror(-r));
	return 0; /* the spool goes with the transfer anyway */
}

/* A reader that broke its protocol, or does not come to an end, costs its stream, nothing else. */
static int end_stream(struct vault *v, bool is_clean)
{
	struct encoder e;

	encoder_init(&e);
	encode_u64(&e, receiver_files(v->receiver));
	encode_u64(&e, receiver_bytes(v->receiver));
	encode_u32(&e, is_clean);
	v->receiver = receiver_free(v->receiver);
	close_p(&v->stream_fd);
	return channel_send(&v->channel, MESSAGE_VAULT_STREAM_END, &e, NULL, 0);
}

static int on_cut(struct vault *v)
{
	int r;

	if (!v->receiver)
		return 0; /* it has ended by itself, and that was told */
	r = receiver_cut(v->receiver);
	return r < 0 ? r : end_stream(v, false);
}

static int dispatch(struct vault *v, bool *ret_ends)
{
	struct message m;
	int r = channel_receive(&v->channel, &m, false);

	if (r == -ENOTCONN) {
		*ret_ends = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (m.type == MESSAGE_VAULT_STREAM)
		r = on_stream(v, &m);
	else if (m.type == MESSAGE_VAULT_CUT)
		r = on_cut(v);
	else if (m.type == MESSAGE_VAULT_OPEN)
		r = on_open(v, &m);
	else if (m.type == MESSAGE_VAULT_FORGET)
		r = on_forget(v, &m);
	else
		*ret_ends = m.type == MESSAGE_END;
	message_done(&m);
	return r;
}

/* As many as have come: for each copy that is sealed there is one to be forgotten. */
static int dispatch_all(struct vault *v, bool *ret_ends)
{
	struct pollfd polled = { .fd = v->channel.fd, .events = POLLIN };
	int r;

	do
		r = dispatch(v, ret_ends);
	while (r == 0 && !*ret_ends && poll(&polled, 1, 0) == 1);
	return r;
}

/* So that a long file shows, and a medium that has stopped to answer, too. */
static int tell_progress(struct vault *v)
{
	uint64_t bytes = receiver_bytes(v->receiver);
	struct timespec now;
	struct encoder e;
	int64_t now_ms;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (now_ms - v->told_ms < PROGRESS_MS || bytes == v->told_bytes)
		return 0;
	v->told_ms = now_ms;
	v->told_bytes = bytes;
	encoder_init(&e);
	encode_u64(&e, bytes);
	return channel_send(&v->channel, MESSAGE_VAULT_PROGRESS, &e, NULL, 0);
}

static int pump(struct vault *v)
{
	int r = receiver_pump(v->receiver, v->stream_fd);

	if (r > 0)
		return tell_progress(v);
	if (r == 0 || r == -EPROTO)
		return end_stream(v, r == 0);
	return r;
}

static int serve(struct vault *v)
{
	bool ends = false;
	int r = 0;

	while (r == 0 && !ends) {
		struct pollfd polled[2] = { { .fd = v->channel.fd, .events = POLLIN },
					    { .fd = v->receiver ? v->stream_fd : -1, .events = POLLIN } };

		bool has_more = v->receiver && receiver_has_more(v->receiver);

		if (poll(polled, 2, has_more ? 0 : -1) < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (polled[0].revents)
			r = dispatch_all(v, &ends);
		if (r == 0 && !ends && v->receiver && (polled[1].revents || has_more))
			r = pump(v);
	}
	return r;
}

int main(void)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	struct vault v = { .stream_fd = -EBADF };
	const char *where = "start";
	int dir_fd = -EBADF;
	int r;

	log_open("lazaret-vault");
	channel_init(&v.channel, CHANNEL_FD, false, CHANNEL_VAULT);
	r = start(&v, &dir_fd);
	if (r == 0)
		r = sandbox_enter(ROLE_VAULT, &dir_fd, 1, &where);
	if (r < 0) {
		(void)channel_fail(&v.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		return EXIT_FAILURE;
	}
	r = channel_ready(&v.channel, "vault", sandbox);
	if (r == 0)
		r = serve(&v);
	if (r < 0 && r != -EPIPE) /* the supervisor gave up: nothing is left to be kept */
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	receiver_free(v.receiver);
	spool_free(v.spool);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
