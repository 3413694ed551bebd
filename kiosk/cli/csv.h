/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Comma-separated values (RFC 4180): CRLF ends a line, a cell with a comma, a quote or a line's end is quoted, a quote in it
 * is doubled.
 *
 * Spreadsheets take a cell that begins with = + - @ (or their full-width forms, in some languages) or a control character for
 * a formula, quoted or not, and a name on a medium may begin so (https://owasp.org/www-community/attacks/CSV_Injection). Such a
 * cell gets an apostrophe before it, which they show as text; so does one that begins with an apostrophe. A program
 * that reads the file takes one leading apostrophe away, and has every cell as it was.
 */
#ifndef LAZARET_CLI_CSV_H
#define LAZARET_CLI_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/macros.h"

struct csv {
	FILE *out;     /* borrowed; whoever ends the file checks ferror() */
	bool is_begun; /* a cell of this line was written */
};

/* NULL is an empty cell. Text of media and people, escaped or not. */
void csv_text(struct csv *c, const char *text);
void csv_number(struct csv *c, int64_t number);
/* "2026-11-22T02:38:53Z"; empty for 0. */
void csv_time(struct csv *c, int64_t seconds);
void csv_end_line(struct csv *c);
/* A line of cells, NULL-terminated. */
void csv_head(struct csv *c, const char *const *names);

/* Would a spreadsheet calculate with this? */
_must_check_ bool csv_is_formula(const char *text);

#endif
