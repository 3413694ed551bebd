/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What formats tell the supervisor while they prove; and what they are asked. */
#include "proof/private.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define ENTRIES_BYTES 50000 /* a batch is sent when it has grown to this: one more entry fits into the message */

static int send_batch(struct proof_private *p)
{
	int r;

	if (p->batch_count == 0)
		return 0;
	encode_patch_u32(&p->batch, p->batch_count_at, p->batch_count);
	r = channel_send(p->channel, MESSAGE_ORIGIN_ENTRIES, &p->batch, NULL, 0);
	p->batch_count = 0;
	return r;
}

int proof_finish(struct evidence *e)
{
	struct proof_private *p = e->private;
	struct encoder *out = &p->out;
	int r = send_batch(p);

	if (r < 0)
		return r;
	encoder_init(out);
	encode_u32(out, e->summary.outcome);
	encode_u32(out, p->entries);
	encode_u32(out, e->summary.bad);
	encode_u32(out, e->summary.flags);
	encode_u64(out, p->text_size);
	encode_u64(out, e->summary.date);
	encode_u64(out, e->summary.valid_until);
	encode_str(out, e->summary.series);
	encode_str(out, e->summary.detail);
	return channel_send(p->channel, MESSAGE_ORIGIN_PROVED, out, NULL, 0);
}

static int take_given(struct message *m, int *ret_fd, uint64_t *ret_size)
{
	struct stat st;
	uint64_t size;

	if (m->type == MESSAGE_ORIGIN_NOT_GIVEN)
		return 0;
	if (m->type != MESSAGE_ORIGIN_GIVEN)
		return -EPROTO;
	size = decode_u64(&m->payload);
	if (decoder_end(&m->payload) < 0 || fstat(m->fds[0], &st) < 0 || !S_ISREG(st.st_mode))
		return -EPROTO;
	*ret_fd = TAKE_FD(m->fds[0]);
	*ret_size = size;
	return 1;
}

int evidence_want(struct evidence *e, unsigned int up, const char *path, int *ret_fd, uint64_t *ret_size)
{
	struct proof_private *p = e->private;
	int r = send_batch(p);

	if (r < 0)
		return r;
	encoder_init(&p->out);
	encode_u32(&p->out, up);
	encode_str(&p->out, path);
	r = channel_send(p->channel, MESSAGE_ORIGIN_WANT, &p->out, NULL, 0);
	if (r == 0)
		r = channel_receive(p->channel, &p->message, false);
	if (r < 0)
		return r;
	r = take_given(&p->message, ret_fd, ret_size);
	message_done(&p->message);
	return r;
}

int evidence_signed(struct evidence *e, enum signature_outcome outcome, unsigned int up, const char *path,
		    const struct trusted_key *key, const char *key_id, const char *detail_format, ...)
{
	struct proof_private *p = e->private;
	char detail[ORIGIN_DETAIL_MAX + 1];
	va_list ap;
	int r = send_batch(p);

	if (r < 0)
		return r;
	va_start(ap, detail_format);
	if (vsnprintf(detail, sizeof(detail), detail_format, ap) < 0) /* cut on purpose */
		detail[0] = '\0';
	va_end(ap);
	encoder_init(&p->out);
	encode_u32(&p->out, outcome);
	encode_u32(&p->out, up);
	encode_str(&p->out, path);
	encode_str(&p->out, key_id);
	encode_str(&p->out, key ? key->name : "");
	encode_str(&p->out, detail);
	return channel_send(p->channel, MESSAGE_ORIGIN_SIGNED, &p->out, NULL, 0);
}

int evidence_lists(struct evidence *e, const struct digest *d, const uint8_t *sum, unsigned int up, const char *path,
		   size_t path_size)
{
	struct proof_private *p = e->private;
	int r = p->batch_count > 0 && (p->batch_up != up || p->batch.size >= ENTRIES_BYTES) ? send_batch(p) : 0;

	if (r < 0)
		return r;
	if (p->entries == PROOF_ENTRIES_MAX)
		return -E2BIG;
	if (path_size > ORIGIN_PATH_MAX)
		return -ENAMETOOLONG;
	if (p->batch_count == 0) {
		encoder_init(&p->batch);
		encode_u32(&p->batch, up);
		p->batch_count_at = encode_reserve_u32(&p->batch);
		p->batch_up = up;
	}
	encode_str(&p->batch, d->name);
	encode_bytes(&p->batch, sum, d->size);
	encode_bytes(&p->batch, path, path_size);
	p->batch_count++;
	p->entries++;
	if (e->summary.outcome == LIST_NONE)
		e->summary.outcome = LIST_READ;
	return p->batch.error;
}

int evidence_text(struct evidence *e, const void *data, size_t size)
{
	struct proof_private *p = e->private;
	const uint8_t *at = data;

	if (size > e->size - p->text_size)
		return -EFBIG;
	while (size > 0) {
		ssize_t n = pwrite(p->text_fd, at, size, (off_t)p->text_size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
		p->text_size += (uint64_t)n;
	}
	return 0;
}
