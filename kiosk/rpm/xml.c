/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libxml2 without XML_PARSE_HUGE keeps limits of its own: ten million bytes of text or of an attribute's value in one piece, 256
 * levels, ten million bytes of distinct names.
 */
#include "rpm/xml.h"

#include <stdarg.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "proof/decompress.h"

#define CHUNK_BYTES 32768

struct reading {
	const struct xml_handler *handler;
	void *context;
	xmlParserCtxtPtr parser;
	unsigned int depth;
	bool is_collecting;
	unsigned int text_depth;
	size_t text_size;
	char text[XML_TEXT_MAX + 1];
	int error; /* the first: a handler's or a limit's */
	const char *limit;
};

/* As startElementNs() gets them: five pointers each. */
struct attributes {
	int count;
	const xmlChar **at;
};

enum { ATTRIBUTE_NAME, ATTRIBUTE_PREFIX, ATTRIBUTE_URI, ATTRIBUTE_VALUE, ATTRIBUTE_END, ATTRIBUTE_WORDS };

bool xml_attribute(const struct xml_element *e, const char *name, char ret[static XML_TEXT_MAX + 1])
{
	const struct attributes *a = e->attributes;

	for (int i = 0; a && i < a->count; i++) {
		const xmlChar **at = a->at + i * ATTRIBUTE_WORDS;
		size_t size = (size_t)(at[ATTRIBUTE_END] - at[ATTRIBUTE_VALUE]);

		if (at[ATTRIBUTE_URI] || strcmp((const char *)at[ATTRIBUTE_NAME], name) != 0)
			continue;
		if (size > XML_TEXT_MAX)
			return false;
		memcpy(ret, at[ATTRIBUTE_VALUE], size);
		ret[size] = '\0';
		return true;
	}
	return false;
}

bool xml_has_attribute(const struct xml_element *e, const char *name)
{
	const struct attributes *a = e->attributes;

	for (int i = 0; a && i < a->count; i++)
		if (strcmp((const char *)a->at[i * ATTRIBUTE_WORDS + ATTRIBUTE_NAME], name) == 0)
			return true;
	return false;
}

static void stop(struct reading *r, int error, const char *limit)
{
	if (r->error == 0) {
		r->error = error;
		r->limit = limit;
	}
	xmlStopParser(r->parser);
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
		     const xmlChar **namespaces, int attribute_count, int default_count, const xmlChar **attributes)
{
	struct reading *r = context;
	struct attributes a = { attribute_count, attributes };
	struct xml_element e = { r->depth, (const char *)name, uri ? (const char *)uri : "", &a };
	bool wants_text = false;
	int error;

	if (r->error != 0) /* libxml2 may finish what it was at */
		return;
	if (r->depth == XML_DEPTH_MAX) {
		stop(r, -EFBIG, "elements too deep within one another");
		return;
	}
	error = r->handler->on_start(r->context, &e, &wants_text);
	if (wants_text) {
		r->is_collecting = true;
		r->text_depth = r->depth;
		r->text_size = 0;
	}
	r->depth++;
	if (error < 0)
		stop(r, error, NULL);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reading *r = context;
	struct xml_element e = { 0, (const char *)name, uri ? (const char *)uri : "", NULL };
	bool has_text;
	int error;

	if (r->error != 0 || r->depth == 0)
		return;
	e.depth = --r->depth;
	has_text = r->is_collecting && r->text_depth == r->depth;
	if (has_text) {
		r->text[r->text_size] = '\0';
		r->is_collecting = false;
	}
	error = r->handler->on_end(r->context, &e, has_text ? r->text : NULL);
	if (error < 0)
		stop(r, error, NULL);
}

static void on_text(void *context, const xmlChar *text, int size)
{
	struct reading *r = context;

	if (r->error != 0 || !r->is_collecting || r->text_depth != r->depth - 1 || size <= 0)
		return;
	if ((size_t)size > XML_TEXT_MAX - r->text_size) {
		stop(r, -EBADMSG, "a text that is too long");
		return;
	}
	memcpy(r->text + r->text_size, text, (size_t)size);
	r->text_size += (size_t)size;
}

/* Entities are declared in a document type, and expanded without end ("billion laughs"); external ones are files and
 * addresses. No index of a repository has one. */
static void on_document_type(void *context, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
	stop(context, -EBADMSG, "a document type");
}

static void on_error(void *context, xmlErrorPtr error)
{
	/* its words hold pieces of the file; the parser's last error is asked for its number */
}

_printf_(2, 3) static void drop_words(void *context, const char *format, ...)
{
}

static xmlSAXHandler sax = {
	.initialized = XML_SAX2_MAGIC,
	.internalSubset = on_document_type,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.cdataBlock = on_text,
	.ignorableWhitespace = on_text,
};

int xml_prepare(void)
{
	xmlInitParser();
	xmlSetGenericErrorFunc(NULL, drop_words);
	sax.serror = (xmlStructuredErrorFunc)on_error;
	return xmlFindCharEncodingHandler("UTF-8") ? 0 : -ENOTSUP;
}

/* As UTF-8, whatever it says itself: for other encodings libxml2 would ask iconv(3), which opens files. What is in another one
 * is malformed then, if it is not ASCII. XML_PARSE_NOENT ("no entities": replace them) is what gives "&amp;" in an attribute as
 * one character; there are none but the five of XML 1.0 section 4.6 and numbered characters, since nothing can declare more. */
static int open_parser(struct reading *r)
{
	r->parser = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);
	if (!r->parser)
		return -ENOMEM;
	if (xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC) != 0)
		return -ENOTSUP;
	return xmlSwitchEncoding(r->parser, XML_CHAR_ENCODING_UTF8) == 0 ? 0 : -ENOTSUP;
}

static void close_parser(xmlParserCtxtPtr *parser)
{
	if (!*parser)
		return;
	if ((*parser)->myDoc)
		xmlFreeDoc((*parser)->myDoc);
	xmlFreeParserCtxt(*parser);
}

/* `size` 0: it ends here. */
static int feed(struct reading *r, const char *chunk, size_t size, char *why, size_t why_size)
{
	int code = xmlParseChunk(r->parser, chunk, (int)size, size == 0);

	if (r->error != 0) {
		(void)snprintf(why, why_size, "%s", r->limit ? r->limit : "");
		return r->error;
	}
	if (code == XML_ERR_NO_MEMORY)
		return -ENOMEM;
	if (code == 0 && r->parser->wellFormed)
		return 0;
	(void)snprintf(why, why_size, "not well-formed XML (line %d, error %d of libxml2)",
		       r->parser->input ? r->parser->input->line : 0, code);
	return -EBADMSG;
}

int xml_read(int fd, uint64_t size_max, const struct xml_handler *handler, void *context, char *why, size_t why_size)
{
	_cleanup_free_ struct reading *r = calloc(1, sizeof(*r));
	_cleanup_(decompress_close_p) struct decompress *d = NULL;
	_cleanup_(close_parser) xmlParserCtxtPtr parser = NULL;
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
	error = open_parser(r);
	parser = r->parser;
	while (error == 0 && n > 0) {
		n = decompress_read(d, chunk, sizeof(chunk));
		if (n >= 0)
			error = feed(r, chunk, (size_t)n, why, why_size);
	}
	if (error == 0 && n < 0) {
		error = (int)n;
		(void)snprintf(why, why_size, "%s", decompress_why(d));
	}
	return error;
}
