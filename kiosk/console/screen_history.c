/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Transfers of the past, newest first, a page at a time. */
#include <string.h>

#include "console/intent.h"
#include "console/result.h"
#include "console/sentence.h"

static void restart(struct console *c)
{
	struct history *h = &c->history;

	if (!h->before)
		h->before = calloc(HISTORY_PAGES_MAX, sizeof(*h->before)); /* touched page by page */
	h->pages = h->before ? 1 : 0;
	h->list = (struct list){ 0 };
	intent_history(c);
}

static void closed(struct console *c)
{
	json_decref(c->history.page);
	c->history.page = NULL;
	entry_wipe(&c->history.search);
}

static void enter(struct console *c)
{
	if (!c->history.page || c->history.pages == 0)
		restart(c);
}

static void older(struct console *c)
{
	struct history *h = &c->history;
	size_t n = json_array_size(h->page);

	if (!h->has_more || n == 0 || h->pages == 0 || h->pages == HISTORY_PAGES_MAX)
		return;
	(void)snprintf(h->before[h->pages++], sizeof(*h->before), "%s", member_text(json_array_get(h->page, n - 1), "transfer"));
	h->list = (struct list){ 0 };
	intent_history(c);
}

static void newer(struct console *c)
{
	struct history *h = &c->history;

	if (h->pages < 2)
		return;
	h->pages--;
	h->list = (struct list){ .at = HISTORY_PAGE }; /* its last line */
	intent_history(c);
}

static void draw_entry(const json_t *o, bool is_chosen, struct pen *p)
{
	struct result r = result_of(o);
	enum style style = is_chosen ? STYLE_CHOSEN : STYLE_PLAIN;
	char outcome[RESULT_LINE];

	result_short(&r, outcome);
	if (is_chosen)
		pen_mark(p);
	pen_line(p, 0, style, "%s  %s  %s  %s  %s", words_time(r.finished).s, r.transfer, outcome, member_text(o, "medium"),
		 member_text(o, "operator"));
}

static void draw(struct console *c, struct pen *p)
{
	struct history *h = &c->history;
	size_t total = json_array_size(h->page);
	char title[RESULT_LINE];

	(void)snprintf(title, sizeof(title), _("Transfers, page %d%s%s"), MAX(h->pages, 1), h->search.length > 0 ? "  /" : "",
		       h->search.text);
	pen_rule(p, title);
	if (h->has_failed)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("The history is not available now."));
	else if (!h->page)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Fetching the history..."));
	else if (total == 0)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("None."));
	if (!h->page)
		return;
	list_fit(&h->list, (int64_t)total, pen_left(p));
	for (int64_t k = h->list.top; k < h->list.total && pen_left(p) > 0; k++)
		draw_entry(json_array_get(h->page, (size_t)k), k == h->list.at, p);
}

static void open_entry(struct console *c)
{
	json_t *o = json_array_get(c->history.page, (size_t)c->history.list.at);

	if (!o)
		return;
	json_decref(c->past);
	c->past = json_incref(o);
	console_open(c, &screen_past);
}

static bool press(struct console *c, const struct press *press)
{
	struct list *l = &c->history.list;
	bool is_down = press->kind == PRESS_DOWN || press->kind == PRESS_PAGE_DOWN,
	     is_up = press->kind == PRESS_UP || press->kind == PRESS_PAGE_UP;

	if (press->kind == PRESS_ENTER || press->kind == PRESS_RIGHT || is_letter(press, 'd')) {
		open_entry(c);
	} else if (is_letter(press, '/')) {
		entry_wipe(&c->search);
		c->dialog = DIALOG_SEARCH;
	} else if (press->kind == PRESS_ESCAPE && c->history.search.length > 0) {
		entry_wipe(&c->history.search);
		restart(c);
	} else if (c->history.has_failed && is_letter(press, 'r')) {
		restart(c);
	} else if (c->history.page && ((is_down && l->at + 1 >= l->total) || is_letter(press, 'n'))) {
		older(c);
	} else if (c->history.page && ((is_up && l->at == 0) || is_letter(press, 'p'))) {
		newer(c);
	} else {
		return list_press(l, press);
	}
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	if (json_array_size(c->history.page) > 0) {
		bar_add(b, _("Enter"), _("Open"));
		bar_add(b, _("Arrows"), _("Choose"));
	}
	bar_add(b, "/", _("Search"));
	if (c->history.search.length > 0)
		bar_add(b, _("Esc"), _("All transfers"));
	if (c->history.has_failed)
		bar_add(b, "r", _("Try again"));
	if (c->history.has_more)
		bar_add(b, "n", _("Older"));
	if (c->history.pages > 1)
		bar_add(b, "p", _("Newer"));
}

const struct screen screen_history = { .enter = enter, .close = closed, .draw = draw, .press = press, .keys = keys };
