/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The wire format of Protocol Buffers. Every byte is looked at once for each message that it lies in and that has a `look`. */
#include "content/model_protobuf.h"

#include <errno.h>

static bool take_varint(struct span *rest, uint64_t *ret)
{
	uint64_t n = 0;

	for (unsigned int shift = 0; shift < 70 && rest->size > 0; shift += 7) {
		uint8_t b = *rest->at++;

		rest->size--;
		if (shift < 64)
			n |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = n;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct span *rest, uint64_t size, struct span *ret)
{
	if (size > rest->size)
		return false;
	*ret = (struct span){ rest->at, (size_t)size };
	rest->at += size;
	rest->size -= (size_t)size;
	return true;
}

int protobuf_next(struct span *rest, struct item *ret)
{
	struct item i = { 0 };
	uint64_t key, size;

	if (rest->size == 0)
		return 0;
	if (!take_varint(rest, &key) || key >> 3 == 0 || key >> 3 > 536870911)
		return -EBADMSG;
	i.field = (uint32_t)(key >> 3);
	i.wire = key & 7;
	switch (i.wire) {
	case WIRE_VARINT:
		if (!take_varint(rest, &i.number))
			return -EBADMSG;
		break;
	case WIRE_BYTES:
		if (!take_varint(rest, &size) || !take_bytes(rest, size, &i.bytes))
			return -EBADMSG;
		break;
	case WIRE_FIXED32:
	case WIRE_FIXED64:
		if (!take_bytes(rest, i.wire == WIRE_FIXED32 ? 4 : 8, &i.bytes))
			return -EBADMSG;
		break;
	default:
		return -EBADMSG;
	}
	*ret = i;
	return 1;
}

struct span protobuf_bytes(struct span message, uint32_t field)
{
	struct span found = { NULL, 0 };
	struct item i;

	while (protobuf_next(&message, &i) > 0)
		if (i.field == field && i.wire == WIRE_BYTES)
			found = i.bytes;
	return found;
}

static int walk(const struct message *m, struct span body, void *state, unsigned int depth)
{
	struct item item;
	int r = m->look ? m->look(state, body) : 0;

	if (depth > PROTOBUF_DEPTH_MAX)
		return -ELOOP;
	while (r == 0) {
		r = protobuf_next(&body, &item);
		if (r <= 0)
			return r;
		r = 0;
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(m->inner) && m->inner[i].message; i++)
			if (m->inner[i].field == item.field && item.wire == WIRE_BYTES)
				r = walk(m->inner[i].message, item.bytes, state, depth + 1);
	}
	return r;
}

int protobuf_walk(const struct message *m, struct span body, void *state)
{
	return walk(m, body, state, 0);
}
