/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ole/native.h"

#include <string.h>

struct cursor {
	const uint8_t *at, *end;
};

static int take_u16(struct cursor *c, unsigned int *ret)
{
	if (c->end - c->at < 2)
		return -EBADMSG;
	*ret = (unsigned int)(c->at[0] | c->at[1] << 8);
	c->at += 2;
	return 0;
}

static int take_u32(struct cursor *c, uint32_t *ret)
{
	unsigned int low, high;

	if (take_u16(c, &low) < 0 || take_u16(c, &high) < 0)
		return -EBADMSG;
	*ret = low | (uint32_t)high << 16;
	return 0;
}

static int take_text(struct cursor *c, const char **ret)
{
	const uint8_t *end = memchr(c->at, 0, (size_t)(c->end - c->at));

	if (!end)
		return -EBADMSG;
	*ret = (const char *)c->at;
	c->at = end + 1;
	return 0;
}

/* `length` bytes, of which the last is NUL; none at all is "". */
static int take_counted_text(struct cursor *c, const char **ret)
{
	uint32_t length;

	if (take_u32(c, &length) < 0 || length > (size_t)(c->end - c->at))
		return -EBADMSG;
	if (length > 0 && c->at[length - 1] != 0)
		return -EBADMSG;
	*ret = length > 0 ? (const char *)c->at : "";
	c->at += length;
	return 0;
}

static int take_package(struct cursor *c, struct native *n, uint32_t *ret_size)
{
	unsigned int kind, zero, three;

	if (take_u16(c, &kind) < 0 || kind != 2 || take_text(c, &n->label) < 0 || take_text(c, &n->file) < 0)
		return -EBADMSG;
	if (take_u16(c, &zero) < 0 || take_u16(c, &three) < 0 || three != 3)
		return -EBADMSG;
	if (take_counted_text(c, &n->temporary) < 0)
		return -EBADMSG;
	return take_u32(c, ret_size);
}

int native_parse(const uint8_t *head, size_t head_size, uint64_t size, struct native *ret)
{
	struct cursor c = { .at = head, .end = head + MIN(head_size, (size_t)NATIVE_HEAD_MAX) };
	struct native n = { .label = "", .file = "", .temporary = "" };
	uint32_t all, file_size;

	if (take_u32(&c, &all) < 0)
		return -EBADMSG;
	n.offset = 4;
	n.size = size - 4; /* all that is there: the count may say less than a reader takes */
	if (take_package(&c, &n, &file_size) == 0 && file_size <= size - (uint64_t)(c.at - head)) {
		n.offset = (uint64_t)(c.at - head);
		n.size = file_size;
		*ret = n;
		return 0;
	}
	n.label = n.file = n.temporary = "";
	*ret = n;
	return -ENOENT;
}
