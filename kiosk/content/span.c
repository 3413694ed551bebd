/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "content/span.h"

#include <string.h>
#include <strings.h>

#define PROBE_BYTES 4096 /* of the beginning say whether it is text */

static uint8_t lower_of(uint8_t b)
{
	return b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b;
}

struct span span_text(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

struct span span_trim(struct span s)
{
	while (s.size > 0 && s.at[0] <= ' ')
		s.at++, s.size--;
	while (s.size > 0 && s.at[s.size - 1] <= ' ')
		s.size--;
	return s;
}

static bool same(const uint8_t *at, const char *lower, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (lower_of(at[i]) != (uint8_t)lower[i])
			return false;
	return true;
}

bool span_is(struct span s, const char *lower)
{
	return s.size == strlen(lower) && same(s.at, lower, s.size);
}

bool span_starts(struct span s, const char *lower)
{
	return s.size >= strlen(lower) && same(s.at, lower, strlen(lower));
}

bool span_ends(struct span s, const char *lower)
{
	size_t size = strlen(lower);

	return s.size >= size && same(s.at + s.size - size, lower, size);
}

const uint8_t *span_find(struct span s, const char *lower)
{
	size_t size = strlen(lower);
	const uint8_t *p = s.at, *end;
	const uint8_t other = lower[0] >= 'a' && lower[0] <= 'z' ? (uint8_t)(lower[0] - 'a' + 'A') : (uint8_t)lower[0];

	if (s.size < size || size == 0)
		return NULL;
	end = s.at + (s.size - size) + 1; /* behind the last place where it can begin */
	for (; p < end; p++) {
		if (other == (uint8_t)lower[0]) /* "<" and the like: what most searches are for */
			p = memchr(p, other, (size_t)(end - p));
		else
			while (p < end && *p != (uint8_t)lower[0] && *p != other)
				p++;
		if (!p || p == end)
			return NULL;
		if (same(p, lower, size))
			return p;
	}
	return NULL;
}

struct span span_from(struct span s, const uint8_t *at)
{
	return (struct span){ at, (size_t)(s.at + s.size - at) };
}

bool span_line(struct span *rest, struct span *ret)
{
	size_t n = 0;

	if (rest->size == 0)
		return false;
	while (n < rest->size && rest->at[n] != '\n' && rest->at[n] != '\r')
		n++;
	*ret = (struct span){ rest->at, n };
	if (n < rest->size)
		n++;
	rest->at += n;
	rest->size -= n;
	return true;
}

bool path_ends(const char *path, const char *lower)
{
	size_t path_size = strlen(path), size = strlen(lower);

	return path_size >= size && strcasecmp(path + path_size - size, lower) == 0 &&
	       (path_size == size || path[path_size - size - 1] == '/');
}

bool path_has_folder(const char *path, const char *lower)
{
	size_t size = strlen(lower);

	for (const char *p = path; *p; p++)
		if ((p == path || p[-1] == '/') && strncasecmp(p, lower, size) == 0 && p[size] == '/')
			return true;
	return false;
}

bool is_remote(struct span address)
{
	static const char *const schemes[] = { "http:",  "https:", "ftp:", "ftps:", "file:", "mhtml:", "ms-its:", "mk:",
					       "smb:",	 "dav:",   "davs:", "webdav:", "ldap:", "\\\\", "//",     "\\/", "/\\" };

	address = span_trim(address);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (span_starts(address, schemes[i]))
			return true;
	return false;
}

/* UTF-16 of ASCII has a zero in every second byte; text in other scripts has blanks and line ends like that, but no file of
 * one-byte text has a single zero. `odd`: the zeros stand at odd offsets (little-endian). */
static bool looks_wide(const uint8_t *data, size_t size, bool odd)
{
	size_t units = MIN(size, (size_t)PROBE_BYTES) / 2, zeros = 0;

	for (size_t i = 0; i < units; i++) {
		if (data[2 * i] == 0 && data[2 * i + 1] == 0)
			return false;
		zeros += data[2 * i + (odd ? 1 : 0)] == 0;
	}
	return units >= 4 && zeros * 10 >= units * 8;
}

static int narrow(const uint8_t *data, size_t size, bool is_little, struct plain *ret)
{
	size_t units = size / 2;

	ret->owned = malloc(units + 1);
	if (!ret->owned)
		return -ENOMEM;
	for (size_t i = 0; i < units; i++) {
		uint8_t low = data[2 * i + (is_little ? 0 : 1)], high = data[2 * i + (is_little ? 1 : 0)];

		ret->owned[i] = high == 0 && low < 0x80 ? low : '?';
	}
	ret->text = (struct span){ ret->owned, units };
	return 0;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < MIN(s.size, (size_t)PROBE_BYTES); i++)
		if (s.at[i] < 7 || (s.at[i] > 13 && s.at[i] < 26))
			return true;
	return false;
}

int plain_open(const struct content *c, struct plain *ret)
{
	int r = 0;

	*ret = (struct plain){ .text = { c->data, c->size } };
	if (c->size >= 2 && memcmp(c->data, "\xff\xfe", 2) == 0)
		r = narrow(c->data + 2, c->size - 2, true, ret);
	else if (c->size >= 2 && memcmp(c->data, "\xfe\xff", 2) == 0)
		r = narrow(c->data + 2, c->size - 2, false, ret);
	else if (c->size >= 3 && memcmp(c->data, "\xef\xbb\xbf", 3) == 0)
		ret->text = (struct span){ c->data + 3, c->size - 3 };
	else if (looks_wide(c->data, c->size, true))
		r = narrow(c->data, c->size, true, ret);
	else if (looks_wide(c->data, c->size, false))
		r = narrow(c->data, c->size, false, ret);
	ret->is_binary = has_control(ret->text);
	return r;
}

void plain_done(struct plain *p)
{
	free(p->owned);
	p->owned = NULL;
}

uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}
