/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Bytes from the terminal -> what was pressed. Not by curses: that keeps what was typed, passphrases too, in a buffer that
 * nobody can wipe, and waits for the rest of an escape sequence. Arrows and the like as the Linux console, VT100, VT220,
 * xterm and their relatives send them (ECMA-48 control sequences and SS3); other sequences are swallowed. */
#ifndef LAZARET_CONSOLE_KEYS_H
#define LAZARET_CONSOLE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum press_kind {
	PRESS_TEXT, /* one character, see `text` */
	PRESS_ENTER,
	PRESS_ESCAPE,
	PRESS_ERASE,
	PRESS_CLEAR, /* control-U: the whole line */
	PRESS_TAB,
	PRESS_TAB_BACK,
	PRESS_UP,
	PRESS_DOWN,
	PRESS_LEFT,
	PRESS_RIGHT,
	PRESS_PAGE_UP,
	PRESS_PAGE_DOWN,
	PRESS_HOME,
	PRESS_END,
	PRESS_REDRAW,	 /* control-L */
	PRESS_INTERRUPT, /* control-C */
	PRESS_NOTHING,	 /* swallowed */
};

struct press {
	enum press_kind kind;
	char text[5]; /* PRESS_TEXT: a printable character, UTF-8; "" otherwise */
};

struct keys {
	unsigned char raw[256];
	size_t count;
	int64_t since_ms; /* when the last byte came */
};

/* Take in what can be read from `fd`, non-blocking. Returns 0, -EAGAIN when there is nothing, -EPIPE at the end of input, or
 * another negative errno. */
int keys_read(struct keys *k, int fd, int64_t now_ms);

/* The next key press, if one is complete; what it was made of is wiped. */
bool keys_next(struct keys *k, int64_t now_ms, struct press *ret);

/* Milliseconds until keys_next() would know more although nothing came (an Escape that begins no sequence); -1: none. */
int keys_wait(const struct keys *k, int64_t now_ms);

#endif
