/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* QR codes (ISO/IEC 18004), of which the most used one has a transfer's name and the hash of its manifest; drawn with half-block characters: two modules
 * a character cell, which makes them about square. So a receiver can compare with a telephone what arrived. */
#ifndef LAZARET_CONSOLE_CODE_H
#define LAZARET_CONSOLE_CODE_H

#include <jansson.h>
#include <stdbool.h>

/* Is there something to be shown? A published transfer whose manifest's hash is known. */
bool code_is_there(const json_t *medium);
/* The cells that it needs within `columns` by `lines`; false when it does not fit, or this terminal has no such characters. */
bool code_fits(const json_t *medium, int columns, int lines, int *ret_columns, int *ret_lines);
/* Draw it at (y, x), in what code_fits() said of the same numbers. */
void code_draw(const json_t *medium, int y, int x, int columns, int lines);

/* The same of any text of at most 255 bytes. */
bool code_text_fits(const char *text, int columns, int lines, int *ret_columns, int *ret_lines);
void code_text_draw(const char *text, int y, int x, int columns, int lines);

#endif
