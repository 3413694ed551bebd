/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasure K: specimens that the engine must find, so that a blind one is noticed before it approves. */
#ifndef LAZARET_EXAMINE_CANARY_H
#define LAZARET_EXAMINE_CANARY_H

#include <stdbool.h>

#include "common/macros.h"
#include "examine/clam.h"

/* Scan all canaries: raw, of a type that libclamav ignores, in zip, 7z and gzip, HTML raw and by hash, a regular
 * expression; and clean text, which must come out clean with evidence. With `has_eicar` also the EICAR test file,
 * which only the site's own database finds. Takes milliseconds.
 *
 * Returns 0; -EBADMSG when one is missed (the sentence says which); -ENOMEM. Then no answer of this engine counts. */
_must_check_ int canary_check(struct clam *c, bool has_eicar, char ret_why[static WHY_MAX]);

#endif
