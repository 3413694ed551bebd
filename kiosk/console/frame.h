/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What stands around every screen: header, list of media, dialogs, notices, keys; and which screen is shown. */
#ifndef LAZARET_CONSOLE_FRAME_H
#define LAZARET_CONSOLE_FRAME_H

#include "console/console.h"

void frame_draw(struct console *c);
/* The list of media, above the screen of the chosen one. */
void items_draw(struct console *c, struct pen *p);
void frame_press(struct console *c, const struct press *press);
/* The state has changed: choose an item, leave and enter screens. Before frame_draw() and frame_press(). */
void frame_settle(struct console *c);
/* Wipe and free all. */
void frame_done(struct console *c);

#endif
