/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Codes on a screen of their own: that of a transfer, where it finds no room beside the result, and the key that all of them are verified with. */
#include <string.h>

#include "console/code.h"
#include "console/console.h"

#define TEXT_COLUMNS 24 /* the least that is worth being written beside it */
#define PART 16

static void draw_transfer(struct console *c, struct pen *p)
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

static bool press_any(struct console *c, const struct press *press)
{
	if (press->kind != PRESS_ENTER)
		return false;
	console_back(c);
	return true;
}

static void keys_none(struct console *c, struct bar *b)
{
}

const struct screen screen_code = { .draw = draw_transfer, .press = press_any, .keys = keys_none };

/* -- key ---------------------------------------------------------------------------------------------------------------- */

#define KEY_PART 14

static void draw_key(struct console *c, struct pen *p)
{
	const char *key = member_text(c->state.station, "manifest_key");
	struct pen beside = *p;
	int columns = 0, lines;

	if (!*key) {
		pen_text(p, 0, 3, STYLE_BAD, _("The key cannot be read. The self-check says more."));
		return;
	}
	if (code_text_fits(key, p->width - TEXT_COLUMNS, p->bottom - p->y, &columns, &lines))
		code_text_draw(key, p->y, 0, p->width - TEXT_COLUMNS, p->bottom - p->y);
	else
		columns = 0;
	beside.x = columns;
	beside.width = p->width - columns;
	pen_gap(&beside);
	pen_line(&beside, 0, STYLE_HEADING, "%s", _("KEY OF THIS STATION"));
	for (size_t at = 0; at < strlen(key); at += KEY_PART)
		pen_line(&beside, 0, STYLE_PLAIN, "%.*s", KEY_PART, key + at);
	pen_gap(&beside);
	pen_text(&beside, 0, 9, STYLE_PLAIN, _("Its transfers are verified with it: one line in a file, for lazaret-verify --key. Take it from here, not from a transfer."));
}

const struct screen screen_key = { .draw = draw_key, .press = press_any, .keys = keys_none };
