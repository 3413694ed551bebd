/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which long files may be looked at in windows. */
#ifndef LAZARET_EXAMINE_WINDOWS_H
#define LAZARET_EXAMINE_WINDOWS_H

#include "examine/magic.h"

/* A sentence for the report (static), or NULL when a file of these types must not be looked at in windows. */
const char *window_note(const struct types *t);

#endif
