/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/desk.h"

#include <string.h>

#include "console/intent.h"

static const char *const filter_names[REVIEW_FILTERS] = {
	[REVIEW_OPEN] = "open", [REVIEW_PROPOSED] = "proposed", [REVIEW_DECIDED] = "decided", [REVIEW_ALL] = "all",
};

/* -- who may --------------------------------------------------------------------------------------------- */

bool desk_is_there(const struct console *c)
{
	const json_t *s = c->state.station;

	return json_is_object(member(s, "held")) || strcmp(member_text(s, "operators"), "authenticated") == 0;
}

bool desk_may_see(const struct console *c)
{
	return session_has(c, "officer") || session_has(c, "auditor");
}

bool desk_may_decide(const struct console *c)
{
	return session_has(c, "officer");
}

bool desk_may_confirm(const struct console *c)
{
	return session_is(&c->session);
}

size_t desk_offers(const struct console *c)
{
	return json_array_size(member(c->state.station, "offers"));
}

bool desk_may_undo(const struct console *c)
{
	return desk_may_decide(c) && member_true(c->state.station, "machine") && json_is_object(member(c->state.station, "undo"));
}

bool desk_has_updates(const struct console *c)
{
	return desk_may_see(c) && (desk_offers(c) > 0 || desk_may_undo(c));
}

/* -- questions ------------------------------------------------------------------------------------------- */

void desk_review(struct console *c)
{
	struct review *r = &c->desk.review;

	r->generation++;
	r->has_failed = !intent_ask(c, ASK_REVIEW, r->generation, "held",
				    json_pack("{ss ss? sI si}", "filter", filter_names[r->filter], "search",
					      r->search.length > 0 ? r->search.text : NULL, "offset", (json_int_t)r->offset, "limit", REVIEW_PAGE));
}

void desk_held(struct console *c, const char *sha256)
{
	struct held *h = &c->desk.held;

	if (strcmp(h->sha256, sha256) != 0) { /* it may be our own */
		json_decref(h->answer);
		h->answer = NULL;
		(void)snprintf(h->sha256, sizeof(h->sha256), "%s", sha256);
	}
	h->generation++;
	h->has_failed = !intent_ask(c, ASK_HELD, h->generation, "held-file", json_pack("{ss}", "sha256", h->sha256));
}

void desk_bytes(struct console *c)
{
	struct bytes *b = &c->desk.bytes;
	int64_t first = b->list.top * b->across, last = MIN((b->list.top + b->list.height) * (int64_t)b->across, b->size);

	if (c->shown != &screen_bytes || b->is_asking || b->has_failed || c->is_fresh)
		return;
	if (b->size >= 0 && first >= b->base && last <= b->base + (int64_t)b->count)
		return;
	b->base = MAX(first - BYTES_MAX / 4, 0); /* a little of what is above, so that one line up asks nothing */
	b->count = 0;
	b->generation++;
	b->is_asking = intent_ask(c, ASK_BYTES, b->generation, "held-bytes",
				  json_pack("{ss sI si}", "sha256", c->desk.held.sha256, "offset", (json_int_t)b->base, "size", BYTES_MAX));
	b->has_failed = !b->is_asking;
}

void desk_proposals(struct console *c)
{
	c->desk.proposals_failed = !intent_ask(c, ASK_PROPOSALS, 0, "proposals", NULL);
}

void desk_propose(struct console *c, int64_t until)
{
	struct decide *d = &c->desk.decide;
	json_t *end = until > 0 ? json_integer(until) : json_null();

	d->said[0] = d->more[0] = '\0';
	d->generation++;
	d->step = intent_ask(c, ASK_PROPOSE, d->generation, "propose",
			     json_pack("{ss s[s] ss so}", "decision", d->decision, "sha256", d->sha256, "reason", d->reason.text, "until", end)) ?
			  DECIDE_SENT :
			  DECIDE_FORM;
	if (d->step == DECIDE_FORM)
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
}

static void act(struct console *c, enum ask_kind kind, const char *name, const char *key, const char *value)
{
	if (!intent_ask(c, kind, 0, name, json_pack("{ss}", key, value)))
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
}

void desk_withdraw(struct console *c, const char *proposal)
{
	act(c, ASK_WITHDRAW, "withdraw", "proposal", proposal);
}

/* -- refusals -------------------------------------------------------------------------------------------- */

void desk_refusal(const json_t *error, char said[static SAID_MAX], char more[static SAID_MAX])
{
	static const struct {
		const char *code, *words;
	} known[] = {
		{ "wrong", N_("NOT RIGHT. The name or the secret is wrong; the station does not say which.") },
		{ "same-person", N_("THE SAME PERSON CANNOT DO BOTH. A second, different person has to confirm.") },
		{ "expired", N_("TOO LATE: ITS TIME IS OVER.") },
		{ "not-held", N_("THE STATION DOES NOT HOLD THIS FILE ANY MORE.") },
		{ "not-found", N_("THAT IS NOT THERE ANY MORE. Somebody may have decided meanwhile.") },
		{ "not-permitted", N_("NOT PERMITTED to this person.") },
		{ "not-now", N_("NOT POSSIBLE NOW.") },
		{ "unavailable", N_("THE STATION CANNOT DO THAT NOW.") },
		{ "too-many", N_("THE STATION IS BUSY. Try again.") },
	};
	const char *code = member_text(error, "code"), *words = N_("THE STATION REFUSED THAT.");
	int64_t until = member_number(error, "until");

	if (strcmp(code, "locked-out") == 0 && until > 0) {
		(void)snprintf(said, SAID_MAX, _("LOCKED OUT UNTIL %s, after too many wrong tries."), words_time(until).s);
		more[0] = '\0';
		return;
	}
	if (strcmp(code, "locked-out") == 0)
		words = N_("LOCKED OUT, after too many wrong tries.");
	for (size_t k = 0; k < ARRAY_LEN(known); k++)
		if (strcmp(code, known[k].code) == 0)
			words = known[k].words;
	(void)snprintf(said, SAID_MAX, "%s", _(words));
	/* What has nothing to say beyond the code would be said twice. */
	(void)snprintf(more, SAID_MAX, "%s", strcmp(code, "wrong") == 0 || strcmp(code, "same-person") == 0 ? "" : member_text(error, "text"));
}

/* -- answers --------------------------------------------------------------------------------------------- */

static void replace(json_t **kept, json_t *new)
{
	json_incref(new); /* first: it may be a part of the old one */
	json_decref(*kept);
	*kept = new;
}

static void on_review(struct console *c, json_t *answer, bool is_ok)
{
	struct review *r = &c->desk.review;
	json_t *list = json_object_get(answer, "held");

	r->has_failed = !is_ok || !json_is_array(list);
	if (r->has_failed)
		return;
	replace(&r->page, list);
	r->total = MAX(member_number(answer, "total"), (int64_t)json_array_size(list));
	if (json_array_size(list) == 0 && r->offset > 0) { /* what was on the last page has been decided upon */
		r->offset = 0;
		desk_review(c);
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when it is not what the protocol has: an even number of digits, and no more bytes than were asked for. */
static bool read_hex(struct bytes *b, const char *hex)
{
	size_t n = strlen(hex);

	if (n % 2 != 0 || n / 2 > sizeof(b->raw))
		return false;
	for (size_t k = 0; k < n / 2; k++) {
		int high = hex_digit(hex[2 * k]), low = hex_digit(hex[2 * k + 1]);

		if (high < 0 || low < 0)
			return false;
		b->raw[k] = (unsigned char)(high << 4 | low);
	}
	b->count = n / 2;
	return true;
}

static void on_bytes(struct bytes *b, const json_t *answer, bool is_ok)
{
	b->is_asking = false;
	b->size = MAX(member_number(answer, "size"), 0);
	b->has_failed = !is_ok || !read_hex(b, member_text(answer, "bytes")) || (b->count == 0 && b->base < b->size);
}

static void on_propose(struct console *c, json_t *answer, bool is_ok)
{
	struct decide *d = &c->desk.decide;
	json_t *proposal = json_object_get(answer, "proposal");

	if (!is_ok || !json_is_object(proposal)) {
		d->step = DECIDE_FORM; /* what was typed is still there */
		d->said_style = STYLE_BAD;
		desk_refusal(member(answer, "error"), d->said, d->more);
		return;
	}
	replace(&d->proposal, proposal);
	d->step = member_true(proposal, "needs_second") ? DECIDE_SECOND : DECIDE_OVER;
	if (d->step == DECIDE_OVER)
		decide_confirmed(c, answer);
	else
		talk_begin(c, TALK_CONFIRM);
}

void desk_answer(struct console *c, const struct ask *a, json_t *answer)
{
	bool is_ok = member_true(answer, "ok");

	if (a->kind == ASK_LOGOUT && !is_ok && a->generation == 0) {
		c->is_stale = true; /* whatever it is that it did not like: without the connection there is no session */
	} else if (a->kind == ASK_REVIEW && a->generation == c->desk.review.generation) {
		on_review(c, answer, is_ok);
	} else if (a->kind == ASK_HELD && a->generation == c->desk.held.generation) {
		c->desk.held.has_failed = !is_ok;
		if (is_ok)
			replace(&c->desk.held.answer, answer);
	} else if (a->kind == ASK_BYTES && a->generation == c->desk.bytes.generation) {
		on_bytes(&c->desk.bytes, answer, is_ok);
	} else if (a->kind == ASK_PROPOSE && a->generation == c->desk.decide.generation) {
		on_propose(c, answer, is_ok);
	} else if (a->kind == ASK_PROPOSALS) {
		c->desk.proposals_failed = !is_ok || !json_is_array(member(answer, "proposals"));
		if (!c->desk.proposals_failed)
			replace(&c->desk.proposals, json_object_get(answer, "proposals"));
	} else if (a->kind == ASK_WITHDRAW && !is_ok) {
		intent_refusal(c, answer);
	} else if (a->kind == ASK_WITHDRAW) {
		console_notice(c, "%s", _("The proposal was withdrawn."));
		if (c->shown == &screen_proposals)
			desk_proposals(c);
		else if (c->shown == &screen_held)
			desk_held(c, c->desk.held.sha256);
	}
}

void desk_release(struct console *c, json_t *event)
{
	const json_t *proposal = member(event, "proposal"), *mine = member(c->desk.decide.proposal, "id");
	/* The last one is told to everybody who connects, however long ago it was: that is no news. */
	bool is_news = session_is(&c->session) && json_equal(member(c->desk.release, "proposal"), proposal);

	replace(&c->desk.release, event);
	if (!is_news || (c->shown == &screen_decide && mine && json_equal(proposal, mine)))
		return; /* the screen shows it */
	if (strcmp(member_text(event, "state"), "done") == 0 && strcmp(member_text(event, "outcome"), "published") == 0)
		console_notice(c, _("Released: transfer %s."), member_text(event, "transfer"));
	else if (strcmp(member_text(event, "state"), "done") == 0)
		console_notice(c, "%s", _("A release could not be carried out: nothing was transferred."));
}

void desk_clear(struct console *c)
{
	struct desk *d = &c->desk;
	unsigned int review = d->review.generation, held = d->held.generation, bytes = d->bytes.generation, decide = d->decide.generation;

	json_decref(d->review.page);
	json_decref(d->held.answer);
	json_decref(d->decide.proposal);
	json_decref(d->proposals);
	json_decref(d->release);
	json_decref(d->undo.shown);
	explicit_bzero(d, sizeof(*d));
	d->review.generation = review + 1; /* answers that are under way are nobody's */
	d->held.generation = held + 1;
	d->bytes.generation = bytes + 1;
	d->decide.generation = decide + 1;
}
