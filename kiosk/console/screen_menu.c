/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The menu, and the small screens that it opens: devices, about, language. */
#include <string.h>

#include "console/sentence.h"
#include "control/trouble.h"

#define LABEL 18

/* -- menu ------------------------------------------------------------------------------------------------ */

static void quit(struct console *c)
{
	c->is_ending = true;
}

static void log_out(struct console *c)
{
	session_logout(c);
	console_notice(c, "%s", _("You are logged out."));
}

static bool may_log_in(const struct console *c)
{
	return desk_is_there(c) && !session_is(&c->session);
}

static bool may_log_out(const struct console *c)
{
	return session_is(&c->session);
}

static bool may_quit(const struct console *c)
{
	return !c->is_kiosk;
}

static const struct menu_entry {
	char letter;
	const char *words;
	const struct screen *screen;
	void (*run)(struct console *c);
	bool (*is_shown)(const struct console *c); /* NULL: always */
} entries[] = {
	{ 'r', N_("Review: files that wait for a decision"), &screen_review, NULL, desk_may_see },
	{ 'p', N_("Proposals that wait for a second person"), &screen_proposals, NULL, desk_may_confirm },
	{ 'u', N_("Update packs that were brought"), &screen_offers, NULL, desk_has_updates },
	{ 's', N_("Maintenance, for administrators"), NULL, maintenance_open, maintenance_is_offered },
	{ 'h', N_("History: what was transferred before"), &screen_history, NULL, NULL },
	{ 'd', N_("Devices that are plugged in"), &screen_devices, NULL, NULL },
	{ 'v', N_("Verifying: the key of the station's transfers"), &screen_key, NULL, NULL },
	{ 'l', N_("Language"), &screen_language, NULL, NULL },
	{ 'a', N_("About this station"), &screen_about, NULL, NULL },
	{ 'o', N_("Log in: officers, auditors, administrators"), &screen_login, NULL, may_log_in },
	{ 'o', N_("Log out"), NULL, log_out, may_log_out },
	{ 'q', N_("Leave this program"), NULL, quit, may_quit },
};

static int shown_entries(const struct console *c, const struct menu_entry *shown[static ARRAY_LEN(entries)])
{
	int n = 0;

	for (size_t k = 0; k < ARRAY_LEN(entries); k++)
		if (!entries[k].is_shown || entries[k].is_shown(c))
			shown[n++] = &entries[k];
	return n;
}

static void draw_menu(struct console *c, struct pen *p)
{
	const struct menu_entry *shown[ARRAY_LEN(entries)];

	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("MENU"));
	pen_gap(p);
	list_fit(&c->menu, shown_entries(c, shown), pen_left(p));
	for (int k = (int)c->menu.top; k < c->menu.total && pen_left(p) > 0; k++) {
		if (k == c->menu.at)
			pen_mark(p);
		pen_line(p, 1, k == c->menu.at ? STYLE_CHOSEN : STYLE_PLAIN, "%c  %s", shown[k]->letter, _(shown[k]->words));
	}
}

static void run_entry(struct console *c, const struct menu_entry *e)
{
	if (e->screen)
		console_open(c, e->screen);
	else
		e->run(c);
}

static bool press_menu(struct console *c, const struct press *press)
{
	const struct menu_entry *shown[ARRAY_LEN(entries)];
	int n = shown_entries(c, shown);

	for (int k = 0; k < n; k++)
		if (is_letter(press, shown[k]->letter)) {
			c->menu.at = k;
			run_entry(c, shown[k]);
			return true;
		}
	if (press->kind == PRESS_ENTER || press->kind == PRESS_RIGHT) {
		run_entry(c, shown[MIN(c->menu.at, n - 1)]);
		return true;
	}
	return list_press(&c->menu, press);
}

static void keys_menu(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Open"));
	bar_add(b, _("Arrows"), _("Choose"));
}

const struct screen screen_menu = { .draw = draw_menu, .press = press_menu, .keys = keys_menu };

/* -- devices --------------------------------------------------------------------------------------------- */

static const char *role_words(const char *role)
{
	if (strcmp(role, "medium") == 0)
		return _("medium");
	if (strcmp(role, "input") == 0)
		return _("keyboard of the station");
	if (strcmp(role, "hub") == 0)
		return _("hub");
	return _("other");
}

static void draw_device(const json_t *d, bool is_chosen, struct pen *p)
{
	bool is_accepted = member_true(d, "accepted");

	if (is_chosen)
		pen_mark(p);
	pen_pair(p, LABEL, is_accepted ? _("+ accepted") : _("x refused"), is_chosen ? STYLE_CHOSEN : STYLE_PLAIN, "%s  %s %s",
		 member_text(d, "port"), member_text(d, "vendor"), member_text(d, "product"));
	pen_line(p, 2, is_accepted ? STYLE_DIM : STYLE_BAD, "%s",
		 is_accepted ? role_words(member_text(d, "role")) : sentence_device(d));
}

static void draw_devices(struct console *c, struct pen *p)
{
	const json_t *list = member(c->state.devices, "usb"), *chosen;
	const char *serial;

	pen_rule(p, _("USB devices"));
	list_fit(&c->devices, (int64_t)json_array_size(list), (pen_left(p) - 3) / 2);
	if (c->devices.total == 0)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("None."));
	for (int64_t k = c->devices.top; k < c->devices.total && k < c->devices.top + c->devices.height; k++)
		draw_device(json_array_get(list, (size_t)k), k == c->devices.at, p);
	p->y = MAX(p->bottom - 3, p->y);
	chosen = json_array_get(list, (size_t)c->devices.at);
	if (!chosen)
		return;
	serial = member_text(chosen, "serial");
	pen_rule(p, member_text(chosen, "id"));
	pen_pair(p, LABEL, _("Number"), STYLE_PLAIN, "%s", *serial ? serial : "-");
	pen_pair(p, LABEL, _("Interfaces"), STYLE_PLAIN, "%s", member_text(chosen, "interfaces"));
}

static bool press_devices(struct console *c, const struct press *press)
{
	return list_press(&c->devices, press);
}

static void keys_scroll(struct console *c, struct bar *b)
{
	bar_add(b, _("Arrows"), _("Choose"));
}

const struct screen screen_devices = { .draw = draw_devices, .press = press_devices, .keys = keys_scroll };

/* -- about ----------------------------------------------------------------------------------------------- */

static void draw_databases(const json_t *station, struct pen *p)
{
	json_t *d;
	size_t k;

	pen_rule(p, _("Virus databases"));
	json_array_foreach(member(station, "databases"), k, d)
		pen_pair(p, LABEL, member_text(d, "name"), STYLE_PLAIN, _("%s, %s (%s old), %s signatures"), member_text(d, "version"),
			 words_day(member_number(d, "time")).s, words_age(member_count(d, "age_s")).s,
			 words_number(member_count(d, "signatures")).s);
}

static void draw_about(struct console *c, struct pen *p)
{
	const json_t *s = c->state.station;
	const char *hash = member_text(s, "policy_sha256");

	pen_rule(p, _("About this station"));
	pen_pair(p, LABEL, _("Station"), STYLE_PLAIN, "%s (%s)", member_text(s, "name"), member_text(s, "id"));
	pen_pair(p, LABEL, _("Program"), STYLE_PLAIN, "lazaret %s, %s %s", member_text(s, "version"), _("console"), LAZARET_VERSION);
	pen_pair(p, LABEL, _("Protocol"), STYLE_PLAIN, "%s", member_text(s, "protocol"));
	pen_pair(p, LABEL, _("Rules"), STYLE_PLAIN, _("%s, of %s"), member_text(s, "policy"), words_time(member_number(s, "rules_time")).s);
	pen_pair(p, LABEL, "SHA-256", STYLE_PLAIN, "%.32s", hash);
	pen_pair(p, LABEL, "", STYLE_PLAIN, "%s", strlen(hash) > 32 ? hash + 32 : "");
	pen_gap(p);
	draw_databases(s, p);
	pen_gap(p);
	pen_rule(p, _("Licence"));
	pen_text(p, 0, 5, STYLE_PLAIN,
		 _("Lazaret is free software: you may use, study, share and change it under the GNU General Public License, version 2 or later, with an exception for OpenSSL. It comes without any warranty."));
}

static bool press_about(struct console *c, const struct press *press)
{
	return false;
}

static void keys_about(struct console *c, struct bar *b)
{
}

const struct screen screen_about = { .draw = draw_about, .press = press_about, .keys = keys_about };

/* -- language -------------------------------------------------------------------------------------------- */

static void enter_language(struct console *c)
{
	c->languages.at = (int64_t)words_spoken();
}

static void draw_language(struct console *c, struct pen *p)
{
	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("LANGUAGE"));
	pen_gap(p);
	list_fit(&c->languages, WORDS_LANGUAGES, pen_left(p));
	for (int64_t k = c->languages.top; k < c->languages.total && pen_left(p) > 0; k++) {
		if (k == c->languages.at)
			pen_mark(p);
		pen_line(p, 1, k == c->languages.at ? STYLE_CHOSEN : STYLE_PLAIN, "%s", words_language_name((size_t)k));
	}
}

static bool press_language(struct console *c, const struct press *press)
{
	if (press->kind != PRESS_ENTER)
		return list_press(&c->languages, press);
	if (words_speak(words_languages[c->languages.at].code) < 0)
		console_notice(c, "%s", _("That language is not available."));
	while (c->depth > 0) /* whoever reads another language now starts at the beginning */
		console_back(c);
	return true;
}

static void keys_language(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Take it"));
	bar_add(b, _("Arrows"), _("Choose"));
}

const struct screen screen_language = {
	.enter = enter_language, .draw = draw_language, .press = press_language, .keys = keys_language
};
