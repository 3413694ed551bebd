/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* office-relations: what a part of an Office Open XML document loads from elsewhere when it is opened (ECMA-376 part 2, 9.3:
 * relationships; part 1 and MS-OFFMACRO2 name the types).
 */
#include <string.h>

#include "content/detectors.h"
#include "content/markup.h"
#include "content/office.h"

/* External targets that are loaded without a click, by the last component of the relationship's type. */
static const struct {
	const char *type;
	const char *says;
	bool only_remote; /* a path beside the document is no news */
} loaded[] = {
	{ "attachedtemplate", "a template of elsewhere", false },
	{ "oleobject", "a linked OLE object", false },
	{ "package", "a linked document", false },
	{ "frame", "a frame that loads a document", false },
	{ "subdocument", "a document within it that is loaded", false },
	{ "externallink", "links to another workbook", false },
	{ "externallinkpath", "links to another workbook", false },
	{ "xlexternallinkpath", "links to another workbook", false },
	{ "xlpathmissing", "links to another workbook", false },
	{ "xlstartup", "links to a workbook of the start folder", false },
	{ "xlalternatestartup", "links to a workbook of the start folder", false },
	{ "xllibrary", "links to an add-in", false },
	{ "control", "a control of elsewhere", false },
	{ "activexcontrolbinary", "a control of elsewhere", false },
	{ "vbaproject", "macros of elsewhere", false },
	{ "mailmergesource", "a data source of elsewhere", false },
	{ "mailmergeheadersource", "a data source of elsewhere", false },
	{ "recipientdata", "a data source of elsewhere", false },
	{ "image", "a picture that is fetched", true },
	{ "audio", "sound that is fetched", true },
	{ "video", "film that is fetched", true },
	{ "media", "film that is fetched", true },
};

/* A hyperlink waits for a click, and goes to a page; these start programs of the system. */
static const char *const handlers[] = { "ms-msdt:",   "search-ms:",  "search:", "ms-officecmd:", "ms-excel:", "ms-word:",
					"ms-powerpoint:", "ms-appinstaller:", "javascript:", "vbscript:", "shell:", "mk:",
					"ms-its:", "mhtml:" };

static bool starts_program(struct span target)
{
	target = span_trim(target);
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (span_starts(target, handlers[i]))
			return true;
	return false;
}

static struct span last_component(struct span uri)
{
	for (size_t i = uri.size; i > 0; i--)
		if (uri.at[i - 1] == '/')
			return span_from(uri, uri.at + i);
	return uri;
}

static int judge(struct content *c, struct span type, struct span target)
{
	for (size_t i = 0; i < ARRAY_LEN(loaded); i++) {
		if (!span_is(type, loaded[i].type))
			continue;
		if (loaded[i].only_remote && !is_remote(target))
			return 0;
		return content_active(c, "%s: %.*s", loaded[i].says, SPAN_ARGS(target));
	}
	if (starts_program(target))
		return content_active(c, "a link that starts a program: %.*s", SPAN_ARGS(target));
	if (span_is(type, "hyperlink") || !is_remote(target))
		return 0;
	return content_active(c, "a %.*s of elsewhere: %.*s", SPAN_ARGS(type), SPAN_ARGS(target));
}

int office_relation(struct content *c, const char *name, const struct markup_attributes *a)
{
	struct span mode, type, target;

	if (strcmp(name, "Relationship") != 0 || !markup_attribute(a, "TargetMode", &mode) || !span_is(mode, "external"))
		return 0;
	if (!markup_attribute(a, "Type", &type) || !markup_attribute(a, "Target", &target))
		return 0;
	return judge(c, last_component(span_trim(type)), target);
}

static int on_start(void *context, const char *name, const struct markup_attributes *a)
{
	return office_relation(context, name, a);
}

int office_broken(struct content *c, const char *why)
{
	return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "a part of a document that readers will disagree about: %s", why);
}

int look_office_relations(struct content *c)
{
	static const struct markup_sink sink = { .on_start = on_start };
	const char *why = NULL;
	int r;

	if (!c->container || !content_has_extension(c, "rels") || !path_has_folder(c->path, "_rels"))
		return 0;
	r = markup_read(c, &sink, c, &why);
	return r == -EBADMSG ? office_broken(c, why) : r;
}
