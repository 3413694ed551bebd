/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* office-parts: what acts in the parts of an Office Open XML document, by their names and by what stands in them (ECMA-376
 * part 1; MS-OFFMACRO2; MS-CUSTOMUI), and of documents that are one XML file (Word 2003, "flat OPC"). Parts are found by name and by content type, so that a renamed one is seen too.
 */
#include <string.h>

#include "content/detectors.h"
#include "content/markup.h"
#include "content/office.h"

/* Bytes of one field code that are kept: codes are lines; what is longer is cut, and its first word is what counts. */
#define FIELD_MAX 4096
#define FLAT_PROBE 4096 /* bytes in which the root of a document in one file stands */
#define FIELDS_NESTED_MAX 32 /* fields within fields; deeper ones are taken as one */

struct part {
	struct content *c;
	bool in_instruction; /* w:instrText */
	unsigned int depth;  /* of fields; 0: none */
	size_t length[FIELDS_NESTED_MAX];
	char field[FIELDS_NESTED_MAX][FIELD_MAX];
};

static unsigned int level(const struct part *p)
{
	return MIN(p->depth, (unsigned int)FIELDS_NESTED_MAX) - (p->depth > 0 ? 1 : 0);
}

static int judge_field(struct part *p, struct span text)
{
	const char *acts = office_field_acts(text);

	return acts ? content_active(p->c, "%s: %.*s", acts, SPAN_ARGS(span_trim(text))) : 0;
}

/* 17.16.18: begin, separate, end; a code may be spread over any number of runs. What has no begin counts as well. */
static int end_field(struct part *p)
{
	unsigned int i = level(p);
	int r = judge_field(p, (struct span){ (uint8_t *)p->field[i], p->length[i] });

	p->length[i] = 0;
	return r;
}

static int on_field_character(struct part *p, const struct markup_attributes *a)
{
	struct span type;
	int r = 0;

	if (!markup_attribute(a, "fldCharType", &type))
		return 0;
	if (span_is(type, "begin")) {
		p->depth++;
		if (p->depth <= FIELDS_NESTED_MAX)
			p->length[level(p)] = 0;
	} else {
		r = end_field(p);
		if (span_is(type, "end") && p->depth > 0)
			p->depth--;
	}
	return r;
}

static bool has_attribute(const struct markup_attributes *a, const char *name)
{
	struct span value;

	return markup_attribute(a, name, &value) && value.size > 0;
}

static int on_word_start(void *context, const char *name, const struct markup_attributes *a)
{
	struct part *p = context;
	struct span value;

	if (strcmp(name, "fldChar") == 0)
		return on_field_character(p, a);
	if (strcmp(name, "instrText") == 0 || strcmp(name, "delInstrText") == 0)
		p->in_instruction = true;
	if (strcmp(name, "fldSimple") == 0 && markup_attribute(a, "instr", &value))
		return judge_field(p, value);
	return 0;
}

static int on_word_end(void *context, const char *name)
{
	struct part *p = context;

	if (strcmp(name, "instrText") == 0 || strcmp(name, "delInstrText") == 0)
		p->in_instruction = false;
	return strcmp(name, "p") == 0 && p->depth == 0 ? end_field(p) : 0;
}

static int on_word_text(void *context, struct span text)
{
	struct part *p = context;
	unsigned int i = level(p);
	size_t n = MIN(text.size, FIELD_MAX - p->length[i]);

	if (!p->in_instruction)
		return 0;
	memcpy(p->field[i] + p->length[i], text.at, n);
	p->length[i] += n;
	return 0;
}

static int on_sheet_start(void *context, const char *name, const struct markup_attributes *a)
{
	struct part *p = context;
	struct span value, topic;

	if (strcmp(name, "ddeLink") == 0 && markup_attribute(a, "ddeService", &value)) {
		if (!markup_attribute(a, "ddeTopic", &topic))
			topic = span_text("");
		return content_active(p->c, "starts a program (DDE): %.*s|%.*s", SPAN_ARGS(value), SPAN_ARGS(topic));
	}
	if (strcmp(name, "oleLink") == 0)
		return content_active(p->c, "a linked OLE object");
	/* 18.2.5: XLM macros that run by the name they have; "xlm": a name that is a macro. */
	if (strcmp(name, "definedName") == 0 && markup_attribute(a, "name", &value)) {
		if (span_starts(value, "_xlnm.auto_") || span_starts(value, "auto_open") || span_starts(value, "auto_close"))
			return content_active(p->c, "an Excel 4 macro that runs by itself: %.*s", SPAN_ARGS(value));
		if (markup_attribute(a, "xlm", &topic) && (span_is(topic, "1") || span_is(topic, "true")))
			return content_active(p->c, "an Excel 4 macro: %.*s", SPAN_ARGS(value));
	}
	return 0;
}

static int on_ribbon_start(void *context, const char *name, const struct markup_attributes *a)
{
	static const char *const callbacks[] = { "onLoad", "onAction", "onChange", "loadImage", "onShow", "onHide" };
	struct part *p = context;

	for (size_t i = 0; i < ARRAY_LEN(callbacks); i++)
		if (has_attribute(a, callbacks[i]))
			return content_active(p->c, "a ribbon that calls macros (%s)", callbacks[i]);
	return 0;
}

/* Content types of parts that act, and the only name under which such a part is no disguise. */
static const struct {
	const char *type, *name, *says;
} typed[] = {
	{ "vnd.ms-office.vbaproject", "vbaproject.bin", "a VBA project" },
	{ "vnd.ms-word.vbadata+xml", "vbadata.xml", "VBA data" },
	{ "vnd.ms-excel.macrosheet+xml", NULL, "an Excel 4 macro sheet" },
	{ "vnd.ms-excel.intlmacrosheet+xml", NULL, "an Excel 4 macro sheet" },
	{ "vnd.ms-office.activex", NULL, "an ActiveX control" },
	{ "macroenabled", NULL, "a document for macros" },
};

static int on_types_start(void *context, const char *name, const struct markup_attributes *a)
{
	struct part *p = context;
	struct span type, part = span_text("");

	if (!markup_attribute(a, "ContentType", &type))
		return 0;
	(void)markup_attribute(a, "PartName", &part);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		int r;

		if (!span_find(type, typed[i].type))
			continue;
		r = content_active(p->c, "%s: %.*s", typed[i].says, SPAN_ARGS(type));
		if (r < 0 || !typed[i].name || part.size == 0 || span_ends(part, typed[i].name))
			return r;
		return content_unsafe(p->c, REASON_TYPE_MISMATCH, "%s under the name of something else: %.*s", typed[i].says,
				      SPAN_ARGS(part));
	}
	return 0;
}

/* What a name alone tells. */
static const char *part_acts(const char *p)
{

	if (path_ends(p, "vbaproject.bin") || path_ends(p, "vbadata.xml"))
		return "a VBA project";
	if (path_has_folder(p, "macrosheets") || path_has_folder(p, "intlmacrosheets"))
		return "an Excel 4 macro sheet";
	if (path_has_folder(p, "activex"))
		return "an ActiveX control";
	if (path_has_folder(p, "embeddings") && span_ends(span_text(p), ".bin"))
		return "an embedded OLE object";
	if (path_ends(p, "editdata.mso"))
		return "macros in ActiveMime";
	return NULL;
}

/* A whole document in one file: its parts are elements that have their names (flat OPC), or encoded data (Word 2003). */
static int on_flat_start(void *context, const char *name, const struct markup_attributes *a)
{
	struct part *p = context;
	char path[256];
	struct span value;
	const char *acts;
	int r = on_word_start(context, name, a);

	if (r == 0)
		r = office_relation(p->c, name, a);
	if (r < 0)
		return r;
	if (strcmp(name, "part") == 0 || strcmp(name, "binData") == 0) {
		if (!markup_attribute(a, "name", &value))
			return 0;
		(void)snprintf(path, sizeof(path), "%.*s", (int)MIN(value.size, sizeof(path) - 1), (const char *)value.at);
		acts = part_acts(path);
		return acts ? content_active(p->c, "%s: %s", acts, path) : 0;
	}
	if (strcmp(name, "docOleData") == 0 || strcmp(name, "ocx") == 0)
		return content_active(p->c, "an embedded OLE object");
	if (markup_attribute(a, "macrosPresent", &value) && span_is(value, "yes"))
		return content_active(p->c, "macros");
	return 0;
}

static bool is_flat(const struct content *c)
{
	struct span head = { c->data, MIN(c->size, (size_t)FLAT_PROBE) };

	return span_starts(span_trim(head), "<") &&
	       (span_find(head, "http://schemas.microsoft.com/office/2006/xmlpackage") ||
		span_find(head, "http://schemas.microsoft.com/office/word/2003/wordml"));
}

static bool is_office_folder(const struct content *c, const char *folder)
{
	return content_has_extension(c, "xml") && path_has_folder(c->path, folder);
}

static const struct markup_sink *reader_of(const struct content *c)
{
	static const struct markup_sink types = { .on_start = on_types_start };
	static const struct markup_sink ribbon = { .on_start = on_ribbon_start };
	static const struct markup_sink sheet = { .on_start = on_sheet_start };
	static const struct markup_sink word = { on_word_start, on_word_end, on_word_text };
	static const struct markup_sink flat = { on_flat_start, on_word_end, on_word_text };

	if (is_flat(c))
		return &flat;
	if (!c->container)
		return NULL;
	if (path_ends(c->path, "[content_types].xml"))
		return &types;
	if (path_has_folder(c->path, "customui"))
		return content_has_extension(c, "xml") ? &ribbon : NULL;
	if (path_ends(c->path, "xl/workbook.xml") || is_office_folder(c, "xl/externallinks"))
		return &sheet;
	return is_office_folder(c, "word") ? &word : NULL;
}

int look_office_parts(struct content *c)
{
	_cleanup_free_ struct part *p = NULL;
	const struct markup_sink *reader;
	const char *acts = c->container ? part_acts(c->path) : NULL, *why = NULL;
	int r = acts ? content_active(c, "%s", acts) : 0;

	reader = reader_of(c);
	if (r < 0 || !reader)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->c = c;
	r = markup_read(c, reader, p, &why);
	for (p->depth = MIN(p->depth, (unsigned int)FIELDS_NESTED_MAX); r == 0 && p->depth > 0; p->depth--)
		r = end_field(p); /* fields without an end */
	if (r == 0)
		r = end_field(p);
	return r == -EBADMSG ? office_broken(c, why) : r;
}
