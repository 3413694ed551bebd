/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What only the system's root can do, asked of the appliance's helper (lazaret-machine.socket, image/appliance/tree): restart, power off,
 * set clock and time zone. lazaretd keeps no privilege for it. One line there, one line back:
 *
 *   "restart", "power-off", "clock SECONDS", "zone NAME"  ->  "ok", or "error: WORDS"
 */
#ifndef LAZARET_DAEMON_MACHINE_H
#define LAZARET_DAEMON_MACHINE_H

#include <stdbool.h>

#include "common/macros.h"

#define MACHINE_LINE_MAX 200

struct daemon;

/* Is there such a helper? A station on somebody's own Debian has none. */
bool machine_is_there(const struct daemon *d);

/* Ask; `done` gets NULL, or what went wrong (borrowed for the call), once, maybe before this returns. One at a time. */
void machine_ask(struct daemon *d, const char *line, void (*done)(struct daemon *d, const char *why, void *data), void *data);

void machine_done(struct daemon *d);

#endif
