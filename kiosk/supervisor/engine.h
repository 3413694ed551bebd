/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The examiners' parents: the virus database, the site's rules and plug-ins in memory, once. */
#ifndef LAZARET_SUPERVISOR_ENGINE_H
#define LAZARET_SUPERVISOR_ENGINE_H

#include <stdint.h>

#include "common/macros.h"
#include "supervisor/pool.h"
#include "supervisor/supervisor.h"

/* Start them with what is configured; databases take seconds to minutes to load. What goes wrong is told, here and
 * below. Returns 0 or a negative errno. */
_must_check_ int engine_start(struct supervisor *s);

/* The channel of `which` (below `examiner_count`) is readable: take what it says. 1: all of them are ready; 0: more will come;
 * or a negative errno. */
_must_check_ int engine_continue(struct supervisor *s, size_t which);

/* Block until all are ready. Interrupted by the supervisor's signals (-ECANCELED). */
_must_check_ int engine_wait(struct supervisor *s);

/* The stages of a pool: who looks at each file, for how long. The supervisor is borrowed by it. */
void engine_stages(struct supervisor *s, struct pool_settings *ret);

/* Age in seconds of the oldest virus database now (rules of the site and plug-ins have none that would stop anything). Brings the reports' `engines` and `is_database_stale` up to date: a station
 * runs for longer than a database stays young. */
int64_t engine_age(struct supervisor *s);
/* The same, and tell when it is old. */
void engine_tell_age(struct supervisor *s);

#endif
