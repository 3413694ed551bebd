/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Content types beyond libmagic. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "examine/containers.h"
#include "examine/magic.h"
#include "examine/opaque.h"

/* libmagic's words for "I do not know". */
static bool is_vague(const char *mime)
{
	return strcmp(mime, "application/octet-stream") == 0 || strcmp(mime, "text/plain") == 0;
}

/* RFC 6838 §4.2: what a type's name may consist of. libmagic's answers are built from bytes of the file in
 * places; anything else in them is not a type. */
static bool is_type(const char *mime, size_t length)
{
	size_t slashes = 0;

	for (size_t i = 0; i < length; i++) {
		if (mime[i] == '/')
			slashes++;
		else if (!isalnum((unsigned char)mime[i]) && !strchr("!#$&-^_.+", mime[i]))
			return false;
	}
	return length > 2 && length <= TYPE_NAME_MAX && slashes == 1;
}

int types_add(struct types *t, const char *mime, size_t length)
{
	char name[TYPE_NAME_MAX + 1];

	while (length > 0 && isspace((unsigned char)mime[length - 1]))
		length--;
	if (!is_type(mime, length)) {
		mime = "application/octet-stream"; /* could not tell */
		length = strlen(mime);
	}
	for (size_t i = 0; i < length; i++)
		name[i] = (char)tolower((unsigned char)mime[i]);
	name[length] = '\0';
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i], name) == 0)
			return 0;
	if (t->count == TYPES_MAX)
		return -EOVERFLOW;
	memcpy(t->list[t->count++], name, length + 1);
	return 0;
}

/* libmagic's words for a container, where they are not ours: a part of the type's name. "" says that libmagic knows the kind
 * by better names than that of the container (documents in OLE2), as long as it knows it at all. */
static const struct {
	enum container_format format;
	const char *words[6];
} synonyms[] = {
	{ CONTAINER_ZIP, { "/zip", "+zip", "openxmlformats", "opendocument", "java-archive", "android.package" } },
	{ CONTAINER_GZIP, { "/gzip", "/x-gzip" } },
	{ CONTAINER_BZIP2, { "bzip" } },
	{ CONTAINER_LZIP, { "/x-lzip" } },
	{ CONTAINER_ZSTD, { "/x-zstd" } },
	{ CONTAINER_TAR, { "/x-gtar", "/x-ustar" } },
	{ CONTAINER_RAR, { "/x-rar" } },
	{ CONTAINER_LHA, { "/x-lzh", "/x-lharc" } },
	{ CONTAINER_RPM, { "/x-redhat-package-manager" } },
	{ CONTAINER_UU, { "uuencode" } },
	{ CONTAINER_DISK, { "/x-iso9660-image", "/x-raw-disk-image" } },
	{ CONTAINER_OLE, { "" } },
};

static bool says(const char *type, enum container_format format)
{
	for (size_t i = 0; i < ARRAY_LEN(synonyms); i++)
		for (size_t j = 0; synonyms[i].format == format && j < ARRAY_LEN(synonyms[i].words); j++)
			if (synonyms[i].words[j] && strstr(type, synonyms[i].words[j]))
				return true;
	return false;
}

/* Of a zip the main type alone says so: libmagic tells a zip's end behind a picture in some versions only. */
static bool is_told(const struct types *t, enum container_format format, const char *mime)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i], mime) == 0 ||
		    ((i == 0 || format != CONTAINER_ZIP) && !is_vague(t->list[i]) && says(t->list[i], format)))
			return true;
	return false;
}

/* libmagic 5.46 (Debian 13) looks for a zip's end record through a descriptor first, and in a buffer, where it has none,
 * it then knows no plain zip at all; 5.44 takes the signature of a local header (APPNOTE 4.3.7). So do we, for any version. */
static bool is_unknown_zip(const struct types *t, const uint8_t *data, size_t size)
{
	return strcmp(t->list[0], "application/octet-stream") == 0 && size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

/* `mime` becomes the main type. A vague one that was it is no news any more. */
static int put_first(struct types *t, const char *mime)
{
	const struct types others = *t;
	int r;

	t->count = 0;
	r = types_add(t, mime, strlen(mime));
	for (size_t i = is_vague(others.list[0]); r == 0 && i < others.count; i++)
		r = types_add(t, others.list[i], strlen(others.list[i]));
	return r;
}

int types_say(struct types *t, const char *mime)
{
	return t->count > 0 && is_vague(t->list[0]) ? put_first(t, mime) : types_add(t, mime, strlen(mime));
}

static int refine(struct types *t, const char *mime, bool is_behind, bool is_told)
{
	if (!is_behind && is_vague(t->list[0]))
		return put_first(t, mime);
	return is_told ? 0 : types_add(t, mime, strlen(mime));
}

int types_refine(struct types *t, const uint8_t *data, size_t size, const struct containers *c)
{
	const struct format *opaque = opaque_find(data, size);
	int r = is_unknown_zip(t, data, size) ? put_first(t, "application/zip") : 0;

	for (size_t i = 0; r == 0 && i < c->count; i++)
		r = refine(t, c->list[i].mime, c->list[i].is_behind, is_told(t, c->list[i].format, c->list[i].mime));
	if (r == 0 && opaque && opaque->mime && is_vague(t->list[0]))
		r = put_first(t, opaque->mime);
	return r;
}
