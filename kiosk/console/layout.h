/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Text in columns: how wide it is, where it breaks, what is left out. Columns are those of wcwidth(), by which curses counts
 * as well; everything is UTF-8 in a UTF-8 locale (words_open()). */
#ifndef LAZARET_CONSOLE_LAYOUT_H
#define LAZARET_CONSOLE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

#define LAYOUT_COLUMNS_MAX 1024 /* nothing is drawn wider */
#define LAYOUT_LINE (LAYOUT_COLUMNS_MAX * 12) /* bytes: base and two combining marks of up to four bytes a column */

enum clip {
	CLIP_END,    /* the beginning matters: sentences */
	CLIP_MIDDLE, /* both ends matter: paths */
};

/* Characters beyond ASCII are neither expected of the terminal nor sent to it. Before anything else here. */
void layout_ascii(bool is_ascii);

/* Text that came over the connection, as it may be shown: what is not printable by our own measure (common/text.h), or has
 * no width that the terminal agrees upon, is escaped, again if need be; backslashes stay as they are, since lazaretd has
 * doubled them. Owned by the caller; NULL when out of memory. */
char *layout_shown(const char *raw);

/* Columns that the text takes. */
int layout_columns(const char *text);

/* At most `columns` columns of `text`; what is left out is shown by an ellipsis. Whole characters only. */
void layout_clip(char out[static LAYOUT_LINE], const char *text, int columns, enum clip how);

/* The next line of running text, at most `columns` wide and broken at a space where there is one: its length in bytes, 0 at
 * the end. `*text` moves behind it. */
size_t layout_wrap(const char **text, int columns);

#endif
