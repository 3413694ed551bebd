/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Escaping of untrusted text. What must not get through:
 *   - C0 and C1 controls: terminal sequences, forged lines in logs and receipts
 *   - bidi and other format characters (Cf): "gnp.exe" that reads "exe.png" (CVE-2021-42574)
 *   - zero-width and unassigned code points: two names that look alike
 *   - invalid UTF-8: terminals resynchronise differently
 *   - default-ignorable code points (UAX #44) of other categories: Hangul fillers, variation selectors, the grapheme
 *     joiner; and U+2800, a Braille pattern without dots: invisible as well
 *   - towers of combining marks that cover the lines above, and a mark at the start, which would join what stands before
 */
#include "common/text.h"

#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

#define MARKS_MAX 2 /* combining marks in a row that real orthographies use */
#define BRAILLE_BLANK 0x2800

/* Longest escape of one input byte: "\xHH"; of a 3-byte code point "\u{HHHH}": below 4 bytes for each byte. */
#define ESCAPE_GROWTH 4

static bool is_mark(utf8proc_category_t c)
{
	return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_ME;
}

static bool is_printable(utf8proc_int32_t cp, unsigned int *marks)
{
	utf8proc_category_t c = utf8proc_category(cp);

	*marks = is_mark(c) ? *marks + 1 : 0;
	if (utf8proc_get_property(cp)->ignorable || cp == BRAILLE_BLANK)
		return false;
	switch (c) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return false;
	case UTF8PROC_CATEGORY_ZS:
		return cp == ' ';
	default:
		return cp != '\\' && *marks <= MARKS_MAX;
	}
}

/* Length of the printable character at `p`, 0 when it must be escaped; `*ret_cp` is -1 for an invalid byte. */
static size_t printable_at(const uint8_t *p, size_t left, unsigned int *marks, utf8proc_int32_t *ret_cp,
			   size_t *ret_len)
{
	utf8proc_ssize_t n = utf8proc_iterate(p, (utf8proc_ssize_t)left, ret_cp);

	if (n <= 0) {
		*ret_cp = -1;
		*ret_len = 1;
		*marks = 0;
		return 0;
	}
	*ret_len = (size_t)n;
	return is_printable(*ret_cp, marks) ? (size_t)n : 0;
}

char *text_escape(const void *raw, size_t size)
{
	const uint8_t *p = raw;
	unsigned int marks = MARKS_MAX; /* as if the line had them: the first needs a base */
	char *out, *at;

	if (size > SIZE_MAX / ESCAPE_GROWTH - 1)
		return NULL;
	out = at = malloc(size * ESCAPE_GROWTH + 1);
	if (!out)
		return NULL;
	for (size_t i = 0, len; i < size; i += len) {
		utf8proc_int32_t cp;
		size_t room = (size - i) * ESCAPE_GROWTH + 1;
		size_t n = printable_at(p + i, size - i, &marks, &cp, &len);

		if (n > 0)
			memcpy(at, p + i, n);
		else if (cp == '\\')
			n = (size_t)snprintf(at, room, "\\\\");
		else if (cp < 0x80)
			n = (size_t)snprintf(at, room, "\\x%02x", p[i]);
		else
			n = (size_t)snprintf(at, room, "\\u{%X}", (unsigned int)cp);
		at += n;
	}
	*at = '\0';
	return out;
}

bool text_clean(const void *raw, size_t size)
{
	unsigned int marks = MARKS_MAX; /* as if the line had them: the first needs a base */

	for (size_t i = 0, len; i < size; i += len) {
		utf8proc_int32_t cp;

		if (printable_at((const uint8_t *)raw + i, size - i, &marks, &cp, &len) == 0)
			return false;
	}
	return true;
}

bool text_utf8_valid(const void *raw, size_t size)
{
	utf8proc_int32_t cp;

	for (size_t i = 0; i < size;) {
		utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)raw + i, (utf8proc_ssize_t)(size - i), &cp);

		if (n <= 0)
			return false;
		i += (size_t)n;
	}
	return true;
}

char *text_escape_kept(const char *text)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	while (*text) {
		size_t plain = strcspn(text, "\\");
		_cleanup_free_ char *clean = text_escape(text, plain);

		(void)fputs(clean ? clean : "(out of memory)", f); /* fclose() tells */
		for (text += plain; *text == '\\'; text++)
			(void)fputc('\\', f);
	}
	if (fclose(f) == 0)
		return out;
	free(out);
	return NULL;
}

void text_put_html(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		switch (*c) {
		case '&':
			(void)fputs("&amp;", out);
			break;
		case '<':
			(void)fputs("&lt;", out);
			break;
		case '>':
			(void)fputs("&gt;", out);
			break;
		case '"':
			(void)fputs("&quot;", out);
			break;
		case '\'':
			(void)fputs("&#39;", out);
			break;
		default:
			(void)fputc(*c, out);
		}
	}
}
