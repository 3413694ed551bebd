/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The station wants an answer: who brings the medium, or the passphrase of a volume. */
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

/* -- who are you? ---------------------------------------------------------------------------------------- */

static void draw_identify(struct console *c, struct pen *p)
{
	draw_medium(chosen(c), p);
	pen_line(p, 0, STYLE_WARN, "%s", _("WHO BRINGS THIS MEDIUM?"));
	pen_text(p, 0, 3, STYLE_PLAIN, _("Type your name, and what the files are for. Both go into the receipt."));
	pen_gap(p);
	entry_draw(p, LABEL, _("Your name"), &c->operator_name, c->field == 0, false);
	pen_gap(p);
	entry_draw(p, LABEL, _("What for"), &c->reason, c->field == 1, false);
}

static bool press_identify(struct console *c, const struct press *press)
{
	struct entry *e = c->field == 0 ? &c->operator_name : &c->reason;

	if (press->kind == PRESS_ENTER) {
		if (c->operator_name.length == 0)
			console_notice(c, "%s", _("The station needs a name."));
		else if (c->field == 0)
			c->field = 1;
		else
			intent_identify(c);
		if (c->operator_name.length == 0)
			c->field = 0;
	} else if (press->kind == PRESS_UP || press->kind == PRESS_DOWN) {
		c->field = press->kind == PRESS_DOWN;
	} else if (press->kind == PRESS_ESCAPE) {
		c->dialog = DIALOG_LEAVE;
	} else {
		return entry_press(e, press);
	}
	return true;
}

static void keys_identify(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), c->field == 0 ? _("Next") : _("Go on"));
	bar_add(b, _("Arrows"), _("Field"));
	bar_add(b, _("Esc"), _("Something else"));
}

static void leave_identify(struct console *c)
{
	entry_wipe(&c->operator_name);
	entry_wipe(&c->reason);
	c->field = 0;
}

const struct screen screen_identify = {
	.leave = leave_identify, .draw = draw_identify, .press = press_identify, .keys = keys_identify, .is_typed = true
};

/* -- passphrase ------------------------------------------------------------------------------------------ */

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
