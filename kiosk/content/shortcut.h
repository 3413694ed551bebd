/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* shortcut: one look for each kind of file that starts something else when it is opened, or shown. */
#ifndef LAZARET_CONTENT_SHORTCUT_H
#define LAZARET_CONTENT_SHORTCUT_H

#include "content/span.h"

_must_check_ int shortcut_link(struct content *c);			      /* .lnk, MS-SHLLINK */
_must_check_ int shortcut_sections(struct content *c, const struct plain *p); /* .url .scf .desktop autorun.inf ... */
_must_check_ int shortcut_markup(struct content *c, const struct plain *p);   /* .library-ms .search-ms ... */

#endif
