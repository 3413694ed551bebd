/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* All that is known of one held file, and what can be done with it. */
#include <string.h>

#include "console/file.h"
#include "console/intent.h"
#include "console/sentence.h"

#define LABEL FILE_LABEL

static const json_t *held_of(const struct console *c)
{
	return member(c->desk.held.answer, "held");
}

static const json_t *proposal_of(const struct console *c)
{
	const json_t *proposal = member(held_of(c), "proposal");

	return json_is_object(proposal) ? proposal : NULL;
}

static void draw_proposal(const json_t *o, struct pen *p)
{
	int64_t until = member_number(o, "until");

	pen_gap(p);
	pen_rule(p, _("Proposal that waits for a second person"));
	pen_pair(p, LABEL, _("Proposed"), STYLE_WARN, _("%s, by %s"), decide_words(member_text(o, "decision")), member_text(o, "by"));
	pen_text(p, LABEL, 3, STYLE_PLAIN, member_text(o, "reason"));
	if (until > 0)
		pen_pair(p, LABEL, _("Until"), STYLE_PLAIN, "%s", words_time(until).s);
}

static void draw_seen(const json_t *answer, struct pen *p)
{
	json_t *o;
	size_t k;

	if (json_array_size(member(answer, "places")) > 0) {
		pen_gap(p);
		pen_rule(p, _("Where it is held from"));
	}
	json_array_foreach(member(answer, "places"), k, o) {
		pen_line(p, 0, STYLE_PLAIN, "%s  %s", words_time(member_number(o, "started")).s, member_text(o, "transfer"));
		pen_text(p, 2, 2, STYLE_DIM, member_text(o, "path"));
	}
	if (json_array_size(member(answer, "seen")) > 0) {
		pen_gap(p);
		pen_rule(p, _("Other times this content was seen"));
	}
	json_array_foreach(member(answer, "seen"), k, o) {
		pen_line(p, 0, STYLE_PLAIN, "%s  %s  %s", words_time(member_number(o, "started")).s, member_text(o, "transfer"),
			 member_text(o, "verdict"));
		pen_text(p, 2, 2, STYLE_DIM, member_text(o, "path"));
	}
}

static void draw_fields(const struct console *c, struct pen *p)
{
	const json_t *h = held_of(c), *f = member(c->desk.held.answer, "file");
	const char *state = member_text(h, "state"), *path = *member_text(f, "path") ? member_text(f, "path") : member_text(h, "path");
	const char *type = *member_text(f, "type") ? member_text(f, "type") : member_text(h, "type");

	file_draw_path(path, p);
	pen_gap(p);
	pen_pair(p, LABEL, _("State"), held_state_style(state), "%s", held_state_words(state));
	if (*member_text(h, "released_as"))
		pen_pair(p, LABEL, _("Transfer"), STYLE_PLAIN, "%s", member_text(h, "released_as"));
	if (member_number(h, "until") > 0)
		pen_pair(p, LABEL, _("Until"), STYLE_PLAIN, "%s", words_time(member_number(h, "until")).s);
	pen_pair(p, LABEL, _("Held since"), STYLE_PLAIN, _("%s, kept until %s"), words_time(member_number(h, "held_at")).s,
		 words_time(member_number(h, "expires")).s);
	if (json_is_false(member(h, "copy")))
		pen_text(p, LABEL, 2, STYLE_WARN, _("There was no room for its bytes: to release it, the medium has to be brought again."));
	pen_pair(p, LABEL, _("Size"), STYLE_PLAIN, _("%s (%s bytes)"), words_size(member_count(h, "size")).s, words_number(member_count(h, "size")).s);
	pen_pair(p, LABEL, _("Type"), STYLE_PLAIN, "%s", *type ? type : _("not known"));
	file_draw_hash(c->desk.held.sha256, p);
	pen_pair(p, LABEL, _("Decided by"), STYLE_PLAIN, "%s", *member_text(f, "rule") ? member_text(f, "rule") : _("no rule"));
	file_draw_signers(f, p);
	if (json_is_object(f) && json_array_size(member(f, "signers")) == 0)
		pen_pair(p, LABEL, _("Signed by"), STYLE_PLAIN, "%s", _("nobody whose key is trusted"));
	file_draw_remarks(f, p);
	if (proposal_of(c))
		draw_proposal(proposal_of(c), p);
	file_draw_reasons(f, p);
	draw_seen(c->desk.held.answer, p);
}

static void draw(struct console *c, struct pen *p)
{
	struct pen scrolled = *p;

	if (!c->desk.held.answer) {
		pen_line(p, 0, STYLE_PLAIN, "%s",
			 c->desk.held.has_failed ? _("The details of this file are not available now.") : _("Fetching the details..."));
		return;
	}
	scrolled.top = p->y;
	scrolled.y = p->y - (int)c->lines.top;
	scrolled.is_endless = true; /* to learn how long it is */
	draw_fields(c, &scrolled);
	if (c->lines.total != scrolled.y - p->y + c->lines.top)
		c->is_dirty = true; /* the keys for it are drawn before */
	c->lines.total = scrolled.y - p->y + c->lines.top;
	c->lines.height = p->bottom - p->y;
	c->lines.top = MAX(MIN(c->lines.top, c->lines.total - c->lines.height), 0);
}

static void enter(struct console *c)
{
	c->lines = (struct list){ 0 };
	if (c->desk.held.answer)
		desk_held(c, c->desk.held.sha256); /* back from a decision: it stands otherwise now */
}

/* -- what can be done ------------------------------------------------------------------------------------ */

enum deed { RELEASE, REJECT, ALLOW, DENY, UNDO, DEEDS };

static const struct {
	char letter;
	const char *decision, *words;
} deeds[DEEDS] = {
	[RELEASE] = { 'r', "release", N_("Release") },	[REJECT] = { 'x', "reject", N_("Reject") },
	[ALLOW] = { 'a', "allow", N_("Allow") },	[DENY] = { 'n', "deny", N_("Never allow") },
	[UNDO] = { 'u', "remove", N_("Undo the decision") },
};

static bool is_in(const struct console *c, const char *state)
{
	return strcmp(member_text(held_of(c), "state"), state) == 0;
}

static bool has_copy(const struct console *c)
{
	return held_of(c) && !json_is_false(member(held_of(c), "copy"));
}

/* What makes sense now; whether it is permitted lazaretd decides. */
static bool is_open_to(const struct console *c, enum deed deed)
{
	if (!desk_may_decide(c) || !held_of(c))
		return false;
	switch (deed) {
	case RELEASE:
		return has_copy(c) && (is_in(c, "open") || is_in(c, "expired"));
	case REJECT:
	case DENY:
	case ALLOW:
		return is_in(c, "open") || is_in(c, "expired");
	case UNDO:
		return is_in(c, "rejected") || is_in(c, "released");
	case DEEDS:
		break;
	}
	return false;
}

static bool press_proposal(struct console *c, const struct press *press)
{
	const json_t *proposal = proposal_of(c);

	if (!proposal || !desk_may_decide(c))
		return false;
	if (is_letter(press, 'c'))
		decide_open_proposal(c, proposal, member_text(held_of(c), "path"));
	else if (is_letter(press, 'w'))
		desk_withdraw(c, member_text(proposal, "id"));
	else
		return false;
	return true;
}

static bool press(struct console *c, const struct press *press)
{
	if (press->kind == PRESS_LEFT) {
		console_back(c);
		return true;
	}
	for (enum deed k = 0; k < DEEDS; k++)
		if (is_letter(press, deeds[k].letter) && is_open_to(c, k)) {
			decide_open(c, deeds[k].decision, c->desk.held.sha256, member_text(held_of(c), "path"));
			return true;
		}
	if (press_proposal(c, press))
		return true;
	if (is_letter(press, 'v') && has_copy(c)) {
		console_open(c, &screen_bytes);
		return true;
	}
	c->lines.at = c->lines.top;
	if (!list_press(&c->lines, press))
		return false;
	c->lines.top = MIN(c->lines.at, MAX(c->lines.total - c->lines.height, 0));
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	for (enum deed k = 0; k < DEEDS; k++)
		if (is_open_to(c, k))
			bar_add(b, (char[2]){ deeds[k].letter, '\0' }, _(deeds[k].words));
	if (proposal_of(c) && desk_may_decide(c)) {
		bar_add(b, "c", _("Confirm"));
		bar_add(b, "w", _("Withdraw"));
	}
	if (has_copy(c))
		bar_add(b, "v", _("View the bytes"));
	if (c->lines.total > c->lines.height)
		bar_add(b, _("Arrows"), _("Scroll"));
}

static void closed(struct console *c)
{
	struct held *h = &c->desk.held;

	json_decref(h->answer);
	*h = (struct held){ .generation = h->generation + 1 };
}

const struct screen screen_held = { .enter = enter, .close = closed, .draw = draw, .press = press, .keys = keys };
