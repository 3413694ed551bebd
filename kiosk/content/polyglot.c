/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* polyglot: one file that is two. Bytes behind the end of a picture, an archive behind another format, a script or program in
 * the room that a format leaves at its beginning.
 */
#include "content/polyglot.h"

#include <string.h>

#include "content/detectors.h"

/* Bytes behind a picture that cameras and editors leave (notes, padding); more is data that nobody sees. */
#define BEHIND_MAX 1024
#define PDF_HEAD 1024 /* readers look for "%PDF-" in so many bytes (ISO 32000-1, implementation note 13) */

static const struct {
	const char *bytes;
	size_t size;
	const char *says;
} beginnings[] = {
	{ "PK\3\4", 4, "a zip archive" },
	{ "7z\xbc\xaf\x27\x1c", 6, "a 7z archive" },
	{ "Rar!\x1a\x07", 6, "a RAR archive" },
	{ "\x7f" "ELF", 4, "a program (ELF)" },
	{ "MZ", 2, "a program (MZ)" },
	{ "#!/", 3, "a script" },
	{ "<script", 7, "a script" },
	{ "<?php", 5, "a script" },
	{ "<html", 5, "a page" },
	{ "<HTA:", 5, "an HTML application" },
	{ "%PDF-", 5, "a PDF document" },
	{ "\x1f\x8b\x08", 3, "a gzip stream" },
	{ "BZh", 3, "a bzip2 stream" },
	{ "\xfd" "7zXZ", 5, "an xz stream" },
	{ "\x28\xb5\x2f\xfd", 4, "a zstd stream" },
	{ "MSCF\0\0\0\0", 8, "a cabinet" },
	{ "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "an OLE2 document" },
	{ "L\0\0\0\1\x14\2\0", 8, "a shortcut" },
	{ "\xca\xfe\xba\xbe", 4, "a program (Java, Mach-O)" },
	{ "dex\n", 4, "a program (Android)" },
};

static const char *begins_as(struct span s)
{
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		if (s.size >= beginnings[i].size && memcmp(s.at, beginnings[i].bytes, beginnings[i].size) == 0)
			return beginnings[i].says;
	return NULL;
}

/* Film behind a photograph (Google's and Samsung's motion photo), and the notes of Samsung's cameras, whose list ends the file. */
static bool is_of_camera(struct span s)
{
	return s.size >= 12 && (memcmp(s.at + 4, "ftyp", 4) == 0 || memcmp(s.at + s.size - 4, "SEFT", 4) == 0);
}

static int look_behind(struct content *c, const struct picture *p)
{
	struct span behind = { c->data + p->end, c->size - p->end }, all = behind;
	const char *what;

	while (behind.size > 0 && (behind.at[0] == 0 || behind.at[0] == ' ' || (behind.at[0] >= 9 && behind.at[0] <= 13)))
		behind.at++, behind.size--;
	what = begins_as(behind);
	if (what)
		return content_unsafe(c, REASON_TYPE_MISMATCH, "%s behind the end of the %s picture", what, p->format);
	if (behind.size <= BEHIND_MAX || is_of_camera(all))
		return 0;
	return content_active(c, "%zu bytes behind the end of the %s picture", behind.size, p->format);
}

static int look_at_picture(struct content *c)
{
	struct picture p = { 0 };

	picture_png(c, &p);
	picture_gif(c, &p);
	picture_jpeg(c, &p);
	picture_bmp(c, &p);
	picture_riff(c, &p);
	picture_icon(c, &p);
	if (p.has_script) {
		int r = content_unsafe(c, REASON_TYPE_MISMATCH, "a script within a remark of the %s picture", p.format);

		if (r < 0)
			return r;
	}
	return p.format && p.end > 0 && p.end < c->size ? look_behind(c, &p) : 0;
}

/* A picture that is a script too: the field behind its signature opens a remark, which a later one closes. */
static int look_for_script(struct content *c)
{
	size_t at = 0;

	if (c->size > 16 && memcmp(c->data, "GIF8", 4) == 0)
		at = 6;
	else if (c->size > 16 && memcmp(c->data, "\xff\xd8\xff\xe0", 4) == 0)
		at = 4;
	else if (c->size > 16 && memcmp(c->data, "BM", 2) == 0 && c->type_count > 0 && strncmp(c->types[0], "image/", 6) == 0)
		at = 2;
	if (at == 0 || memcmp(c->data + at, "/*", 2) != 0 || !span_find((struct span){ c->data, c->size }, "*/"))
		return 0;
	return content_unsafe(c, REASON_TYPE_MISMATCH, "a picture that is a script too");
}

/* APPNOTE 4.3.16: the record ends the file, and points to a directory that is there. libmagic's answer alone is not enough: an
 * archive attached to a document stands near its end too, and is found by the one who opens it. */
static bool ends_as_zip(const struct content *c)
{
	size_t span = MIN(c->size, (size_t)22 + 0xffff);

	for (size_t back = 22; back <= span; back++) {
		const uint8_t *p = c->data + c->size - back;
		uint32_t directory;

		if (memcmp(p, "PK\5\6", 4) != 0 || 22 + (size_t)le16(p + 20) != back)
			continue;
		directory = le32(p + 12);
		if (directory >= 46 && directory <= (size_t)(p - c->data) && memcmp(p - directory, "PK\1\2", 4) == 0)
			return true;
	}
	return false;
}

static bool main_type_starts(const struct content *c, const char *with)
{
	return c->type_count > 0 && strncmp(c->types[0], with, strlen(with)) == 0;
}

static int look_for_zip(struct content *c)
{
	static const char *const plain[] = { "image/", "audio/", "video/", "font/", "text/", "application/pdf", "application/x-iso9660",
					     "application/json", "application/msword", "application/CDFV2", "application/x-ole" };

	if (!content_has_type(c, "application/zip") || main_type_starts(c, "application/zip") || !ends_as_zip(c))
		return 0;
	if (c->size > 2 && (memcmp(c->data, "MZ", 2) == 0 || memcmp(c->data, "\x7f" "E", 2) == 0 || memcmp(c->data, "#!", 2) == 0))
		return content_active(c, "an archive behind the program: it takes itself apart");
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (main_type_starts(c, plain[i]))
			return content_unsafe(c, REASON_TYPE_MISMATCH, "a zip archive behind another format (%s)", c->types[0]);
	return 0;
}

/* Formats whose first bytes are free: the name of a tar's first member, the system area of ISO 9660 (ECMA-119 6.2.1), whose
 * first 512 bytes may be a boot record (no magic of those below). */
static int look_before(struct content *c)
{
	struct span s = { c->data, c->size };
	const char *what, *within = NULL;

	if (c->size >= 512 && memcmp(c->data + 257, "ustar", 5) == 0)
		within = "the first name of a tar archive";
	else if (c->size >= 32774 && memcmp(c->data + 32769, "CD001", 5) == 0)
		within = "the system area of a disc image";
	if (!within)
		return 0;
	what = begins_as(s);
	if (!what || (memcmp(s.at, "MZ", 2) == 0 && (s.size < 64 || le32(s.at + 60) > 32768)))
		return 0;
	return content_unsafe(c, REASON_TYPE_MISMATCH, "%s in %s", what, within);
}

/* A document that begins within another format's head */
static int look_for_pdf(struct content *c)
{
	struct span head = { c->data, MIN(c->size, (size_t)PDF_HEAD) };
	const uint8_t *at = span_find(head, "%pdf-1.");

	if (!at || at == c->data || memcmp(at, "%PDF-1.", 7) != 0)
		return 0;
	if (!main_type_starts(c, "image/") && !main_type_starts(c, "application/zip") && !main_type_starts(c, "audio/") &&
	    memcmp(c->data, "MZ", 2) != 0 && memcmp(c->data, "\x7f" "ELF", 4) != 0)
		return 0;
	return content_unsafe(c, REASON_TYPE_MISMATCH, "a PDF document within the head of another format (%s)", c->types[0]);
}

int look_polyglot(struct content *c)
{
	int r = look_at_picture(c);

	if (r == 0)
		r = look_for_script(c);
	if (r == 0)
		r = look_for_zip(c);
	if (r == 0)
		r = look_before(c);
	return r == 0 ? look_for_pdf(c) : r;
}
