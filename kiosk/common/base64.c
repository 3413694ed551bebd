/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Own code because EVP_DecodeBlock() strips white space and accepts stray bits: two spellings of one signature
 * would then both be good, and a line would not be canonical. */
#include "common/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, char *out)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i += 3) {
		size_t n = MIN(size - i, (size_t)3);
		uint32_t v = (uint32_t)p[i] << 16;

		if (n > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (n > 2)
			v |= p[i + 2];
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[v & 63] : '=';
	}
	*out = '\0';
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* One group of four characters; `n` bytes (1 to 3) come out of it. */
static int decode_group(const char *text, uint8_t *out, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = i <= n ? digit(text[i]) : (text[i] == '=' ? 0 : -1);

		if (d < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)d;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (16 - 8 * i));
	/* RFC 4648 section 3.5: bits that belong to no byte must be zero */
	return n < 3 && (v & ((1u << (24 - 8 * n)) - 1)) != 0 ? -EINVAL : 0;
}

int base64_decode(const char *text, size_t text_size, void *out, size_t size)
{
	uint8_t *p = out;

	if (text_size != BASE64_LEN(size))
		return -EINVAL;
	for (size_t i = 0; i < size; i += 3, text += 4) {
		int r = decode_group(text, p + i, MIN(size - i, (size_t)3));

		if (r < 0)
			return r;
	}
	return 0;
}
