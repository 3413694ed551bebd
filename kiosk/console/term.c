/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/term.h"

#include <string.h>
#include <sys/ioctl.h>

#include <curses.h>

static SCREEN *screen;
static attr_t attributes[STYLE_COUNT_];
static bool is_ascii_only;
static int cursor_y = -1, cursor_x = -1;

static void set_styles(void)
{
	static const attr_t plain[STYLE_COUNT_] = {
		[STYLE_PLAIN] = A_NORMAL, [STYLE_HEADER] = A_REVERSE, [STYLE_KEYS] = A_REVERSE,	  [STYLE_HEADING] = A_BOLD,
		[STYLE_GOOD] = A_BOLD,	  [STYLE_WARN] = A_BOLD,      [STYLE_BAD] = A_BOLD,	  [STYLE_DIM] = A_NORMAL,
		[STYLE_CHOSEN] = A_REVERSE, [STYLE_FIELD] = A_UNDERLINE, [STYLE_CODE] = A_REVERSE,
	};
	static const struct {
		enum style style;
		short colour;
		attr_t attributes;
	} colours[] = {
		{ STYLE_HEADER, COLOR_CYAN, A_REVERSE }, { STYLE_KEYS, COLOR_CYAN, A_REVERSE },
		{ STYLE_GOOD, COLOR_GREEN, A_BOLD },	 { STYLE_WARN, COLOR_YELLOW, A_BOLD },
		{ STYLE_BAD, COLOR_RED, A_BOLD },	 { STYLE_DIM, COLOR_CYAN, A_NORMAL },
	};
	const char *no_color = getenv("NO_COLOR");

	memcpy(attributes, plain, sizeof(attributes));
	if ((no_color && *no_color) || !has_colors() || start_color() == ERR)
		return;
	(void)use_default_colors(); /* else the pairs have a black ground: as good */
	for (size_t k = 0; k < ARRAY_LEN(colours); k++)
		if (init_pair((short)(k + 1), colours[k].colour, -1) != ERR || init_pair((short)(k + 1), colours[k].colour, COLOR_BLACK) != ERR)
			attributes[colours[k].style] = colours[k].attributes | (attr_t)COLOR_PAIR(k + 1);
	if (init_pair((short)(ARRAY_LEN(colours) + 1), COLOR_BLACK, COLOR_WHITE) != ERR)
		attributes[STYLE_CODE] = (attr_t)COLOR_PAIR(ARRAY_LEN(colours) + 1);
}

int term_open(bool is_ascii)
{
	if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1)
		return -ENOTTY;
	is_ascii_only = is_ascii;
	use_tioctl(TRUE);
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -EINVAL;
	(void)raw();
	(void)noecho();
	(void)nonl();
	(void)typeahead(-1); /* curses must not look at our input */
	(void)leaveok(stdscr, FALSE);
	set_styles();
	term_cursor(-1, -1);
	return 0;
}

void term_close(void)
{
	if (!screen)
		return;
	(void)curs_set(1);
	(void)endwin();
	delscreen(screen);
	screen = NULL;
}

bool term_is_ascii(void)
{
	return is_ascii_only;
}

int term_rows(void)
{
	return LINES;
}

int term_columns(void)
{
	return MIN(COLS, LAYOUT_COLUMNS_MAX);
}

void term_resize(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0)
		(void)resizeterm(w.ws_row, w.ws_col);
	term_spoilt();
}

void term_spoilt(void)
{
	(void)clearok(stdscr, TRUE);
}

void term_erase(void)
{
	(void)erase();
	cursor_y = cursor_x = -1;
}

void term_show(void)
{
	if (cursor_y >= 0)
		(void)move(MIN(cursor_y, LINES - 1), MIN(cursor_x, COLS - 1));
	(void)curs_set(cursor_y >= 0 ? 1 : 0);
	(void)refresh();
}

int term_put(int y, int x, int columns, enum style style, enum clip how, const char *text)
{
	char line[LAYOUT_LINE];

	columns = MIN(columns, term_columns() - x);
	if (y < 0 || y >= LINES || x < 0 || columns <= 0)
		return 0;
	layout_clip(line, text, columns, how);
	if (is_ascii_only) /* nothing of the sort should be left (layout_shown(), words_open()) */
		for (char *s = line; *s; s++)
			if ((unsigned char)*s >= 0x80)
				*s = '?';
	(void)attrset((int)attributes[style]);
	(void)mvaddstr(y, x, line); /* an error means the last cell of the screen: it is drawn all the same */
	return layout_columns(line);
}

void term_fill(int y, enum style style)
{
	if (y < 0 || y >= LINES)
		return;
	(void)attrset((int)attributes[style]);
	(void)mvhline(y, 0, ' ' | (chtype)attributes[style], COLS);
}

void term_cursor(int y, int x)
{
	cursor_y = y;
	cursor_x = x;
}
