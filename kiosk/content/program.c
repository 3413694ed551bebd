/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* program: what the type of a program does not tell: data behind it that no loader maps, data in the field of its signature, and
 * programs for machines that nobody has. PE (Microsoft's specification, revision 11), ELF (System V gABI), Mach-O.
 */
#include <string.h>

#include "content/detectors.h"
#include "content/span.h"

#define BEHIND_MAX 4096	  /* bytes behind a program that are padding or notes of a linker */
#define SECTIONS_MAX 8192 /* that are looked at; linkers write below 100, -ffunction-sections some thousand */

struct extent {
	uint64_t end; /* of all that the headers account for */
};

static void reach(struct extent *x, uint64_t offset, uint64_t size)
{
	if (size > 0 && offset <= UINT64_MAX - size)
		x->end = MAX(x->end, offset + size);
}

/* Payloads of installers, which the virus scanner or an opener takes apart: libclamav knows them behind PE only, not behind ELF. */
static bool is_installer(struct span s)
{
	static const struct {
		const char *bytes;
		size_t size, at;
	} known[] = {
		{ "\xef\xbe\xad\xdeNullsoftInst", 16, 4 }, /* NSIS */
		{ "rDlPtS", 6, 0 },			    /* Inno Setup */
		{ "zlb\x1a", 4, 0 },			    /* Inno Setup */
		{ "idska32", 7, 0 },			    /* Inno Setup */
		{ "7z\xbc\xaf\x27\x1c", 6, 0 },	{ "Rar!\x1a\x07", 6, 0 },  { "PK\3\4", 4, 0 },
		{ "MSCF", 4, 0 },		{ ";!@Install@!UTF-8!", 18, 0 }, /* 7-Zip SFX */
		{ "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, 0 }, /* MSI */
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (s.size >= known[i].at + known[i].size && memcmp(s.at + known[i].at, known[i].bytes, known[i].size) == 0)
			return true;
	return false;
}

static bool is_uniform(struct span s)
{
	for (size_t i = 1; i < s.size; i++)
		if (s.at[i] != s.at[0])
			return false;
	return s.size == 0 || s.at[0] == 0 || s.at[0] == 0xff || s.at[0] == ' ';
}

static int judge_behind(struct content *c, struct span behind)
{
	if (behind.size <= BEHIND_MAX || (c->data[0] == 'M' && is_installer(behind)) || is_uniform(behind))
		return 0;
	return content_active(c, "%zu bytes of data behind the program", behind.size);
}

/* PE: the machines of 3.3.1 that Windows or firmware of the last twenty years runs on */
static bool is_usual_machine(uint16_t machine)
{
	static const uint16_t usual[] = { 0x14c, 0x8664, 0xaa64, 0x1c0, 0x1c2, 0x1c4, 0x200, 0xebc, 0xa641, 0xa64e, 0x5032, 0x5064,
					  0x6232, 0x6264, 0 };

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (machine == usual[i])
			return true;
	return false;
}

/* A table of certificates (5.7) holds PKCS #7 and at most seven zeros; bytes behind it are in no digest: a program can be given
 * other data without its signature noticing (MS13-098). */
static int look_into_signature(struct content *c, uint32_t offset, uint32_t size)
{
	const uint8_t *p = c->data + offset, *end = p + size;
	/* WIN_CERT_TYPE_PKCS_SIGNED_DATA, and a SEQUENCE whose length takes two or three bytes */

	while (end - p >= 12) {
		uint32_t length = le32(p), der;

		if (length < 12 || length > (size_t)(end - p))
			break;
		if (le16(p + 6) == 2 && length >= 16 && p[8] == 0x30 && (p[9] == 0x82 || p[9] == 0x83)) {
			der = p[9] == 0x82 ? (be32(p + 8) & 0xffff) + 4 : (be32(p + 9) & 0xffffff) + 5;
			if (der + 8 < length && length - 8 - der > 8 &&
			    !is_uniform((struct span){ p + 8 + der, length - 8 - der }))
				return content_active(c, "%u bytes of data within the field of the signature", length - 8 - der);
		}
		length = (length + 7) & ~7u;
		if (length > (size_t)(end - p))
			break;
		p += length;
	}
	return 0;
}

struct pe {
	uint32_t header, optional, sections, section_count;
	uint32_t signature_offset, signature_size, debug_rva, debug_size;
	bool is_dotnet;
};

static bool pe_headers(const struct content *c, struct pe *ret)
{
	uint32_t at, directories, count;
	uint16_t magic;

	if (c->size < 64 || memcmp(c->data, "MZ", 2) != 0)
		return false;
	at = le32(c->data + 60);
	if (at > c->size || c->size - at < 24 + 96 || memcmp(c->data + at, "PE\0\0", 4) != 0)
		return false;
	*ret = (struct pe){ .header = at, .optional = at + 24 };
	ret->section_count = le16(c->data + at + 6);
	ret->sections = ret->optional + le16(c->data + at + 20);
	magic = le16(c->data + ret->optional);
	directories = ret->optional + (magic == 0x20b ? 112 : 96);
	if (directories > c->size)
		return false;
	count = le32(c->data + directories - 4);
	if (count > 4 && c->size - directories >= 5 * 8) {
		ret->signature_offset = le32(c->data + directories + 4 * 8); /* the one directory that is a file offset */
		ret->signature_size = le32(c->data + directories + 4 * 8 + 4);
	}
	if (count > 6 && c->size - directories >= 7 * 8) {
		ret->debug_rva = le32(c->data + directories + 6 * 8);
		ret->debug_size = le32(c->data + directories + 6 * 8 + 4);
	}
	ret->is_dotnet = count > 14 && c->size - directories >= 15 * 8 && le32(c->data + directories + 14 * 8) != 0;
	return true;
}

/* 5.1.1: what the debug directory points to may stand behind the sections */
static void reach_debug(const struct content *c, const struct pe *pe, const uint8_t *section, struct extent *x)
{
	uint32_t rva = le32(section + 12), raw = le32(section + 20), size = le32(section + 16);
	uint64_t at;

	if (pe->debug_size == 0 || pe->debug_rva < rva || pe->debug_rva - rva >= size)
		return;
	at = (uint64_t)raw + (pe->debug_rva - rva);
	for (uint32_t i = 0; i + 28 <= MIN(pe->debug_size, 28u * 64) && at + i + 28 <= c->size; i += 28)
		reach(x, le32(c->data + at + i + 24), le32(c->data + at + i + 16));
}

/* COFF symbols and their strings (5.4, 5.6): MinGW leaves them in */
static void reach_symbols(const struct content *c, const struct pe *pe, struct extent *x)
{
	uint64_t table = le32(c->data + pe->header + 12), strings = table + (uint64_t)le32(c->data + pe->header + 16) * 18;

	if (table == 0)
		return;
	reach(x, table, strings - table);
	if (strings + 4 <= c->size)
		reach(x, strings, le32(c->data + strings));
}

static int look_at_pe(struct content *c)
{
	struct extent x = { 0 };
	struct pe pe;
	int r = 0;

	if (!pe_headers(c, &pe))
		return 0;
	if (!is_usual_machine(le16(c->data + pe.header + 4)))
		r = content_active(c, "a program for an unusual machine (0x%x)", le16(c->data + pe.header + 4));
	reach(&x, 0, le32(c->data + pe.optional + 60)); /* SizeOfHeaders */
	for (uint32_t i = 0; i < MIN(pe.section_count, SECTIONS_MAX); i++) {
		uint64_t at = pe.sections + (uint64_t)i * 40;

		if (at + 40 > c->size)
			break;
		reach(&x, le32(c->data + at + 20), le32(c->data + at + 16));
		reach_debug(c, &pe, c->data + at, &x);
	}
	reach_symbols(c, &pe, &x);
	if (r == 0 && pe.is_dotnet)
		r = content_is(c, "application/x-dotnet-assembly");
	if (r < 0)
		return r;
	if (pe.signature_offset < x.end || pe.signature_offset > c->size || pe.signature_size > c->size - pe.signature_offset)
		return x.end < c->size ? judge_behind(c, (struct span){ c->data + x.end, c->size - (size_t)x.end }) : 0;
	r = judge_behind(c, (struct span){ c->data + x.end, pe.signature_offset - (size_t)x.end });
	if (r == 0)
		r = look_into_signature(c, pe.signature_offset, pe.signature_size);
	x.end = (uint64_t)pe.signature_offset + pe.signature_size;
	return r == 0 ? judge_behind(c, (struct span){ c->data + x.end, c->size - (size_t)x.end }) : r;
}

static uint64_t word(const uint8_t *p, size_t size, bool is_big)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)p[i] << 8 * (is_big ? size - 1 - i : i);
	return value;
}

/* gABI chapter 4: section headers, sections with bytes, segments */
static int look_at_elf(struct content *c)
{
	bool is_64 = c->size > 64 && c->data[4] == 2, is_big = c->size > 64 && c->data[5] == 2;
	size_t w = is_64 ? 8 : 4;
	const uint8_t *h = c->data;
	uint64_t program, section, program_count, section_count, program_size, section_size;
	struct extent x = { 0 };

	if (c->size <= 64 || memcmp(h, "\x7f" "ELF", 4) != 0)
		return 0;
	program = word(h + (is_64 ? 32 : 28), w, is_big);
	section = word(h + (is_64 ? 40 : 32), w, is_big);
	h += is_64 ? 54 : 42;
	program_size = word(h, 2, is_big);
	program_count = word(h + 2, 2, is_big);
	section_size = word(h + 4, 2, is_big);
	section_count = word(h + 6, 2, is_big);
	if (section_count == 0 && section > 0 && section < c->size && c->size - section >= section_size && section_size >= (is_64 ? 64 : 40))
		section_count = word(c->data + section + (is_64 ? 32 : 20), w, is_big); /* sh_size of the first: more than fit */
	section_count = MIN(section_count, (c->size / (section_size ? section_size : 1)));
	reach(&x, program, program_count * program_size);
	reach(&x, section, section_count * section_size);
	for (uint64_t i = 0; i < program_count && program_size >= (is_64 ? 56 : 32); i++) {
		uint64_t at = program + i * program_size;

		if (at > c->size || c->size - at < program_size)
			break;
		reach(&x, word(c->data + at + (is_64 ? 8 : 4), w, is_big), word(c->data + at + (is_64 ? 32 : 16), w, is_big));
	}
	for (uint64_t i = 0; i < section_count && section_size >= (is_64 ? 64 : 40); i++) {
		uint64_t at = section + i * section_size;

		if (at > c->size || c->size - at < section_size)
			break;
		if (word(c->data + at + 4, 4, is_big) != 8) /* SHT_NOBITS */
			reach(&x, word(c->data + at + (is_64 ? 24 : 16), w, is_big), word(c->data + at + (is_64 ? 32 : 20), w, is_big));
	}
	if (x.end >= c->size)
		return 0;
	if (span_ends((struct span){ c->data, c->size }, "~module signature appended~\n")) /* kernel modules (Linux, module-signing) */
		return 0;
	return judge_behind(c, (struct span){ c->data + x.end, c->size - (size_t)x.end });
}

/* <mach-o/loader.h>: segments hold everything, the signature too (in __LINKEDIT) */
static int look_at_mach(struct content *c)
{
	uint32_t magic = c->size >= 32 ? le32(c->data) : 0, count;
	bool is_64 = magic == 0xfeedfacf;
	struct extent x = { 0 };
	size_t at = is_64 ? 32 : 28;

	if ((magic != 0xfeedface && !is_64) || le32(c->data + 12) == 1) /* MH_OBJECT: no segments to speak of */
		return 0;
	count = le32(c->data + 16);
	for (uint32_t i = 0; i < count && c->size - at >= 8; i++) {
		uint32_t command = le32(c->data + at), size = le32(c->data + at + 4);

		if (size < 8 || size > c->size - at)
			break;
		if (command == 0x19 && size >= 72) /* LC_SEGMENT_64 */
			reach(&x, le64(c->data + at + 40), le64(c->data + at + 48));
		else if (command == 0x1 && size >= 56) /* LC_SEGMENT */
			reach(&x, le32(c->data + at + 32), le32(c->data + at + 36));
		at += size;
	}
	if (x.end == 0 || x.end >= c->size)
		return 0;
	return judge_behind(c, (struct span){ c->data + x.end, c->size - (size_t)x.end });
}

int look_program(struct content *c)
{
	int r = look_at_pe(c);

	if (r == 0)
		r = look_at_elf(c);
	return r == 0 ? look_at_mach(c) : r;
}
