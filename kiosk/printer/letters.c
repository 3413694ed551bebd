/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-printer. Characters in the letters that every printer has. */
#include <string.h>

#include <utf8proc.h>

#include "printer/paper.h"

/* Code page 437 from 0x80 on: letters alone, and of these only such as no printer draws otherwise. */
static const int32_t page_437[] = {
	0xc7, 0xfc, 0xe9, 0xe2, 0xe4, 0xe0, 0xe5, 0xe7, 0xea, 0xeb, 0xe8, 0xef, 0xee, 0xec, 0xc4, 0xc5,
	0xc9, 0xe6, 0xc6, 0xf4, 0xf6, 0xf2, 0xfb, 0xf9, 0xff, 0xd6, 0xdc, 0,	 0,    0,    0,    0,
	0xe1, 0xed, 0xf3, 0xfa, 0xf1, 0xd1,
};
#define SHARP_S_437 0xe1

/* What a decomposition does not give, and what people of these languages write instead. */
static const struct {
	int32_t code_point;
	const char *letters;
} spelled[] = {
	{ 0xe4, "ae" },	  { 0xf6, "oe" },   { 0xfc, "ue" },   { 0xc4, "Ae" },	{ 0xd6, "Oe" },	  { 0xdc, "Ue" },   { 0xdf, "ss" },
	{ 0xe6, "ae" },	  { 0xc6, "AE" },   { 0xf8, "oe" },   { 0xd8, "Oe" },	{ 0xf0, "d" },	  { 0xd0, "D" },    { 0xfe, "th" },
	{ 0xde, "Th" },	  { 0x111, "d" },   { 0x110, "D" },   { 0x131, "i" },	{ 0x142, "l" },	  { 0x141, "L" },   { 0x153, "oe" },
	{ 0x152, "OE" },  { 0x1e9e, "SS" }, { 0x2010, "-" },  { 0x2013, "-" },	{ 0x2014, "--" }, { 0x2018, "'" },  { 0x2019, "'" },
	{ 0x201c, "\"" }, { 0x201d, "\"" }, { 0x201e, "\"" }, { 0x2026, "..." }, { 0x2192, "->" }, { 0x20ac, "EUR" },
};

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* Its compatibility decomposition without marks, when that is ASCII: "e" of an e with acute. */
static bool decompose(int32_t code_point, char out[static PAPER_LETTERS_MAX])
{
	uint8_t utf8[5] = { 0 };
	utf8proc_uint8_t *plain = NULL;
	utf8proc_ssize_t n = utf8proc_encode_char(code_point, utf8);
	bool is_good;

	if (n <= 0)
		return false;
	n = utf8proc_map(utf8, n, &plain, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK | UTF8PROC_STABLE);
	is_good = n > 0 && n < PAPER_LETTERS_MAX && is_plain((const char *)plain);
	if (is_good)
		memcpy(out, plain, (size_t)n + 1);
	free(plain);
	return is_good;
}

void paper_letters(int32_t code_point, bool is_437, char out[static PAPER_LETTERS_MAX])
{
	if (code_point >= 0x20 && code_point <= 0x7e) {
		(void)snprintf(out, PAPER_LETTERS_MAX, "%c", (char)code_point);
		return;
	}
	for (size_t k = 0; is_437 && k < ARRAY_LEN(page_437); k++)
		if (code_point > 0x7f && page_437[k] == code_point) {
			(void)snprintf(out, PAPER_LETTERS_MAX, "%c", (char)(0x80 + k));
			return;
		}
	if (is_437 && code_point == 0xdf) {
		(void)snprintf(out, PAPER_LETTERS_MAX, "%c", (char)SHARP_S_437);
		return;
	}
	for (size_t k = 0; k < ARRAY_LEN(spelled); k++)
		if (spelled[k].code_point == code_point) {
			(void)snprintf(out, PAPER_LETTERS_MAX, "%s", spelled[k].letters);
			return;
		}
	if (code_point < 0x80 || !decompose(code_point, out))
		(void)snprintf(out, PAPER_LETTERS_MAX, code_point < 0x80 ? "\\x%02x" : "\\u{%X}", (unsigned int)code_point); /* fits */
}
