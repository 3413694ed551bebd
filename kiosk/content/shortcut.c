/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* shortcut: files that start something else, or fetch it, when they are opened or merely shown in a folder. */
#include "content/shortcut.h"

#include <string.h>

#include "content/detectors.h"

#define HEADER_BYTES 76 /* MS-SHLLINK 2.1 */

/* 2.1.1 LinkFlags */
enum {
	HAS_ID_LIST = 1u << 0,
	HAS_LINK_INFO = 1u << 1,
	HAS_NAME = 1u << 2,
	HAS_RELATIVE_PATH = 1u << 3,
	HAS_WORKING_DIR = 1u << 4,
	HAS_ARGUMENTS = 1u << 5,
	HAS_ICON = 1u << 6,
	IS_UNICODE = 1u << 7,
};

#define TEXT_MAX 200 /* bytes of a target, of arguments, that are told */

struct link {
	struct span rest;
	uint32_t flags;
	bool is_cut;
	char target[TEXT_MAX + 1], arguments[TEXT_MAX + 1];
};

static struct span take(struct link *l, size_t size)
{
	struct span s = l->rest;

	if (size > l->rest.size) {
		l->is_cut = true;
		size = l->rest.size;
	}
	s.size = size;
	l->rest.at += size;
	l->rest.size -= size;
	return s;
}

/* Runs of blanks are told as one: they push the command out of what people see. */
static void store(struct span s, bool is_wide, char ret[static TEXT_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < s.size && n < TEXT_MAX; i += is_wide ? 2 : 1) {
		bool is_shown = s.at[i] >= ' ' && (!is_wide || (i + 1 < s.size && s.at[i + 1] == 0));

		if (s.at[i] == 0 && (!is_wide || (i + 1 < s.size && s.at[i + 1] == 0)))
			break;
		if (s.at[i] == ' ' && n > 0 && ret[n - 1] == ' ')
			continue;
		ret[n++] = is_shown ? (char)s.at[i] : '?';
	}
	ret[n] = '\0';
}

/* 2.4 StringData: counted characters */
static struct span string(struct link *l)
{
	struct span count = take(l, 2);

	if (count.size < 2)
		return (struct span){ count.at, 0 };
	return take(l, (size_t)le16(count.at) * (l->flags & IS_UNICODE ? 2 : 1));
}

/* 2.3 LinkInfo: the local path, or the name of a share */
static void link_info(struct link *l)
{
	uint32_t size = l->rest.size >= 4 ? le32(l->rest.at) : 4, offset;
	struct span info = take(l, size < 4 ? 4 : size);

	if (info.size < 28)
		return;
	offset = le32(info.at + 16);
	if (offset > 0 && offset < info.size) {
		store((struct span){ info.at + offset, info.size - offset }, false, l->target);
		return;
	}
	offset = le32(info.at + 20); /* 2.3.2 CommonNetworkRelativeLink */
	if (offset > 0 && offset < info.size && info.size - offset > 20) {
		struct span share = { info.at + offset, info.size - offset };
		uint32_t name = le32(share.at + 8);

		if (name < share.size)
			store((struct span){ share.at + name, share.size - name }, false, l->target);
	}
}

/* 2.5.4 EnvironmentVariableDataBlock: a target that needs no other field */
static void extra_data(struct link *l)
{
	while (l->rest.size >= 8) {
		uint32_t size = le32(l->rest.at);
		struct span block;

		if (size < 8)
			return;
		block = take(l, size);
		if (block.size >= 8 + 260 && le32(block.at + 4) == 0xa0000001 && l->target[0] == '\0')
			store((struct span){ block.at + 8, 260 }, false, l->target);
	}
}

static void read_link(struct link *l)
{
	bool is_wide = l->flags & IS_UNICODE;

	if (l->flags & HAS_ID_LIST) {
		struct span size = take(l, 2);

		(void)take(l, size.size == 2 ? le16(size.at) : 0);
	}
	if (l->flags & HAS_LINK_INFO)
		link_info(l);
	if (l->flags & HAS_NAME)
		(void)string(l);
	if (l->flags & HAS_RELATIVE_PATH) {
		struct span path = string(l);

		if (l->target[0] == '\0')
			store(path, is_wide, l->target);
	}
	if (l->flags & HAS_WORKING_DIR)
		(void)string(l);
	if (l->flags & HAS_ARGUMENTS)
		store(string(l), is_wide, l->arguments);
	if (l->flags & HAS_ICON)
		(void)string(l);
	extra_data(l);
}

int shortcut_link(struct content *c)
{
	static const uint8_t id[20] = { 0x4c, 0, 0, 0, 0x01, 0x14, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 };
	struct link l = { .rest = { c->data, c->size } };

	if (c->size < sizeof(id) || memcmp(c->data, id, sizeof(id)) != 0)
		return 0;
	if (c->size < HEADER_BYTES)
		return content_active(c, "a shortcut that is cut off");
	l.flags = le32(c->data + sizeof(id));
	(void)take(&l, HEADER_BYTES);
	read_link(&l);
	return content_active(c, "a shortcut that starts \"%s\"%s%s%s%s", l.target[0] ? l.target : "(an item of the shell)",
			      l.arguments[0] ? " with \"" : "", l.arguments, l.arguments[0] ? "\"" : "",
			      l.is_cut ? " (it is cut off)" : "");
}

int look_shortcut(struct content *c)
{
	_cleanup_(plain_done) struct plain p = { 0 };
	int r = shortcut_link(c);

	if (r < 0 || c->size == 0 || (c->size >= 4 && le32(c->data) == 0x4c))
		return r;
	r = plain_open(c, &p);
	if (r == 0)
		r = shortcut_sections(c, &p);
	return r == 0 ? shortcut_markup(c, &p) : r;
}
