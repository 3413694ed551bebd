/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "vault/receive.h"

#include <string.h>

/* Of small files one buffer holds thousands: between so many, whoever waits on the channel is heard. */
#define FILES_AT_ONCE 16
#define BUFFER_LEN (2 * (size_t)STREAM_CHUNK_MAX)

struct receiver {
	struct spool *spool;
	receive_file_fn on_file;
	void *context;
	uint64_t id, files, bytes;
	size_t data_left; /* of a DATA part that has begun */
	uint8_t *buffer;
	size_t have, at; /* bytes in it, and those of them that were taken */
	bool has_more;	 /* parts that have come and were not taken */
};

struct receiver *receiver_new(struct spool *spool, receive_file_fn on_file, void *context)
{
	struct receiver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct receiver){ .spool = spool, .on_file = on_file, .context = context, .buffer = malloc(BUFFER_LEN) };
	if (!r->buffer)
		return receiver_free(r);
	return r;
}

struct receiver *receiver_free(struct receiver *r)
{
	if (r)
		free(r->buffer);
	free(r);
	return NULL;
}

uint64_t receiver_files(const struct receiver *r)
{
	return r->files;
}

uint64_t receiver_bytes(const struct receiver *r)
{
	return r->bytes;
}

static uint64_t little(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static int file_ends(struct receiver *r, enum stream_status said)
{
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN] = { 0 };
	enum stream_status status;
	uint64_t size;
	int e = spool_end(r->spool, said, &status, &size, sum, &fd);

	if (e < 0)
		return e;
	r->files++;
	return r->on_file(r->context, r->id, status, size, sum, fd);
}

static int take_header(struct receiver *r, uint32_t type, uint32_t size, uint64_t value)
{
	bool is_open = spool_is_open(r->spool);

	switch (type) {
	case STREAM_BEGIN:
		if (is_open || size != 0)
			return -EPROTO;
		r->id = value;
		return spool_begin(r->spool, value);
	case STREAM_DATA:
		if (!is_open || size == 0 || size > STREAM_CHUNK_MAX || value != 0)
			return -EPROTO;
		r->data_left = size;
		return 0;
	case STREAM_ZEROS:
		if (!is_open || size != 0 || value == 0)
			return -EPROTO;
		spool_add_zeros(r->spool, value);
		r->bytes += value;
		return 0;
	case STREAM_END:
		if (!is_open || value != r->id || size >= STREAM_STATUS_COUNT_)
			return -EPROTO;
		return file_ends(r, (enum stream_status)size);
	default:
		return -EPROTO;
	}
}

/* Bytes used of the buffer from `at`, 0 when a header is still incomplete, or a negative errno. */
static ssize_t take_part(struct receiver *r, size_t at)
{
	const uint8_t *p = r->buffer + at;
	size_t left = r->have - at;
	int e;

	if (r->data_left > 0) {
		size_t n = MIN(left, r->data_left);

		spool_add(r->spool, p, n);
		r->data_left -= n;
		r->bytes += n;
		return (ssize_t)n;
	}
	if (left < STREAM_HEADER_LEN)
		return 0;
	e = take_header(r, (uint32_t)little(p, 4), (uint32_t)little(p + 4, 4), little(p + 8, 8));
	return e < 0 ? e : STREAM_HEADER_LEN;
}

/* The spool must not be left with an open copy: the next stream needs it. */
int receiver_cut(struct receiver *r)
{
	return spool_is_open(r->spool) ? file_ends(r, STREAM_CUT) : 0;
}

/* Nothing that follows can be understood. */
static int stream_breaks(struct receiver *r)
{
	int e = receiver_cut(r);

	return e < 0 ? e : -EPROTO;
}

/* 1: bytes have come; 0: the stream has ended; or a negative errno. */
static int fill(struct receiver *r, int stream_fd)
{
	ssize_t n;

	memmove(r->buffer, r->buffer + r->at, r->have - r->at);
	r->have -= r->at;
	r->at = 0;
	do
		n = read(stream_fd, r->buffer + r->have, BUFFER_LEN - r->have);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? stream_breaks(r) : -errno;
	if (n == 0)
		return r->have == 0 && !spool_is_open(r->spool) ? 0 : stream_breaks(r);
	r->have += (size_t)n;
	return 1;
}

int receiver_pump(struct receiver *r, int stream_fd)
{
	int e = r->has_more ? 1 : fill(r, stream_fd);
	uint64_t until = r->files + FILES_AT_ONCE;

	if (e <= 0)
		return e;
	r->has_more = false;
	while (r->at < r->have && !r->has_more) {
		ssize_t used = take_part(r, r->at);

		if (used < 0)
			return used == -EPROTO ? stream_breaks(r) : (int)used;
		if (used == 0)
			break;
		r->at += (size_t)used;
		r->has_more = r->files >= until;
	}
	return 1;
}

bool receiver_has_more(const struct receiver *r)
{
	return r->has_more;
}
