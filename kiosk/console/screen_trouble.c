/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A medium or device of which nothing came: what happened, and what to do. Stays until somebody has seen it. */
#include <string.h>

#include "console/intent.h"
#include "console/result.h"
#include "console/sentence.h"

#define LABEL 11

static void draw_device(const json_t *device, struct pen *p)
{
	pen_pair(p, LABEL, _("Device"), STYLE_PLAIN, "%s %s", member_text(device, "vendor"), member_text(device, "product"));
	pen_pair(p, LABEL, _("Port"), STYLE_PLAIN, "%s", member_text(device, "port"));
	pen_pair(p, LABEL, _("Number"), STYLE_PLAIN, "%s  %s", member_text(device, "id"), member_text(device, "serial"));
	pen_pair(p, LABEL, _("Interfaces"), STYLE_PLAIN, "%s", member_text(device, "interfaces"));
}

static void draw_volumes(const json_t *m, struct pen *p)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(m, "volumes"), k, o) {
		const char *label = member_text(o, "label"), *fs = member_text(o, "fs"), *detail = member_text(o, "detail");

		pen_pair(p, LABEL, k == 0 ? _("Volumes") : "", STYLE_PLAIN, "%s  %s%s%s%s%s", words_number(member_count(o, "index")).s,
			 *fs ? fs : _("unknown"), *label ? "  " : "", label, *detail ? ": " : "", detail);
	}
}

static void draw_medium(const json_t *m, struct pen *p)
{
	char medium[512];

	sentence_medium(m, medium);
	pen_pair(p, LABEL, _("Medium"), STYLE_PLAIN, "%s", medium);
	if (*member_text(m, "serial"))
		pen_pair(p, LABEL, _("Number"), STYLE_PLAIN, "%s", member_text(m, "serial"));
	if (*member_text(m, "transfer"))
		pen_pair(p, LABEL, _("Receipt"), STYLE_PLAIN, "%s", member_text(m, "transfer"));
	draw_volumes(m, p);
}

static void draw(struct console *c, struct pen *p)
{
	struct item *i = console_item(c);
	const json_t *m = i ? i->object : NULL, *device = member(m, "device");

	if (!m)
		return;
	pen_gap(p);
	pen_line(p, 0, STYLE_BAD, "%s", device ? _("A USB DEVICE WAS REFUSED.") : _("NOTHING WAS TRANSFERRED."));
	pen_gap(p);
	sentence_trouble(p, member(m, "trouble"));
	sentence_what_to_do(p, member(m, "trouble"));
	pen_gap(p);
	if (device)
		draw_device(device, p);
	else
		draw_medium(m, p);
	pen_gap(p);
	if (!member_true(m, "present"))
		pen_line(p, 0, STYLE_PLAIN, "%s", _("It has been taken out."));
	else if (!device)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("You may remove the medium now."));
}

static bool press(struct console *c, const struct press *press)
{
	struct item *i = console_item(c);

	if (press->kind == PRESS_ENTER)
		intent_dismiss(c);
	else if (is_letter(press, 'a') && i && !item_is_ours(i) && member_true(i->object, "present"))
		intent_again(c);
	else if (is_letter(press, 'e') && i && strcmp(member_text(i->object, "kind"), "optical") == 0)
		intent_eject(c);
	else
		return false;
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	struct item *i = console_item(c);

	bar_add(b, _("Enter"), _("Seen"));
	if (!i || item_is_ours(i))
		return;
	if (strcmp(member_text(i->object, "kind"), "optical") == 0)
		bar_add(b, "e", _("Open the tray"));
	if (member_true(i->object, "present"))
		bar_add(b, "a", _("Again"));
}

const struct screen screen_trouble = { .draw = draw, .press = press, .keys = keys };
