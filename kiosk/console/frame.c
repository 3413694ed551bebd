/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/frame.h"

#include <string.h>

#include "console/intent.h"
#include "console/result.h"
#include "console/sentence.h"

#define WIDE_COLUMNS 60 /* below that the clock gives way to who is logged in */
#define KEY_GAP "   " /* between two keys at the bottom */

/* -- which screen ---------------------------------------------------------------------------------------- */

struct item *console_item(struct console *c)
{
	return state_find(&c->state, c->chosen);
}

static const struct screen *of_item(const struct item *i)
{
	const char *state = member_text(i->object, "state");
	struct result r = result_of(i->object);

	if (strcmp(state, "identify") == 0)
		return &screen_identify;
	if (strcmp(state, "locked") == 0)
		return &screen_unlock;
	if (strcmp(state, "done") != 0)
		return &screen_inspect;
	/* Where there are files, the list of them is the answer; the trouble stands above it. */
	return json_is_object(member(i->object, "trouble")) && r.files == 0 ? &screen_trouble : &screen_result;
}

const struct screen *console_home(struct console *c)
{
	struct item *i = console_item(c);

	/* A result can be read while the station is gone; nothing else is true any more. */
	if (!link_is_up(&c->link) && !(i && item_is_done(i)))
		return &screen_lost;
	return setup_is_awaited(c) ? &screen_setup : i ? of_item(i) : &screen_idle;
}

const struct screen *console_visible(struct console *c)
{
	return c->depth > 0 ? c->stack[c->depth - 1] : console_home(c);
}

void console_open(struct console *c, const struct screen *s)
{
	if (c->depth == 0) {
		c->home_left = console_home(c);
		c->home_number = c->chosen;
	}
	if (c->depth < DEPTH_MAX)
		c->stack[c->depth++] = s;
}

void console_back(struct console *c)
{
	if (c->depth > 0 && c->stack[--c->depth]->close)
		c->stack[c->depth]->close(c);
}

void console_choose(struct console *c, int step)
{
	struct item *i = console_item(c);
	size_t n = c->state.count;

	if (i && n > 0)
		c->chosen = c->state.items[((size_t)(i - c->state.items) + (size_t)((int)n + step)) % n].number;
}

/* Something to choose: who has to be asked, then what is to be seen, then what is going on. */
static struct item *most_urgent(struct console *c)
{
	struct item *best = NULL;

	for (size_t k = 0; k < c->state.count; k++) {
		struct item *i = &c->state.items[k];

		if (item_asks(i) && !i->has_asked)
			return i;
		if (!best || (item_is_done(i) && !item_is_done(best)))
			best = i;
	}
	return best;
}

static void settle_item(struct console *c)
{
	struct item *i = console_item(c), *urgent = most_urgent(c);
	bool is_calm = i && !item_asks(i) && !item_is_done(i), is_new = urgent && item_asks(urgent) && !urgent->has_asked;

	if (!i || (is_calm && is_new && c->dialog == DIALOG_NONE))
		c->chosen = urgent ? urgent->number : 0;
	i = console_item(c);
	if (i)
		i->has_asked = item_asks(i);
}

/* Something happened under the opened screens that an operator should see. */
static void note_home(struct console *c)
{
	const struct screen *home = console_home(c);

	if (c->depth == 0 || console_home(c) == &screen_setup || (home == c->home_left && c->chosen == c->home_number))
		return;
	c->home_left = home;
	c->home_number = c->chosen;
	if (home == &screen_lost)
		console_notice(c, "%s", _("The station is not running. Esc leads back."));
	else if (console_item(c))
		console_notice(c, "%s", _("There is news of a medium. Esc leads back to it."));
}

void frame_settle(struct console *c)
{
	const struct screen *visible;

	settle_item(c);
	note_home(c);
	visible = console_visible(c);
	if (visible == c->shown && c->depth > 0)
		c->shown_number = c->chosen; /* what was opened stays as it is, with what was typed into it */
	if (visible == c->shown && c->chosen == c->shown_number)
		return;
	if (c->shown && c->shown->leave)
		c->shown->leave(c);
	if (visible != c->shown || c->depth == 0)
		c->dialog = DIALOG_NONE;
	c->shown = visible;
	c->shown_number = c->chosen;
	c->is_fresh = true;
	if (visible->enter)
		visible->enter(c);
}

static void compose(struct console *c);

/* -- keys ------------------------------------------------------------------------------------------------ */

static void press_cancel(struct console *c, const struct press *press)
{
	if (is_letter(press, 'c'))
		intent_cancel(c);
	if (is_letter(press, 'c') || press->kind == PRESS_ESCAPE || press->kind == PRESS_ERASE)
		c->dialog = DIALOG_NONE;
}

static void press_leave(struct console *c, const struct press *press)
{
	if (is_letter(press, 's') && c->shown == &screen_unlock)
		intent_skip(c);
	else if (is_letter(press, 'c'))
		intent_cancel(c);
	else if (is_letter(press, 'o') && c->shown == &screen_identify && session_is(&c->session))
		session_logout(c);
	else if (is_letter(press, 'm'))
		console_open(c, &screen_menu);
	else if (press->kind != PRESS_ESCAPE && press->kind != PRESS_ERASE)
		return;
	c->dialog = DIALOG_NONE;
}

static void press_search(struct console *c, const struct press *press)
{
	if (press->kind == PRESS_ENTER && c->shown == &screen_history) {
		c->history.search = c->search;
		json_decref(c->history.page);
		c->history.page = NULL;
		screen_history.enter(c);
	} else if (press->kind == PRESS_ENTER && c->shown == &screen_review) {
		review_search(c);
	} else if (press->kind == PRESS_ENTER) {
		rows_open(&c->rows, c->rows.transfer, c->rows.filter, c->search.text);
		c->files = (struct list){ 0 };
	} else if (press->kind != PRESS_ESCAPE) {
		(void)entry_press(&c->search, press);
		return;
	}
	c->dialog = DIALOG_NONE;
}

static bool press_dialog(struct console *c, const struct press *press)
{
	switch (c->dialog) {
	case DIALOG_CANCEL:
		press_cancel(c, press);
		return true;
	case DIALOG_LEAVE:
		press_leave(c, press);
		return true;
	case DIALOG_SEARCH:
		press_search(c, press);
		return true;
	case DIALOG_NONE:
		break;
	}
	return false;
}

static void press_common(struct console *c, const struct press *press)
{
	bool is_home = c->depth == 0;

	if (!is_home && (press->kind == PRESS_ESCAPE || press->kind == PRESS_ERASE || press->kind == PRESS_LEFT))
		console_back(c);
	else if (is_letter(press, 'm') && c->shown != &screen_menu)
		console_open(c, &screen_menu);
	else if (is_home && is_letter(press, 'q') && !c->is_kiosk)
		c->is_ending = true;
	else if (is_home && (press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK))
		console_choose(c, -1);
	else if (is_home && (press->kind == PRESS_DOWN || press->kind == PRESS_TAB))
		console_choose(c, 1);
}

void frame_press(struct console *c, const struct press *press)
{
	if (c->is_fresh)
		compose(c); /* keys that were typed ahead */
	c->notice[0] = '\0';
	if (press->kind == PRESS_REDRAW)
		term_spoilt();
	else if (press->kind == PRESS_INTERRUPT)
		c->is_ending = !c->is_kiosk;
	else if (press_dialog(c, press))
		; /* a dialog has all keys */
	else if (c->depth == 0 && c->state.count > 1 && (press->kind == PRESS_TAB || press->kind == PRESS_TAB_BACK))
		console_choose(c, press->kind == PRESS_TAB ? 1 : -1);
	else if (!c->shown->press(c, press))
		press_common(c, press);
	frame_settle(c);
}

/* -- drawing --------------------------------------------------------------------------------------------- */

static void draw_header(struct console *c)
{
	int64_t now = state_now(&c->state, c->now_ms);
	struct words clock = words_time(now);
	int columns = term_columns(), right;
	const char *name = member_text(c->state.station, "name");
	char who[LAYOUT_LINE], line[LAYOUT_LINE + RESULT_LINE];

	session_words(c, who);
	(void)snprintf(line, sizeof(line), "%s%s%s", who, *who && columns >= WIDE_COLUMNS && now > 0 ? "   " : "",
		       now > 0 && (!*who || columns >= WIDE_COLUMNS) ? clock.s : "");
	right = *line ? layout_columns(line) + 1 : 0;
	term_fill(0, STYLE_HEADER);
	(void)term_put(0, 1, columns - right - 2, STYLE_HEADER, CLIP_END, *name ? name : "Lazaret");
	if (right > 0)
		(void)term_put(0, columns - right, right, STYLE_HEADER, CLIP_END, line);
}

static void add_keys(struct console *c, struct bar *b)
{
	if (c->dialog == DIALOG_CANCEL) {
		bar_add(b, "c", _("Stop it"));
		bar_add(b, _("Esc"), _("Go on inspecting"));
		return;
	}
	if (c->dialog == DIALOG_LEAVE) {
		if (c->shown == &screen_unlock)
			bar_add(b, "s", _("Leave this volume out"));
		if (c->shown == &screen_identify && session_is(&c->session))
			bar_add(b, "o", _("Log out"));
		bar_add(b, "c", _("Stop the inspection"));
		bar_add(b, "m", _("Menu"));
		bar_add(b, _("Esc"), _("Back"));
		return;
	}
	if (c->dialog == DIALOG_SEARCH) {
		bar_add(b, _("Enter"), _("Search"));
		bar_add(b, _("Esc"), _("Back"));
		return;
	}
	c->shown->keys(c, b);
	if (c->depth == 0 && c->state.count > 1)
		bar_add(b, "Tab", _("Next medium"));
	if (c->depth > 0 && !c->talk.is_prompt && !c->talk.is_waiting) /* then Escape calls that off */
		bar_add(b, _("Esc"), _("Back"));
	if (!c->shown->is_typed && c->shown != &screen_menu)
		bar_add(b, "m", _("Menu"));
	if (c->depth == 0 && !c->is_kiosk && !c->shown->is_typed)
		bar_add(b, "q", _("Quit"));
}

/* The keys, on as many lines as they need; drawn from the bottom up. Returns the lines; with `is_dry` it only counts. */
static int draw_bar(const struct bar *b, bool is_dry)
{
	int columns = term_columns(), x = 1, lines = 1, y = term_rows() - (is_dry ? 0 : draw_bar(b, true));

	if (!is_dry)
		for (int k = y; k < term_rows(); k++)
			term_fill(k, STYLE_KEYS);
	for (int k = 0; k < b->count; k++) {
		int wide = layout_columns(b->text[k]);

		if (x > 1 && x + wide > columns - 1) {
			x = 1;
			lines++;
		}
		if (!is_dry)
			(void)term_put(y + lines - 1, x, columns - 1 - x, STYLE_KEYS, CLIP_END, b->text[k]);
		x += wide + (int)strlen(KEY_GAP);
	}
	return lines;
}

/* What a dialog asks, or the notice, right above the keys. Returns the lines it takes. */
static int draw_message(struct console *c, int bottom)
{
	struct pen p = { .y = bottom - 1, .top = 0, .bottom = bottom, .width = term_columns() };

	if (c->dialog == DIALOG_SEARCH) {
		entry_draw(&p, 12, _("Search for"), &c->search, true, false);
	} else if (c->dialog == DIALOG_CANCEL) {
		p.y = bottom - 2;
		pen_text(&p, 0, 2, STYLE_WARN, _("Stop this inspection? Nothing of this medium will be transferred."));
		return 2;
	} else if (c->dialog == DIALOG_LEAVE) {
		pen_line(&p, 0, STYLE_WARN, "%s", _("What would you like to do instead?"));
	} else if (c->notice[0]) {
		pen_line(&p, 0, STYLE_WARN, "%s", c->notice);
	} else {
		return 0;
	}
	return 1;
}

static void compose(struct console *c)
{
	struct pen p = { .y = 1, .top = 1, .width = term_columns() };
	struct bar bar = { .count = 0 };

	term_erase();
	draw_header(c);
	add_keys(c, &bar);
	p.bottom = term_rows() - draw_bar(&bar, false);
	p.bottom -= draw_message(c, p.bottom);
	if (c->depth == 0 && c->state.count > 1)
		items_draw(c, &p);
	p.top = p.y;
	c->shown->draw(c, &p);
	c->is_fresh = false;
}

void frame_draw(struct console *c)
{
	compose(c);
	term_show();
}

void frame_done(struct console *c)
{
	if (c->shown && c->shown->leave)
		c->shown->leave(c);
	rows_close(&c->rows);
	desk_clear(c);
	json_decref(c->session.object);
	state_done(&c->state);
	link_done(&c->link);
	json_decref(c->past);
	json_decref(c->file);
	json_decref(c->history.page);
	free(c->history.before);
	explicit_bzero(c, sizeof(*c));
}
