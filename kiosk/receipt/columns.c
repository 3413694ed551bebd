/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "receipt/columns.h"

#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

/* Where libutf8proc and the C library, which terminals go by, do not agree, the wider counts: the library has marks that take a place of
 * their own (Mc) in one column, and two blocks of wide symbols (East Asian Width W by their block, not by name) in two. */
static size_t width_of(utf8proc_int32_t cp)
{
	int width = utf8proc_charwidth(cp);

	if ((cp >= 0x3248 && cp <= 0x324f) || (cp >= 0x4dc0 && cp <= 0x4dff))
		return 2;
	return width > 0 ? (size_t)width : utf8proc_category(cp) == UTF8PROC_CATEGORY_MC ? 1 : 0;
}

static bool is_mark(utf8proc_int32_t cp)
{
	utf8proc_category_t c = utf8proc_category(cp);

	return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_ME;
}

/* A base character with the marks on it, which must not be parted. Returns its bytes; 1 for a byte that is no UTF-8. */
static size_t cluster(const char *text, size_t size, size_t *ret_columns)
{
	utf8proc_int32_t cp;
	utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)text, (utf8proc_ssize_t)size, &cp);
	size_t at;

	*ret_columns = 1;
	if (n <= 0)
		return 1;
	*ret_columns = width_of(cp);
	for (at = (size_t)n; at < size; at += (size_t)n) {
		n = utf8proc_iterate((const uint8_t *)text + at, (utf8proc_ssize_t)(size - at), &cp);
		if (n <= 0 || !is_mark(cp))
			break;
		*ret_columns += width_of(cp);
	}
	return at;
}

size_t columns_of(const char *text)
{
	size_t size = strlen(text), sum = 0, columns;

	for (size_t at = 0; at < size; sum += columns)
		at += cluster(text + at, size - at, &columns);
	return sum;
}

static bool may_break_after(char c, enum columns_kind kind)
{
	return c == ' ' || (kind == COLUMNS_NAME && (c == '/' || c == '-'));
}

/* How many bytes of `text` go into a line of `room` columns: all, up to the last good place, or as many as fit. */
static size_t line_of(const char *text, size_t size, enum columns_kind kind, size_t room)
{
	size_t used = 0, good = 0, columns;

	for (size_t at = 0, n; at < size; at += n, used += columns) {
		n = cluster(text + at, size - at, &columns);
		/* a space at the very end of a line is not shown, and may go beyond it: it is dropped */
		if (kind == COLUMNS_WORDS && used == room && text[at] == ' ')
			return at;
		if (used + columns > room)
			return good > 0 ? good : at > 0 ? at : n;
		if (may_break_after(text[at], kind) && (kind == COLUMNS_WORDS || used * 2 >= room))
			good = at + n;
	}
	return size;
}

void columns_put(FILE *out, const char *text, enum columns_kind kind, unsigned int width, unsigned int at, unsigned int indent)
{
	size_t size = strlen(text);

	for (bool is_first = true; is_first || size > 0; is_first = false) {
		size_t n = line_of(text, size, kind, width - (is_first ? at : indent)), shown = n;

		while (kind == COLUMNS_WORDS && shown > 0 && text[shown - 1] == ' ')
			shown--;
		/* what stdio could not write shows in ferror(), which whoever opened it looks at */
		(void)fprintf(out, "%*s%.*s\n", is_first ? 0 : (int)indent, "", (int)shown, text);
		text += n;
		size -= n;
		while (kind == COLUMNS_WORDS && size > 0 && *text == ' ') {
			text++;
			size--;
		}
	}
}

void columns_field(FILE *out, const char *label, const char *text, enum columns_kind kind, unsigned int width, unsigned int indent)
{
	size_t used = columns_of(label);

	if (used > indent) /* no room is left beside it */
		(void)fprintf(out, "%s\n%*s", label, (int)indent, ""); /* as above */
	else
		(void)fprintf(out, "%s%*s", label, (int)(indent - used), "");
	columns_put(out, text, kind, width, indent, indent);
}
