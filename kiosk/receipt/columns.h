/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Text in display columns: East Asian characters take two, combining marks none (Unicode TR 11, as libutf8proc has it; the
 * locale, which differs between daemon and terminal, has no say). */
#ifndef LAZARET_RECEIPT_COLUMNS_H
#define LAZARET_RECEIPT_COLUMNS_H

#include <stdio.h>

#include "common/macros.h"

enum columns_kind {
	COLUMNS_WORDS, /* sentences: broken at spaces, which go */
	COLUMNS_NAME,  /* names: every character stays; broken behind '/', a space or '-' where that leaves no short line */
};

/* Display columns of well-formed UTF-8 without control characters. */
size_t columns_of(const char *text);

/* Write `text` (one line of well-formed UTF-8, escaped) in lines of at most `width` columns, each but the first indented by
 * `indent`; the caller has filled the first up to `at`. Ends with a newline. Both are less than `width` by 2. */
void columns_put(FILE *out, const char *text, enum columns_kind kind, unsigned int width, unsigned int at, unsigned int indent);

/* `label`, filled up to `indent` columns or, when it is longer, in a line of its own; then columns_put(). */
void columns_field(FILE *out, const char *label, const char *text, enum columns_kind kind, unsigned int width, unsigned int indent);

#endif
