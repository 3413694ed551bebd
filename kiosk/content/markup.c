/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "content/markup.h"

#include "xml/sax.h"

#define CHUNK_BYTES (256u << 10)
#define CHUNK_MAX (1u << 30)

struct reading {
	const struct markup_sink *sink;
	void *context;
};

bool markup_attribute(const struct markup_attributes *a, const char *name, struct span *ret)
{
	const char *value;
	size_t size;

	if (!sax_attribute(a->of, name, false, &value, &size))
		return false;
	*ret = (struct span){ (const uint8_t *)value, size };
	return true;
}

static int on_start(void *context, const struct sax_element *e)
{
	struct reading *r = context;

	return r->sink->on_start(r->context, e->name, &(struct markup_attributes){ e });
}

static int on_end(void *context, const struct sax_element *e)
{
	struct reading *r = context;

	return r->sink->on_end ? r->sink->on_end(r->context, e->name) : 0;
}

static int on_text(void *context, const char *text, size_t size)
{
	struct reading *r = context;

	return r->sink->on_text ? r->sink->on_text(r->context, (struct span){ (const uint8_t *)text, size }) : 0;
}

/* In pieces that grow, see sax_feed(). */
static int feed(struct sax *s, struct span text)
{
	const uint8_t *from = text.at;
	int r = 0;

	while (r == 0 && text.size > 0) {
		size_t n = MIN(text.size, MAX((size_t)CHUNK_BYTES, MIN((size_t)(text.at - from), (size_t)CHUNK_MAX)));

		r = sax_feed(s, (const char *)text.at, n);
		text = span_from(text, text.at + n);
	}
	return r == 0 ? sax_feed(s, "", 0) : r;
}

int markup_read(const struct content *c, const struct markup_sink *sink, void *context, const char **ret_why)
{
	static const struct sax_events events = { on_start, on_end, on_text };
	/* word processors stay below 100 levels; pictures are embedded in attributes */
	static const struct sax_options options = { .depth_max = SAX_DEPTH_MAX, .is_huge = true };
	struct reading reading = { sink, context };
	_cleanup_(sax_freep) struct sax *s = NULL;
	_cleanup_(plain_done) struct plain p = { 0 };
	int r = plain_open(c, &p);

	if (r < 0)
		return r;
	s = sax_new(&options, &events, &reading);
	if (!s)
		return -ENOMEM;
	r = feed(s, p.text);
	if (*sax_why(s)) { /* too deep is as good as malformed: no program writes it */
		*ret_why = sax_why(s);
		r = -EBADMSG;
	}
	return r;
}
