/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/layout.h"

#include <string.h>
#include <wchar.h>

#include "common/text.h"

static bool is_ascii_only;

void layout_ascii(bool is_ascii)
{
	is_ascii_only = is_ascii;
}

/* The character at `s`: its length in bytes (at least 1), and its columns. */
static size_t character(const char *s, int *ret_columns)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, s, strnlen(s, MB_CUR_MAX), &state);

	if (n == 0 || n > MB_CUR_MAX) { /* broken: layout_shown() lets none through, a catalogue might */
		*ret_columns = 1;
		return 1;
	}
	*ret_columns = MAX(wcwidth(c), 0);
	return n;
}

int layout_columns(const char *text)
{
	int columns = 0, wide;

	while (*text) {
		text += character(text, &wide);
		columns += wide;
	}
	return columns;
}

/* -- escaping -------------------------------------------------------------------------------------------- */

/* Characters of no width of their own that our measure lets pass (it knows Unicode better than the C library): the terminal
 * would be anywhere after them. */
static bool is_shaky(const char *s, size_t n)
{
	mbstate_t state = { 0 };
	wchar_t c;

	return mbrtowc(&c, s, n, &state) != n || wcwidth(c) < 0;
}

static size_t length_at(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static unsigned int code_point(const char *s, size_t n)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned int c = (unsigned char)s[0] & lead[n];

	for (size_t k = 1; k < n; k++)
		c = c << 6 | ((unsigned char)s[k] & 0x3f);
	return c;
}

/* Characters that text_escape() let pass and the terminal might not show in its columns. */
static void add_run(FILE *out, const char *clean)
{
	for (size_t n; *clean; clean += n) {
		n = length_at(clean);
		if (n > 1 && (is_ascii_only || is_shaky(clean, n)))
			fprintf(out, "\\u{%X}", code_point(clean, n));
		else
			fwrite(clean, 1, n, out);
	}
}

/* Between backslashes text_escape() decides; a backslash is the daemon's own escape, and kept. */
char *layout_shown(const char *raw)
{
	char *shown = NULL;
	size_t size;
	FILE *out = open_memstream(&shown, &size);
	bool is_bad = !out;

	while (!is_bad && *raw) {
		size_t n = strcspn(raw, "\\");
		_cleanup_free_ char *clean = text_escape(raw, n);

		is_bad = !clean;
		if (clean)
			add_run(out, clean);
		for (raw += n; *raw == '\\'; raw++)
			fputc('\\', out);
	}
	if (out && fclose(out) != 0)
		is_bad = true;
	if (is_bad) {
		free(shown);
		return NULL;
	}
	return shown;
}

/* -- clipping -------------------------------------------------------------------------------------------- */

/* Bytes of the first characters that fit into `columns`. */
static size_t head(const char *text, int columns)
{
	const char *s = text;

	while (*s) {
		int wide;
		size_t n = character(s, &wide);

		if (wide > columns)
			break;
		columns -= wide;
		s += n;
	}
	return (size_t)(s - text);
}

/* Where the last `columns` columns begin. */
static const char *tail(const char *text, int columns)
{
	int all = layout_columns(text), wide;

	while (*text && all > columns) {
		text += character(text, &wide);
		all -= wide;
	}
	for (size_t n = 0; *text; text += n) { /* a mark must not lose its base */
		n = character(text, &wide);
		if (wide > 0)
			break;
	}
	return text;
}

void layout_clip(char out[static LAYOUT_LINE], const char *text, int columns, enum clip how)
{
	const char *dots = is_ascii_only ? "..." : "\u2026";
	int dots_columns = is_ascii_only ? 3 : 1, left;

	columns = MIN(columns, LAYOUT_COLUMNS_MAX);
	if (columns <= 0) {
		out[0] = '\0';
	} else if (layout_columns(text) <= columns && strlen(text) < LAYOUT_LINE) {
		memcpy(out, text, strlen(text) + 1);
	} else if (columns <= dots_columns) {
		(void)snprintf(out, LAYOUT_LINE, "%.*s", (int)head(text, columns), text);
	} else {
		left = columns - dots_columns;
		if (how == CLIP_END)
			(void)snprintf(out, LAYOUT_LINE, "%.*s%s", (int)head(text, left), text, dots);
		else
			(void)snprintf(out, LAYOUT_LINE, "%.*s%s%s", (int)head(text, left - left / 2), text, dots, tail(text, left / 2));
	}
}

size_t layout_wrap(const char **text, int columns)
{
	const char *line = *text;
	size_t fits = head(line, MAX(columns, 2)), n = fits, next;

	if (line[fits] != '\0') {
		while (n > 0 && line[n] != ' ')
			n--;
		if (n == 0)
			n = fits > 0 ? fits : strlen(line); /* a word longer than the line; or nothing that fits */
	}
	next = n;
	while (line[next] == ' ')
		next++;
	*text = line + next;
	return n;
}
