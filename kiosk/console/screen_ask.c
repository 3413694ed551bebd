/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The station wants an answer: the passphrase of a volume. */
#include <string.h>

#include "console/intent.h"
#include "console/sentence.h"

#define LABEL 14

static const json_t *chosen(struct console *c)
{
	struct item *i = console_item(c);

	return i ? i->object : NULL;
}

static void draw_medium(const json_t *m, struct pen *p)
{
	char medium[512];

	sentence_medium(m, medium);
	pen_line(p, 0, STYLE_HEADING, "%s", medium);
	pen_gap(p);
}

static void draw_unlock(struct console *c, struct pen *p)
{
	const json_t *m = chosen(c), *locked = member(m, "locked");
	uint64_t left = member_count(locked, "left");
	const char *label = member_text(locked, "label"), *wrong = member_text(locked, "wrong");

	draw_medium(m, p);
	pen_line(p, 0, STYLE_WARN, "%s", _("THIS MEDIUM IS ENCRYPTED."));
	pen_text(p, 0, 3, STYLE_PLAIN, _("Type the passphrase of this volume. It is used once and kept nowhere."));
	pen_gap(p);
	pen_pair(p, LABEL, _("Volume"), STYLE_PLAIN, "%s  %s%s%s", words_number(member_count(locked, "volume")).s, member_text(locked, "format"),
		 *label ? "  " : "", label);
	pen_gap(p);
	entry_draw(p, LABEL, _("Passphrase"), &c->passphrase, true, true);
	pen_gap(p);
	if (*wrong)
		pen_line(p, 0, STYLE_BAD, _n("THAT WAS NOT THE PASSPHRASE. %s TRY IS LEFT.", "THAT WAS NOT THE PASSPHRASE. %s TRIES ARE LEFT.", left),
			 words_number(left).s);
	else if (left > 0)
		pen_line(p, 0, STYLE_PLAIN, _n("You have %s try.", "You have %s tries.", left), words_number(left).s);
}

static bool press_unlock(struct console *c, const struct press *press)
{
	if (press->kind == PRESS_ENTER) {
		if (c->passphrase.length > 0)
			intent_unlock(c);
		else
			console_notice(c, "%s", _("Nothing was typed. Esc for other ways to go on."));
	} else if (press->kind == PRESS_ESCAPE) {
		c->dialog = DIALOG_LEAVE;
	} else {
		return entry_press(&c->passphrase, press);
	}
	return true;
}

static void keys_unlock(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Unlock"));
	bar_add(b, _("Esc"), _("Something else"));
}

static void leave_unlock(struct console *c)
{
	entry_wipe(&c->passphrase);
}

const struct screen screen_unlock = {
	.leave = leave_unlock, .draw = draw_unlock, .press = press_unlock, .keys = keys_unlock, .is_typed = true
};
