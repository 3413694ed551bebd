/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasure C: see every input/output call of libclamav that fails.
 *
 * libclamav 1.4 turns most failures of the system (temporary directory full or missing, no descriptors left, a
 * short write) into "clean". This module defines the C library's functions themselves, so that the calls of
 * the shared library come here first, and remembers the first failure between guard_arm() and guard_disarm().
 * The calls are passed on unchanged.
 */
#ifndef LAZARET_EXAMINE_GUARD_H
#define LAZARET_EXAMINE_GUARD_H

#include <stdbool.h>

#include "common/macros.h"

/* Start to watch; forgets what was seen before. Not for threads: a worker has one. */
void guard_arm(void);

/* Stop to watch. Returns true when something failed; `*ret_call` (static) and `*ret_errno` say what. */
_must_check_ bool guard_disarm(const char **ret_call, int *ret_errno);

/* For the test that holds this list against what libclamav imports: names of the symbols defined here,
 * NULL-terminated, static. */
const char *const *guard_symbols(void);

/* Calls seen since guard_arm(). libclamav makes a directory for every scan: none at all means that the
 * executable was linked so that its calls do not come here, and then nothing may be approved. */
unsigned long guard_calls(void);

#endif
