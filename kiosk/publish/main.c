/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-publish: the only role that can write to staging, and the holder of the manifest key. It takes sealed copies
 * and expected digests from the supervisor, checks names and digests again, and looks into nothing.
 */
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "ipc/channel.h"
#include "publish/transfer.h"
#include "sandbox/sandbox.h"

struct publisher {
	struct channel channel;
	int staging_fd;
	int lock_fd; /* held until the process ends: whoever recovers waits for that (supervisor/recover.c) */
	struct minisign_secret *key;
	struct transfer *transfer;
};

static int start(struct publisher *p)
{
	struct message m;
	int r = channel_expect(&p->channel, MESSAGE_PUBLISH_START, &m, NULL);

	if (r < 0)
		return r;
	p->staging_fd = TAKE_FD(m.fds[0]);
	p->lock_fd = TAKE_FD(m.fds[2]);
	r = minisign_secret_load(m.fds[1], &p->key);
	message_done(&m);
	return r;
}

static int answer(struct publisher *p, int r, const char *where, const char *name,
		  const uint8_t sum[static SHA256_LEN])
{
	struct encoder e;

	if (r < 0) {
		p->transfer = transfer_free(p->transfer); /* nothing half-done stays */
		return channel_fail(&p->channel, r, where, "%s", strerror(-r));
	}
	encoder_init(&e);
	encode_str(&e, name);
	encode_bytes(&e, sum, SHA256_LEN);
	return channel_send(&p->channel, MESSAGE_PUBLISHED, &e, NULL, 0);
}

static const uint8_t no_sum[SHA256_LEN];

static int on_begin(struct publisher *p, struct message *m)
{
	_cleanup_free_ char *name = decode_str(&m->payload, TRANSFER_NAME_MAX);
	int r = decoder_end(&m->payload);

	if (r < 0 || p->transfer)
		return -EPROTO;
	return answer(p, transfer_begin(p->staging_fd, name, &p->transfer), "staging", name, no_sum);
}

static int on_add(struct publisher *p, struct message *m)
{
	uint8_t sum[SHA256_LEN];
	size_t path_size;
	const uint8_t *path = decode_bytes(&m->payload, NAME_PATH_MAX, &path_size);
	uint64_t size = decode_u64(&m->payload);

	decode_exact(&m->payload, sum, sizeof(sum));
	if (decoder_end(&m->payload) < 0 || !p->transfer)
		return -EPROTO;
	return answer(p, transfer_add(p->transfer, (const char *)path, path_size, size, sum, m->fds[0]),
		      "file in staging", "", no_sum);
}

static int on_commit(struct publisher *p, struct message *m)
{
	uint8_t sum[SHA256_LEN];
	char name[TRANSFER_NAME_MAX + 1];
	int r;

	if (decoder_end(&m->payload) < 0 || !p->transfer)
		return -EPROTO;
	(void)snprintf(name, sizeof(name), "%s", transfer_name(p->transfer));
	r = transfer_commit(p->transfer, p->key, m->fds[0], m->fds[1], m->fds[2], sum);
	p->transfer = transfer_free(p->transfer);
	return answer(p, r, "staging", name, sum);
}

static int on_abort(struct publisher *p, struct message *m)
{
	p->transfer = transfer_free(p->transfer);
	return answer(p, 0, "", "", no_sum);
}

static int dispatch(struct publisher *p, bool *ret_ends)
{
	struct message m;
	int r = channel_receive(&p->channel, &m, false);

	if (r == -ENOTCONN) {
		*ret_ends = true;
		return 0;
	}
	if (r < 0)
		return r;
	switch (m.type) {
	case MESSAGE_PUBLISH_BEGIN:
		r = on_begin(p, &m);
		break;
	case MESSAGE_PUBLISH_ADD:
		r = on_add(p, &m);
		break;
	case MESSAGE_PUBLISH_COMMIT:
		r = on_commit(p, &m);
		break;
	case MESSAGE_PUBLISH_ABORT:
		r = on_abort(p, &m);
		break;
	default:
		*ret_ends = m.type == MESSAGE_END;
	}
	message_done(&m);
	return r;
}

static int serve(struct publisher *p)
{
	bool ends = false;
	int r = transfer_clean(p->staging_fd);

	if (r > 0)
		log_info("removed %d interrupted transfers from staging", r);
	r = MIN(r, 0);
	while (r == 0 && !ends)
		r = dispatch(p, &ends);
	return r;
}

int main(void)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	struct publisher p = { .staging_fd = -EBADF, .lock_fd = -EBADF };
	int kept[2];
	const char *where = "manifest key";
	int r;

	log_open("lazaret-publish");
	channel_init(&p.channel, CHANNEL_FD, false, CHANNEL_PUBLISH);
	r = start(&p);
	kept[0] = p.staging_fd;
	kept[1] = p.lock_fd;
	if (r == 0)
		r = sandbox_enter(ROLE_PUBLISH, kept, ARRAY_LEN(kept), &where);
	if (r < 0) {
		(void)channel_fail(&p.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		minisign_secret_free(p.key);
		return EXIT_FAILURE;
	}
	r = channel_ready(&p.channel, "publish", sandbox);
	if (r == 0)
		r = serve(&p);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	transfer_free(p.transfer);
	minisign_secret_free(p.key);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
