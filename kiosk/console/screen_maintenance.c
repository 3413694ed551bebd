/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Maintenance: what there is, and its small screens: clock and time zone, the self-check, restart and power off. */
#include <string.h>
#include <time.h>

#include "console/intent.h"
#include "control/selfcheck.h"

#define LABEL 18

static bool is_machine(const struct console *c)
{
	return member_true(c->state.station, "machine");
}

static void draw_said(struct console *c, enum style style, struct pen *p)
{
	struct maintenance *m = &c->maintenance;

	pen_gap(p);
	if (m->is_sending || m->is_looking)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Waiting for the station..."));
	else if (*m->said)
		pen_text(p, 0, 3, style, m->said);
}

/* -- menu ------------------------------------------------------------------------------------------------------------- */

static void open_restart(struct console *c)
{
	c->maintenance.is_power_off = false;
	console_open(c, &screen_power);
}

static void open_power_off(struct console *c)
{
	c->maintenance.is_power_off = true;
	console_open(c, &screen_power);
}

static const struct entry_of_menu {
	char letter;
	const char *words;
	const struct screen *screen;
	void (*run)(struct console *c);
	bool is_of_machine;
} entries[] = {
	{ 'p', N_("People: let in, change, remove, unlock, new password"), &screen_people, NULL, false },
	{ 'd', N_("Ports and keyboards"), &screen_ports, NULL, true },
	{ 'n', N_("The station's name"), &screen_name, NULL, true },
	{ 'c', N_("Clock and time zone"), &screen_clock, NULL, true },
	{ 'k', N_("Self-check: look at the station now"), &screen_checks, NULL, false },
	{ 'r', N_("Restart the machine"), NULL, open_restart, true },
	{ 'x', N_("Switch the machine off"), NULL, open_power_off, true },
};

static int shown_entries(const struct console *c, const struct entry_of_menu *shown[static ARRAY_LEN(entries)])
{
	int n = 0;

	for (size_t k = 0; k < ARRAY_LEN(entries); k++)
		if (!entries[k].is_of_machine || is_machine(c))
			shown[n++] = &entries[k];
	return n;
}

static void draw_menu(struct console *c, struct pen *p)
{
	const struct entry_of_menu *shown[ARRAY_LEN(entries)];
	struct list *l = &c->maintenance.menu;

	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("MAINTENANCE"));
	pen_text(p, 0, 3, STYLE_PLAIN, _("What is done here is recorded, with your name. Log out when you are done."));
	pen_gap(p);
	list_fit(l, shown_entries(c, shown), pen_left(p));
	for (int k = (int)l->top; k < l->total && pen_left(p) > 0; k++) {
		if (k == l->at)
			pen_mark(p);
		pen_line(p, 1, k == l->at ? STYLE_CHOSEN : STYLE_PLAIN, "%c  %s", shown[k]->letter, _(shown[k]->words));
	}
}

static void run_entry(struct console *c, const struct entry_of_menu *e)
{
	if (e->screen)
		console_open(c, e->screen);
	else
		e->run(c);
}

static bool press_menu(struct console *c, const struct press *press)
{
	const struct entry_of_menu *shown[ARRAY_LEN(entries)];
	struct list *l = &c->maintenance.menu;
	int n = shown_entries(c, shown);

	for (int k = 0; k < n; k++)
		if (is_letter(press, shown[k]->letter)) {
			l->at = k;
			run_entry(c, shown[k]);
			return true;
		}
	if (press->kind == PRESS_ENTER || press->kind == PRESS_RIGHT) {
		run_entry(c, shown[MIN(l->at, n - 1)]);
		return true;
	}
	if (is_letter(press, 'o')) {
		session_logout(c);
		console_notice(c, "%s", _("You are logged out."));
		return true;
	}
	return list_press(l, press);
}

static void keys_menu(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Open"));
	bar_add(b, _("Arrows"), _("Choose"));
	bar_add(b, "o", _("Log out"));
}

/* Whoever is still logged in has left the mode all the same; a session that has ended says so in the trail itself. */
static void close_menu(struct console *c)
{
	json_decref(c->maintenance.people);
	json_decref(c->maintenance.subject);
	json_decref(c->maintenance.selfcheck);
	json_decref(c->maintenance.ports);
	explicit_bzero(&c->maintenance, sizeof(c->maintenance));
	if (session_is(&c->session))
		maintenance_ask(c, MAINTENANCE_MODE, "maintenance", json_pack("{ss}", "action", "leave"));
}

const struct screen screen_maintenance = { .draw = draw_menu, .press = press_menu, .keys = keys_menu, .close = close_menu };

/* -- clock ------------------------------------------------------------------------------------------------------------ */

static void draw_clock(struct console *c, struct pen *p)
{
	struct maintenance *m = &c->maintenance;
	int64_t now = state_now(&c->state, c->now_ms);

	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("CLOCK AND TIME ZONE"));
	pen_text(p, 0, 4, STYLE_PLAIN, _("Records, signatures and the age of the virus database are judged by this clock. A new time zone is shown from the next restart on."));
	pen_gap(p);
	pen_pair(p, LABEL, _("It shows"), STYLE_PLAIN, _("%s UTC, here %s"), words_time_utc(now).s, words_time(now).s);
	pen_gap(p);
	entry_draw(p, LABEL, _("Clock (UTC)"), &m->clock, m->field == 0 && !m->is_sending, false);
	pen_gap(p);
	entry_draw(p, LABEL, _("Time zone"), &m->zone, m->field == 1 && !m->is_sending, false);
	draw_said(c, STYLE_BAD, p);
}

static void send_clock(struct console *c)
{
	struct maintenance *m = &c->maintenance;
	int64_t at;

	if (m->field == 0 && words_parse_utc(m->clock.text, &at))
		maintenance_ask(c, MAINTENANCE_MACHINE, "machine", json_pack("{ss sI}", "action", "clock", "value", (json_int_t)at));
	else if (m->field == 0)
		console_notice(c, "%s", _("A date and a time in UTC, such as 2026-11-23 06:30."));
	else if (m->zone.length > 0)
		maintenance_ask(c, MAINTENANCE_MACHINE, "machine", json_pack("{ss ss}", "action", "zone", "value", m->zone.text));
	else
		console_notice(c, "%s", _("A name such as Europe/Berlin."));
}

static bool press_clock(struct console *c, const struct press *press)
{
	bool is_up = press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK, is_down = press->kind == PRESS_DOWN || press->kind == PRESS_TAB;
	struct maintenance *m = &c->maintenance;

	if (press->kind == PRESS_ESCAPE)
		return false;
	if (m->is_sending)
		return true;
	if (press->kind == PRESS_ENTER)
		send_clock(c);
	else if (is_up || is_down)
		m->field = is_down;
	else
		(void)entry_press(m->field == 0 ? &m->clock : &m->zone, press);
	return true;
}

static void keys_clock(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), c->maintenance.field == 0 ? _("Set the clock") : _("Set the time zone"));
	bar_add(b, _("Arrows"), _("Field"));
}

static void close_form(struct console *c)
{
	entry_wipe(&c->maintenance.clock);
	entry_wipe(&c->maintenance.zone);
	c->maintenance.said[0] = '\0';
	c->maintenance.field = 0;
}

const struct screen screen_clock = { .draw = draw_clock, .press = press_clock, .keys = keys_clock, .close = close_form, .is_typed = true };

/* -- restart, power off ------------------------------------------------------------------------------------------------- */

static void draw_power(struct console *c, struct pen *p)
{
	struct maintenance *m = &c->maintenance;
	unsigned int running = 0;

	for (size_t k = 0; k < c->state.count; k++)
		running += !item_is_done(&c->state.items[k]);
	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", m->is_power_off ? _("SWITCH THE MACHINE OFF?") : _("RESTART THE MACHINE?"));
	pen_text(p, 0, 3, STYLE_PLAIN, _("What has been transferred stays transferred."));
	if (running > 0)
		pen_line(p, 0, STYLE_WARN, _n("%s medium is being inspected: it is stopped, and nothing of it is transferred.",
					      "%s media are being inspected: they are stopped, and nothing of them is transferred.", running),
			 words_number(running).s);
	draw_said(c, STYLE_WARN, p);
}

static bool press_power(struct console *c, const struct press *press)
{
	struct maintenance *m = &c->maintenance;

	if (press->kind != PRESS_ENTER)
		return false;
	if (!m->is_sending)
		maintenance_ask(c, MAINTENANCE_MACHINE, "machine", json_pack("{ss}", "action", m->is_power_off ? "power-off" : "restart"));
	return true;
}

static void keys_power(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), c->maintenance.is_power_off ? _("Switch off") : _("Restart"));
}

const struct screen screen_power = { .draw = draw_power, .press = press_power, .keys = keys_power, .close = close_form };

/* -- self-check --------------------------------------------------------------------------------------------------------- */

static const char *state_words(const char *state)
{
	return strcmp(state, "bad") == 0 ? _("x bad") : strcmp(state, "warning") == 0 ? _("! warning") : strcmp(state, "ok") == 0 ? _("+ good") : _("- not here");
}

static enum style state_style(const char *state)
{
	return strcmp(state, "bad") == 0 ? STYLE_BAD : strcmp(state, "warning") == 0 ? STYLE_WARN : STYLE_PLAIN;
}

static void draw_checks(struct console *c, struct pen *p)
{
	struct maintenance *m = &c->maintenance;
	const json_t *checks = member(m->selfcheck, "checks"), *chosen;
	enum selfcheck check;

	pen_rule(p, _("Self-check"));
	if (!m->selfcheck) {
		draw_said(c, STYLE_BAD, p);
		return;
	}
	list_fit(&m->checks, (int64_t)json_array_size(checks), pen_left(p) - 6);
	for (int64_t k = m->checks.top; k < m->checks.top + m->checks.height && k < m->checks.total; k++) {
		const json_t *o = json_array_get(checks, (size_t)k);
		const char *state = member_text(o, "state");

		if (k == m->checks.at)
			pen_mark(p);
		pen_pair(p, LABEL, state_words(state), k == m->checks.at ? STYLE_CHOSEN : state_style(state), "%s", member_text(o, "name"));
	}
	chosen = json_array_get(checks, (size_t)m->checks.at);
	check = selfcheck_find(member_text(chosen, "name"));
	pen_rule(p, "");
	if (check < SELFCHECK_COUNT_ && (strcmp(member_text(chosen, "state"), "bad") == 0 || strcmp(member_text(chosen, "state"), "warning") == 0))
		pen_text(p, 0, 2, STYLE_HEADING, _(selfcheck_sentence(check)));
	pen_text(p, 0, 4, STYLE_PLAIN, member_text(chosen, "text"));
}

static bool press_checks(struct console *c, const struct press *press)
{
	if (is_letter(press, 'r') && !c->maintenance.is_looking)
		maintenance_ask(c, MAINTENANCE_SELFCHECK, "selfcheck", NULL);
	else
		return list_press(&c->maintenance.checks, press);
	return true;
}

static void keys_checks(struct console *c, struct bar *b)
{
	bar_add(b, _("Arrows"), _("Choose"));
	bar_add(b, "r", _("Look again"));
}

static void enter_checks(struct console *c)
{
	if (!c->maintenance.selfcheck && !c->maintenance.is_looking)
		maintenance_ask(c, MAINTENANCE_SELFCHECK, "selfcheck", NULL);
}

const struct screen screen_checks = { .enter = enter_checks, .draw = draw_checks, .press = press_checks, .keys = keys_checks };
