/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* XML in memory, as detectors read it (xml/sax.h). */
#ifndef LAZARET_CONTENT_MARKUP_H
#define LAZARET_CONTENT_MARKUP_H

#include "content/span.h"

struct sax_element;

struct markup_attributes {
	const struct sax_element *of;
};

/* Names without prefix. Not 0 ends the reading and is returned. on_end and on_text may be NULL; text comes in pieces. */
struct markup_sink {
	int (*on_start)(void *context, const char *name, const struct markup_attributes *a);
	int (*on_end)(void *context, const char *name);
	int (*on_text)(void *context, struct span text);
};

/* The value of the attribute of this name, whatever its prefix; valid during the call. */
bool markup_attribute(const struct markup_attributes *a, const char *name, struct span *ret);

/* 0 when all of it was read and well-formed; what the sink returned; -EBADMSG with `*ret_why` (static) for what is not XML or
 * has a document type (which neither Office Open XML nor OpenDocument allow); -ENOMEM. UTF-8 and UTF-16. */
_must_check_ int markup_read(const struct content *c, const struct markup_sink *sink, void *context, const char **ret_why);

#endif
