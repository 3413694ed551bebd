/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The daemon has the station looked at (kiosk/selfcheck, docs/selfcheck.md): before the first medium, once in selfcheck.interval, when
 * somebody asks, and after a reload when something was wrong. lazaret-selfcheck looks: our child, or, where the service manager has it, an instance of lazaret-selfcheck@.service for
 * each connection to its socket, since nothing that it needs to see is seen from here.
 */
#ifndef LAZARET_DAEMON_SELFCHECK_H
#define LAZARET_DAEMON_SELFCHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

struct daemon;

/* `socket` (borrowed, kept): where to ask; NULL: lazaret-selfcheck becomes our child. */
_must_check_ int selfcheck_open(struct daemon *d, const char *socket);
/* The station is in force and sees what is plugged in: the first one, unless it was made. */
void selfcheck_begin(struct daemon *d);
/* Something else is in force: what was wrong is looked at again, so that nobody reads for a day that databases are old which have just come. */
void selfcheck_again(struct daemon *d);
/* The request `selfcheck`: answered with the whole result. */
void selfcheck_ask(struct daemon *d, uint64_t token);
void selfcheck_tick(struct daemon *d);

/* The first one has not ended: no medium is begun yet. */
bool selfcheck_is_pending(const struct daemon *d);
/* An invariant does not hold, or nobody could say whether it does, and selfcheck.on-bad is stop: no medium is begun. */
bool selfcheck_holds(const struct daemon *d);
/* Why, for the administrator; "": nothing is bad. Borrowed until the next one ends. */
const char *selfcheck_detail(const struct daemon *d);
/* The station object's `selfcheck`; null before the first. */
json_t *selfcheck_object(const struct daemon *d);

void selfcheck_done(struct daemon *d);

#endif
