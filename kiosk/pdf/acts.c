/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* By keys and names alone, wherever they stand: readers differ in what they take for an action, and an attacker chooses the
 * reader. What would fire in ordinary documents is told by its place (a link to the web is one click away, an address
 * behind /OpenAction is not).
 */
#include "pdf/document.h"

#include <string.h>

struct name {
	const char *name;
	enum act act;
};

/* Values of /S: kinds of actions (ISO 32000-1 table 198, and Adobe's extension levels 3 and 5) */
static const struct name actions[] = {
	{ "/JavaScript", ACT_SCRIPT },	  { "/Launch", ACT_LAUNCH },	{ "/SubmitForm", ACT_SUBMIT },
	{ "/ImportData", ACT_IMPORT },	  { "/GoToE", ACT_EMBEDDED },	{ "/Rendition", ACT_MEDIA },
	{ "/Movie", ACT_MEDIA },	  { "/Sound", ACT_MEDIA },	{ "/GoTo3DView", ACT_THREE_D },
	{ "/RichMediaExecute", ACT_RICH_MEDIA },
};

/* Values of /Subtype: annotations (table 169), and PostScript XObjects (8.8.2) */
static const struct name subtypes[] = {
	{ "/RichMedia", ACT_RICH_MEDIA }, { "/3D", ACT_THREE_D }, { "/Movie", ACT_MEDIA },
	{ "/Sound", ACT_MEDIA },	  { "/PS", ACT_POSTSCRIPT },
};

static const struct name types[] = {
	{ "/Rendition", ACT_MEDIA }, { "/3D", ACT_THREE_D }, { "/RichMediaContent", ACT_RICH_MEDIA },
};

static const char *const act_texts[] = {
#define A(id, text) [ACT_##id] = text,
#include "pdf/acts.def"
#undef A
};

static void set(struct document *d, enum act act)
{
	d->acts |= 1u << act;
}

static void look_up(struct document *d, const struct name *list, size_t count, qpdf_oh value)
{
	if (type_of(d, value) != ot_name)
		return;
	for (size_t i = 0; i < count; i++)
		if (qpdf_oh_is_name_and_equals(d->q, value, list[i].name))
			set(d, list[i].act);
}

/* A file specification, or the string that is one, that leads to another machine: an address, or a Windows share, which a
 * reader greets with the user's password hash. */
static bool is_far(struct document *d, qpdf_oh specification)
{
	static const char *const keys[] = { "/UF", "/F", "/DOS" };
	const char *text;
	bool far = false;

	if (type_of(d, specification) == ot_dictionary) {
		for (size_t i = 0; !far && i < ARRAY_LEN(keys); i++) {
			qpdf_oh name = qpdf_oh_get_key(d->q, specification, keys[i]);

			far = type_of(d, name) == ot_string && is_far(d, name);
			qpdf_oh_release(d->q, name);
		}
		return far;
	}
	if (type_of(d, specification) != ot_string)
		return false;
	text = qpdf_oh_get_utf8_value(d->q, specification);
	return strstr(text, "://") || strncmp(text, "//", 2) == 0 || strstr(text, "\\\\");
}

static void look_action(struct document *d, qpdf_oh dict, qpdf_oh value, enum reached reached)
{
	look_up(d, actions, ARRAY_LEN(actions), value);
	if (qpdf_oh_is_name_and_equals(d->q, value, "/GoToR")) {
		/* manuals of several files are full of clickable ones to their neighbours */
		qpdf_oh file = qpdf_oh_get_key(d->q, dict, "/F");

		if (reached != REACHED_ANYHOW || is_far(d, file))
			set(d, ACT_REMOTE);
		qpdf_oh_release(d->q, file);
	}
	if (reached != REACHED_ANYHOW && qpdf_oh_is_name_and_equals(d->q, value, "/URI"))
		set(d, ACT_AUTO_URI);
}

/* A font may be called JS, too; a script is a string or a stream. */
static bool is_text(enum qpdf_object_type_e type)
{
	return type == ot_string || type == ot_stream;
}

void acts_look(struct document *d, qpdf_oh dict, const char *key, qpdf_oh value, bool is_stream, enum reached reached)
{
	if (strcmp(key, "/S") == 0)
		look_action(d, dict, value, reached);
	else if (strcmp(key, "/Subtype") == 0 || strcmp(key, "/Subtype2") == 0)
		look_up(d, subtypes, ARRAY_LEN(subtypes), value);
	else if (strcmp(key, "/Type") == 0)
		look_up(d, types, ARRAY_LEN(types), value);
	else if ((strcmp(key, "/JS") == 0 || strcmp(key, "/OnInstantiate") == 0) && is_text(type_of(d, value)))
		set(d, ACT_SCRIPT);
	else if (strcmp(key, "/XFA") == 0 && (type_of(d, value) == ot_array || type_of(d, value) == ot_stream))
		set(d, ACT_XFA);
	else if (strcmp(key, "/FS") == 0 && qpdf_oh_is_name_and_equals(d->q, value, "/URL"))
		set(d, ACT_URL_FILE);
	else if (is_stream && strcmp(key, "/F") == 0 && (type_of(d, value) == ot_string || type_of(d, value) == ot_dictionary))
		set(d, ACT_EXTERNAL); /* the stream's data are in that file (7.3.8.2) */
	else if (is_stream && strcmp(key, "/Ref") == 0 && type_of(d, value) == ot_dictionary)
		set(d, ACT_EXTERNAL); /* a page of another document (8.10.4) */
	else if (strcmp(key, "/AuthEvent") == 0 && qpdf_oh_is_name_and_equals(d->q, value, "/EFOpen"))
		d->hides_files = true;
}

int acts_tell(struct document *d)
{
	char text[CONTAINER_DETAIL_MAX + 1];
	size_t used = 0;

	if (d->acts == 0)
		return 0;
	for (unsigned int i = 0; i < ACT_COUNT_ && used < sizeof(text); i++)
		if (d->acts & 1u << i)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", act_texts[i]);
	return container_finding(d->c, REASON_ACTIVE_CONTENT, "PDF with %s", text);
}
