/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Parts of office documents: what several detectors ask. */
#ifndef LAZARET_CONTENT_OFFICE_H
#define LAZARET_CONTENT_OFFICE_H

#include "content/span.h"

/* Field codes of word processors that fetch or start something (ECMA-376 part 1, 17.16.5; DDE and DDEAUTO: MS-OI29500).
 * `text` is one whole field code, without its braces. Returns what it does ("starts a program (DDE)"; static) or NULL. */
const char *office_field_acts(struct span text);

struct markup_attributes;

/* One element of a document's relationships: say what it loads from elsewhere. Other elements are nothing to it. */
_must_check_ int office_relation(struct content *c, const char *element, const struct markup_attributes *a);

/* Say that a part is not what it must be; `why` of markup_read(). */
_must_check_ int office_broken(struct content *c, const char *why);

#endif
