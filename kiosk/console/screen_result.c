/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What came of an inspection: one verdict, then the files, problems first. The same for a result that waits to be seen and
 * for one out of the history. */
#include <string.h>

#include "console/code.h"
#include "console/intent.h"
#include "console/result.h"
#include "console/sentence.h"

#define LABEL 10
#define VERDICT_COLUMNS 18
#define SIZE_COLUMNS 11
#define NEXT_LINES 3	 /* "What to do" below the list */
#define WIDE_COLUMNS 100 /* from here on a reason stands beside its file */
#define NARROW_COLUMNS 60
#define SMALL_ROWS 16
#define LIST_COLUMNS 80 /* what is left to the list when the code stands beside it */

static const char *const filter_words[ROWS_FILTERS] = {
	[ROWS_PROBLEMS] = N_("Refused and waiting files"), [ROWS_ALL] = N_("All files"),   [ROWS_APPROVED] = N_("Approved files"),
	[ROWS_HELD] = N_("Waiting files"),		   [ROWS_BLOCKED] = N_("Refused files"),
};

static const json_t *subject(struct console *c)
{
	struct item *i = c->shown == &screen_past ? NULL : console_item(c);

	return i ? i->object : c->past;
}

static void draw_summary(const json_t *o, const struct result *r, struct pen *p)
{
	char line[RESULT_LINE], medium[512];
	enum style style;

	if (r->approved > 0 && !result_published(r))
		pen_line(p, 0, STYLE_PLAIN, _n("%s file passed, but was not transferred.", "%s files passed, but were not transferred.", r->approved),
			 words_number(r->approved).s);
	if (json_is_string(member(o, "medium")))
		(void)snprintf(medium, sizeof(medium), "%s", member_text(o, "medium"));
	else
		sentence_medium(o, medium);
	(void)snprintf(line, sizeof(line), _n("%s file, %s", "%s files, %s", r->files), words_number(r->files).s, words_size(r->bytes).s);
	style = STYLE_PLAIN;
	if (p->width < NARROW_COLUMNS)
		pen_pair(p, LABEL, _("Receipt"), STYLE_HEADING, "%s", *r->transfer ? r->transfer : "-");
	else
		pen_pair(p, LABEL, _("Receipt"), STYLE_HEADING, "%s   %s", *r->transfer ? r->transfer : "-", words_time(r->finished).s);
	if (term_rows() > SMALL_ROWS)
		pen_pair(p, LABEL, _("Medium"), style, "%s   %s", medium, line);
	if (*member_text(o, "operator") && term_rows() > SMALL_ROWS)
		pen_pair(p, LABEL, _("Operator"), style, "%s", member_text(o, "operator"));
}

static void draw_verdict(const json_t *o, const struct result *r, struct pen *p)
{
	const json_t *trouble = member(o, "trouble");
	char line[RESULT_LINE];
	enum style style;

	result_verdict(r, line, &style);
	pen_text(p, 0, 2, style, line);
	result_rest(r, line);
	if (*line)
		pen_text(p, 0, 2, r->blocked > 0 ? STYLE_BAD : STYLE_WARN, line);
	if (r->complete == 0)
		pen_text(p, 0, 2, STYLE_WARN, _("A PART OF THE MEDIUM COULD NOT BE READ."));
	if (json_is_object(trouble) && term_rows() > SMALL_ROWS) {
		if (strcmp(member_text(trouble, "code"), "partial") != 0) /* that is what has just been said */
			sentence_trouble(p, trouble);
		sentence_what_to_do(p, trouble);
	}
	if (member_true(o, "present") && member_true(o, "removable") && term_rows() > SMALL_ROWS)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("You may remove the medium now."));
}

/* -- files ----------------------------------------------------------------------------------------------- */

static bool is_two_lines(const struct console *c, int width)
{
	return width < WIDE_COLUMNS && c->rows.filter != ROWS_APPROVED && c->rows.filter != ROWS_ALL && term_rows() > SMALL_ROWS;
}

static void draw_row(const struct row *row, bool is_chosen, bool is_published, bool has_reason_line, struct pen *p)
{
	enum style style = is_chosen ? STYLE_CHOSEN : STYLE_PLAIN;
	bool is_wide = p->width >= WIDE_COLUMNS, is_narrow = p->width < NARROW_COLUMNS;
	int x = 1 + (is_narrow ? 2 : VERDICT_COLUMNS), size_x = p->width - 1 - SIZE_COLUMNS,
	    reason_columns = is_wide ? (p->width - x - SIZE_COLUMNS) / 2 : 0,
	    path_columns = (is_narrow ? p->width - 1 - x : size_x - x - 1) - reason_columns;
	const char *word = sentence_verdict(row->verdict, is_published);

	if (is_chosen)
		pen_mark(p);
	(void)term_put(p->y, 1, x - 2, is_chosen ? STYLE_CHOSEN : sentence_verdict_style(row->verdict, is_published), CLIP_END,
		       is_narrow ? (char[2]){ word[0], '\0' } : word);
	(void)term_put(p->y, x, path_columns - (is_wide ? 2 : 0), style, CLIP_MIDDLE, row->path);
	if (is_wide)
		(void)term_put(p->y, x + path_columns, reason_columns - 1, style, CLIP_END, sentence_reason(row->reason));
	if (!is_narrow) {
		struct words size = words_size(row->size);
		int columns = layout_columns(size.s);

		(void)term_put(p->y, size_x + SIZE_COLUMNS - columns, columns, style, CLIP_END, size.s);
	}
	p->y++;
	if (has_reason_line)
		(void)term_put(p->y++, x, p->width - x - 1, STYLE_DIM, CLIP_END, sentence_reason(row->reason));
}

/* Below the list: the chosen file's reason, if its line had no room for it, and what to do about it. */
static void draw_next(struct console *c, struct pen *p)
{
	const struct row *row = rows_at(&c->rows, c->files.at);

	if (!row || row->reason == REASON_COUNT_ || pen_left(p) < 1)
		return;
	if (!is_two_lines(c, p->width) && p->width < WIDE_COLUMNS)
		pen_text(p, 0, 1, STYLE_PLAIN, sentence_reason(row->reason));
	if (pen_left(p) > 1)
		pen_rule(p, _("What to do"));
	pen_text(p, 0, 2, STYLE_PLAIN, sentence_next(row->reason));
}

static const char *nothing_words(const struct console *c)
{
	if (c->rows.has_failed)
		return _("The list of files is not available now.");
	if (c->rows.total < 0)
		return _("Fetching the list of files...");
	return c->rows.search[0] ? _("No file's name contains that.") : _("None.");
}

static void draw_files(struct console *c, bool is_published, struct pen *p)
{
	struct pen list = *p;
	bool is_double = is_two_lines(c, p->width);
	int below = term_rows() > SMALL_ROWS && c->rows.filter != ROWS_APPROVED ? NEXT_LINES : 0;
	char title[2 * RESULT_LINE];

	if (c->rows.total > 0)
		(void)snprintf(title, sizeof(title), "%s %s/%s%s%s", _(filter_words[c->rows.filter]), words_number((uint64_t)c->files.at + 1).s,
			       words_number((uint64_t)c->rows.total).s, c->rows.search[0] ? "  /" : "", c->rows.search);
	else
		(void)snprintf(title, sizeof(title), "%s%s%s", _(filter_words[c->rows.filter]), c->rows.search[0] ? "  /" : "", c->rows.search);
	list.bottom -= below;
	pen_rule(&list, title);
	list_fit(&c->files, MAX(c->rows.total, 0), pen_left(&list) / (is_double ? 2 : 1));
	if (c->rows.total <= 0 || c->rows.has_failed)
		pen_line(&list, 0, STYLE_PLAIN, "%s", nothing_words(c));
	else
		for (int k = 0; k < c->files.height && c->files.top + k < c->rows.total; k++) {
			const struct row *row = rows_at(&c->rows, c->files.top + k);

			if (row)
				draw_row(row, c->files.top + k == c->files.at, is_published, is_double, &list);
			else
				list.y += is_double ? 2 : 1; /* it has been asked for */
		}
	p->y = p->bottom - below;
	draw_next(c, p);
}

static void draw(struct console *c, struct pen *p)
{
	const json_t *o = subject(c);
	struct result r = result_of(o);
	struct pen whole = *p;
	int columns = 0, lines;

	/* Beside the list, where that keeps its room. */
	if (code_fits(o, p->width - LIST_COLUMNS, p->bottom - p->y, &columns, &lines))
		p->width -= columns;
	pen_gap(p);
	draw_verdict(o, &r, p);
	pen_gap(p);
	draw_summary(o, &r, p);
	pen_gap(p);
	if (*r.transfer)
		draw_files(c, result_published(&r), p);
	if (columns > 0)
		code_draw(o, whole.y, whole.width - columns, whole.width - LIST_COLUMNS, whole.bottom - whole.y);
}

/* -- keys ------------------------------------------------------------------------------------------------ */

static void look_at(struct console *c, enum rows_filter filter, const char *search)
{
	rows_open(&c->rows, c->rows.transfer, filter, search);
	c->files = (struct list){ 0 };
}

static void enter(struct console *c)
{
	struct result r = result_of(subject(c));

	if (*r.transfer && strcmp(c->rows.transfer, r.transfer) == 0)
		return; /* back from a file's details: where we were */
	rows_open(&c->rows, r.transfer, r.held + r.blocked > 0 ? ROWS_PROBLEMS : ROWS_ALL, NULL);
	c->files = (struct list){ 0 };
	entry_wipe(&c->search);
}

static bool press_files(struct console *c, const struct press *press)
{
	const struct row *row = rows_at(&c->rows, c->files.at);

	if (!c->rows.transfer[0])
		return false;
	if (is_letter(press, 'f')) {
		look_at(c, (c->rows.filter + 1) % ROWS_FILTERS, c->rows.search);
	} else if (is_letter(press, '/')) {
		entry_wipe(&c->search);
		c->dialog = DIALOG_SEARCH;
	} else if (press->kind == PRESS_ESCAPE && c->rows.search[0]) {
		entry_wipe(&c->search);
		look_at(c, c->rows.filter, NULL);
	} else if ((press->kind == PRESS_RIGHT || is_letter(press, 'd')) && row) {
		intent_file(c, c->rows.transfer, row->index);
		console_open(c, &screen_file);
	} else {
		return list_press(&c->files, press);
	}
	return true;
}

static bool press(struct console *c, const struct press *press)
{
	struct item *i = console_item(c);

	if (press_files(c, press))
		return true;
	if (press->kind == PRESS_ENTER)
		intent_dismiss(c);
	else if (is_letter(press, 'c') && i && code_is_there(i->object) && !term_is_ascii())
		console_open(c, &screen_code);
	else if (is_letter(press, 'a') && i && member_true(i->object, "present"))
		intent_again(c);
	else if (is_letter(press, 'e') && i && strcmp(member_text(i->object, "kind"), "optical") == 0)
		intent_eject(c);
	else
		return false;
	return true;
}

static void keys_files(struct console *c, struct bar *b)
{
	if (c->rows.total > 0) {
		bar_add(b, _("Arrows"), _("Choose"));
		bar_add(b, "d", _("Details"));
	}
	bar_add(b, "f", _("Filter"));
	bar_add(b, "/", _("Search"));
	if (c->rows.search[0])
		bar_add(b, _("Esc"), _("All names"));
}

static void keys(struct console *c, struct bar *b)
{
	struct item *i = console_item(c);

	bar_add(b, _("Enter"), _("Seen"));
	if (c->rows.transfer[0])
		keys_files(c, b);
	if (i && code_is_there(i->object) && !term_is_ascii())
		bar_add(b, "c", _("Code"));
	if (i && !item_is_ours(i) && strcmp(member_text(i->object, "kind"), "optical") == 0)
		bar_add(b, "e", _("Open the tray"));
	if (i && !item_is_ours(i) && member_true(i->object, "present"))
		bar_add(b, "a", _("Again"));
}

const struct screen screen_result = { .enter = enter, .draw = draw, .press = press, .keys = keys };

/* -- out of the history ---------------------------------------------------------------------------------- */

static bool press_past(struct console *c, const struct press *press)
{
	return press_files(c, press);
}

const struct screen screen_past = { .enter = enter, .draw = draw, .press = press_past, .keys = keys_files };
