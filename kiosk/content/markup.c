/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Options: XML_PARSE_HUGE lifts limits on the length of one text or attribute (embedded pictures pass them), and with a stream
 * nothing grows but one attribute's value, which is part of the file. The depth has a limit of our own.
 */
#include "content/markup.h"

#include <stdarg.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#define CHUNK_BYTES (256u << 10)

struct reading {
	const struct markup_sink *sink;
	void *context;
	xmlParserCtxtPtr parser;
	unsigned int depth;
	int error; /* the first */
	const char *why;
};

enum { ATTRIBUTE_NAME, ATTRIBUTE_PREFIX, ATTRIBUTE_URI, ATTRIBUTE_VALUE, ATTRIBUTE_END, ATTRIBUTE_WORDS };

bool markup_attribute(const struct markup_attributes *a, const char *name, struct span *ret)
{
	const xmlChar *const *at = a->at;

	for (int i = 0; i < a->count; i++, at += ATTRIBUTE_WORDS) {
		if (strcmp((const char *)at[ATTRIBUTE_NAME], name) != 0)
			continue;
		*ret = (struct span){ at[ATTRIBUTE_VALUE], (size_t)(at[ATTRIBUTE_END] - at[ATTRIBUTE_VALUE]) };
		return true;
	}
	return false;
}

static void stop(struct reading *r, int error, const char *why)
{
	if (r->error == 0) {
		r->error = error;
		r->why = why;
	}
	xmlStopParser(r->parser);
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
		     const xmlChar **namespaces, int attribute_count, int default_count, const xmlChar **attributes)
{
	struct reading *r = context;
	struct markup_attributes a = { attribute_count, attributes };
	int error;

	if (r->error != 0) /* libxml2 may finish what it was at */
		return;
	if (++r->depth > MARKUP_DEPTH_MAX) {
		stop(r, -EBADMSG, "elements too deep within one another");
		return;
	}
	error = r->sink->on_start(r->context, (const char *)name, &a);
	if (error != 0)
		stop(r, error, NULL);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reading *r = context;
	int error;

	if (r->error != 0 || r->depth == 0)
		return;
	r->depth--;
	error = r->sink->on_end ? r->sink->on_end(r->context, (const char *)name) : 0;
	if (error != 0)
		stop(r, error, NULL);
}

static void on_text(void *context, const xmlChar *text, int size)
{
	struct reading *r = context;
	int error;

	if (r->error != 0 || size <= 0 || !r->sink->on_text)
		return;
	error = r->sink->on_text(r->context, (struct span){ text, (size_t)size });
	if (error != 0)
		stop(r, error, NULL);
}

static void on_document_type(void *context, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
	stop(context, -EBADMSG, "it has a document type");
}

static void on_error(void *context, xmlErrorPtr error)
{
	/* its words hold pieces of the file; the parser is asked whether all was well */
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

static void close_parser(xmlParserCtxtPtr *parser)
{
	if (!*parser)
		return;
	if ((*parser)->myDoc)
		xmlFreeDoc((*parser)->myDoc);
	xmlFreeParserCtxt(*parser);
}

/* As UTF-8, whatever it says itself: for other encodings libxml2 would ask iconv(3), which opens files. Entities are replaced
 * (XML_PARSE_NOENT), so that "&amp;" in an address is one character: without a document type there are but the five of XML
 * 1.0 section 4.6 and numbered characters. */
static int open_parser(struct reading *r)
{
	sax.serror = (xmlStructuredErrorFunc)on_error;
	r->parser = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);
	if (!r->parser)
		return -ENOMEM;
	if (xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOWARNING | XML_PARSE_NOERROR |
						 XML_PARSE_IGNORE_ENC | XML_PARSE_HUGE) != 0)
		return -ENOTSUP;
	return xmlSwitchEncoding(r->parser, XML_CHAR_ENCODING_UTF8) == 0 ? 0 : -ENOTSUP;
}

static int feed(struct reading *r, struct span text)
{
	int code = 0;

	while (code == 0 && r->error == 0 && text.size > 0) {
		size_t n = MIN(text.size, (size_t)CHUNK_BYTES);

		code = xmlParseChunk(r->parser, (const char *)text.at, (int)n, 0);
		text.at += n;
		text.size -= n;
	}
	if (code == 0 && r->error == 0)
		code = xmlParseChunk(r->parser, "", 0, 1);
	if (r->error != 0)
		return r->error;
	if (code == XML_ERR_NO_MEMORY)
		return -ENOMEM;
	if (code == 0 && r->parser->wellFormed)
		return 0;
	r->why = "it is not well-formed XML";
	return -EBADMSG;
}

int markup_read(const struct content *c, const struct markup_sink *sink, void *context, const char **ret_why)
{
	struct reading r = { .sink = sink, .context = context };
	_cleanup_(close_parser) xmlParserCtxtPtr parser = NULL;
	_cleanup_(plain_done) struct plain p = { 0 };
	int error = plain_open(c, &p);

	if (error == 0)
		error = open_parser(&r);
	parser = r.parser;
	if (error == 0)
		error = feed(&r, p.text);
	if (error == -EBADMSG)
		*ret_why = r.why ? r.why : "it is not well-formed XML";
	return error;
}
