/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "rpm/xml.h"

#include <string.h>

#include "proof/decompress.h"

#define CHUNK_BYTES 32768 /* what libxml2 looks through again with each is at most the ten million bytes of one comment */

struct reading {
	const struct xml_handler *handler;
	void *context;
	bool is_collecting, is_too_long;
	unsigned int depth, text_depth;
	size_t text_size;
	char text[XML_TEXT_MAX + 1];
};

bool xml_attribute(const struct sax_element *e, const char *name, char ret[static XML_TEXT_MAX + 1])
{
	const char *value;
	size_t size;

	if (!sax_attribute(e, name, true, &value, &size) || size > XML_TEXT_MAX)
		return false;
	memcpy(ret, value, size);
	ret[size] = '\0';
	return true;
}

bool xml_has_attribute(const struct sax_element *e, const char *name)
{
	const char *value;
	size_t size;

	return sax_attribute(e, name, false, &value, &size);
}

static int on_start(void *context, const struct sax_element *e)
{
	struct reading *r = context;
	bool wants_text = false;
	int error = r->handler->on_start(r->context, e, &wants_text);

	if (wants_text) {
		r->is_collecting = true;
		r->text_depth = e->depth;
		r->text_size = 0;
	}
	r->depth = e->depth + 1;
	return error;
}

static int on_end(void *context, const struct sax_element *e)
{
	struct reading *r = context;
	bool has_text = r->is_collecting && r->text_depth == e->depth;

	r->depth = e->depth;
	if (has_text) {
		r->text[r->text_size] = '\0';
		r->is_collecting = false;
	}
	return r->handler->on_end(r->context, e, has_text ? r->text : NULL);
}

static int on_text(void *context, const char *text, size_t size)
{
	struct reading *r = context;

	if (!r->is_collecting || r->text_depth != r->depth - 1)
		return 0;
	if (size > XML_TEXT_MAX - r->text_size) {
		r->is_too_long = true;
		return -EBADMSG;
	}
	memcpy(r->text + r->text_size, text, size);
	r->text_size += size;
	return 0;
}

int xml_read(int fd, uint64_t size_max, const struct xml_handler *handler, void *context, char *why, size_t why_size)
{
	static const struct sax_events events = { on_start, on_end, on_text };
	static const struct sax_options options = { .depth_max = XML_DEPTH_MAX };
	_cleanup_free_ struct reading *r = calloc(1, sizeof(*r));
	_cleanup_(decompress_close_p) struct decompress *d = NULL;
	_cleanup_(sax_freep) struct sax *s = NULL;
	char chunk[CHUNK_BYTES];
	ssize_t n = 1;
	int error;

	if (!r)
		return -ENOMEM;
	(void)snprintf(why, why_size, "it is compressed in a way that this station does not read");
	error = decompress_open(fd, size_max, &d);
	if (error < 0)
		return error;
	why[0] = '\0';
	r->handler = handler;
	r->context = context;
	s = sax_new(&options, &events, r);
	error = s ? 0 : -ENOMEM;
	while (error == 0 && n > 0) {
		n = decompress_read(d, chunk, sizeof(chunk));
		if (n >= 0)
			error = sax_feed(s, chunk, (size_t)n);
	}
	if (error == 0 && n < 0) {
		error = (int)n;
		(void)snprintf(why, why_size, "%s", decompress_why(d));
	} else if (r->is_too_long) {
		(void)snprintf(why, why_size, "a text that is too long");
	} else if (s && *sax_why(s)) {
		(void)snprintf(why, why_size, "%s (line %d)", sax_why(s), sax_line(s));
	}
	return error;
}
