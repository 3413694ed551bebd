/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Content types beyond libmagic. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

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

/* An end record where unpackers look for it makes any file a zip (APPNOTE 4.3.16), whatever it begins with. */
static bool ends_as_zip(const uint8_t *data, size_t size)
{
	size_t span = MIN(size, (size_t)22 + 0xffff);

	for (const uint8_t *p = data + size - span; size >= 22 && p <= data + size - 22; p++)
		if (memcmp(p, "PK\5\6", 4) == 0 &&
		    p + 22 + (p[20] | p[21] << 8) <= data + size && (p[10] | p[11]) != 0)
			return true;
	return false;
}

static bool is_zip_family(const struct types *t)
{
	static const char *const family[] = { "zip", "openxmlformats", "opendocument", "java-archive", "epub" };

	for (size_t i = 0; i < ARRAY_LEN(family); i++)
		if (strstr(t->list[0], family[i]))
			return true;
	return false;
}

/* libmagic 5.46 (Debian 13) looks for a zip's end record through a descriptor first, and in a buffer, where it has none,
 * it then knows no plain zip at all; 5.44 takes the signature of a local header (APPNOTE 4.3.7). So do we, for any version. */
static bool is_unknown_zip(const struct types *t, const uint8_t *data, size_t size)
{
	return strcmp(t->list[0], "application/octet-stream") == 0 && size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

static int put_zip_first(struct types *t)
{
	const struct types others = *t;
	int r;

	t->count = 0;
	r = types_add(t, "application/zip", strlen("application/zip"));
	for (size_t i = 0; r == 0 && i < others.count; i++)
		r = types_add(t, others.list[i], strlen(others.list[i]));
	return r;
}

int types_refine(struct types *t, const uint8_t *data, size_t size)
{
	const struct opaque_format *format = opaque_find(data, size);
	int r = is_unknown_zip(t, data, size) ? put_zip_first(t) : 0;

	if (r < 0)
		return r;
	if (format && format->mime && is_vague(t->list[0])) {
		t->count = 0;
		r = types_add(t, format->mime, strlen(format->mime));
	} else if (format && format->mime && strncmp(format->mime, t->list[0], TYPE_NAME_MAX) != 0 &&
		   strcmp(format->mime, "application/vnd.debian.binary-package") == 0) {
		r = types_add(t, format->mime, strlen(format->mime));
	}
	if (r == 0 && !is_zip_family(t) && ends_as_zip(data, size))
		r = types_add(t, "application/zip", strlen("application/zip"));
	return r;
}
