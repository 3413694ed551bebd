/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The examiners' parent: the virus database in memory, once. */
#ifndef LAZARET_SUPERVISOR_ENGINE_H
#define LAZARET_SUPERVISOR_ENGINE_H

#include <stdint.h>

#include "common/macros.h"
#include "supervisor/supervisor.h"

/* Start it with the configured databases, which take it seconds to minutes to load. What goes wrong is told, here and
 * below. Returns 0 or a negative errno. */
_must_check_ int engine_start(struct supervisor *s);

/* Its channel is readable: take what it says. 1: it is ready; 0: more will come; or a negative errno. */
_must_check_ int engine_continue(struct supervisor *s);

/* Block until it is ready. Interrupted by the supervisor's signals (-ECANCELED). */
_must_check_ int engine_wait(struct supervisor *s);

/* Age in seconds of the oldest database now. Brings the reports' `engines` and `is_database_stale` up to date: a station
 * runs for longer than a database stays young. */
int64_t engine_age(struct supervisor *s);
/* The same, and tell when it is old. */
void engine_tell_age(struct supervisor *s);

#endif
