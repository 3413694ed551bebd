/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Just so much of three formats as tells what acts in them. Nothing is interpreted; each pass is linear in the stream. */
#include "ole/ole.h"

#include <string.h>

#include <zlib.h>

#define OVERLAP 64 /* bytes of a window that the next one has again: no pattern here is longer */

static unsigned int u16(const uint8_t *p)
{
	return (unsigned int)(p[0] | p[1] << 8);
}

static uint32_t u32(const uint8_t *p)
{
	return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t size_of(GsfInput *stream)
{
	gsf_off_t size = gsf_input_size(stream);

	return size > 0 ? (uint64_t)size : 0;
}

static bool read_at(GsfInput *stream, uint64_t offset, size_t size, uint8_t *ret)
{
	return offset <= size_of(stream) && size <= size_of(stream) - offset && size > 0 &&
	       !gsf_input_seek(stream, (gsf_off_t)offset, G_SEEK_SET) && gsf_input_read(stream, size, ret);
}

/* Call `look` for every offset, with at least OVERLAP bytes from it on except near the end. Its first result that is not 0
 * ends the scan and is returned. */
static int scan(struct ole *o, GsfInput *stream,
		int (*look)(struct ole *o, GsfInput *stream, uint64_t offset, const uint8_t *p, size_t left))
{
	static uint8_t window[OLE_CHUNK];
	uint64_t size = size_of(stream);

	for (uint64_t at = 0; at < size;) {
		size_t part = MIN(size - at, (uint64_t)sizeof(window));
		size_t last = at + part == size ? part : part - OVERLAP;

		if (!read_at(stream, at, part, window))
			return 0; /* told already, when its bytes were given */
		for (size_t i = 0; i < last; i++) {
			int r = look(o, stream, at + i, window + i, part - i);

			if (r != 0)
				return r;
		}
		at += last;
	}
	return 0;
}

/* -- Excel: BIFF records ([MS-XLS] 2.1.4) ---------------------------------------------------------------------------- */

#define BIFF_HEADER 4
#define BIFF_PART 48 /* bytes of a record that matter here */

enum {
	BIFF_FILEPASS = 0x002f,
	BIFF_BOUNDSHEET = 0x0085,
	BIFF_SUPBOOK = 0x01ae,
	BIFF_BOF = 0x0809,
};

/* 2.4.271, 2.5.277: a workbook elsewhere, whose path begins with 0x01 and has 0x03 between directories; or a topic of another
 * program, with 0x03 between the two */
static bool is_dde(const uint8_t *p, size_t size)
{
	if (size < 6 || u16(p + 2) == 0x0401 || u16(p + 2) == 0x3a01) /* itself, or an add-in */
		return false;
	return p[5] >= 0x20 && memchr(p + 5, 0x03, size - 5) != NULL;
}

static void look_biff(struct ole *o, unsigned int type, const uint8_t *p, size_t size)
{
	switch (type) {
	case BIFF_FILEPASS:
		ole_has(o, TRAIT_EXCEL);
		break;
	case BIFF_BOUNDSHEET: /* 2.4.28: dt */
		if (size >= 6 && p[5] == 1)
			ole_has(o, TRAIT_EXCEL4);
		break;
	case BIFF_BOF: /* 2.4.21: dt; not encrypted, unlike the above */
		if (size >= 4 && u16(p + 2) == 0x0040)
			ole_has(o, TRAIT_EXCEL4);
		break;
	case BIFF_SUPBOOK:
		if (is_dde(p, size))
			ole_has(o, TRAIT_DDE);
		break;
	default:
		break;
	}
}

void excel_look(struct ole *o, GsfInput *stream)
{
	uint8_t header[BIFF_HEADER], part[BIFF_PART];
	uint64_t at = 0;

	while (read_at(stream, at, sizeof(header), header)) {
		unsigned int type = u16(header), size = u16(header + 2);
		size_t wanted = MIN(size, (unsigned int)sizeof(part));

		at += BIFF_HEADER;
		if (type == BIFF_FILEPASS || type == BIFF_BOUNDSHEET || type == BIFF_SUPBOOK || type == BIFF_BOF) {
			if (wanted > 0 && !read_at(stream, at, wanted, part))
				return;
			look_biff(o, type, part, wanted);
		}
		at += size;
	}
}

/* -- Word: the header, and fields in the text ([MS-DOC] 2.5.2, 2.9.90) -------------------------------------------------- */

/* 0x13 begins a field; its instruction is text of one or two bytes a character. */
static int look_field(struct ole *o, GsfInput *stream, uint64_t offset, const uint8_t *p, size_t left)
{
	static const char word[] = "DDE";
	size_t step, at;

	if (p[0] != 0x13 || left < 8)
		return 0;
	step = p[1] == 0 ? 2 : 1;
	for (at = step; at + step <= left && p[at] == ' '; at += step)
		;
	for (size_t i = 0; i < 3; i++, at += step)
		if (at + step > left || g_ascii_toupper((gchar)p[at]) != word[i] || (step == 2 && p[at + 1] != 0))
			return 0;
	ole_has(o, TRAIT_DDE);
	return 1;
}

void word_look(struct ole *o, GsfInput *stream)
{
	uint8_t fib[12];

	if (read_at(stream, 0, sizeof(fib), fib) && u16(fib + 10) & 0x0100) /* FibBase.fEncrypted; XOR obfuscation has it as well */
		ole_has(o, TRAIT_WORD);
	(void)scan(o, stream, look_field); /* 1: found */
}

/* -- PowerPoint: objects and macros within the one stream ([MS-PPT] 2.10.34, 2.10.40) ------------------------------------ */

#define EXTERNAL_OBJECT 0x1011
#define PPT_HEADER 8

static int inflate_some(struct ole *o, z_stream *z, const uint8_t *in, size_t size)
{
	uint8_t out[OLE_CHUNK];
	int r = Z_OK;

	z->next_in = (Bytef *)in;
	z->avail_in = (uInt)size;
	do {
		z->next_out = out;
		z->avail_out = sizeof(out);
		r = inflate(z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
		if (sizeof(out) > z->avail_out) {
			int e = container_data(o->c, out, sizeof(out) - z->avail_out);

			if (e < 0)
				return e;
		}
	} while (r == Z_OK && z->avail_out == 0);
	return r == Z_STREAM_END ? 1 : 0;
}

/* 1: whole; 0: it goes on behind its end. */
static int inflate_all(struct ole *o, z_stream *z, GsfInput *stream, uint64_t offset, uint64_t size)
{
	uint8_t in[4096];
	int r = 0;

	while (r == 0 && size > 0) {
		size_t part = MIN(size, (uint64_t)sizeof(in));

		if (!read_at(stream, offset, part, in))
			return -EBADMSG;
		r = inflate_some(o, z, in, part);
		offset += part;
		size -= part;
	}
	return r;
}

static int give_inflated(struct ole *o, GsfInput *stream, uint64_t offset, uint64_t size)
{
	z_stream z = { 0 };
	int r;

	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	r = inflate_all(o, &z, stream, offset, size);
	(void)inflateEnd(&z); /* its result repeats what inflate() said */
	if (r == 0 || r == -EBADMSG)
		return container_broken(o->c, REASON_ARCHIVE_UNSAFE, "damaged: an embedded object does not decompress");
	return r < 0 ? r : container_end(o->c);
}

/* PowerPoint finds it by an offset that may lead into any record's middle: every place that could be one is tried. */
static int look_object(struct ole *o, GsfInput *stream, uint64_t offset, const uint8_t *p, size_t left)
{
	static const uint8_t ole[] = { 0xd0, 0xcf, 0x11, 0xe0 };
	bool is_compressed;
	char name[64];
	uint64_t size;
	int r;

	if (left < PPT_HEADER + 6 || (p[0] != 0x00 && p[0] != 0x10) || p[1] != 0 || u16(p + 2) != EXTERNAL_OBJECT)
		return 0;
	is_compressed = p[0] == 0x10;
	size = MIN((uint64_t)u32(p + 4), size_of(stream) - offset - PPT_HEADER);
	if (is_compressed && (size < 6 || (p[12] & 0x0f) != Z_DEFLATED || (p[12] << 8 | p[13]) % 31 != 0)) /* RFC 1950 2.2 */
		return 0;
	if (!is_compressed && (size < sizeof(ole) || memcmp(p + PPT_HEADER, ole, sizeof(ole)) != 0))
		return 0;
	ole_has(o, TRAIT_EMBEDDED);
	snprintf(name, sizeof(name), "PowerPoint object %u", ++o->objects);
	r = give_begin(o, name, is_compressed ? u32(p + PPT_HEADER) : size);
	if (r < 0)
		return r;
	return is_compressed ? give_inflated(o, stream, offset + PPT_HEADER + 4, size - 4) :
			       give_bytes(o, stream, offset + PPT_HEADER, size);
}

int powerpoint_look(struct ole *o, GsfInput *stream)
{
	return scan(o, stream, look_object);
}
