/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/stream.h"

#include <string.h>

#include "common/fd.h"

static void put_header(uint8_t *at, enum stream_type type, uint32_t size, uint64_t value)
{
	for (size_t i = 0; i < 4; i++) {
		at[i] = (uint8_t)((uint32_t)type >> (8 * i));
		at[4 + i] = (uint8_t)(size >> (8 * i));
	}
	for (size_t i = 0; i < 8; i++)
		at[8 + i] = (uint8_t)(value >> (8 * i));
}

static bool is_zero(const uint8_t *p, size_t size)
{
	return size > 0 && p[0] == 0 && memcmp(p, p + 1, size - 1) == 0;
}

void stream_writer_init(struct stream_writer *w, int fd)
{
	w->fd = fd;
	w->pending = w->data_size = 0;
}

static int send_pending(struct stream_writer *w)
{
	int r = fd_write_all(w->fd, w->buffer, w->pending);

	w->pending = w->data_size = 0;
	return r;
}

static int add_header(struct stream_writer *w, enum stream_type type, uint32_t size, uint64_t value)
{
	int r = w->pending + STREAM_HEADER_LEN > sizeof(w->buffer) ? send_pending(w) : 0;

	if (r < 0)
		return r;
	put_header(w->buffer + w->pending, type, size, value);
	w->pending += STREAM_HEADER_LEN;
	w->data_size = 0;
	return 0;
}

int stream_begin(struct stream_writer *w, uint64_t id)
{
	return add_header(w, STREAM_BEGIN, 0, id);
}

int stream_end(struct stream_writer *w, uint64_t id, enum stream_status status)
{
	int r = add_header(w, STREAM_END, (uint32_t)status, id);

	return r == 0 ? send_pending(w) : r;
}

int stream_add_zeros(struct stream_writer *w, uint64_t size)
{
	return size > 0 ? add_header(w, STREAM_ZEROS, 0, size) : 0;
}

/* Begin a DATA part, or go on with the one at hand. */
static int make_room(struct stream_writer *w)
{
	size_t header = w->data_size > 0 ? 0 : STREAM_HEADER_LEN;
	int r = 0;

	if (w->data_size == STREAM_CHUNK_MAX || w->pending + header >= sizeof(w->buffer))
		r = send_pending(w);
	if (r == 0 && w->data_size == 0)
		w->pending += STREAM_HEADER_LEN; /* written below, once the size is known */
	return r;
}

int stream_add(struct stream_writer *w, const void *data, size_t size)
{
	const uint8_t *from = data;

	while (size > 0) {
		int r = make_room(w);
		size_t n;

		if (r < 0)
			return r;
		n = MIN(size, MIN(sizeof(w->buffer) - w->pending, STREAM_CHUNK_MAX - w->data_size));
		memcpy(w->buffer + w->pending, from, n);
		w->pending += n;
		w->data_size += n;
		put_header(w->buffer + w->pending - w->data_size - STREAM_HEADER_LEN, STREAM_DATA, (uint32_t)w->data_size, 0);
		from += n;
		size -= n;
	}
	return 0;
}

int stream_reserve(struct stream_writer *w, size_t want, uint8_t **ret)
{
	int r = 0;

	if (w->pending + STREAM_HEADER_LEN + want + STREAM_HEADER_LEN > sizeof(w->buffer))
		r = send_pending(w);
	if (r == 0)
		*ret = w->buffer + w->pending + STREAM_HEADER_LEN;
	return r;
}

void stream_commit(struct stream_writer *w, size_t size)
{
	uint8_t *head = w->buffer + w->pending, *data = head + STREAM_HEADER_LEN;

	w->data_size = 0;
	w->pending += STREAM_HEADER_LEN;
	if (size == STREAM_CHUNK_MAX && is_zero(data, size)) {
		put_header(head, STREAM_ZEROS, 0, size);
		return;
	}
	put_header(head, STREAM_DATA, (uint32_t)size, 0);
	w->pending += size;
}
