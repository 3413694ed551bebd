/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Update packs that were found on media, and wait for an officer's word. */
#include <string.h>

#include "console/intent.h"
#include "console/sentence.h"

static const json_t *chosen(const struct console *c)
{
	return json_array_get(member(c->state.station, "offers"), (size_t)c->desk.offers_list.at);
}

/* On the appliance, where there is nobody who could give the command. */
static bool is_here(const struct console *c)
{
	return member_true(c->state.station, "machine") && desk_may_decide(c);
}

static void draw_trouble(const json_t *offer, struct pen *p)
{
	const json_t *trouble = member(offer, "trouble");

	if (json_is_object(trouble))
		sentence_trouble(p, trouble);
	else if (json_is_string(trouble))
		pen_text(p, 2, 2, STYLE_BAD, json_string_value(trouble));
}

static void draw(struct console *c, struct pen *p)
{
	struct list *l = &c->desk.offers_list;
	const json_t *list = member(c->state.station, "offers");

	pen_rule(p, _("Update packs that were brought"));
	list_fit(l, (int64_t)json_array_size(list), (pen_left(p) - 2) / 3);
	if (l->total == 0)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("None."));
	for (int64_t k = l->top; k < l->total && k < l->top + l->height; k++) {
		const json_t *o = json_array_get(list, (size_t)k);
		const char *name = *member_text(o, "name") ? member_text(o, "name") : member_text(o, "pack");
		struct words version = words_version(member_count(o, "version"));

		if (k == l->at)
			pen_mark(p);
		pen_line(p, 0, k == l->at ? STYLE_CHOSEN : STYLE_PLAIN, _("%s, version %s, from %s"), name,
			 !json_is_integer(member(o, "version")) ? member_text(o, "version") : member_count(o, "version") > 0 ? version.s : "?",
			 member_text(o, "from"));
		draw_trouble(o, p);
	}
	if (chosen(c) && is_here(c)) {
		pen_gap(p);
		pen_text(p, 0, 4, STYLE_PLAIN,
			 _("Before it comes into force its signature, its version and a test of its own are looked at. What is in force now is kept. It takes a minute; this list then has it no more, and the first screen its version."));
	} else if (chosen(c) && pen_left(p) > 4) {
		pen_gap(p);
		pen_text(p, 0, 3, STYLE_PLAIN,
			 _("An officer puts it in force by a command, which first checks its signature, its version, and a test of its own. What is in force now is kept, to go back to."));
		pen_line(p, 2, STYLE_PLAIN, "lazaret update apply %s", member_text(chosen(c), "pack"));
	}
}

static void ask(struct console *c, const char *action)
{
	maintenance_ask(c, MAINTENANCE_UPDATE, "update", json_pack("{ss ss ss}", "action", action, "pack", member_text(chosen(c), "pack"), "sha256",
								   member_text(chosen(c), "sha256")));
}

static bool press(struct console *c, const struct press *press)
{
	bool is_asked = is_here(c) && chosen(c) && !c->maintenance.is_sending;

	if (is_letter(press, 'a') && is_asked)
		ask(c, "approve");
	else if (is_letter(press, 'x') && is_asked)
		ask(c, "drop");
	else if (is_letter(press, 'b') && desk_may_undo(c))
		undo_open(c);
	else
		return list_press(&c->desk.offers_list, press);
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	if (is_here(c) && chosen(c)) {
		bar_add(b, "a", _("Put in force"));
		bar_add(b, "x", _("Drop"));
	}
	if (desk_may_undo(c))
		bar_add(b, "b", _("Go back"));
	if (desk_offers(c) > 1)
		bar_add(b, _("Arrows"), _("Choose"));
}

const struct screen screen_offers = { .draw = draw, .press = press, .keys = keys };
