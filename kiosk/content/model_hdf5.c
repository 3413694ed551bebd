/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* HDF5 without its library, which has had a long row of memory errors and opens files that a file names. Three of its structures
 * do that: links to other files, data sets whose bytes lie elsewhere, data sets put together out of others. They are looked for
 * wherever they may stand (HDF5 File Format Specification 3.0, IV.A.2.g, .h, .i), by enough of their form and by what they
 * point at not to be taken for numbers by chance; no tree is followed that could be laid to hide them. Keras's models are JSON
 * in an attribute.
 */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"

#define HDF5_MIME "application/x-hdf5"
#define DESCRIPTIONS_MAX 32 /* of Keras in one file; each is read once. Keras writes three */

struct file {
	struct content *c;
	uint64_t base, end; /* what addresses count from; where the file says that it ends */
	unsigned int width; /* bytes of an address */
	uint64_t budget;    /* bytes of what may be links that are still looked at */
};

static uint64_t number(const uint8_t *p, unsigned int width)
{
	uint64_t n = 0;

	for (unsigned int i = width; i > 0; i--)
		n = n << 8 | p[i - 1];
	return n;
}

/* At 0, or behind a block of the user's: 512, 1024, ... */
static bool find_superblock(const struct content *c, size_t *ret)
{
	for (size_t at = 0; at < c->size && c->size - at >= 48; at = at ? at * 2 : 512)
		if (memcmp(c->data + at, "\x89HDF\r\n\x1a\n", 8) == 0) {
			*ret = at;
			return true;
		}
	return false;
}

static bool read_superblock(struct file *f, size_t at)
{
	const uint8_t *p = f->c->data + at;
	size_t first = p[8] == 0 ? 24 : p[8] == 1 ? 28 : 12; /* of the addresses; between: numbers of the B-trees */

	f->width = p[8] < 2 ? p[13] : p[9];
	if (p[8] > 3 || (f->width != 2 && f->width != 4 && f->width != 8) || f->c->size - at < first + 4 * 8)
		return false;
	f->base = number(p + first, f->width);
	f->end = number(p + first + 2 * f->width, f->width);
	return f->base <= f->c->size;
}

/* Does a block with this signature stand at that address? */
static bool points_at(const struct file *f, const uint8_t *address, const char signature[4])
{
	uint64_t at;

	if (__builtin_add_overflow(number(address, f->width), f->base, &at) || at > f->c->size || f->c->size - at < 4)
		return false;
	return memcmp(f->c->data + at, signature, 4) == 0;
}

/* Link message: version 1, flags with "link type is told", 64: external. Name, then version 0 and two strings that fill what they
 * are said to fill. */
static bool is_external_link(struct file *f, const uint8_t *p, size_t left, struct span *ret_file)
{
	size_t at = 3, width, name, size;
	const uint8_t *end;

	if (left < 16 || p[0] != 1 || p[2] != 64 || !(p[1] & 8) || p[1] & 0xe0)
		return false;
	at += (p[1] & 4 ? 8 : 0) + (p[1] & 16 ? 1 : 0);
	width = (size_t)1 << (p[1] & 3);
	if (left - at < width + 2 || number(p + at, (unsigned int)width) > left - at - width - 2)
		return false;
	name = (size_t)number(p + at, (unsigned int)width);
	at += width + name;
	size = le16(p + at);
	at += 2;
	if (name == 0 || size < 4 || size > left - at || p[at] != 0 || p[at + size - 1] != '\0')
		return false;
	if (f->budget < size) {
		f->budget = 0;
		return false;
	}
	f->budget -= size;
	end = memchr(p + at + 1, '\0', size - 2);
	if (!end || memchr(end + 1, '\0', size - (size_t)(end + 1 - (p + at)) - 1))
		return false;
	*ret_file = (struct span){ p + at + 1, (size_t)(end - (p + at + 1)) };
	return true;
}

/* External data files message: version 1, zeros, places and how many of them are used, the heap with the names. */
static bool is_external_storage(const struct file *f, const uint8_t *p, size_t left)
{
	return left >= 8u + f->width && memcmp(p, "\1\0\0\0", 4) == 0 && le16(p + 6) > 0 && le16(p + 4) >= le16(p + 6) &&
	       points_at(f, p + 8, "HEAP");
}

/* Data layout message: version 4 or 5, class 3 "virtual", the heap with the list of sources. */
static bool is_virtual(const struct file *f, const uint8_t *p, size_t left)
{
	return left >= 6u + f->width && (p[0] == 4 || p[0] == 5) && p[1] == 3 && points_at(f, p + 2, "GCOL");
}

static int look_elsewhere(struct file *f)
{
	for (size_t i = 0; i < f->c->size; i++) {
		const uint8_t *p = f->c->data + i;
		size_t left = f->c->size - i;
		struct span name;

		if (*p == 1 && is_external_link(f, p, left, &name))
			return content_unsafe(f->c, REASON_ARCHIVE_UNSAFE, "HDF5: a link to another file, \"%.*s\"", SPAN_ARGS(name));
		if (*p == 1 && is_external_storage(f, p, left))
			return content_unsafe(f->c, REASON_ARCHIVE_UNSAFE, "HDF5: a data set whose bytes lie in another file");
		if ((*p == 4 || *p == 5) && is_virtual(f, p, left))
			return content_unsafe(f->c, REASON_ARCHIVE_UNSAFE, "HDF5: a data set that is put together out of others");
		if (f->budget == 0)
			return content_unsafe(f->c, REASON_ARCHIVE_UNSAFE, "HDF5: more that may be links than can be looked at");
	}
	return 0;
}

/* JSON can write any letter as its number, and json.dumps() does it for letters beyond ASCII only: "\u004cambda" hides. */
static bool has_hidden_letters(struct span s)
{
	const uint8_t *p;

	while (s.size >= 6 && (p = memmem(s.at, s.size - 2, "\\u00", 4))) {
		if (p[4] >= '4' && p[4] <= '7')
			return true;
		s = span_from(s, p + 4);
	}
	return false;
}

static int look_keras(struct content *c)
{
	static const char *const starts[] = { "{\"class_name\"", "{\"module\"" };
	struct span s = { c->data, c->size };
	unsigned int count = 0;
	const uint8_t *p;
	int r = 0;

	if (!memmem(s.at, s.size, "class_name", 10) && !memmem(s.at, s.size, "model_config", 12))
		return 0;
	if (has_hidden_letters(s))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: a description that hides letters");
	if (memmem(s.at, s.size, "\"Lambda\"", 8) || memmem(s.at, s.size, "\"__lambda__\"", 12))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: a Lambda layer, which is Python's byte code");
	for (size_t k = 0; r == 0 && k < ARRAY_LEN(starts); k++) {
		s = (struct span){ c->data, c->size };
		while (r == 0 && count < DESCRIPTIONS_MAX && (p = memmem(s.at, s.size, starts[k], strlen(starts[k])))) {
			size_t size = 1;
			json_t *config = model_json(span_from(s, p), true, &size);

			if (config)
				r = model_judge_keras(c, config);
			json_decref(config);
			s = span_from(s, p + size);
			count++;
		}
	}
	return r;
}

int look_model_hdf5(struct content *c)
{
	struct file f = { .c = c, .budget = 4 * (uint64_t)c->size + 65536 };
	size_t at;
	int r;

	if (!find_superblock(c, &at))
		return 0;
	r = content_is(c, HDF5_MIME);
	if (r < 0)
		return r;
	if (!read_superblock(&f, at))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "HDF5: of a version that is not known, or damaged");
	if (f.end > c->size)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "HDF5: cut off");
	r = look_elsewhere(&f);
	return r == 0 ? look_keras(c) : r;
}
