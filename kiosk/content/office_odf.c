/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* office-odf: what acts in an OpenDocument file (OASIS OpenDocument 1.3): macros, events bound to them, OLE objects, DDE, and what
 * is loaded from elsewhere. Also in flat files (.fodt).
 */
#include <string.h>

#include "content/detectors.h"
#include "content/markup.h"
#include "content/office.h"

#define FLAT_PROBE 4096 /* bytes in which the root of a flat file stands */

static const struct {
	const char *element, *says;
} acting[] = {
	{ "module", "a Basic macro" }, /* in office:script, or a file of its own */
	{ "object-ole", "an embedded OLE object" },
	{ "plugin", "a plug-in" },
	{ "applet", "an applet" },
	{ "floating-frame", "a frame that loads a document" },
	{ "dde-connection", "a link that starts a program (DDE)" },
	{ "dde-connection-decl", "a link that starts a program (DDE)" },
	{ "dde-source", "a link that starts a program (DDE)" },
	{ "dde-link", "a link that starts a program (DDE)" },
};

/* A person clicks on those; no more comes of it than of any link. */
static bool is_link(const char *element)
{
	return strcmp(element, "a") == 0 || strcmp(element, "bookmark") == 0;
}

static int on_address(struct content *c, const char *element, struct span address)
{
	address = span_trim(address);
	if (span_starts(address, "vnd.sun.star.script:") || span_starts(address, "macro:") ||
	    span_starts(address, "javascript:") || span_starts(address, ".uno:") || span_starts(address, "service:"))
		return content_active(c, "a link that calls a macro: %.*s", SPAN_ARGS(address));
	if (is_link(element) || !is_remote(address))
		return 0;
	return content_active(c, "%s that is loaded from elsewhere: %.*s",
			      strcmp(element, "template") == 0 ? "a template" : "a part", SPAN_ARGS(address));
}

/* script:event-listener (12.4.2) calls a macro, unless it has no address, as LibreOffice writes those that are not bound;
 * presentation:event-listener (19.374) mostly turns the page. */
static int on_event(struct content *c, const struct markup_attributes *a)
{
	struct span value;

	if ((markup_attribute(a, "macro-name", &value) && value.size > 0) ||
	    (markup_attribute(a, "language", &value) && markup_attribute(a, "href", &value) && value.size > 0))
		return content_active(c, "an event that calls a macro: %.*s", SPAN_ARGS(value));
	if (markup_attribute(a, "action", &value) && (span_is(value, "execute") || span_is(value, "verb")))
		return content_active(c, "an event that starts a program");
	return 0;
}

static int on_start(void *context, const char *name, const struct markup_attributes *a)
{
	struct content *c = context;
	struct span value;

	if (strcmp(name, "event-listener") == 0) {
		int r = on_event(c, a);

		if (r < 0)
			return r;
	}
	/* text:script; office:script has libraries within, which may be empty */
	if (strcmp(name, "script") == 0 && markup_attribute(a, "language", &value) && !span_starts(value, "ooo:"))
		return content_active(c, "a script (%.*s)", SPAN_ARGS(value));
	for (size_t i = 0; i < ARRAY_LEN(acting); i++)
		if (strcmp(name, acting[i].element) == 0)
			return content_active(c, "%s", acting[i].says);
	if (markup_attribute(a, "href", &value))
		return on_address(c, name, value);
	return 0;
}

static bool is_member_of_odf(const struct content *c)
{
	return content_is_in(c, "application/vnd.oasis.opendocument") || content_is_in(c, "application/vnd.sun.xml");
}

/* "Basic/Standard/Module1.xml", "Scripts/python/x.py"; lists of libraries are there without any macro. */
static const char *folder_acts(const struct content *c)
{
	if (path_has_folder(c->path, "basic"))
		return strncmp(c->name, "script-l", 8) == 0 || strncmp(c->name, "dialog-l", 8) == 0 ? NULL : "a Basic macro";
	if (path_has_folder(c->path, "scripts"))
		return "a macro";
	if (strncmp(c->name, "Object ", 7) == 0 && !strchr(c->name, '.') && c->size >= 8 &&
	    memcmp(c->data, "\xd0\xcf\x11\xe0", 4) == 0)
		return "an embedded OLE object";
	return NULL;
}

/* Members of ODF by their names, wherever libmagic put the container: their root says it. */
static bool is_content(const struct content *c)
{
	static const char *const parts[] = { "content.xml", "styles.xml", "settings.xml", "meta.xml" };
	struct span head = { c->data, MIN(c->size, (size_t)FLAT_PROBE) };

	if (!span_find(head, "urn:oasis:names:tc:opendocument"))
		return false;
	for (size_t i = 0; c->container && i < ARRAY_LEN(parts); i++)
		if (path_ends(c->path, parts[i]))
			return true;
	return span_find(head, "<office:document ") != NULL;
}

int look_office_odf(struct content *c)
{
	static const struct markup_sink sink = { .on_start = on_start };
	const char *why = NULL, *acts = is_member_of_odf(c) ? folder_acts(c) : NULL;
	int r = acts ? content_active(c, "%s: %s", acts, c->name) : 0;

	if (r < 0 || !is_content(c))
		return r;
	r = markup_read(c, &sink, c, &why);
	return r == -EBADMSG ? office_broken(c, why) : r;
}
