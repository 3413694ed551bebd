/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an administrator does at the machine: people, clock, time zone, restart, power off; and an officer: update packs. Each action is in the trail before it is done. */
#ifndef LAZARET_DAEMON_MAINTENANCE_H
#define LAZARET_DAEMON_MAINTENANCE_H

#include <stdbool.h>

#include "control/server.h"

struct daemon;

/* The requests maintenance, machine, people, person (administrators) and update (officers); false: it is none of them. */
bool maintenance_request(struct daemon *d, const struct control_request *q);

#endif
