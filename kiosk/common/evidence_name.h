/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names of files that may vouch for others. The supervisor asks of each file only this before it has it recognised by what
 * is in it; so the names must take in whatever kiosk/origin/recognise.c knows. */
#ifndef LAZARET_COMMON_EVIDENCE_NAME_H
#define LAZARET_COMMON_EVIDENCE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

/* `path` as on the medium, raw, NUL terminated. Case does not matter. */
_must_check_ bool evidence_name_promises(const char *path);

/* How much of `path` is the name of what a signature so named would be about: "a/b.iso" of "a/b.iso.sig"; 0: no such name. */
size_t evidence_signed_length(const char *path);

/* The last component, and whether it ends so (case does not matter) and has something before it. */
const char *evidence_base_name(const char *path);
_must_check_ bool evidence_has_suffix(const char *name, const char *suffix);

#endif
