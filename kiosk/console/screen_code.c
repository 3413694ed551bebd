/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The code of a transfer on a screen of its own, for those where it finds no room beside the result. */
#include <string.h>

#include "console/code.h"
#include "console/console.h"

#define TEXT_COLUMNS 24 /* the least that is worth being written beside it */
#define PART 16

static void draw(struct console *c, struct pen *p)
{
	struct item *i = console_item(c);
	const json_t *m = i ? i->object : NULL;
	const char *hash = member_text(m, "manifest_sha256");
	struct pen beside = *p;
	int columns, lines, room = p->bottom - p->y;

	if (!m || !code_fits(m, p->width, room, &columns, &lines)) {
		pen_text(p, 0, 3, STYLE_PLAIN, _("This screen is too small for the code."));
		return;
	}
	code_draw(m, p->y, 0, columns, lines);
	if (p->width - columns < TEXT_COLUMNS)
		return;
	beside.x = columns;
	beside.width = p->width - columns;
	pen_gap(&beside);
	pen_line(&beside, 0, STYLE_DIM, "%s", _("Receipt"));
	pen_line(&beside, 0, STYLE_HEADING, "%s", member_text(m, "transfer"));
	pen_gap(&beside);
	pen_line(&beside, 0, STYLE_DIM, "%s", _("SHA-256 of the manifest"));
	for (size_t at = 0; at + PART <= strlen(hash); at += PART)
		pen_line(&beside, 0, STYLE_PLAIN, "%.*s", PART, hash + at);
	pen_gap(&beside);
	pen_text(&beside, 0, 6, STYLE_PLAIN, _("Both are in the code. Who fetches the transfer can compare them."));
}

static bool press(struct console *c, const struct press *press)
{
	if (press->kind != PRESS_ENTER)
		return false;
	console_back(c);
	return true;
}

static void keys(struct console *c, struct bar *b)
{
}

const struct screen screen_code = { .draw = draw, .press = press, .keys = keys };
