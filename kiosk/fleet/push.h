/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One look of a station at its outbox: what is new goes to the centre, what the centre lacks goes again, and the shared decisions
 * come back. */
#ifndef LAZARET_FLEET_PUSH_H
#define LAZARET_FLEET_PUSH_H

#include "fleet/link.h"
#include "fleet/state.h"

struct push {
	const char *station;		   /* its id */
	const struct minisign_public *key; /* its audit key */
	int audit_fd, reports_fd, state_fd;
	bool reads_back;
	const struct link_target *target;
	const char *password; /* NULL: none */
	struct state state;
};

/* Returns 0: all that is in the trail is acknowledged (what is wrong with it is in state.problem); -EINTR; -EHOSTDOWN: not all, and
 * state.error says why. The state is saved on the way. Blocks, with the limits of link.h. */
_must_check_ int push_once(struct push *p);

#endif
