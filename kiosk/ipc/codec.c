/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/codec.h"

#include <string.h>

void encoder_init(struct encoder *e)
{
	e->size = 0;
	e->error = 0;
}

static uint8_t *encoder_room(struct encoder *e, size_t size)
{
	uint8_t *at;

	if (e->error || size > sizeof(e->data) - e->size) {
		e->error = e->error ? e->error : -EMSGSIZE;
		return NULL;
	}
	at = e->data + e->size;
	e->size += size;
	return at;
}

static void store(uint8_t *at, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

void encode_u32(struct encoder *e, uint32_t v)
{
	uint8_t *at = encoder_room(e, sizeof(v));

	if (at)
		store(at, v, sizeof(v));
}

void encode_u64(struct encoder *e, uint64_t v)
{
	uint8_t *at = encoder_room(e, sizeof(v));

	if (at)
		store(at, v, sizeof(v));
}

void encode_bytes(struct encoder *e, const void *data, size_t size)
{
	uint8_t *at;

	if (size > sizeof(e->data)) {
		e->error = e->error ? e->error : -EMSGSIZE;
		return;
	}
	encode_u32(e, (uint32_t)size);
	at = encoder_room(e, size);
	if (at && size > 0)
		memcpy(at, data, size);
}

void encode_str(struct encoder *e, const char *s)
{
	encode_bytes(e, s, s ? strlen(s) : 0);
}

size_t encode_reserve_u32(struct encoder *e)
{
	size_t place = e->size;

	encode_u32(e, 0);
	return place;
}

void encode_patch_u32(struct encoder *e, size_t place, uint32_t v)
{
	if (!e->error)
		store(e->data + place, v, sizeof(v));
}

void decoder_init(struct decoder *d, const void *data, size_t size)
{
	*d = (struct decoder){ .data = data, .size = size };
}

static const uint8_t *decoder_take(struct decoder *d, size_t size)
{
	const uint8_t *at;

	if (d->error || size > d->size - d->at) {
		d->error = -EPROTO;
		return NULL;
	}
	at = d->data + d->at;
	d->at += size;
	return at;
}

static uint64_t load(const uint8_t *at, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; at && i < size; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

uint32_t decode_u32(struct decoder *d)
{
	return (uint32_t)load(decoder_take(d, 4), 4);
}

uint64_t decode_u64(struct decoder *d)
{
	return load(decoder_take(d, 8), 8);
}

const uint8_t *decode_bytes(struct decoder *d, size_t max, size_t *ret_size)
{
	uint32_t size = decode_u32(d);
	const uint8_t *at;

	*ret_size = 0;
	if (size > max)
		d->error = -EPROTO;
	at = decoder_take(d, size);
	if (!at)
		return (const uint8_t *)"";
	*ret_size = size;
	return at;
}

void decode_exact(struct decoder *d, void *out, size_t size)
{
	size_t got;
	const uint8_t *at = decode_bytes(d, size, &got);

	memset(out, 0, size);
	if (got != size)
		d->error = -EPROTO;
	else
		memcpy(out, at, size);
}

char *decode_str(struct decoder *d, size_t max)
{
	size_t size;
	const uint8_t *at = decode_bytes(d, max, &size);
	char *s;

	if (!d->error && memchr(at, '\0', size))
		d->error = -EPROTO;
	if (d->error)
		return NULL;
	s = malloc(size + 1);
	if (!s) {
		d->error = -ENOMEM;
		return NULL;
	}
	memcpy(s, at, size);
	s[size] = '\0';
	return s;
}

void decode_str_into(struct decoder *d, char *out, size_t out_size)
{
	size_t size;
	const uint8_t *at = decode_bytes(d, out_size - 1, &size);

	if (!d->error && memchr(at, '\0', size))
		d->error = -EPROTO;
	if (d->error)
		size = 0;
	memcpy(out, at, size);
	out[size] = '\0';
}

int decoder_end(const struct decoder *d)
{
	if (d->error)
		return d->error;
	return d->at == d->size ? 0 : -EPROTO;
}
