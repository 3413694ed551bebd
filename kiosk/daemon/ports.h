/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Ports, keyboards, hubs and the name of an appliance, as an administrator changes them at the screen. Each change is in the trail before it is done, and on the disk
 * (station/maintenance.h) before it is in force. */
#ifndef LAZARET_DAEMON_PORTS_H
#define LAZARET_DAEMON_PORTS_H

#include <stdbool.h>

#include "control/server.h"

struct daemon;

/* The requests ports, port and station-name; false: it is none of them. */
bool ports_request(struct daemon *d, const struct control_request *q);

#endif
