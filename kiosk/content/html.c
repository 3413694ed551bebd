/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* html: what acts in a page (HTML, XHTML, MHTML) or in an SVG picture when it is opened. */
#include "content/html.h"

#include <string.h>

#include "content/detectors.h"

#define ROOT_PROBE 4096	  /* bytes in which the root of a page stands that nothing else says to be one */
#define ADDRESS_PROBE 64  /* characters of an address: enough for its scheme and type */

struct page {
	struct content *c;
	bool is_svg, has_download, has_script;
};

/* Elements that act, or load what acts. */
static const struct {
	const char *name, *says;
	bool only_svg;
} elements[] = {
	{ "iframe", "a frame that loads a page", false },   { "frame", "a frame that loads a page", false },
	{ "object", "an embedded object", false },	    { "embed", "an embedded object", false },
	{ "applet", "an applet", false },		    { "handler", "a script", true },
	{ "foreignobject", "a page within the picture", true },
};

/* Beginnings of the names of event handlers, behind "on" (HTML 8.1.8; SVG 2 16.2; those of old Internet Explorer). */
static const char *const events[] = {
	"abort",    "activate", "after",   "animation", "auxclick", "before", "begin",	 "blur",    "bounce",	"cancel",
	"canplay",  "change",	"click",   "close",	"context",  "copy",   "cue",	 "cut",	    "data",	"dblclick",
	"drag",	    "drop",	"duration", "emptied",	"ended",    "error",  "filter",	 "finish",  "focus",	"formdata",
	"fullscreen", "gotpointer", "hashchange", "help", "input",  "invalid", "key",	 "layout",  "load",	"lose",
	"lostpointer", "media", "message", "mouse",	"move",	    "offline", "online", "page",    "paste",	"pause",
	"play",	    "pointer",	"popstate", "progress", "property", "ratechange", "readystate", "repeat", "reset", "resize",
	"row",	    "scroll",	"search",  "security",	"seek",	    "select", "show",	 "slot",    "stalled",	"start",
	"storage",  "submit",	"suspend", "time",	"toggle",   "touch",  "track",	 "transition", "unhandled", "unload",
	"volume",   "waiting",	"webkit",  "wheel",	"zoom",	    "end",    "focusin", "activate",
};

static bool is_handler(struct span name)
{
	if (!span_starts(name, "on") || name.size < 5)
		return false;
	name.at += 2;
	name.size -= 2;
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (span_starts(name, events[i]))
			return true;
	return false;
}

static bool starts(const char *text, size_t size, const char *with)
{
	return size >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static bool is_address_name(struct span name)
{
	static const char *const names[] = { "href", "src", "action", "formaction", "data", "to", "values", "from", "by",
					     "background", "poster", "content", "xlink:href", "code", "srcdoc" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(name, names[i]))
			return true;
	return span_ends(name, ":href");
}

/* Types of <script> that no browser runs: data for others. */
static bool is_data_type(struct span type)
{
	static const char *const types[] = { "application/ld+json", "application/json", "text/template", "text/x-template",
					     "application/xml", "text/xml" };

	type = span_trim(type);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_is(type, types[i]))
			return true;
	return false;
}

static int on_address(struct page *p, struct span element, struct span value)
{
	char address[ADDRESS_PROBE];
	size_t n = html_address(value, address, sizeof(address));

	if (starts(address, n, "javascript:") || starts(address, n, "vbscript:") || starts(address, n, "livescript:"))
		return content_active(p->c, "a script as an address: %.*s", SPAN_ARGS(span_trim(value)));
	if (starts(address, n, "data:text/html") || starts(address, n, "data:application/xhtml") ||
	    starts(address, n, "data:text/xml") || starts(address, n, "data:application/xml"))
		return content_active(p->c, "a page within an address (data:)");
	if (starts(address, n, "data:image/svg") && !span_is(element, "img") && !span_is(element, "a"))
		return content_active(p->c, "a picture that can act within an address (data:)");
	/* SVG 2 5.5: what "use" takes from elsewhere becomes part of the picture; the others are fetched. */
	if (p->is_svg && is_remote((struct span){ (const uint8_t *)address, n }) &&
	    (span_is(element, "use") || span_is(element, "image") || span_is(element, "feimage") || span_is(element, "tref")))
		return content_active(p->c, "a part that is loaded from elsewhere: %.*s", SPAN_ARGS(span_trim(value)));
	return 0;
}

static int on_attribute(struct page *p, struct span element, struct span name, struct span value)
{
	if (is_handler(name) && value.size > 0)
		return content_active(p->c, "a script that runs on an event (%.*s)", SPAN_ARGS(name));
	if (span_is(name, "srcdoc") && value.size > 0)
		return content_active(p->c, "a page within an attribute (srcdoc)");
	if (span_is(name, "download") && span_is(element, "a"))
		p->has_download = true;
	return is_address_name(name) && !span_is(element, "meta") ? on_address(p, element, value) : 0;
}

struct tag_facts {
	struct span type, http_equiv, content, src, rel;
};

static int on_tag(struct page *p, const struct html_tag *tag, const struct tag_facts *f)
{
	struct span element = tag->name;

	if (span_is(element, "script") && !is_data_type(f->type)) {
		p->has_script = true;
		return f->src.size > 0 ? content_active(p->c, "a script: %.*s", SPAN_ARGS(f->src)) : content_active(p->c, "a script");
	}
	if (span_is(element, "meta") && span_is(span_trim(f->http_equiv), "refresh") && span_find(f->content, "url"))
		return content_active(p->c, "it sends the reader elsewhere: %.*s", SPAN_ARGS(span_trim(f->content)));
	if (span_is(tag->full_name, "hta:application"))
		return content_active(p->c, "an HTML application");
	if (span_is(element, "link") && span_is(span_trim(f->rel), "import"))
		return content_active(p->c, "a page that it imports");
	for (size_t i = 0; i < ARRAY_LEN(elements); i++)
		if (span_is(element, elements[i].name) && (!elements[i].only_svg || p->is_svg))
			return content_active(p->c, "%s", elements[i].says);
	return 0;
}

static int read_tag(struct page *p, const struct html_tag *tag)
{
	struct span rest = tag->attributes, name, value;
	struct tag_facts f = { 0 };
	int r = 0;

	while (r == 0 && html_attribute(&rest, &name, &value)) {
		if (span_is(name, "type"))
			f.type = value;
		else if (span_is(name, "http-equiv"))
			f.http_equiv = value;
		else if (span_is(name, "content"))
			f.content = value;
		else if (span_is(name, "src"))
			f.src = value;
		else if (span_is(name, "rel"))
			f.rel = value;
		r = on_attribute(p, tag->name, name, value);
	}
	return r == 0 ? on_tag(p, tag, &f) : r;
}

/* RFC 2557: parts may be encoded, and then their tags are not to be read here. */
static int look_at_archive(struct content *c, struct span text)
{
	if (span_find(text, "application/x-mso") || span_find(text, "activemime"))
		return content_active(c, "macros in a web archive (ActiveMime)");
	if (span_find(text, "content-transfer-encoding: base64") && span_find(text, "content-type: text/html"))
		return content_active(c, "a web archive with an encoded page");
	return 0;
}

/* "#60", "#x3C", with any zeros: a '<' that is written as a number, also behind another reference ("&#38;#60;") */
static bool has_written_tag(struct span s)
{
	for (const uint8_t *at; s.size > 0 && (at = memchr(s.at, '#', s.size)) != NULL;) {
		s = span_from(s, at + 1);
		if (span_starts(s, "x"))
			s = span_from(s, s.at + 1);
		while (span_starts(s, "0"))
			s = span_from(s, s.at + 1);
		if (span_starts(s, "60") || span_starts(s, "3c"))
			return true;
	}
	return false;
}

/* <!ENTITY x "&#60;script&#62;..."> (XML 1.0 4.2): tags that stand nowhere; or they stand in another file. Names of namespaces,
 * which drawing programs declare like that, are neither. */
static bool has_written_entity(struct span text)
{
	const uint8_t *at;

	while ((at = span_find(text, "<!entity"))) {
		const uint8_t *end;
		struct span entity;

		text = span_from(text, at + 8);
		end = memchr(text.at, '>', text.size);
		entity = (struct span){ text.at, end ? (size_t)(end - text.at) : text.size };
		if (has_written_tag(entity) || span_find(entity, " system "))
			return true;
		text = span_from(text, entity.at + entity.size);
	}
	return false;
}

static bool is_svg(const struct content *c, struct span text)
{
	struct span head = { text.at, MIN(text.size, (size_t)ROOT_PROBE) };

	return content_has_type(c, "image/svg+xml") || content_has_extension(c, "svg") ||
	       (!content_has_type(c, "text/html") && span_find(head, "<svg"));
}

static bool is_web_archive(const struct content *c, struct span text)
{
	struct span head = { text.at, MIN(text.size, (size_t)ROOT_PROBE) };

	return content_has_extension(c, "mht") || content_has_extension(c, "mhtml") ||
	       (span_starts(head, "mime-version:") && span_find(head, "multipart/related"));
}

/* By its type, by its name, or by a root element where the text begins. */
static bool is_page(const struct content *c, struct span text)
{
	static const char *const extensions[] = { "html", "htm", "xhtml", "xht", "shtml", "svg", "mht", "mhtml", "hta", "htc" };
	static const char *const types[] = { "text/html", "application/xhtml+xml", "image/svg+xml" };
	struct span head = span_trim((struct span){ text.at, MIN(text.size, (size_t)ROOT_PROBE) });

	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (content_has_extension(c, extensions[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (content_has_type(c, types[i]))
			return true;
	return span_starts(head, "<!doctype html") || span_starts(head, "<html") || span_starts(head, "<svg") ||
	       span_starts(head, "<script") || (span_starts(head, "<?xml") && (span_find(head, "<svg") || span_find(head, "<html")));
}

int look_html(struct content *c)
{
	_cleanup_(plain_done) struct plain text = { 0 };
	struct page p = { .c = c };
	struct html_tag tag;
	struct html_reader reader;
	const char *what;
	int r = plain_open(c, &text);

	if (r < 0)
		return r;
	if (is_web_archive(c, text.text))
		r = look_at_archive(c, text.text);
	else if (!is_page(c, text.text))
		return 0;
	p.is_svg = is_svg(c, text.text);
	if (!content_has_extension(c, "dtd") && has_written_entity(text.text))
		r = content_active(c, "an entity that stands for markup");
	reader = (struct html_reader){ .rest = text.text };
	while (r == 0 && html_next(&reader, &tag))
		r = read_tag(&p, &tag);
	if (r < 0 || !p.has_script)
		return r;
	what = html_smuggles(text.text, p.has_download);
	return what ? content_unsafe(c, REASON_TYPE_MISMATCH, "%s", what) : 0;
}
