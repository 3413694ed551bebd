/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Copies of what is held stay for officers when the inspection's spool goes (common/held_store.h, lazaret.yaml(5) `held:`).
 *
 *   judged     held_keep(): copies and their rows, which do not count yet; the report can then say which are kept
 *   the report is kept, or nothing of the inspection stays: held_settle()
 *   the power goes in between: recover.c calls it, when it has found out which
 */
#ifndef LAZARET_SUPERVISOR_HELD_H
#define LAZARET_SUPERVISOR_HELD_H

#include "supervisor/inspection.h"

/* What cannot be kept is told, and the report says so; it is no reason to end. */
void held_keep(struct inspection *i);
void held_settle(struct supervisor *s, const char *transfer, bool is_kept);

/* At the start of a station, and daily: copies whose time is over go, and a record says so before; copies that are missing are
 * recorded; what a crash left, and what officers have rejected, is removed. An error means that the trail cannot be written. */
_must_check_ int held_sweep(struct supervisor *s);

#endif
