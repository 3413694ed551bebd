/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/talk.h"

#include <string.h>

#include "console/intent.h"

#define LABEL 16
#define PROMPT_LINES 4

/* -- conversation ---------------------------------------------------------------------------------------- */

void talk_begin(struct console *c, enum talk_for what)
{
	unsigned int generation = c->talk.generation + 1;

	explicit_bzero(&c->talk, sizeof(c->talk));
	c->talk.what = what;
	c->talk.generation = generation;
}

void talk_leave(struct console *c)
{
	if (c->talk.is_prompt)
		(void)intent_ask(c, ASK_LOGOUT, 1, "login-cancel", NULL); /* else it ends by its own time */
	talk_begin(c, c->talk.what);
}

static void ask(struct console *c)
{
	struct talk *t = &c->talk;
	json_t *secret = json_stringn(t->secret.text, t->secret.length), *fields;
	const char *name = t->is_prompt ? "login-answer" : t->what == TALK_LOGIN ? "login" : t->what == TALK_UNDO ? "undo" : "confirm";
	bool is_undo = t->what == TALK_UNDO;

	fields = t->is_prompt ? json_pack("{so*}", "secret", secret) :
				json_pack("{ss so* ss* ss* ss*}", "person", t->person.text, "secret", secret, "proposal",
					  t->what == TALK_CONFIRM ? member_text(c->desk.decide.proposal, "id") : NULL, "sha256",
					  is_undo ? member_text(c->desk.undo.shown, "sha256") : NULL, "reason", is_undo ? c->desk.undo.reason.text : NULL);
	entry_wipe(&t->secret);
	t->said[0] = t->more[0] = '\0';
	t->is_waiting = fields && intent_ask(c, ASK_TALK, t->generation, name, fields);
	if (!t->is_waiting)
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
}

/* Somebody went away meanwhile: what he began must not be there for the next one. */
static void take_late(struct console *c, json_t *answer)
{
	if (json_is_object(member(answer, "session")))
		(void)intent_ask(c, ASK_LOGOUT, 1, "logout", NULL);
	else if (json_is_object(member(answer, "prompt")))
		(void)intent_ask(c, ASK_LOGOUT, 1, "login-cancel", NULL);
	else if (member(answer, "decision") || member(answer, "undo"))
		console_notice(c, "%s", _("The decision was confirmed."));
}

static void refused(struct console *c, const json_t *error)
{
	struct talk *t = &c->talk;
	const char *code = member_text(error, "code");

	t->is_prompt = false;
	t->field = strcmp(code, "same-person") == 0 || strcmp(code, "locked-out") == 0 ? 0 : 1;
	if (strcmp(code, "same-person") == 0)
		entry_wipe(&t->person); /* another one types his name */
	desk_refusal(error, t->said, t->more);
	if (t->what == TALK_CONFIRM)
		decide_refused(c, code);
	else if (t->what == TALK_UNDO)
		undo_refused(c, code);
}

static void prompted(struct talk *t, const json_t *prompt)
{
	t->is_prompt = true;
	t->is_echo = member_true(prompt, "echo");
	(void)snprintf(t->prompt, sizeof(t->prompt), "%s", member_text(prompt, "text"));
}

void talk_answer(struct console *c, const struct ask *a, json_t *answer)
{
	struct talk *t = &c->talk;
	json_t *session = json_object_get(answer, "session");

	if (a->generation != t->generation) {
		take_late(c, answer);
		return;
	}
	t->is_waiting = false;
	t->note[0] = '\0';
	if (!member_true(answer, "ok")) {
		refused(c, member(answer, "error"));
	} else if (json_is_object(member(answer, "prompt"))) {
		prompted(t, member(answer, "prompt"));
	} else if (t->what == TALK_CONFIRM) {
		talk_begin(c, TALK_CONFIRM);
		decide_confirmed(c, answer);
	} else if (t->what == TALK_UNDO) {
		talk_begin(c, TALK_UNDO);
		undo_confirmed(c);
	} else if (json_is_object(session) && *member_text(session, "person")) {
		talk_begin(c, TALK_LOGIN);
		session_begin(c, session);
		if (c->shown == &screen_login)
			while (c->depth > 0)
				console_back(c);
		maintenance_logged_in(c);
	} else {
		talk_begin(c, TALK_LOGIN);
		(void)snprintf(t->said, sizeof(t->said), "%s", _("The station's answer was not understood."));
	}
}

/* -- drawing --------------------------------------------------------------------------------------------- */

static void draw_prompt(struct talk *t, struct pen *p)
{
	pen_text(p, 0, PROMPT_LINES, STYLE_HEADING, *t->prompt ? t->prompt : _("The station asks for more."));
	pen_gap(p);
	if (t->is_echo)
		entry_draw(p, LABEL, _("Answer"), &t->secret, !t->is_waiting, false);
	else
		entry_draw_secret(p, LABEL, _("Answer"), &t->secret, !t->is_waiting);
}

void talk_draw(struct console *c, struct pen *p)
{
	struct talk *t = &c->talk;

	if (t->is_prompt) {
		draw_prompt(t, p);
	} else {
		entry_draw(p, LABEL, t->what == TALK_LOGIN ? _("Name") : _("Second person"), &t->person, t->field == 0 && !t->is_waiting, false);
		pen_gap(p);
		entry_draw_secret(p, LABEL, _("Secret"), &t->secret, t->field == 1 && !t->is_waiting);
	}
	pen_gap(p);
	if (t->is_waiting)
		pen_text(p, 0, 3, *t->note ? STYLE_WARN : STYLE_PLAIN, *t->note ? t->note : _("Waiting for the station..."));
	if (*t->said)
		pen_text(p, 0, 3, STYLE_BAD, t->said);
	if (*t->more)
		pen_text(p, 0, 2, STYLE_PLAIN, t->more);
}

/* -- keys ------------------------------------------------------------------------------------------------ */

static void press_enter(struct console *c)
{
	struct talk *t = &c->talk;

	if (!t->is_prompt && t->person.length == 0) {
		t->field = 0;
		console_notice(c, "%s", _("The station needs a name."));
	} else if (!t->is_prompt && t->field == 0) {
		t->field = 1;
	} else if (!t->is_prompt && t->secret.length == 0) {
		console_notice(c, "%s", _("The station needs the secret: password or PIN."));
	} else {
		ask(c); /* the answer to a prompt may be empty: "touch the key, then press Enter" */
	}
}

bool talk_press(struct console *c, const struct press *press)
{
	struct talk *t = &c->talk;
	bool is_up = press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK, is_down = press->kind == PRESS_DOWN || press->kind == PRESS_TAB;

	if (press->kind == PRESS_ESCAPE) {
		if (!t->is_prompt && !t->is_waiting)
			return false;
		talk_leave(c);
	} else if (t->is_waiting) {
		return true; /* nothing is typed ahead of a secret that is being checked */
	} else if (press->kind == PRESS_ENTER) {
		press_enter(c);
	} else if (is_up || is_down) {
		t->field = is_down;
	} else {
		return entry_press(t->is_prompt || t->field == 1 ? &t->secret : &t->person, press);
	}
	return true;
}

void talk_keys(struct console *c, struct bar *b, const char *last_words)
{
	struct talk *t = &c->talk;

	if (t->is_waiting || t->is_prompt) {
		if (!t->is_waiting)
			bar_add(b, _("Enter"), last_words);
		bar_add(b, _("Esc"), _("Call it off"));
		return;
	}
	bar_add(b, _("Enter"), t->field == 0 ? _("Next") : last_words);
	bar_add(b, _("Arrows"), _("Field"));
}
