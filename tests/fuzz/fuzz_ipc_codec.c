/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reading and writing fields: what is read lies within, and what is written is read again as it was. */
#include "ipc/codec.h"

#include "input.h"

static void read_field(struct decoder *d, uint8_t what)
{
	size_t at = d->at, size = 0;
	uint8_t exact[32], small[20];
	const uint8_t *bytes;
	char *text;

	switch (what % 6) {
	case 0:
		(void)decode_u32(d);
		break;
	case 1:
		(void)decode_u64(d);
		break;
	case 2:
		bytes = decode_bytes(d, what, &size);
		CLAIM(d->error || (size <= what && bytes >= d->data && bytes + size <= d->data + d->size));
		break;
	case 3:
		decode_exact(d, exact, sizeof(exact));
		break;
	case 4:
		text = decode_str(d, what);
		CLAIM(d->error ? !text : strlen(text) <= what);
		free(text);
		break;
	default:
		decode_str_into(d, (char *)small, sizeof(small));
		CLAIM(memchr(small, 0, sizeof(small)));
	}
	CLAIM(d->at >= at && d->at <= d->size);
}

static void write_and_read(struct input in)
{
	static struct encoder e;
	uint32_t a = take_number(&in, 4), b = 0;
	struct decoder d;
	size_t size = 0, place;
	const uint8_t *bytes;

	encoder_init(&e);
	place = encode_reserve_u32(&e);
	encode_u64(&e, (uint64_t)a << 32 | a);
	encode_bytes(&e, in.at, in.left);
	encode_patch_u32(&e, place, a);
	CLAIM(e.size <= sizeof(e.data));
	if (e.error)
		return;
	decoder_init(&d, e.data, e.size);
	b = decode_u32(&d);
	CLAIM(a == b && decode_u64(&d) == ((uint64_t)a << 32 | a));
	bytes = decode_bytes(&d, in.left, &size);
	CLAIM(decoder_end(&d) == 0 && size == in.left && (size == 0 || memcmp(bytes, in.at, size) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct input plan = take_part(&in, take_byte(&in));
	uint8_t *copy = exactly(in);
	struct decoder d;

	decoder_init(&d, copy, in.left);
	while (plan.left > 0)
		read_field(&d, take_byte(&plan));
	(void)decoder_end(&d);
	write_and_read(in);
	free(copy);
	return 0;
}
