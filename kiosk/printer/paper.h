/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What goes to a printer. Printers obey control bytes in what they print: none of a name may reach one. What is sent is printable
 * ASCII, a few letters of code page 437, and the commands that stand in paper.c.
 *
 * Labels: ESC/POS, the language that Epson gave receipt printers and that the others speak, too (ESC/POS Application Programming
 * Guide): initialise (ESC @), code page 437 (ESC t 0), emphasised (ESC E), centred (ESC a), a raster image (GS v 0), cut (GS V B).
 */
#ifndef LAZARET_PRINTER_PAPER_H
#define LAZARET_PRINTER_PAPER_H

#include <stdint.h>
#include <stdio.h>

#include "common/macros.h"

#define PAPER_LINES_MAX 600 /* ten pages: what is longer is cut off with a word about it */

enum paper_form {
	PAPER_TEXT,  /* ASCII, CR LF, a form feed at the end */
	PAPER_LABEL, /* ESC/POS */
};

/* The whole stream for a printer, made of `text` (UTF-8, lines), owned by the caller. `columns`: what is longer after it was
 * written in the printer's letters goes on in the next line. `qr`: text of the code beneath a label; "": none. Returns 0, -EINVAL when
 * the code cannot be made, or -ENOMEM. */
_must_check_ int paper_make(enum paper_form form, const char *text, unsigned int columns, const char *qr, uint8_t **ret, size_t *ret_size);

/* One character in the printer's letters: "ss", "\u{4E2D}", a byte of code page 437 where `is_437`. */
#define PAPER_LETTERS_MAX 24
void paper_letters(int32_t code_point, bool is_437, char out[static PAPER_LETTERS_MAX]);

#endif
