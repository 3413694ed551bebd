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
/* Older versions of libxml2 (before 2.12) compare each attribute of an element with each other, and each name with each namespace
 * that is declared around it. Office programs write below a hundred. */
#define ATTRIBUTES_MAX 1000

struct reading {
	const struct markup_sink *sink;
	void *context;
	xmlParserCtxtPtr parser;
	unsigned int depth;
	unsigned int namespaces; /* declared around what is read */
	uint16_t declared[MARKUP_DEPTH_MAX]; /* by each of the elements around it; at most ATTRIBUTES_MAX */
	int error; /* the first */
	const char *why;
};

#define CROWDED "an element of more attributes or namespaces than any program writes"

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
	if (r->depth == MARKUP_DEPTH_MAX) {
		stop(r, -EBADMSG, "elements too deep within one another");
		return;
	}
	r->declared[r->depth++] = (uint16_t)namespace_count;
	r->namespaces += (unsigned int)namespace_count;
	if (r->namespaces > ATTRIBUTES_MAX) {
		stop(r, -EBADMSG, CROWDED);
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
	r->namespaces -= r->declared[--r->depth];
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

/* Behind what is no element: a comment, CDATA, a processing instruction. */
static struct span behind(struct span s, const char *end)
{
	const uint8_t *at = s.size > 0 ? memmem(s.at, s.size, end, strlen(end)) : NULL;

	return at ? span_from(s, at + strlen(end)) : (struct span){ NULL, 0 };
}

/* Quoted values up to the '>' of a tag; `s` moves behind it. */
static size_t count_values(struct span *s)
{
	size_t values = 0, n = 0;
	uint8_t quote = 0;

	for (; n < s->size && (quote || s->at[n] != '>'); n++) {
		uint8_t b = s->at[n];

		if (quote ? b != quote : b != '"' && b != '\'')
			continue;
		quote = quote ? 0 : b;
		values += quote != 0;
	}
	*s = (struct span){ s->at + n, s->size - n };
	return values;
}

/* Before libxml2 has it: it reads an element to its end before anybody is asked. What is not well-formed may look otherwise from
 * here, behind the place where libxml2 stops. */
static bool is_crowded(struct span text)
{
	const uint8_t *open;

	while (text.size > 0 && (open = memchr(text.at, '<', text.size)) != NULL) {
		text = span_from(text, open + 1);
		if (span_starts(text, "!--"))
			text = behind(span_from(text, text.at + 3), "-->");
		else if (span_starts(text, "![cdata["))
			text = behind(text, "]]>");
		else if (span_starts(text, "?"))
			text = behind(text, "?>");
		else if (count_values(&text) > ATTRIBUTES_MAX)
			return true;
	}
	return false;
}

/* In pieces that grow: libxml2 looks for the end of what has begun (a comment, a tag) from its beginning with each. */
static int feed(struct reading *r, struct span text)
{
	const uint8_t *from = text.at;
	int code = 0;

	if (is_crowded(text)) {
		r->why = CROWDED;
		return -EBADMSG;
	}
	while (code == 0 && r->error == 0 && text.size > 0) {
		size_t n = MIN(text.size, MAX((size_t)CHUNK_BYTES, MIN((size_t)(text.at - from), (size_t)INT32_MAX)));

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
