/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The terminal; the only user of curses for drawing. Input is keys.h's. */
#ifndef LAZARET_CONSOLE_TERM_H
#define LAZARET_CONSOLE_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "console/layout.h"

/* By meaning. Each differs in monochrome as well, and none is the only carrier of what it means. */
enum style {
	STYLE_PLAIN,
	STYLE_HEADER,  /* the first line */
	STYLE_KEYS,    /* the last line */
	STYLE_HEADING,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_DIM,
	STYLE_CHOSEN,  /* the line that Enter is about */
	STYLE_FIELD,   /* typed into */
	STYLE_CODE,    /* dark on light, whatever the terminal's own ground: for a camera */
	STYLE_COUNT_
};

/* Take the terminal: full screen, raw (no signal and no flow control from keys). Colours unless NO_COLOR is set or there are
 * none. Returns 0, or -ENOTTY, -EINVAL for an unknown TERM. */
_must_check_ int term_open(bool is_ascii);
/* Give it back as it was. May be called when it is not open. */
void term_close(void);

/* Was it opened for ASCII alone? */
bool term_is_ascii(void);
int term_rows(void);
int term_columns(void);
/* The window's size has changed, or may have. */
void term_resize(void);
/* Draw everything anew at the next term_show(): somebody else wrote on the screen. */
void term_spoilt(void);

/* One picture: erase, put, show. Blocks as long as the terminal takes to accept the differences. */
void term_erase(void);
void term_show(void);

/* `text` from column `x` of line `y`, clipped to `columns`. Outside of the screen: nothing. Returns the columns used. */
int term_put(int y, int x, int columns, enum style style, enum clip how, const char *text);
/* A whole line in that style, empty. */
void term_fill(int y, enum style style);
/* Where the cursor stands; (-1, -1): hidden. */
void term_cursor(int y, int x);

#endif
