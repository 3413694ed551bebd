/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A decision about one content: why and for how long; the second person; and what came of it. */
#include <string.h>

#include "console/file.h"
#include "console/intent.h"
#include "console/sentence.h"

#define LABEL 20
#define DAY 86400

static const struct {
	const char *decision, *words, *heading, *meaning, *over;
	bool has_end;
} kinds[] = {
	{ "release", N_("Release"), N_("RELEASE THIS FILE"),
	  N_("It takes a second person. The file is then transferred, and until the end of this time the same content passes from any medium."),
	  N_("RELEASED."), true },
	{ "reject", N_("Reject"), N_("REJECT THIS FILE"),
	  N_("At once and for good: this content is refused from any medium, from now on. To undo it takes two persons."), N_("REJECTED."), false },
	{ "allow", N_("Allow"), N_("ALLOW THIS CONTENT"),
	  N_("For what the station takes for bad by mistake. It takes a second person. What is said of the content is overruled until the end of this time; names, links and what could not be read are not."),
	  N_("ALLOWED. Insert the medium again: it is judged anew."), true },
	{ "deny", N_("Never allow"), N_("NEVER ALLOW THIS CONTENT"),
	  N_("At once and for good: this content is refused from any medium, from now on. To undo it takes two persons."), N_("ON THE LIST OF FORBIDDEN FILES."),
	  false },
	{ "remove", N_("Undo the decision"), N_("UNDO THE DECISION"),
	  N_("It takes a second person. After that nothing is decided of this content: it is judged by the rules."), N_("UNDONE."), false },
};

static int kind_of(const char *decision)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		if (strcmp(decision, kinds[k].decision) == 0)
			return (int)k;
	return -1;
}

const char *decide_words(const char *decision)
{
	int k = kind_of(decision);

	return k < 0 ? decision : _(kinds[k].words);
}

static bool has_end(const struct decide *d)
{
	int k = kind_of(d->decision);

	return k >= 0 && kinds[k].has_end;
}

/* -- opening --------------------------------------------------------------------------------------------- */

static void reset(struct decide *d)
{
	unsigned int generation = d->generation + 1;

	json_decref(d->proposal);
	explicit_bzero(d, sizeof(*d));
	d->generation = generation;
}

void decide_open(struct console *c, const char *decision, const char *sha256, const char *path)
{
	struct decide *d = &c->desk.decide;

	reset(d);
	(void)snprintf(d->decision, sizeof(d->decision), "%s", decision);
	(void)snprintf(d->sha256, sizeof(d->sha256), "%s", sha256);
	(void)snprintf(d->path, sizeof(d->path), "%s", path);
	console_open(c, &screen_decide);
}

void decide_open_proposal(struct console *c, const json_t *proposal, const char *path)
{
	struct decide *d = &c->desk.decide;
	const char *first = json_string_value(json_array_get(member(proposal, "sha256"), 0));
	json_t *kept = json_deep_copy(proposal);

	reset(d);
	(void)snprintf(d->decision, sizeof(d->decision), "%s", member_text(proposal, "decision"));
	(void)snprintf(d->sha256, sizeof(d->sha256), "%s", first ? first : "");
	(void)snprintf(d->path, sizeof(d->path), "%s", path ? path : "");
	d->proposal = kept;
	d->step = DECIDE_SECOND;
	talk_begin(c, TALK_CONFIRM);
	console_open(c, &screen_decide);
}

/* -- what came of it ------------------------------------------------------------------------------------- */

void decide_confirmed(struct console *c, const json_t *answer)
{
	struct decide *d = &c->desk.decide;
	int k = kind_of(d->decision);

	d->step = DECIDE_OVER;
	d->said_style = STYLE_GOOD;
	(void)snprintf(d->said, sizeof(d->said), "%s", k < 0 ? _("CONFIRMED.") : _(kinds[k].over));
	(void)snprintf(d->more, sizeof(d->more), "%s", member_text(answer, "text"));
}

void decide_refused(struct console *c, const char *code)
{
	struct decide *d = &c->desk.decide;

	if (strcmp(code, "not-held") != 0 && strcmp(code, "not-found") != 0)
		return; /* another person, or another try */
	d->step = DECIDE_OVER;
	d->said_style = STYLE_BAD;
	memcpy(d->said, c->talk.said, sizeof(d->said));
	memcpy(d->more, c->talk.more, sizeof(d->more));
	talk_begin(c, TALK_CONFIRM);
}

/* -- drawing --------------------------------------------------------------------------------------------- */

static void draw_subject(const struct decide *d, struct pen *p)
{
	size_t n = json_array_size(member(d->proposal, "sha256"));

	if (*d->path)
		file_draw_path(d->path, p);
	if (*d->sha256 && term_rows() > 16)
		file_draw_hash(d->sha256, p);
	if (n > 1)
		pen_line(p, FILE_LABEL, STYLE_WARN, _n("and %s other", "and %s others", n - 1), words_number(n - 1).s);
}

static void draw_said(const struct decide *d, struct pen *p)
{
	if (*d->said)
		pen_text(p, 0, 3, d->said_style, d->said);
	if (*d->more)
		pen_text(p, 0, 3, STYLE_PLAIN, d->more);
}

static void draw_form(const struct decide *d, struct pen *p)
{
	int k = kind_of(d->decision);

	pen_line(p, 0, STYLE_HEADING, "%s", k < 0 ? d->decision : _(kinds[k].heading));
	draw_subject(d, p);
	pen_gap(p);
	if (k >= 0 && term_rows() > 16)
		pen_text(p, 0, 4, STYLE_PLAIN, _(kinds[k].meaning));
	pen_gap(p);
	entry_draw(p, LABEL, _("Reason"), &d->reason, d->field == 0 && d->step == DECIDE_FORM, false);
	if (has_end(d)) {
		pen_gap(p);
		entry_draw(p, LABEL, _("For how many days"), &d->days, d->field == 1 && d->step == DECIDE_FORM, false);
		if (d->days.length == 0)
			pen_line(p, LABEL, STYLE_DIM, "%s", _("nothing: as long as the station allows"));
	}
	pen_gap(p);
	if (d->step == DECIDE_SENT)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Waiting for the station..."));
	draw_said(d, p);
}

static void draw_proposal(const struct decide *d, struct pen *p)
{
	const json_t *o = d->proposal;
	int64_t until = member_number(o, "until");

	pen_pair(p, FILE_LABEL, _("Proposed"), STYLE_PLAIN, _("%s, by %s"), decide_words(member_text(o, "decision")), member_text(o, "by"));
	pen_pair_text(p, FILE_LABEL, _("Reason"), 3, STYLE_PLAIN, member_text(o, "reason"));
	if (until > 0)
		pen_pair(p, FILE_LABEL, _("Until"), STYLE_PLAIN, "%s", words_time(until).s);
}

static void draw_second(struct console *c, struct pen *p)
{
	const struct decide *d = &c->desk.decide;

	pen_line(p, 0, STYLE_WARN, "%s", _("A SECOND PERSON CONFIRMS THIS, OR NOT."));
	draw_subject(d, p);
	draw_proposal(d, p);
	pen_gap(p);
	talk_draw(c, p);
}

/* The release is carried out by the station after it was confirmed. */
static void draw_release(const struct desk *desk, struct pen *p)
{
	const json_t *o = desk->release, *mine = member(desk->decide.proposal, "id"), *trouble = member(o, "trouble");

	if (strcmp(desk->decide.decision, "release") != 0 || desk->decide.said_style != STYLE_GOOD)
		return;
	if (!o || !json_equal(member(o, "proposal"), mine) || strcmp(member_text(o, "state"), "done") != 0) {
		pen_line(p, 0, STYLE_PLAIN, "%s", _("The transfer is being made..."));
		return;
	}
	if (strcmp(member_text(o, "outcome"), "published") == 0) {
		pen_pair(p, LABEL, _("Transfer"), STYLE_HEADING, "%s", member_text(o, "transfer"));
		pen_text(p, 0, 2, STYLE_PLAIN, _("It is a transfer of its own, with a receipt of its own."));
		return;
	}
	pen_text(p, 0, 2, STYLE_BAD, _("BUT NOTHING WAS TRANSFERRED:"));
	if (json_is_object(trouble)) {
		sentence_trouble(p, trouble);
		sentence_what_to_do(p, trouble);
	} else {
		pen_text(p, 0, 3, STYLE_PLAIN, member_text(o, "trouble"));
	}
}

static void draw(struct console *c, struct pen *p)
{
	const struct decide *d = &c->desk.decide;

	pen_gap(p);
	if (d->step == DECIDE_SECOND) {
		draw_second(c, p);
	} else if (d->step == DECIDE_OVER) {
		draw_said(d, p);
		pen_gap(p);
		draw_subject(d, p);
		draw_proposal(d, p);
		pen_gap(p);
		draw_release(&c->desk, p);
	} else {
		draw_form(d, p);
	}
}

/* -- keys ------------------------------------------------------------------------------------------------ */

/* 0: not a number of days. Of nothing: as long as the station allows. */
static int days_of(const struct decide *d)
{
	int days = 0;

	for (const char *s = d->days.text; *s; s++) {
		if (*s < '0' || *s > '9' || days > DAYS_MAX)
			return 0;
		days = days * 10 + (*s - '0');
	}
	return days <= DAYS_MAX ? days : 0;
}

static void propose(struct console *c)
{
	struct decide *d = &c->desk.decide;
	int64_t now = state_now(&c->state, c->now_ms);

	if (strspn(d->reason.text, " ") == d->reason.length) {
		d->field = 0;
		console_notice(c, "%s", _("A decision needs a reason: it stands in the audit trail."));
	} else if (has_end(d) && d->days.length > 0 && days_of(d) == 0) {
		d->field = 1;
		console_notice(c, _("A number of days, from 1 to %d."), DAYS_MAX);
	} else if (d->days.length > 0 && now == 0) {
		console_notice(c, "%s", _("The station's clock is not known. Try again."));
	} else {
		desk_propose(c, d->days.length > 0 ? now + (int64_t)days_of(d) * DAY - DAYS_SLACK_S : 0);
	}
}

static bool press_form(struct console *c, const struct press *press)
{
	struct decide *d = &c->desk.decide;
	bool is_up = press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK, is_down = press->kind == PRESS_DOWN || press->kind == PRESS_TAB;

	if (press->kind == PRESS_ESCAPE)
		return false;
	if (d->step == DECIDE_SENT)
		return true;
	if (press->kind == PRESS_ENTER && d->field == 0 && has_end(d) && d->reason.length > 0)
		d->field = 1;
	else if (press->kind == PRESS_ENTER)
		propose(c);
	else if (is_up || is_down)
		d->field = is_down && has_end(d);
	else
		return entry_press(d->field == 0 ? &d->reason : &d->days, press);
	return true;
}

static bool press(struct console *c, const struct press *press)
{
	struct decide *d = &c->desk.decide;

	if (d->step == DECIDE_SECOND) {
		if (talk_press(c, press))
			return true;
		if (press->kind == PRESS_ESCAPE && strcmp(member_text(c->session.object, "person"), member_text(d->proposal, "by")) == 0)
			console_notice(c, "%s", _("The proposal waits for a second person, in the list of proposals."));
		return false; /* Escape leads back */
	}
	if (d->step == DECIDE_OVER) {
		if (press->kind != PRESS_ENTER)
			return press->kind != PRESS_ESCAPE && press->kind != PRESS_LEFT;
		console_back(c);
		return true;
	}
	return press_form(c, press);
}

static void keys(struct console *c, struct bar *b)
{
	const struct decide *d = &c->desk.decide;

	if (d->step == DECIDE_SECOND) {
		talk_keys(c, b, _("Confirm"));
	} else if (d->step == DECIDE_OVER) {
		bar_add(b, _("Enter"), _("Seen"));
	} else if (d->step == DECIDE_FORM) {
		bar_add(b, _("Enter"), d->field == 0 && has_end(d) ? _("Next") : _("Go on"));
		if (has_end(d))
			bar_add(b, _("Arrows"), _("Field"));
	}
}

static void leave(struct console *c)
{
	talk_leave(c);
}

static void closed(struct console *c)
{
	reset(&c->desk.decide);
}

const struct screen screen_decide = {
	.leave = leave, .close = closed, .draw = draw, .press = press, .keys = keys, .is_typed = true
};
