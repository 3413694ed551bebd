/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Nothing is plugged in: what to do now, and how the station is. Also: no connection. */
#include <string.h>

#include "console/intent.h"
#include "console/result.h"
#include "common/log.h"
#include "control/selfcheck.h"
#include "console/sentence.h"

#define LABEL 17

static void draw_ready(const json_t *station, struct pen *p)
{
	const char *state = member_text(station, "state");

	if (!station || strcmp(state, "starting") == 0) {
		pen_line(p, 0, STYLE_WARN, "%s", _("THE STATION IS STARTING. PLEASE WAIT."));
		pen_text(p, 0, 3, STYLE_PLAIN, _("The virus databases are being loaded. A medium that is plugged in now is inspected afterwards."));
	} else if (strcmp(state, "ending") == 0) {
		pen_line(p, 0, STYLE_WARN, "%s", _("THE STATION IS BEING SHUT DOWN."));
		pen_text(p, 0, 3, STYLE_PLAIN, _("Nothing is accepted any more. Take your medium with you."));
	} else if (strcmp(state, "ready") == 0 && json_is_object(member(station, "trouble"))) {
		pen_line(p, 0, STYLE_WARN, "%s", _("READY, BUT NOT EVERYTHING WORKS."));
		sentence_trouble(p, member(station, "trouble"));
		sentence_what_to_do(p, member(station, "trouble"));
	} else if (strcmp(state, "ready") == 0) {
		pen_line(p, 0, STYLE_GOOD, "%s", _("READY. PLUG IN A MEDIUM."));
		pen_text(p, 0, 3, STYLE_PLAIN,
			 _("A memory stick, a disk or a disc. It is read once, nothing is written on it, and what may pass is transferred."));
	} else {
		pen_line(p, 0, STYLE_BAD, "%s", _("THIS STATION ACCEPTS NOTHING NOW."));
		sentence_trouble(p, member(station, "trouble"));
		sentence_what_to_do(p, member(station, "trouble"));
	}
}

static void draw_database(const json_t *station, struct pen *p)
{
	const char *state = member_text(station, "database_state");
	struct words age = words_age(member_count(station, "database_age_s"));

	if (json_array_size(member(station, "databases")) == 0)
		pen_pair(p, LABEL, _("Virus database"), STYLE_BAD, "%s", _("none"));
	else if (strcmp(state, "ok") == 0)
		pen_pair(p, LABEL, _("Virus database"), STYLE_PLAIN, _("%s old"), age.s);
	else if (strcmp(state, "warn") == 0)
		pen_pair(p, LABEL, _("Virus database"), STYLE_WARN, _("! %s old: tell the administrator"), age.s);
	else
		pen_pair(p, LABEL, _("Virus database"), STYLE_BAD, _("! %s old: too old, nothing is approved"), age.s);
}

/* One line: how many were good and when, or the worst in words. */
static void draw_selfcheck(const json_t *selfcheck, struct pen *p)
{
	const json_t *worst = json_array_get(member(selfcheck, "wrong"), 0); /* bad ones come first */
	uint64_t good = member_count(selfcheck, "good"), all = good + member_count(selfcheck, "bad") + member_count(selfcheck, "warnings");
	enum selfcheck check = selfcheck_find(member_text(worst, "name"));
	bool is_bad = strcmp(member_text(worst, "state"), "bad") == 0;
	char words[512];

	if (!json_is_object(selfcheck))
		return;
	if (member_true(selfcheck, "failed")) {
		pen_pair(p, LABEL, _("Self-check"), STYLE_BAD, "%s", _("! the station could not be looked at: tell the administrator"));
	} else if (check < SELFCHECK_COUNT_) {
		(void)snprintf(words, sizeof(words), _("! %s (%s)"), _(selfcheck_sentence(check)), selfcheck_name(check)); /* cut, at worst */
		pen_pair_text(p, LABEL, _("Self-check"), 2, is_bad ? STYLE_BAD : STYLE_WARN, words);
	} else {
		pen_pair(p, LABEL, _("Self-check"), STYLE_PLAIN, _("%s of %s good, %s"), words_number(good).s, words_number(all).s,
			 words_time(member_number(selfcheck, "at")).s);
	}
}

/* The version of an appliance: what became of the last update of it, and when the machine restarts for one. */
static void draw_appliance(const json_t *station, struct pen *p)
{
	const json_t *slots = member(station, "slots"), *restart = member(station, "restart");
	const char *state = member_text(slots, "state"), *version = member_text(json_is_object(restart) ? restart : slots, "version");
	enum style style = STYLE_WARN;
	char words[512]; /* cut, at worst */

	if (json_is_integer(member(restart, "at"))) {
		(void)snprintf(words, sizeof(words), _("restarts at %s for version %s, unless a medium is plugged in"),
			       words_time(member_number(restart, "at")).s, version);
	} else if (json_is_object(restart)) {
		(void)snprintf(words, sizeof(words), _("restarts for version %s as soon as nobody is at work"), version);
	} else if (strcmp(state, "rolled-back") == 0) {
		(void)snprintf(words, sizeof(words), _("! version %s did not work, the one before runs again: tell the administrator"), version);
	} else if (strcmp(state, "failed") == 0) {
		(void)snprintf(words, sizeof(words), _("! version %s could not be installed, tell the administrator: %s"), version, member_text(slots, "reason"));
	} else if (strcmp(state, "written") == 0) {
		(void)snprintf(words, sizeof(words), _("version %s is tried at the next start"), version);
	} else if (strcmp(state, "confirmed") == 0) {
		(void)snprintf(words, sizeof(words), _("version %s, since %s"), version, words_time(member_number(slots, "at")).s);
		style = STYLE_PLAIN;
	} else {
		return;
	}
	pen_pair_text(p, LABEL, _("Appliance"), 2, style, words);
}

static void draw_health(const json_t *station, struct pen *p)
{
	const json_t *reload = member(station, "reload");
	struct words spool = words_size(member_count(station, "spool_free")), staging = words_size(member_count(station, "staging_free"));
	bool is_full = strcmp(member_text(station, "staging_state"), "full") == 0;

	draw_database(station, p);
	pen_pair(p, LABEL, _("Rules"), STYLE_PLAIN, _("%s, of %s"), member_text(station, "policy"),
		 words_day(member_number(station, "rules_time")).s);
	pen_pair(p, LABEL, _("Free space"), is_full ? STYLE_BAD : STYLE_PLAIN,
		 is_full ? _("%s for inspections; ! transfers are full (%s left)") : _("%s for inspections, %s for transfers"), spool.s,
		 staging.s);
	draw_selfcheck(member(station, "selfcheck"), p);
	draw_appliance(station, p);
	if (json_is_object(reload) && !member_true(reload, "ok"))
		pen_pair(p, LABEL, _("Settings"), STYLE_WARN, _("! not taken over: %s"), member_text(reload, "text"));
}

static void draw_sets(const json_t *station, bool is_all, struct pen *p)
{
	json_t *o;
	size_t k;
	bool is_first = true;

	json_array_foreach(member(station, "sets"), k, o) {
		const char *state = member_text(o, "state"), *name = member_text(o, "name");
		bool is_ok = strcmp(state, "ok") == 0, is_stop = strcmp(state, "stop") == 0;
		struct words age = words_age(member_count(o, "age_s")),
			     version = words_version(member_count(o, "version"));
		const char *shown = json_is_integer(member(o, "version")) ? version.s : member_text(o, "version");

		if (is_ok && !is_all)
			continue;
		pen_pair(p, LABEL, is_first ? _("Update packs") : "", is_ok ? STYLE_PLAIN : is_stop ? STYLE_BAD : STYLE_WARN,
			 is_ok   ? _("%s %s, %s old") :
			 is_stop ? _("! %s %s, %s old: too old") :
				   _("! %s %s, %s old: tell the administrator"),
			 name, shown, age.s);
		is_first = false;
	}
}

static void draw_trail(const json_t *trail, bool is_all, struct pen *p)
{
	const char *state = member_text(trail, "state");
	struct words records = words_number(member_count(trail, "records")), bytes = words_size(member_count(trail, "bytes"));
	bool is_ok = strcmp(state, "ok") == 0;

	if (!json_is_object(trail) || (is_ok && !is_all))
		return;
	if (is_ok)
		pen_pair(p, LABEL, _("Audit trail"), STYLE_PLAIN, _("%s records, %s"), records.s, bytes.s);
	else if (strcmp(state, "low") == 0)
		pen_pair(p, LABEL, _("Audit trail"), STYLE_WARN, _("! %s records, %s: little room is left"), records.s, bytes.s);
	else
		pen_pair(p, LABEL, _("Audit trail"), STYLE_BAD, _("! %s records, %s: no room, no medium is begun"), records.s, bytes.s);
}

/* What waits for an officer. */
static void draw_desk(struct console *c, struct pen *p)
{
	const json_t *held = member(c->state.station, "held");
	uint64_t open = member_count(held, "open"), proposed = member_count(held, "proposed");

	if (desk_may_see(c) && json_is_object(held)) {
		pen_pair(p, LABEL, _("To be decided"), open > 0 ? STYLE_WARN : STYLE_PLAIN, _n("%s file of %s held (%s)", "%s files of %s held (%s)", open),
			 words_number(open).s, words_number(member_count(held, "files")).s, words_size(member_count(held, "bytes")).s);
		pen_pair(p, LABEL, _("Proposals"), proposed > 0 ? STYLE_WARN : STYLE_PLAIN,
			 _n("%s waits for a second person", "%s wait for a second person", proposed), words_number(proposed).s);
	}
	if (desk_may_see(c) && desk_offers(c) > 0)
		pen_pair(p, LABEL, _("Brought"), STYLE_WARN, _n("%s update pack: press u", "%s update packs: press u", desk_offers(c)),
			 words_number(desk_offers(c)).s);
	draw_sets(c->state.station, session_is(&c->session), p);
	draw_trail(member(c->state.station, "trail"), session_is(&c->session), p);
}

static void draw_recent(const json_t *transfers, struct pen *p)
{
	json_t *o;
	size_t k;

	if (json_array_size(transfers) == 0 || pen_left(p) < 2)
		return;
	pen_rule(p, _("Last transfers"));
	json_array_foreach(transfers, k, o) {
		struct result r = result_of(o);
		char outcome[RESULT_LINE];

		result_short(&r, outcome);
		if (p->width < 60)
			pen_line(p, 0, STYLE_PLAIN, "%s  %s", words_day(r.finished).s, outcome);
		else
			pen_line(p, 0, STYLE_PLAIN, "%s  %s  %s  %s", words_time(r.finished).s, r.transfer, outcome, member_text(o, "medium"));
	}
}

/* Their results were seen. */
static void draw_left_in(json_t *media, struct pen *p)
{
	const char *key;
	json_t *m;

	json_object_foreach(media, key, m) {
		char medium[512];

		sentence_medium(m, medium);
		pen_line(p, 0, STYLE_WARN, _("! Take out: %s"), medium);
	}
}

static void draw_idle(struct console *c, struct pen *p)
{
	pen_gap(p);
	draw_ready(c->state.station, p);
	draw_left_in(c->state.left_in, p);
	pen_gap(p);
	if (!c->state.station)
		return;
	draw_health(c->state.station, p);
	draw_desk(c, p);
	pen_gap(p);
	draw_recent(c->state.transfers, p);
}

static bool press_idle(struct console *c, const struct press *press)
{
	if (is_letter(press, 'l')) {
		console_open(c, &screen_language);
	} else if (is_letter(press, 'o') && session_is(&c->session)) {
		session_logout(c);
		console_notice(c, "%s", _("You are logged out."));
	} else if (is_letter(press, 'o') && desk_is_there(c)) {
		console_open(c, &screen_login);
	} else if (is_letter(press, 's') && maintenance_is_offered(c)) {
		maintenance_open(c);
	} else if (is_letter(press, 'r') && desk_may_see(c)) {
		console_open(c, &screen_review);
	} else if (is_letter(press, 'p') && desk_may_confirm(c)) {
		console_open(c, &screen_proposals);
	} else if (is_letter(press, 'u') && desk_has_updates(c)) {
		console_open(c, &screen_offers);
	} else {
		return false;
	}
	return true;
}

static void keys_idle(struct console *c, struct bar *b)
{
	if (desk_may_see(c))
		bar_add(b, "r", _("Review"));
	if (desk_may_confirm(c))
		bar_add(b, "p", _("Proposals"));
	if (desk_has_updates(c))
		bar_add(b, "u", _("Updates"));
	if (maintenance_is_offered(c))
		bar_add(b, "s", _("Maintenance"));
	bar_add(b, "l", _("Language"));
	if (session_is(&c->session))
		bar_add(b, "o", _("Log out"));
	else if (desk_is_there(c))
		bar_add(b, "o", _("Log in"));
}

const struct screen screen_idle = { .draw = draw_idle, .press = press_idle, .keys = keys_idle };

/* -- no connection --------------------------------------------------------------------------------------- */

static void draw_lost(struct console *c, struct pen *p)
{
	pen_gap(p);
	if (c->link.error == -EACCES) {
		pen_line(p, 0, STYLE_BAD, "%s", _("THIS ACCOUNT MAY NOT USE THE STATION."));
		pen_text(p, 0, 4, STYLE_PLAIN, _("Tell the administrator: the account is not a member of the group that lazaret.yaml names."));
	} else {
		pen_line(p, 0, STYLE_BAD, "%s", _("THE STATION IS NOT RUNNING."));
		pen_text(p, 0, 4, STYLE_PLAIN,
			 _("Nothing is being inspected or transferred now. What was already transferred stays transferred."));
		pen_gap(p);
		pen_text(p, 0, 4, STYLE_PLAIN, _("Wait a minute. If it does not come back by itself, tell the administrator."));
	}
	pen_gap(p);
	pen_line(p, 0, STYLE_DIM, _("Trying to reach it (%s: %s)"), c->link.path, errno_name(c->link.error));
}

static bool press_lost(struct console *c, const struct press *press)
{
	return press_idle(c, press);
}

const struct screen screen_lost = { .draw = draw_lost, .press = press_lost, .keys = keys_idle };
