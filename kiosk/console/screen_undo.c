/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Back to what was in force before the last update pack: what changes, why, and the second person. */
#include <string.h>

#include "console/intent.h"

#define LABEL 20
#define DAY 86400

static const char *kind_words(const char *kind)
{
	static const struct {
		const char *kind, *words;
	} kinds[] = {
		{ "database", N_("Virus database") }, { "rules", N_("Rules") },		      { "types", N_("Tables of types") },
		{ "yara", N_("YARA rules") },	      { "hash-list", N_("List of digests") }, { "software", N_("Software") },
		{ "appliance", N_("The appliance") },
	};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		if (strcmp(kind, kinds[k].kind) == 0)
			return _(kinds[k].words);
	return kind;
}

static void set_words(const struct console *c, const json_t *set, char out[static SAID_MAX])
{
	int64_t days = MAX(state_now(&c->state, c->now_ms) - member_number(set, "made"), 0) / DAY;

	if (json_is_object(set))
		(void)snprintf(out, SAID_MAX, _n("%s, version %s, %s day old", "%s, version %s, %s days old", (uint64_t)days), member_text(set, "name"),
			       words_version(member_count(set, "version")).s, words_number((uint64_t)days).s);
	else
		(void)snprintf(out, SAID_MAX, "%s", _("what the station was set up with"));
}

static void draw_change(const struct console *c, const json_t *change, bool is_short, struct pen *p)
{
	const char *kind = member_text(change, "kind");
	char to[SAID_MAX], from[SAID_MAX];

	set_words(c, member(change, "to"), to);
	set_words(c, member(change, "from"), from);
	if (strcmp(kind, "appliance") == 0 || strcmp(kind, "software") == 0) {
		pen_pair(p, LABEL, kind_words(kind), STYLE_PLAIN, "%s", _("stays as it is"));
		return;
	}
	pen_pair(p, LABEL, kind_words(kind), STYLE_HEADING, "%s", to);
	if (!is_short)
		pen_pair(p, LABEL, "", STYLE_PLAIN, _("instead of %s"), from);
}

static void draw_keys(const json_t *keys, uint64_t more, struct pen *p)
{
	char list[SAID_MAX] = "";
	size_t used = 0, k;
	json_t *o;

	json_array_foreach((json_t *)keys, k, o)
		if (json_is_string(o) && used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "", json_string_value(o));
	if (*list)
		pen_pair_text(p, LABEL, _("No longer trusted"), 2, STYLE_WARN, list);
	if (more > 0)
		pen_line(p, LABEL, STYLE_WARN, _n("and %s other", "and %s others", more), words_number(more).s);
}

static void draw(struct console *c, struct pen *p)
{
	const struct undo *u = &c->desk.undo;
	json_t *o;
	size_t k;

	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", u->is_second ? _("A SECOND PERSON CONFIRMS THIS, OR NOT.") : _("GO BACK TO WHAT WAS IN FORCE BEFORE?"));
	if (!u->is_second && term_rows() > 16)
		pen_text(p, 0, 3, STYLE_PLAIN, _("What the last pack brought goes. It takes a second person: another officer, or an administrator."));
	pen_gap(p);
	json_array_foreach(member(u->shown, "changes"), k, o)
		draw_change(c, o, u->is_second || term_rows() <= 16, p);
	draw_keys(member(u->shown, "keys"), member_count(u->shown, "more_keys"), p);
	pen_gap(p);
	if (u->is_second) {
		pen_pair_text(p, LABEL, _("Reason"), 2, STYLE_PLAIN, u->reason.text);
		pen_gap(p);
		talk_draw(c, p);
	} else {
		entry_draw(p, LABEL, _("Reason"), &c->desk.undo.reason, true, false);
	}
}

void undo_open(struct console *c)
{
	struct undo *u = &c->desk.undo;

	json_decref(u->shown);
	*u = (struct undo){ .shown = json_incref(json_object_get(c->state.station, "undo")) };
	console_open(c, &screen_undo);
}

void undo_confirmed(struct console *c)
{
	if (c->shown == &screen_undo)
		console_back(c);
	console_notice(c, "%s", _("Passed on. It is in the audit trail."));
}

/* What was shown is not what is in force any more: nothing can be agreed to here. */
void undo_refused(struct console *c, const char *code)
{
	char words[2 * SAID_MAX];

	if ((strcmp(code, "not-found") != 0 && strcmp(code, "not-now") != 0) || c->shown != &screen_undo)
		return; /* another person, or another try */
	(void)snprintf(words, sizeof(words), "%s", c->talk.more);
	console_back(c);
	console_notice(c, "%s", words);
}

static bool press_reason(struct console *c, const struct press *press)
{
	struct undo *u = &c->desk.undo;

	if (press->kind == PRESS_ESCAPE)
		return false;
	if (press->kind != PRESS_ENTER) {
		(void)entry_press(&u->reason, press);
	} else if (strspn(u->reason.text, " ") == u->reason.length) {
		console_notice(c, "%s", _("A decision needs a reason: it stands in the audit trail."));
	} else {
		u->is_second = true;
		talk_begin(c, TALK_UNDO);
	}
	return true;
}

static bool press(struct console *c, const struct press *press)
{
	return c->desk.undo.is_second ? talk_press(c, press) : press_reason(c, press);
}

static void keys(struct console *c, struct bar *b)
{
	if (c->desk.undo.is_second)
		talk_keys(c, b, _("Go back"));
	else
		bar_add(b, _("Enter"), _("Go on"));
}

static void leave(struct console *c)
{
	talk_leave(c);
}

static void closed(struct console *c)
{
	struct undo *u = &c->desk.undo;

	json_decref(u->shown);
	explicit_bzero(u, sizeof(*u));
}

const struct screen screen_undo = { .leave = leave, .close = closed, .draw = draw, .press = press, .keys = keys, .is_typed = true };
