/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A Debian binary package (deb(5)) is an ar(5) of debian-binary, control.tar.* and data.tar.*, in this order. */
#include <string.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

#define AR_HEADER 60u

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

/* Decimal, padded with spaces: at most ten digits, so that nothing overflows. */
static bool read_size(const uint8_t *field, uint64_t *ret)
{
	size_t i = 0;

	for (*ret = 0; i < 10 && field[i] >= '0' && field[i] <= '9'; i++)
		*ret = *ret * 10 + (uint64_t)(field[i] - '0');
	if (i == 0)
		return false;
	while (i < 10 && field[i] == ' ')
		i++;
	return i == 10;
}

/* "debian-binary" with nothing but spaces and at most one '/' behind it; or, of the tars, what begins so. */
static bool is_called(const uint8_t *header, const char *name, bool may_go_on)
{
	size_t n = strlen(name);

	if (memcmp(header, name, n) != 0)
		return false;
	if (may_go_on)
		return header[n] == ' ' || header[n] == '.' || header[n] == '/';
	n += header[n] == '/';
	return strspn((const char *)header + n, " ") >= 16 - n;
}

int layout_deb(struct container *c, struct layout *ret)
{
	uint64_t at = 8, size;
	unsigned int entries = 0, control = 0, data = 0;

	if (c->size < 8 || memcmp(c->data, "!<arch>\n", 8) != 0)
		return unsafe(c, "damaged: does not begin as ar");
	while (at < c->size) {
		const uint8_t *h = c->data + at;

		if (c->size - at < AR_HEADER || memcmp(h + 58, "`\n", 2) != 0 || !read_size(h + 48, &size))
			return unsafe(c, "damaged: an entry without a header");
		at += AR_HEADER;
		if (size > c->size - at)
			return unsafe(c, "damaged: cut off");
		if (entries == 0 && (!is_called(h, "debian-binary", false) || size != 4 || memcmp(c->data + at, "2.0\n", 4) != 0))
			return unsafe(c, "does not begin with debian-binary of version 2.0");
		control += is_called(h, "control.tar", true);
		if (is_called(h, "data.tar", true) && ++data == 1 && control == 0)
			return unsafe(c, "data.tar stands before control.tar");
		entries++;
		at += MIN(size + (size & 1), c->size - at);
	}
	if (control != 1 || data != 1)
		return unsafe(c, "does not have one control.tar and one data.tar");
	ret->entries = entries;
	ret->end = c->size;
	return 0;
}
