/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What screens are drawn with: lines, pairs, bars, lists, entries. */
#include <stdarg.h>
#include <string.h>

#include "console/console.h"

#define MARGIN 1	 /* columns left and right */
#define ROOMY_ROWS 20	 /* below that no line is spent on emptiness */
#define BAR_COLUMNS_MAX 40
#define NARROW_COLUMNS 60 /* below that numbers matter more than bars */

void console_notice(struct console *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->notice, sizeof(c->notice), fmt, ap);
	va_end(ap);
}

/* -- pen ------------------------------------------------------------------------------------------------- */

void pen_gap(struct pen *p)
{
	if (term_rows() > ROOMY_ROWS && pen_left(p) > 0)
		p->y++;
}

/* On the pen's line, if that is one to be drawn. Returns the columns used. */
static int put(const struct pen *p, int x, int columns, enum style style, enum clip how, const char *text)
{
	return p->y >= p->top && p->y < p->bottom ? term_put(p->y, p->x + x, columns, style, how, text) : 0;
}

void pen_line(struct pen *p, int indent, enum style style, const char *fmt, ...)
{
	char line[LAYOUT_LINE];
	va_list ap;

	if (pen_left(p) == 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)put(p, MARGIN + indent, p->width - 2 * MARGIN - indent, style, CLIP_END, line);
	p->y++;
}

void pen_text(struct pen *p, int indent, int lines_max, enum style style, const char *text)
{
	int columns = p->width - 2 * MARGIN - indent;

	while (*text && lines_max-- > 0 && pen_left(p) > 0) {
		const char *line = text;
		size_t n = layout_wrap(&text, columns);

		if (lines_max == 0 || pen_left(p) == 1)
			pen_line(p, indent, style, "%s", line); /* the last one: what is left out shows */
		else
			pen_line(p, indent, style, "%.*s", (int)n, line);
	}
}

void pen_pair(struct pen *p, int label_columns, const char *label, enum style style, const char *fmt, ...)
{
	char value[LAYOUT_LINE];
	va_list ap;

	if (pen_left(p) == 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	(void)put(p, MARGIN, label_columns - 1, STYLE_DIM, CLIP_END, label);
	(void)put(p, MARGIN + label_columns, p->width - 2 * MARGIN - label_columns, style, CLIP_MIDDLE, value);
	p->y++;
}

void pen_pair_text(struct pen *p, int label_columns, const char *label, int lines_max, enum style style, const char *text)
{
	if (pen_left(p) == 0)
		return;
	(void)put(p, MARGIN, label_columns - 1, STYLE_DIM, CLIP_END, label);
	pen_text(p, label_columns, lines_max, style, text);
}

void pen_mark(const struct pen *p)
{
	term_fill(p->y, STYLE_CHOSEN);
	(void)term_put(p->y, 0, 1, STYLE_CHOSEN, CLIP_END, ">");
}

void pen_rule(struct pen *p, const char *title)
{
	char dashes[LAYOUT_COLUMNS_MAX];
	int used, columns = p->width - 2 * MARGIN;

	if (pen_left(p) == 0)
		return;
	used = put(p, MARGIN, columns, STYLE_HEADING, CLIP_END, title);
	used += used > 0;
	if (used < columns) {
		memset(dashes, '-', (size_t)(columns - used));
		dashes[columns - used] = '\0';
		(void)put(p, MARGIN + used, columns - used, STYLE_DIM, CLIP_END, dashes);
	}
	p->y++;
}

void pen_bar(struct pen *p, int label_columns, const char *label, uint64_t part, uint64_t all, const char *text)
{
	char bar[BAR_COLUMNS_MAX + 1];
	int columns = MIN(BAR_COLUMNS_MAX, (p->width - label_columns) / 3), full;

	if (pen_left(p) == 0)
		return;
	if (p->width < NARROW_COLUMNS) {
		pen_pair(p, label_columns, label, STYLE_PLAIN, "%s%s%s", all > 0 ? words_percent(part, all).s : "", all > 0 ? "  " : "",
			 text);
		return;
	}
	full = all == 0 ? 0 : part >= all ? columns - 2 : (int)((double)part / (double)all * (columns - 2));
	bar[0] = '[';
	memset(bar + 1, '#', (size_t)full);
	memset(bar + 1 + full, '.', (size_t)(columns - 2 - full));
	bar[columns - 1] = ']';
	bar[columns] = '\0';
	pen_pair(p, label_columns, label, STYLE_PLAIN, "%s %s%s%s", bar, all > 0 ? words_percent(part, all).s : "", all > 0 ? "  " : "",
		 text);
}

void bar_add(struct bar *b, const char *key, const char *what)
{
	if (b->count < (int)ARRAY_LEN(b->text))
		(void)snprintf(b->text[b->count++], sizeof(b->text[0]), "%s %s", key, what);
}

/* -- list ------------------------------------------------------------------------------------------------ */

void list_fit(struct list *l, int64_t total, int height)
{
	l->total = total;
	l->height = MAX(height, 1);
	l->at = MAX(MIN(l->at, total - 1), 0);
	if (l->at < l->top)
		l->top = l->at;
	if (l->at >= l->top + l->height)
		l->top = l->at - l->height + 1;
	l->top = MAX(MIN(l->top, total - l->height), 0);
}

bool list_press(struct list *l, const struct press *press)
{
	int64_t page = MAX(l->height - 1, 1);

	if (press->kind == PRESS_DOWN || is_letter(press, 'j'))
		l->at++;
	else if (press->kind == PRESS_UP || is_letter(press, 'k'))
		l->at--;
	else if (press->kind == PRESS_PAGE_DOWN || is_letter(press, ' '))
		l->at += page;
	else if (press->kind == PRESS_PAGE_UP || is_letter(press, 'b'))
		l->at -= page;
	else if (press->kind == PRESS_HOME || is_letter(press, 'g'))
		l->at = 0;
	else if (press->kind == PRESS_END || is_letter(press, 'G'))
		l->at = l->total - 1;
	else
		return false;
	l->at = MAX(MIN(l->at, l->total - 1), 0);
	return true;
}

/* -- entry ----------------------------------------------------------------------------------------------- */

void entry_wipe(struct entry *e)
{
	explicit_bzero(e, sizeof(*e));
}

bool entry_press(struct entry *e, const struct press *press)
{
	size_t n = strlen(press->text);

	if (press->kind == PRESS_CLEAR) {
		entry_wipe(e);
	} else if (press->kind == PRESS_ERASE) {
		while (e->length > 0 && ((unsigned char)e->text[--e->length] & 0xc0) == 0x80)
			e->text[e->length] = '\0'; /* the rest of one character */
		e->text[e->length] = '\0';
	} else if (press->kind == PRESS_TEXT) {
		if (e->length + n < sizeof(e->text)) {
			memcpy(e->text + e->length, press->text, n);
			e->length += n;
			e->text[e->length] = '\0';
		}
	} else {
		return false;
	}
	return true;
}

void entry_draw_secret(struct pen *p, int label_columns, const char *label, const struct entry *e, bool has_cursor)
{
	struct entry shown = { 0 };

	if (e->length > 0) /* as many, however long it is: the length of a PIN is half of it */
		shown.length = (size_t)snprintf(shown.text, sizeof(shown.text), "********");
	entry_draw(p, label_columns, label, &shown, has_cursor, false);
}

static size_t characters(const struct entry *e)
{
	size_t n = 0;

	for (size_t k = 0; k < e->length; k++)
		n += ((unsigned char)e->text[k] & 0xc0) != 0x80;
	return n;
}

void entry_draw(struct pen *p, int label_columns, const char *label, const struct entry *e, bool has_cursor, bool is_hidden)
{
	char line[LAYOUT_COLUMNS_MAX], shown[ENTRY_MAX];
	int columns = MIN(p->width - 2 * MARGIN - label_columns, 60), at;
	const char *text = shown;

	if (pen_left(p) == 0 || columns < 4)
		return;
	if (is_hidden) {
		size_t stars = MIN(characters(e), sizeof(shown) - 1);

		memset(shown, '*', stars);
		shown[stars] = '\0';
	} else {
		memcpy(shown, e->text, sizeof(shown));
	}
	while (layout_columns(text) >= columns) /* the end is what is being typed */
		do
			text++;
		while (((unsigned char)*text & 0xc0) == 0x80);
	at = layout_columns(text);
	memset(line, ' ', (size_t)columns);
	line[columns] = '\0';
	(void)put(p, MARGIN, label_columns - 1, has_cursor ? STYLE_HEADING : STYLE_DIM, CLIP_END, label);
	(void)put(p, MARGIN + label_columns, columns, STYLE_FIELD, CLIP_END, line);
	(void)put(p, MARGIN + label_columns, columns, STYLE_FIELD, CLIP_END, text);
	if (has_cursor)
		term_cursor(p->y, MARGIN + label_columns + at);
	p->y++;
	if (is_hidden)
		explicit_bzero(shown, sizeof(shown)); /* even the number of stars is nobody's business later */
}
