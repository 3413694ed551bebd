/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who brings this medium, whose it is, and what for: what of it is asked the medium's object says (`asks`), or the station's, for all
 * media alike (`questions`: what the rules want to know besides). Where the site
 * wants operators to be known (`operators: authenticated`) he logs in here, for this medium alone. */
#include <string.h>

#include "console/intent.h"
#include "console/sentence.h"

#define LABEL 14
#define FIELDS_MAX 4

struct field {
	const char *label;
	struct entry *entry;
	const char *missing; /* what is said when it is empty; NULL: it may be */
};

static const json_t *chosen(struct console *c)
{
	struct item *i = console_item(c);

	return i ? i->object : NULL;
}

static bool asks(struct console *c, const char *what, bool is_usual)
{
	const json_t *medium = chosen(c);
	const json_t *list = member(medium, "asks");
	bool is_wanted = is_usual;
	json_t *o;
	size_t k;

	if (json_is_array(list))
		is_wanted = false;
	else
		list = member(c->state.station, "questions");
	json_array_foreach(list, k, o)
		if (json_is_string(o) && strcmp(json_string_value(o), what) == 0)
			is_wanted = true;
	return is_wanted;
}

static bool is_authenticated(struct console *c)
{
	return strcmp(member_text(c->state.station, "operators"), "authenticated") == 0 && asks(c, "operator", true);
}

/* He has yet to log in. */
static bool is_talking(struct console *c)
{
	return is_authenticated(c) && !session_is(&c->session);
}

static int fields_of(struct console *c, struct field fields[static FIELDS_MAX])
{
	int n = 0;

	if (!is_authenticated(c) && asks(c, "operator", true))
		fields[n++] = (struct field){ _("Your name"), &c->operator_name, _("The station needs a name.") };
	if (asks(c, "owner", false))
		fields[n++] = (struct field){ _("Whose medium"), &c->owner, _("The station needs the owner of the medium.") };
	if (asks(c, "ticket", false))
		fields[n++] = (struct field){ _("Ticket"), &c->ticket, _("The station needs the number of the ticket.") };
	if (asks(c, "reason", true))
		fields[n++] = (struct field){ _("What for"), &c->reason, asks(c, "reason", false) ? _("The station needs to know what the files are for.") : NULL };
	return n;
}

static void draw(struct console *c, struct pen *p)
{
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);
	char medium[512];

	sentence_medium(chosen(c), medium);
	pen_line(p, 0, STYLE_HEADING, "%s", medium);
	pen_gap(p);
	pen_line(p, 0, STYLE_WARN, "%s", _("WHO BRINGS THIS MEDIUM?"));
	if (is_talking(c)) {
		pen_text(p, 0, 3, STYLE_PLAIN, _("Log in with your own name. What you type as your secret is not shown."));
		pen_gap(p);
		talk_draw(c, p);
		return;
	}
	if (is_authenticated(c))
		pen_line(p, 0, STYLE_GOOD, _("You are logged in as %s."), session_name(&c->session));
	else if (asks(c, "owner", false) || asks(c, "ticket", false))
		pen_text(p, 0, 3, STYLE_PLAIN, _("The rules of this station ask for this. All of it goes into the receipt."));
	else
		pen_text(p, 0, 3, STYLE_PLAIN, _("Type your name, and what the files are for. Both go into the receipt."));
	for (int k = 0; k < n; k++) {
		pen_gap(p);
		entry_draw(p, LABEL, fields[k].label, fields[k].entry, k == c->field && !c->is_identifying, false);
	}
}

static void press_enter(struct console *c, const struct field *fields, int n)
{
	if (c->field < n && fields[c->field].missing && fields[c->field].entry->length == 0) {
		console_notice(c, "%s", fields[c->field].missing);
		return;
	}
	if (c->field + 1 < n) {
		c->field++;
		return;
	}
	for (int k = 0; k < n; k++)
		if (fields[k].missing && fields[k].entry->length == 0) {
			c->field = k;
			console_notice(c, "%s", fields[k].missing);
			return;
		}
	intent_identify(c);
}

static bool press(struct console *c, const struct press *press)
{
	bool is_up = press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK, is_down = press->kind == PRESS_DOWN || press->kind == PRESS_TAB;
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	c->field = MAX(MIN(c->field, n - 1), 0);
	if (is_talking(c) && talk_press(c, press))
		return true;
	if (press->kind == PRESS_ESCAPE)
		c->dialog = DIALOG_LEAVE;
	else if (is_talking(c) || c->is_identifying)
		return true;
	else if (press->kind == PRESS_ENTER)
		press_enter(c, fields, n);
	else if (is_up || is_down)
		c->field = MAX(MIN(c->field + (is_down ? 1 : -1), n - 1), 0);
	else if (n > 0)
		return entry_press(fields[c->field].entry, press);
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	if (is_talking(c)) {
		talk_keys(c, b, _("Log in"));
		if (c->talk.is_prompt || c->talk.is_waiting)
			return;
	} else {
		bar_add(b, _("Enter"), c->field + 1 < n ? _("Next") : _("Go on"));
		if (n > 1)
			bar_add(b, _("Arrows"), _("Field"));
	}
	bar_add(b, _("Esc"), _("Something else"));
}

static void enter(struct console *c)
{
	talk_begin(c, TALK_LOGIN);
}

/* The next medium may be another person's. */
static void leave(struct console *c)
{
	talk_leave(c);
	entry_wipe(&c->operator_name);
	entry_wipe(&c->owner);
	entry_wipe(&c->ticket);
	entry_wipe(&c->reason);
	c->field = 0;
	c->is_identifying = false;
	if (c->session.is_passing)
		session_logout(c);
}

const struct screen screen_identify = {
	.enter = enter, .leave = leave, .draw = draw, .press = press, .keys = keys, .is_typed = true
};
