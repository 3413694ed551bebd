/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* An RPM package, version 3 or 4 (RPM file format, rpm.org): lead, signature, header, and behind them, to the end of the file,
 * the payload, which comes out as it is: a compressed cpio, opened by the next request. The scripts that the package manager
 * runs stand in the header and come out, too. What the signatures are worth is lazaret-rpm's to say. */
#include <inttypes.h>
#include <string.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

#define LEAD 96u
#define INTRO 16u	     /* of a header: magic, version, reserved, number of tags, size of their store */
#define TAG 16u
#define TAGS_MAX (1u << 20)  /* packages with a hundred thousand files have some dozen tags */
#define TYPE_STRING 6u
#define TYPE_ARRAY 8u
#define STRINGS_MAX 4096u    /* of one tag: file triggers of the largest packages are a few dozen */

struct header {
	const uint8_t *tags, *store;
	uint32_t tag_count, store_size;
};

static const struct {
	uint32_t tag;
	const char *name;
} scripts[] = {
	{ 1023, "prein" },	{ 1024, "postin" },	    { 1025, "preun" },	     { 1026, "postun" },
	{ 1065, "trigger" },	{ 1079, "verify" },	    { 1151, "pretrans" },    { 1152, "posttrans" },
	{ 5066, "filetrigger" }, { 5076, "transfiletrigger" }, { 5104, "preuntrans" }, { 5105, "postuntrans" },
};

static int unsafe(struct container *c, const char *what)
{
	int r = container_broken(c, REASON_ARCHIVE_UNSAFE, "%s", what);

	return r < 0 ? r : -EBADMSG;
}

/* A header at `*at`, which is moved behind it. */
static bool take_header(const struct container *c, uint64_t *at, struct header *ret)
{
	const uint8_t *p = c->data + *at;
	uint64_t left = c->size - *at;

	if (left < INTRO || memcmp(p, "\x8e\xad\xe8\x01", 4) != 0)
		return false;
	ret->tag_count = be32(p + 8);
	ret->store_size = be32(p + 12);
	if (ret->tag_count > TAGS_MAX || (uint64_t)ret->tag_count * TAG + ret->store_size > left - INTRO)
		return false;
	ret->tags = p + INTRO;
	ret->store = ret->tags + (size_t)ret->tag_count * TAG;
	*at += INTRO + (uint64_t)ret->tag_count * TAG + ret->store_size;
	return true;
}

static int open_script(struct container *c, const char *name, unsigned int number, const char *text, size_t size)
{
	char path[64];
	int n = number == 0 ? snprintf(path, sizeof(path), "scripts/%s", name) :
			      snprintf(path, sizeof(path), "scripts/%s-%u", name, number + 1);
	int r = container_member(c, path, (size_t)n, size);

	if (r == 0)
		r = container_data(c, text, size);
	return r < 0 ? r : container_end(c);
}

/* The strings of one tag; the last one ends within the store. */
static int open_tag(struct container *c, const struct header *h, const uint8_t *tag, const char *name)
{
	uint32_t type = be32(tag + 4), offset = be32(tag + 8), count = be32(tag + 12);
	int r = 0;

	if ((type != TYPE_STRING && type != TYPE_ARRAY) || count > STRINGS_MAX || offset >= h->store_size)
		return unsafe(c, "damaged: a script of another kind");
	for (uint32_t i = 0; r == 0 && i < (type == TYPE_STRING ? 1 : count); i++) {
		const char *text = (const char *)h->store + offset;
		const char *nul = offset < h->store_size ? memchr(text, 0, h->store_size - offset) : NULL;

		if (!nul)
			return unsafe(c, "damaged: a script without an end");
		if (nul > text)
			r = open_script(c, name, i, text, (size_t)(nul - text));
		offset += (uint32_t)(nul - text) + 1;
	}
	return r;
}

static int open_scripts(struct container *c, const struct header *h)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < h->tag_count; i++)
		for (size_t k = 0; r == 0 && k < ARRAY_LEN(scripts); k++)
			if (be32(h->tags + (size_t)i * TAG) == scripts[k].tag)
				r = open_tag(c, h, h->tags + (size_t)i * TAG, scripts[k].name);
	return r;
}

static const char *payload_name(const uint8_t *p, uint64_t size)
{
	static const struct {
		const char *magic;
		size_t size;
		const char *name;
	} kinds[] = {
		{ "\x1f\x8b", 2, "payload.cpio.gz" },	   { "BZh", 3, "payload.cpio.bz2" },
		{ "\xfd" "7zXZ", 5, "payload.cpio.xz" },   { "\x28\xb5\x2f\xfd", 4, "payload.cpio.zst" },
		{ "\x5d\0\0", 3, "payload.cpio.lzma" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (size >= kinds[i].size && memcmp(p, kinds[i].magic, kinds[i].size) == 0)
			return kinds[i].name;
	return "payload.cpio";
}

static int open_payload(struct container *c, uint64_t at)
{
	uint64_t size = c->size - at;
	const char *name = payload_name(c->data + at, size);
	int r;

	if (size == 0)
		return unsafe(c, "damaged: it has no payload");
	r = container_member(c, name, strlen(name), size);
	for (uint64_t done = 0; r == 0 && done < size; done += MIN(size - done, (uint64_t)UNPACK_PIECE))
		r = container_data(c, c->data + at + done, (size_t)MIN(size - done, (uint64_t)UNPACK_PIECE));
	return r < 0 ? r : container_end(c);
}

int open_rpm(struct container *c)
{
	struct header signature, header;
	uint64_t at = LEAD;
	int r;

	if (c->size < LEAD || memcmp(c->data, "\xed\xab\xee\xdb", 4) != 0 || (c->data[4] != 3 && c->data[4] != 4))
		return unsafe(c, "damaged: does not begin as an RPM of version 3 or 4");
	if (!take_header(c, &at, &signature))
		return unsafe(c, "damaged: its signature header is not whole");
	at = (at + 7) / 8 * 8;
	if (at > c->size || !take_header(c, &at, &header))
		return unsafe(c, "damaged: its header is not whole");
	r = open_scripts(c, &header);
	return r < 0 ? r : open_payload(c, at);
}
