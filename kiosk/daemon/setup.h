/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A station that awaits its set-up (lazaret.yaml: awaits-set-up): answers come on a medium (supervisor/answering.c), or are typed at the
 * machine. Once there are some the machine restarts, and the next boot makes the station. */
#ifndef LAZARET_DAEMON_SETUP_H
#define LAZARET_DAEMON_SETUP_H

#include <jansson.h>
#include <stdbool.h>

#include "control/server.h"

struct daemon;

bool setup_is_awaited(const struct daemon *d);
/* The station object's `set_up`; null: it is one. */
json_t *setup_object(const struct daemon *d);
/* The request `set-up`; false: it is another one. */
bool setup_request(struct daemon *d, const struct control_request *q);
/* Every few seconds, and when an inspection has ended: is there something to make a station of? */
void setup_tick(struct daemon *d);

#endif
