/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Untrusted bytes on their way to a person: the one function that escapes them (invariant 8). */
#ifndef LAZARET_COMMON_TEXT_H
#define LAZARET_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/macros.h"

/* The bytes as one line of printable UTF-8, allocated (owned by the caller, NULL when out of memory).
 *
 * Escaped: invalid UTF-8 and control bytes as \xHH; code points of category Cc Cf Cs Co Cn Zl Zp, non-ASCII
 * spaces (Zs), default-ignorable code points, U+2800, a combining mark at the start and the third and further one
 * in a row (Unicode 15, UAX #44) as \u{HEX}; the backslash as \\. What is returned equals the input exactly when the input is "clean". */
char *text_escape(const void *raw, size_t size);

/* Text that text_escape() made and somebody kept, such as a report's: what a forged one could smuggle in is escaped, its backslashes
 * are not doubled. Owned by the caller, NULL when out of memory. */
char *text_escape_kept(const char *text);

/* In HTML's escapes (HTML, 13.1.2), for text and for attributes. Errors stay in the stream (ferror()). */
void text_put_html(FILE *out, const char *text);

/* Is text_escape() the identity on these bytes? */
_must_check_ bool text_clean(const void *raw, size_t size);

/* Is it well-formed UTF-8 (RFC 3629)? */
_must_check_ bool text_utf8_valid(const void *raw, size_t size);

#endif
