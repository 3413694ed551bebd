/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* hidden: bytes that the program of a text, picture or document never shows, and that an unpacker finds: archives anywhere in what
 * is none, binary data in text, data behind the end of an OLE2 document, a TIFF, a file system, and between partitions.
 */
#include "content/hidden.h"

#include <string.h>
#include <strings.h>

#include "content/detectors.h"

/* Bytes behind the end that programs leave; more is data that nobody sees. */
#define BEHIND_MAX 1024

static bool main_type_is(const struct content *c, const char *const *list)
{
	for (; *list; list++)
		if (c->type_count > 0 && strncasecmp(c->types[0], *list, strlen(*list)) == 0)
			return true;
	return false;
}

/* Streams of OLE2 have no types: what libmagic makes of one is chance, and the document as a whole is looked at. */
static bool is_stream(const struct content *c)
{
	return content_is_in(c, "application/x-ole-storage") || content_is_in(c, "application/CDFV2") || content_is_in(c, "application/msword") ||
	       content_is_in(c, "application/vnd.ms-");
}

static bool is_zero(struct span s)
{
	return s.size == 0 || (s.at[0] == 0 && memcmp(s.at, s.at + 1, s.size - 1) == 0);
}

static int tell_archive(struct content *c, struct span in)
{
	const uint8_t *at;
	const char *name = hidden_archive(in, &at);

	if (!name)
		return 0;
	if (c->size > 2 && memcmp(c->data, "#!", 2) == 0) /* a script that takes itself apart: a signature may vouch for it */
		return content_active(c, "an archive (%s) stands in the script at byte %zu", name, (size_t)(at - c->data));
	return content_unsafe(c, REASON_TYPE_MISMATCH, "an archive (%s) stands in it at byte %zu", name, (size_t)(at - c->data));
}

/* -- text ------------------------------------------------------------------------------------------------- */
/* A code unit that is none of Unicode's: NUL, or half a pair of surrogates. */
static const uint8_t *find_odd_unit(struct span s, size_t width, bool is_little)
{
	for (; s.size >= width; s.at += width, s.size -= width) {
		uint32_t unit, low;

		if (width == 4) {
			unit = is_little ? le32(s.at) : be32(s.at);
			if (unit == 0 || unit > 0x10ffff || (unit & 0xfffff800) == 0xd800)
				return s.at;
			continue;
		}
		unit = is_little ? le16(s.at) : (uint32_t)(s.at[0] << 8 | s.at[1]);
		if (unit == 0 || (unit & 0xfc00) == 0xdc00)
			return s.at;
		if ((unit & 0xfc00) != 0xd800)
			continue;
		low = s.size < 4 ? 0 : (uint32_t)(is_little ? s.at[3] : s.at[2]) << 8;
		if ((low & 0xfc00) != 0xdc00)
			return s.at;
		s.at += 2, s.size -= 2;
	}
	return NULL;
}

static const uint8_t *find_binary(const struct content *c)
{
	struct span s = { c->data, c->size };
	size_t units = MIN(c->size, (size_t)4096) / 2, zeros[2] = { 0 };

	if (c->size >= 4 && (memcmp(s.at, "\xff\xfe\0\0", 4) == 0 || memcmp(s.at, "\0\0\xfe\xff", 4) == 0))
		return find_odd_unit(s, 4, s.at[0] == 0xff);
	if (c->size >= 2 && (memcmp(s.at, "\xff\xfe", 2) == 0 || memcmp(s.at, "\xfe\xff", 2) == 0))
		return find_odd_unit(s, 2, s.at[0] == 0xff);
	for (size_t i = 0; i < 2 * units; i++)
		zeros[i & 1] += s.at[i] == 0;
	if (units >= 4 && (zeros[0] == 0) != (zeros[1] == 0) && (zeros[0] + zeros[1]) * 2 >= units) /* UTF-16 without a mark */
		return find_odd_unit(s, 2, zeros[1] > 0);
	return memchr(s.at, 0, s.size);
}

/* POSIX uuencode: a line begins it, "begin 644 name", and one of data follows: its first character says how many bytes it holds, four
 * characters for each three. */
static bool is_uuencoded(struct span header, struct span line)
{
	static const char wide[] = "begin-base64 ";
	bool is_base64 = header.size > sizeof(wide) - 1 && memcmp(header.at, wide, sizeof(wide) - 1) == 0;
	size_t at = is_base64 ? sizeof(wide) - 1 : 6, digits = 0, bytes;

	if (!is_base64 && (header.size < 11 || memcmp(header.at, "begin ", 6) != 0))
		return false;
	while (at + digits < header.size && header.at[at + digits] >= '0' && header.at[at + digits] <= '7')
		digits++;
	if (digits < 3 || digits > 4 || at + digits + 1 >= header.size || header.at[at + digits] != ' ' || line.size < 5)
		return false;
	if (is_base64)
		return true;
	bytes = (size_t)(line.at[0] - ' ') & 63;
	return bytes > 0 && bytes <= 45 && line.at[0] >= ' ' && line.at[0] <= '`' && line.size >= 1 + (bytes * 4 + 2) / 3 &&
	       line.size <= 1 + (bytes + 2) / 3 * 4 + 2; /* some write a character more as a check sum */
}

/* At the start of the file it is a container, which is opened; mail programs and uudecode(1) look further. */
static int look_for_uuencode(struct content *c)
{
	struct span rest = { c->data, c->size }, line, next;

	while (rest.size > 0) {
		const uint8_t *at = memmem(rest.at, rest.size, "begin", 5);
		bool is_start = at && at > c->data && (at[-1] == '\n' || at[-1] == '\r');

		if (!at)
			return 0;
		rest = span_from(rest, at);
		next = rest;
		if (is_start && span_line(&next, &line)) {
			struct span header = line;

			if (next.size > 0 && *next.at == '\n' && next.at[-1] == '\r')
				next.at++, next.size--;
			if (span_line(&next, &line) && is_uuencoded(header, line))
				return content_active(c, "a file in uuencode stands in the text at byte %zu", (size_t)(at - c->data));
		}
		rest.at += 5, rest.size -= 5;
	}
	return 0;
}

/* libmagic decides by the first 64 KiB what is text; a reader of text stops at nothing. */
static int look_at_text(struct content *c)
{
	const uint8_t *at = find_binary(c);
	struct span rest = span_from((struct span){ c->data, c->size }, at ? at : c->data + c->size);

	if (at && !is_zero(rest))
		return content_active(c, "binary data in text, from byte %zu on", (size_t)(at - c->data));
	return look_for_uuencode(c);
}

/* -- what has an end -------------------------------------------------------------------------------------- */
static int look_behind(struct content *c, size_t end, const char *what)
{
	struct span behind;

	if (end == 0 || end >= c->size)
		return 0;
	behind = (struct span){ c->data + end, c->size - end };
	if (behind.size <= BEHIND_MAX || is_zero(behind))
		return tell_archive(c, behind);
	return content_active(c, "%zu bytes behind the end of the %s", behind.size, what);
}

int look_hidden(struct content *c)
{
	static const char *const plain[] = { "text/", "image/", "audio/", "video/", "font/", "application/json", "application/x-ndjson",
					     "application/javascript", "application/x-subrip", "application/x-wine-extension-ini",
					     "application/mbox", "application/x-pem-file", "application/pgp-keys", NULL };
	static const char *const texts[] = { "text/", "application/json", "application/x-ndjson", "application/javascript",
					     "application/x-subrip", "application/x-wine-extension-ini", "application/mbox",
					     "application/x-pem-file", "image/svg", NULL };
	static const char *const rtf[] = { "text/rtf", NULL }; /* has binary data of its own, and a detector */
	struct span all = { c->data, c->size };
	int r = 0;

	if (is_stream(c) || c->size == 0)
		return 0;
	if (c->size >= 512 && memcmp(c->data, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0)
		return look_behind(c, ole_end(all), "OLE2 document");
	if (content_has_type(c, "application/x-raw-disk-image") || content_has_type(c, "application/vnd.squashfs") ||
	    content_has_type(c, "application/x-iso9660-image"))
		r = hidden_disk(c);
	if (r < 0)
		return r;
	if (main_type_is(c, texts) && !main_type_is(c, rtf))
		r = look_at_text(c);
	if (r == 0)
		r = look_behind(c, tiff_end(all), "TIFF picture");
	return r == 0 && main_type_is(c, plain) ? tell_archive(c, all) : r;
}
