/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The parts of receipt.html, for html.c alone. What could not be written shows in ferror(). */
#ifndef LAZARET_RECEIPT_HTML_PARTS_H
#define LAZARET_RECEIPT_HTML_PARTS_H

#include <stdio.h>

#include "receipt/forms.h"

/* Text (text_put_html()) as a name of its own direction. */
void html_name(FILE *out, const char *text);

/* html_bar.c: how many of the files were approved, held, blocked, as a picture and in words. */
void html_bar(FILE *out, const struct summary *s);

/* html_files.c */
_must_check_ int html_refused(const struct sheet *s);
_must_check_ int html_approved(const struct sheet *s);

/* html_tables.c */
_must_check_ int html_volumes(const struct sheet *s);
_must_check_ int html_engines(const struct sheet *s);

#endif
