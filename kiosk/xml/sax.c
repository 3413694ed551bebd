/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libxml2 has limits of its own unless XML_PARSE_HUGE lifts them: ten million bytes of text or of an attribute's value in one
 * piece, 256 levels, ten million bytes of distinct names. None of them bounds time.
 */
#include "xml/sax.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "xml/crowd.h"

struct sax {
	const struct sax_events *events;
	void *context;
	unsigned int depth_max;
	xmlParserCtxtPtr parser;
	struct crowd crowd;
	unsigned int depth;
	unsigned int namespaces; /* declared around what is read */
	uint16_t declared[SAX_DEPTH_MAX]; /* by each of the elements around it */
	int error; /* the first: an event's or a limit's */
	const char *why;
};

/* As startElementNs() gets them: five pointers each. */
struct attributes {
	int count;
	const xmlChar **at;
};

enum { ATTRIBUTE_NAME, ATTRIBUTE_PREFIX, ATTRIBUTE_URI, ATTRIBUTE_VALUE, ATTRIBUTE_END, ATTRIBUTE_WORDS };

#define CROWDED "an element of more attributes or namespaces than any program writes"

bool sax_attribute(const struct sax_element *e, const char *name, bool is_plain, const char **ret, size_t *ret_size)
{
	const struct attributes *a = e->attributes;

	for (int i = 0; a && i < a->count; i++) {
		const xmlChar **at = a->at + i * ATTRIBUTE_WORDS;

		if ((is_plain && at[ATTRIBUTE_URI]) || strcmp((const char *)at[ATTRIBUTE_NAME], name) != 0)
			continue;
		*ret = (const char *)at[ATTRIBUTE_VALUE];
		*ret_size = (size_t)(at[ATTRIBUTE_END] - at[ATTRIBUTE_VALUE]);
		return true;
	}
	return false;
}

static void stop(struct sax *s, int error, const char *why)
{
	if (s->error == 0) {
		s->error = error;
		s->why = why;
	}
	xmlStopParser(s->parser);
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
		     const xmlChar **namespaces, int attribute_count, int default_count, const xmlChar **attributes)
{
	struct sax *s = context;
	struct attributes a = { attribute_count, attributes };
	struct sax_element e = { s->depth, (const char *)name, uri ? (const char *)uri : "", &a };
	int error;

	if (s->error != 0) /* libxml2 may finish what it was at */
		return;
	if (s->depth == s->depth_max) {
		stop(s, -EFBIG, "elements too deep within one another");
		return;
	}
	s->declared[s->depth++] = (uint16_t)namespace_count; /* at most SAX_ATTRIBUTES_MAX, or it had not come here */
	s->namespaces += (unsigned int)namespace_count;
	if (s->namespaces > SAX_ATTRIBUTES_MAX) {
		stop(s, -EBADMSG, CROWDED);
		return;
	}
	error = s->events->on_start(s->context, &e);
	if (error != 0)
		stop(s, error, "");
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct sax *s = context;
	struct sax_element e = { 0, (const char *)name, uri ? (const char *)uri : "", NULL };
	int error;

	if (s->error != 0 || s->depth == 0)
		return;
	e.depth = --s->depth;
	s->namespaces -= s->declared[e.depth];
	error = s->events->on_end ? s->events->on_end(s->context, &e) : 0;
	if (error != 0)
		stop(s, error, "");
}

static void on_text(void *context, const xmlChar *text, int size)
{
	struct sax *s = context;
	int error;

	if (s->error != 0 || size <= 0 || !s->events->on_text)
		return;
	error = s->events->on_text(s->context, (const char *)text, (size_t)size);
	if (error != 0)
		stop(s, error, "");
}

/* Entities are declared in a document type, and expanded without end ("billion laughs"); external ones are files and
 * addresses. Nothing that this station reads as XML may have one. */
static void on_document_type(void *context, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
	stop(context, -EBADMSG, "it has a document type");
}

static void on_error(void *context, xmlErrorPtr error)
{
	/* its words hold pieces of the file; the parser is asked whether all was well */
}

_printf_(2, 3) static void drop_words(void *context, const char *format, ...)
{
}

static xmlSAXHandler handler = {
	.initialized = XML_SAX2_MAGIC,
	.internalSubset = on_document_type,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.cdataBlock = on_text,
	.ignorableWhitespace = on_text,
};

int sax_prepare(void)
{
	xmlInitParser();
	xmlSetGenericErrorFunc(NULL, drop_words);
	return xmlFindCharEncodingHandler("UTF-8") ? 0 : -ENOTSUP;
}

/* As UTF-8, whatever it says itself: for other encodings libxml2 would ask iconv(3), which opens files. XML_PARSE_NOENT ("no
 * entities": replace them) is what gives "&amp;" in an attribute as one character; there are none but the five of XML 1.0
 * section 4.6 and numbered characters, since nothing can declare more. */
struct sax *sax_new(const struct sax_options *options, const struct sax_events *events, void *context)
{
	const int how = XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOWARNING | XML_PARSE_NOERROR | XML_PARSE_IGNORE_ENC |
			(options->is_huge ? XML_PARSE_HUGE : 0);
	struct sax *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	handler.serror = (xmlStructuredErrorFunc)on_error; /* const or not, by the version of libxml2 */
	s->events = events;
	s->context = context;
	s->why = "";
	s->depth_max = MIN(options->depth_max, (unsigned int)SAX_DEPTH_MAX);
	s->parser = xmlCreatePushParserCtxt(&handler, s, NULL, 0, NULL);
	if (!s->parser || xmlCtxtUseOptions(s->parser, how) != 0 || xmlSwitchEncoding(s->parser, XML_CHAR_ENCODING_UTF8) != 0)
		return sax_free(s);
	return s;
}

struct sax *sax_free(struct sax *s)
{
	if (s && s->parser) {
		if (s->parser->myDoc)
			xmlFreeDoc(s->parser->myDoc);
		xmlFreeParserCtxt(s->parser);
	}
	free(s);
	return NULL;
}

void sax_freep(struct sax **s)
{
	*s = sax_free(*s);
}

int sax_feed(struct sax *s, const char *data, size_t size)
{
	int code;

	if (s->error != 0)
		return s->error;
	if (crowd_has_come(&s->crowd, data, size, SAX_ATTRIBUTES_MAX)) {
		s->why = CROWDED;
		return s->error = -EBADMSG;
	}
	if (size > INT32_MAX)
		return -EINVAL;
	code = xmlParseChunk(s->parser, data, (int)size, size == 0);
	if (s->error != 0)
		return s->error;
	if (code == XML_ERR_NO_MEMORY)
		return s->error = -ENOMEM;
	if (code == 0 && s->parser->wellFormed)
		return 0;
	s->why = "it is not well-formed XML";
	return s->error = -EBADMSG;
}

const char *sax_why(const struct sax *s)
{
	return s->why;
}

int sax_line(const struct sax *s)
{
	return s->parser->input ? s->parser->input->line : 0;
}
