/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Hostile XML in pieces of any size: what comes of it does not depend on them. The first byte is a size of pieces, less one. */
#include <errno.h>
#include <string.h>

#include "xml/sax.h"

#include "input.h"

struct seen {
	unsigned int depth, elements;
	size_t text;
};

static int on_start(void *context, const struct sax_element *e)
{
	struct seen *s = context;
	const char *value;
	size_t size;

	CLAIM(e->depth == s->depth && e->depth < 40 && e->name && e->namespace);
	if (sax_attribute(e, "a", s->elements % 2, &value, &size))
		CLAIM(value && memchr(value, 0, size) == NULL);
	s->depth++;
	s->elements++;
	return 0;
}

static int on_end(void *context, const struct sax_element *e)
{
	struct seen *s = context;

	CLAIM(s->depth > 0 && e->depth == --s->depth);
	return 0;
}

static int on_text(void *context, const char *text, size_t size)
{
	struct seen *s = context;

	CLAIM(text && size > 0);
	s->text += size;
	return 0;
}

static int read_all(const uint8_t *data, size_t size, size_t piece, struct seen *seen)
{
	static const struct sax_events events = { on_start, on_end, on_text };
	static const struct sax_options options = { .depth_max = 40 };
	struct sax *s = sax_new(&options, &events, seen);
	int r = 0;

	CLAIM(s);
	for (size_t at = 0; r == 0 && at < size; at += piece)
		r = sax_feed(s, (const char *)data + at, MIN(piece, size - at));
	if (r == 0)
		r = sax_feed(s, "", 0);
	CLAIM(r == 0 || r == -EBADMSG || r == -EFBIG);
	CLAIM((r == 0) == (*sax_why(s) == '\0'));
	CLAIM(r != 0 || seen->depth == 0);
	sax_free(s);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = { 0 }, pieces = { 0 };
	int a, b;

	if (size < 2)
		return 0;
	a = read_all(data + 1, size - 1, size - 1, &whole);
	b = read_all(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
	CLAIM((a == 0) == (b == 0));
	CLAIM(a != 0 || (whole.elements == pieces.elements && whole.text == pieces.text));
	return 0;
}
