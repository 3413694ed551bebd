/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Going back to what was in force before the last update pack, at an appliance: an officer who has logged in asks for it, a second person
 * confirms it on the same screen. `lazaret update undo --approved` (lazaret-brought.service) then does it. */
#ifndef LAZARET_DAEMON_UNDO_H
#define LAZARET_DAEMON_UNDO_H

#include <stdbool.h>

#include "control/server.h"

struct daemon;

/* The request `undo`; false: it is another one. */
bool undo_request(struct daemon *d, const struct control_request *q);

#endif
