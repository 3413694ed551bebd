/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What names of streams and storages say, and short streams of fixed form. Names are compared as Windows does, without regard
 * to case ([MS-CFB] 2.6.4).
 */
#include "ole/ole.h"

#include <string.h>

#include "ole/native.h"

#define ATTACHMENT_NAME_MAX 512 /* bytes: 255 characters in UTF-16 */

static bool is(const char *name, const char *other)
{
	return g_ascii_strcasecmp(name, other) == 0;
}

static bool begins(const char *name, const char *prefix)
{
	return g_ascii_strncasecmp(name, prefix, strlen(prefix)) == 0;
}

/* The first bytes; how many there were. */
static size_t read_head(GsfInput *stream, void *buffer, size_t room)
{
	gsf_off_t size = gsf_input_size(stream);
	size_t part = MIN((uint64_t)MAX(size, 0), (uint64_t)room);

	if (part == 0 || gsf_input_seek(stream, 0, G_SEEK_SET) || !gsf_input_read(stream, part, buffer))
		return 0;
	return part;
}

/* -- storages ------------------------------------------------------------------------------------------------------- */

void storages_look(struct ole *o, GsfInfile *storage, const char *name)
{
	/* Word makes an empty ObjectPool in every document */
	if ((is(name, "ObjectPool") && gsf_infile_num_children(storage) > 0) || begins(name, "MBD"))
		ole_has(o, TRAIT_EMBEDDED);
}

/* -- attachments of messages ([MS-OXMSG] 2.2.2, [MS-OXPROPS]) -------------------------------------------------------- */

/* A property of text, in UTF-8 where it is stored in UTF-16; NULL: there is none. */
static char *read_property(GsfInfile *storage, const char *name, bool is_unicode)
{
	GsfInput *stream = gsf_infile_child_by_name(storage, name);
	gunichar2 text[ATTACHMENT_NAME_MAX / 2 + 1] = { 0 };
	size_t size;

	if (!stream)
		return NULL;
	size = read_head(stream, text, ATTACHMENT_NAME_MAX);
	g_object_unref(stream);
	if (size == 0)
		return NULL;
	return is_unicode ? g_utf16_to_utf8(text, -1, NULL, NULL, NULL) : g_strndup((const char *)text, size);
}

static char *last_component(char *path)
{
	char *end = strrchr(path, '\\'), *slash = strrchr(path, '/');

	return MAX(MAX(end ? end + 1 : path, slash ? slash + 1 : path), path);
}

char *streams_name(GsfInfile *storage, const char *storage_name, const char *name)
{
	static const struct {
		const char *property;
		bool is_unicode;
	} names[] = {
		{ "__substg1.0_3707001F", true }, { "__substg1.0_3707001E", false }, /* PidTagAttachLongFilename */
		{ "__substg1.0_3704001F", true }, { "__substg1.0_3704001E", false }, /* PidTagAttachFilename */
	};

	if (!is(name, "__substg1.0_37010102") || !begins(storage_name, "__attach_version1.0_")) /* PidTagAttachDataBinary */
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *text = read_property(storage, names[i].property, names[i].is_unicode);

		if (text && last_component(text)[0] != '\0')
			memmove(text, last_component(text), strlen(last_component(text)) + 1);
		if (text && text[0] != '\0')
			return text;
		free(text);
	}
	return NULL;
}

/* -- streams -------------------------------------------------------------------------------------------------------- */

static int look_native(struct ole *o, GsfInput *stream)
{
	uint8_t head[NATIVE_HEAD_MAX];
	char name[NATIVE_HEAD_MAX + 16] = "Ole10Native.", *label;
	struct native n;
	size_t size = read_head(stream, head, sizeof(head));
	int r = native_parse(head, size, (uint64_t)gsf_input_size(stream), &n);

	ole_has(o, TRAIT_EMBEDDED);
	if (r == -EBADMSG)
		return 0; /* it is given as it stands, and holds nothing else */
	label = name + strlen(name);
	snprintf(label, sizeof(name) - strlen(name), "%s", n.label[0] != '\0' ? n.label : n.file[0] != '\0' ? n.file : "data");
	memmove(label, last_component(label), strlen(last_component(label)) + 1);
	r = give_begin(o, name, n.size);
	if (r == 0)
		r = container_finding(o->c, REASON_ACTIVE_CONTENT, "embedded file \"%.100s\", from \"%.120s\", to be unpacked at \"%.120s\"",
				      n.label, n.file, n.temporary);
	return r < 0 ? r : give_bytes(o, stream, n.offset, n.size);
}

/* [MS-OLEDS] 2.3.3: version, then flags, of which the lowest bit says that the object is linked */
static void look_ole(struct ole *o, GsfInput *stream)
{
	uint8_t head[8];

	if (read_head(stream, head, sizeof(head)) == sizeof(head) && head[4] & 1)
		ole_has(o, TRAIT_LINKED);
}

/* [MS-PPT] 2.3.2: headerToken says whether the document is encrypted */
static void look_current_user(struct ole *o, GsfInput *stream)
{
	static const uint8_t encrypted[] = { 0xdf, 0xc4, 0xd1, 0xf3 };
	uint8_t head[16];

	if (read_head(stream, head, sizeof(head)) == sizeof(head) && memcmp(head + 12, encrypted, sizeof(encrypted)) == 0)
		ole_has(o, TRAIT_POWERPOINT);
}

static void look_names(struct ole *o, const char *storage_name, const char *name)
{
	if (is(name, "_VBA_PROJECT") || (is(name, "dir") && is(storage_name, "VBA")))
		ole_has(o, TRAIT_VBA);
	else if (is(name, "Package"))
		ole_has(o, TRAIT_EMBEDDED);
	else if (is(name, "Equation Native"))
		ole_has(o, TRAIT_EQUATION);
	else if (is(name, "\003OCXNAME"))
		ole_has(o, TRAIT_ACTIVEX);
	else if (is(name, "EncryptedPackage") || is(name, "EncryptionInfo"))
		ole_has(o, TRAIT_PACKAGE);
	else if (is(name, "\011DRMContent") || is(name, "\011DRMViewerContent"))
		ole_has(o, TRAIT_RIGHTS);
	else if (is(name, "EncryptedSummary"))
		ole_has(o, TRAIT_POWERPOINT);
}

int streams_look(struct ole *o, GsfInfile *storage, const char *storage_name, const char *name, GsfInput *stream)
{
	look_names(o, storage_name, name);
	if (is(name, "\001Ole10Native"))
		return look_native(o, stream);
	if (is(name, "PowerPoint Document"))
		return powerpoint_look(o, stream);
	if (is(name, "\001Ole"))
		look_ole(o, stream);
	else if (is(name, "Current User"))
		look_current_user(o, stream);
	else if (is(name, "WordDocument"))
		word_look(o, stream);
	else if (is(name, "Workbook") || is(name, "Book"))
		excel_look(o, stream);
	return 0;
}
