/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Held files, a page at a time; and proposals that wait for a second person. */
#include <string.h>

#include "console/intent.h"
#include "console/result.h"
#include "console/sentence.h"

#define STATE_COLUMNS 15
#define SIZE_COLUMNS 11
#define WIDE_COLUMNS 100 /* from here on the reason stands beside its file */
#define NARROW_COLUMNS 60
#define SMALL_ROWS 16
#define NEXT_LINES 3

static const char *const filter_words[REVIEW_FILTERS] = {
	[REVIEW_OPEN] = N_("Files that wait for a decision"),
	[REVIEW_PROPOSED] = N_("Files that wait for a second person"),
	[REVIEW_DECIDED] = N_("Files that were decided upon"),
	[REVIEW_ALL] = N_("All files that are held"),
};

static const struct {
	const char *state, *words;
	enum style style;
} states[] = {
	{ "open", N_("? waits"), STYLE_WARN },	      { "proposed", N_("! proposed"), STYLE_WARN },
	{ "released", N_("+ released"), STYLE_GOOD }, { "rejected", N_("x rejected"), STYLE_BAD },
	{ "expired", N_("? expired"), STYLE_WARN }, /* a release whose time is over: it waits again */
};

const char *held_state_words(const char *state)
{
	for (size_t k = 0; k < ARRAY_LEN(states); k++)
		if (strcmp(state, states[k].state) == 0)
			return _(states[k].words);
	return state;
}

enum style held_state_style(const char *state)
{
	for (size_t k = 0; k < ARRAY_LEN(states); k++)
		if (strcmp(state, states[k].state) == 0)
			return states[k].style;
	return STYLE_PLAIN;
}

/* -- held files ------------------------------------------------------------------------------------------ */

static void look_at(struct console *c, enum review_filter filter, int64_t offset, int64_t at)
{
	struct review *r = &c->desk.review;

	json_decref(r->page);
	r->page = NULL;
	r->filter = filter;
	r->offset = offset;
	r->list = (struct list){ .at = at };
	desk_review(c);
}

static void enter(struct console *c)
{
	desk_review(c); /* also when one comes back from a decision: the list has changed */
}

static void leave(struct console *c)
{
	entry_wipe(&c->search);
}

static bool is_two_lines(int width)
{
	return width < WIDE_COLUMNS && term_rows() > SMALL_ROWS;
}

static void when(const json_t *f, char out[static 160])
{
	(void)snprintf(out, 160, _("%s, kept until %s"), words_time(member_number(f, "held_at")).s, words_day(member_number(f, "expires")).s);
}

static void draw_row(const json_t *f, bool is_chosen, struct pen *p)
{
	enum style style = is_chosen ? STYLE_CHOSEN : STYLE_PLAIN;
	bool is_wide = p->width >= WIDE_COLUMNS, is_narrow = p->width < NARROW_COLUMNS;
	const char *state = member_text(f, "state"), *word = held_state_words(state);
	int x = 1 + (is_narrow ? 2 : STATE_COLUMNS), size_x = p->width - 1 - SIZE_COLUMNS, reason_columns = is_wide ? (p->width - x - SIZE_COLUMNS) / 2 : 0,
	    path_columns = (is_narrow ? p->width - 1 - x : size_x - x - 1) - reason_columns;
	char text[160];

	if (is_chosen)
		pen_mark(p);
	(void)term_put(p->y, 1, x - 2, is_chosen ? STYLE_CHOSEN : held_state_style(state), CLIP_END, is_narrow ? (char[2]){ word[0], '\0' } : word);
	(void)term_put(p->y, x, path_columns - (is_wide ? 2 : 0), style, CLIP_MIDDLE, member_text(f, "path"));
	if (is_wide)
		(void)term_put(p->y, x + path_columns, reason_columns - 1, style, CLIP_END, sentence_code(member_text(f, "code")));
	if (!is_narrow) {
		struct words size = words_size(member_count(f, "size"));
		int columns = layout_columns(size.s);

		(void)term_put(p->y, size_x + SIZE_COLUMNS - columns, columns, style, CLIP_END, size.s);
	}
	p->y++;
	if (!is_two_lines(p->width))
		return;
	when(f, text);
	(void)term_put(p->y, x, p->width - x - 1, STYLE_DIM, CLIP_END, sentence_code(member_text(f, "code")));
	p->y++;
}

/* Of the chosen file: when, until when, whence. */
static void draw_below(const json_t *f, struct pen *p)
{
	char text[160];

	when(f, text);
	pen_rule(p, _("Held since"));
	pen_line(p, 0, STYLE_PLAIN, "%s   %s", text, member_text(f, "type"));
	pen_line(p, 0, STYLE_PLAIN, "%s  %.16s", member_text(f, "transfer"), member_text(f, "sha256"));
}

static void draw(struct console *c, struct pen *p)
{
	struct review *r = &c->desk.review;
	size_t n = json_array_size(r->page);
	struct pen list = *p;
	int below = term_rows() > SMALL_ROWS && n > 0 ? NEXT_LINES : 0;
	char title[RESULT_LINE + ENTRY_MAX];

	if (n > 0)
		(void)snprintf(title, sizeof(title), "%s %s/%s%s%s", _(filter_words[r->filter]), words_number((uint64_t)(r->offset + r->list.at) + 1).s,
			       words_number((uint64_t)r->total).s, r->search.length > 0 ? "  /" : "", r->search.text);
	else
		(void)snprintf(title, sizeof(title), "%s%s%s", _(filter_words[r->filter]), r->search.length > 0 ? "  /" : "", r->search.text);
	list.bottom -= below;
	pen_rule(&list, title);
	if (r->has_failed)
		pen_line(&list, 0, STYLE_PLAIN, "%s", _("The list of held files is not available now."));
	else if (!r->page)
		pen_line(&list, 0, STYLE_PLAIN, "%s", _("Fetching the list of files..."));
	else if (n == 0)
		pen_line(&list, 0, STYLE_PLAIN, "%s", r->search.length > 0 ? _("No file's name contains that.") : _("None."));
	if (r->page)
		list_fit(&r->list, (int64_t)n, pen_left(&list) / (is_two_lines(p->width) ? 2 : 1));
	for (int64_t k = r->list.top; k < r->list.total && k < r->list.top + r->list.height && r->page && !r->has_failed; k++)
		draw_row(json_array_get(r->page, (size_t)k), k == r->list.at, &list);
	p->y = p->bottom - below;
	if (below > 0 && !r->has_failed)
		draw_below(json_array_get(r->page, (size_t)r->list.at), p);
}

void review_search(struct console *c)
{
	c->desk.review.search = c->search;
	look_at(c, c->desk.review.filter, 0, 0);
}

static void open_file(struct console *c)
{
	const char *hash = member_text(json_array_get(c->desk.review.page, (size_t)c->desk.review.list.at), "sha256");

	if (!*hash)
		return;
	desk_held(c, hash);
	console_open(c, &screen_held);
}

/* From one page to the next: false when the key stays within this one. */
static bool press_page(struct console *c, const struct press *press)
{
	struct review *r = &c->desk.review;
	bool is_down = press->kind == PRESS_DOWN || press->kind == PRESS_PAGE_DOWN || is_letter(press, 'j') || is_letter(press, ' '),
	     is_up = press->kind == PRESS_UP || press->kind == PRESS_PAGE_UP || is_letter(press, 'k') || is_letter(press, 'b');
	int64_t n = (int64_t)json_array_size(r->page), before = MAX(r->offset - REVIEW_PAGE, 0);

	if (!r->page)
		return is_down || is_up; /* typed ahead of a page that is on its way */
	if (is_down && r->list.at + 1 >= n && r->offset + n < r->total)
		look_at(c, r->filter, r->offset + n, 0);
	else if (is_up && r->list.at == 0 && r->offset > 0)
		look_at(c, r->filter, before, r->offset - before - 1);
	else
		return false;
	return true;
}

static bool press(struct console *c, const struct press *press)
{
	struct review *r = &c->desk.review;

	if (press->kind == PRESS_ENTER || press->kind == PRESS_RIGHT || is_letter(press, 'd'))
		open_file(c);
	else if (is_letter(press, 'f'))
		look_at(c, (r->filter + 1) % REVIEW_FILTERS, 0, 0);
	else if (is_letter(press, '/')) {
		entry_wipe(&c->search);
		c->dialog = DIALOG_SEARCH;
	} else if (is_letter(press, 'p') && desk_may_confirm(c))
		console_open(c, &screen_proposals);
	else if (is_letter(press, 'r'))
		desk_review(c);
	else if (press->kind == PRESS_ESCAPE && r->search.length > 0) {
		entry_wipe(&r->search);
		look_at(c, r->filter, 0, 0);
	} else if (!press_page(c, press))
		return list_press(&r->list, press);
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	if (json_array_size(c->desk.review.page) > 0) {
		bar_add(b, _("Enter"), _("Open"));
		bar_add(b, _("Arrows"), _("Choose"));
	}
	bar_add(b, "f", _("Filter"));
	bar_add(b, "/", _("Search"));
	if (c->desk.review.search.length > 0)
		bar_add(b, _("Esc"), _("All names"));
	bar_add(b, "p", _("Proposals"));
	bar_add(b, "r", _("Look again"));
}

static void closed(struct console *c)
{
	struct review *r = &c->desk.review;

	json_decref(r->page);
	*r = (struct review){ .generation = r->generation + 1 };
}

const struct screen screen_review = {
	.enter = enter, .leave = leave, .close = closed, .draw = draw, .press = press, .keys = keys
};

/* -- proposals ------------------------------------------------------------------------------------------- */

static void enter_proposals(struct console *c)
{
	desk_proposals(c);
}

static void draw_proposal(const json_t *o, bool is_chosen, struct pen *p)
{
	const json_t *hashes = member(o, "sha256");
	const char *first = json_string_value(json_array_get(hashes, 0));
	int64_t until = member_number(o, "until");

	if (is_chosen)
		pen_mark(p);
	pen_line(p, 0, is_chosen ? STYLE_CHOSEN : STYLE_PLAIN, _n("%s, by %s: %s file, %.16s", "%s, by %s: %s files, %.16s", json_array_size(hashes)),
		 decide_words(member_text(o, "decision")), member_text(o, "by"), words_number(json_array_size(hashes)).s, first ? first : "");
	pen_line(p, 2, STYLE_DIM, "%s%s%s%s", until > 0 ? _("until ") : "", until > 0 ? words_time(until).s : "", until > 0 ? ": " : "",
		 member_text(o, "reason"));
}

static void draw_proposals(struct console *c, struct pen *p)
{
	struct desk *d = &c->desk;
	struct list *l = &d->proposals_list;

	pen_rule(p, _("Proposals that wait for a second person"));
	if (d->proposals_failed)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("The list of proposals is not available now."));
	else if (!d->proposals)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Fetching the proposals..."));
	else if (json_array_size(d->proposals) == 0)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("None."));
	list_fit(l, d->proposals_failed ? 0 : (int64_t)json_array_size(d->proposals), pen_left(p) / 2);
	for (int64_t k = l->top; k < l->total && k < l->top + l->height; k++)
		draw_proposal(json_array_get(d->proposals, (size_t)k), k == l->at, p);
}

static bool press_proposals(struct console *c, const struct press *press)
{
	json_t *o = json_array_get(c->desk.proposals, (size_t)c->desk.proposals_list.at);

	if ((press->kind == PRESS_ENTER || press->kind == PRESS_RIGHT || is_letter(press, 'c')) && o)
		decide_open_proposal(c, o, NULL);
	else if (is_letter(press, 'w') && o && desk_may_decide(c))
		desk_withdraw(c, member_text(o, "id"));
	else if (is_letter(press, 'r'))
		desk_proposals(c);
	else
		return list_press(&c->desk.proposals_list, press);
	return true;
}

static void keys_proposals(struct console *c, struct bar *b)
{
	if (json_array_size(c->desk.proposals) > 0) {
		bar_add(b, _("Enter"), _("Confirm"));
		bar_add(b, _("Arrows"), _("Choose"));
		if (desk_may_decide(c))
			bar_add(b, "w", _("Withdraw"));
	}
	bar_add(b, "r", _("Look again"));
}

const struct screen screen_proposals = {
	.enter = enter_proposals, .draw = draw_proposals, .press = press_proposals, .keys = keys_proposals
};
