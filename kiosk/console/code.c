/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/code.h"

#include <string.h>

#include <qrencode.h>

#include "console/result.h"
#include "console/state.h"
#include "console/term.h"

#define HASH_DIGITS 64
/* Of light modules around it: four by the standard (ISO/IEC 18004, 6.3.8); every reader that we know makes do with two, and
 * that is what a screen of 24 lines has room for. */
#define QUIET 4
#define QUIET_MIN 2

static const char *hash_of(const json_t *medium)
{
	const char *hash = member_text(medium, "manifest_sha256");

	return strlen(hash) == HASH_DIGITS && strspn(hash, "0123456789abcdef") == HASH_DIGITS ? hash : NULL;
}

bool code_is_there(const json_t *medium)
{
	struct result r = result_of(medium);

	return hash_of(medium) && *r.transfer && result_published(&r);
}

#define TEXT_MAX 256

/* What the code of a transfer says; "": there is none. */
static void text_of(const json_t *medium, char out[static TEXT_MAX])
{
	out[0] = '\0';
	if (code_is_there(medium))
		(void)snprintf(out, TEXT_MAX, "lazaret:%s:%s", member_text(medium, "transfer"), hash_of(medium));
}

/* Computed only when another text is looked at. Owned here; NULL: there is none. */
static const QRcode *code_of(const char *text)
{
	static char made[TEXT_MAX];
	static QRcode *code;

	if (!*text || strlen(text) >= sizeof(made))
		return NULL;
	if (code && strcmp(text, made) == 0)
		return code;
	QRcode_free(code);
	memcpy(made, text, strlen(text) + 1);
	/* Level L: nothing dirties a screen, and a smaller code has room. */
	code = QRcode_encodeData((int)strlen(text), (const unsigned char *)text, 0, QR_ECLEVEL_L);
	return code;
}

static int quiet_of(const QRcode *code, int columns, int lines)
{
	for (int quiet = QUIET; quiet >= QUIET_MIN; quiet--)
		if (code->width + 2 * quiet <= columns && (code->width + 2 * quiet + 1) / 2 <= lines)
			return quiet;
	return -1;
}

bool code_text_fits(const char *text, int columns, int lines, int *ret_columns, int *ret_lines)
{
	const QRcode *code = term_is_ascii() ? NULL : code_of(text);
	int quiet = code ? quiet_of(code, columns, lines) : -1;

	if (quiet < 0)
		return false;
	*ret_columns = code->width + 2 * quiet;
	*ret_lines = (code->width + 2 * quiet + 1) / 2;
	return true;
}

static bool is_dark(const QRcode *code, int y, int x)
{
	return y >= 0 && x >= 0 && y < code->width && x < code->width && (code->data[y * code->width + x] & 1);
}

void code_text_draw(const char *text, int y, int x, int columns, int lines)
{
	static const char *const cells[] = { " ", "\u2580", "\u2584", "\u2588" }; /* upper half, lower half, both dark */
	const QRcode *code = code_of(text);
	int quiet = code ? quiet_of(code, columns, lines) : -1, side;

	if (quiet < 0)
		return;
	side = code->width + 2 * quiet;
	for (int row = 0; row < side; row += 2) {
		char line[LAYOUT_LINE] = "";
		size_t at = 0;

		for (int k = 0; k < side; k++) {
			const char *cell = cells[is_dark(code, row - quiet, k - quiet) + 2 * is_dark(code, row + 1 - quiet, k - quiet)];

			memcpy(line + at, cell, strlen(cell) + 1);
			at += strlen(cell);
		}
		(void)term_put(y + row / 2, x, side, STYLE_CODE, CLIP_END, line);
	}
}

bool code_fits(const json_t *medium, int columns, int lines, int *ret_columns, int *ret_lines)
{
	char text[TEXT_MAX];

	text_of(medium, text);
	return code_text_fits(text, columns, lines, ret_columns, ret_lines);
}

void code_draw(const json_t *medium, int y, int x, int columns, int lines)
{
	char text[TEXT_MAX];

	text_of(medium, text);
	code_text_draw(text, y, x, columns, lines);
}
