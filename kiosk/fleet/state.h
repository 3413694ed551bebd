/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* STATION/fleet/state.json: how far the centre has acknowledged this station's records, and how it went last. `lazaret fleet
 * status` reads it. Losing it loses nothing: the centre says what it has. */
#ifndef LAZARET_FLEET_STATE_H
#define LAZARET_FLEET_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/outbox.h"

#define STATE_FILE   "state.json"
#define STATE_FORMAT "lazaret.fleet-state/1"

struct state {
	bool has_position;
	struct outbox_place place; /* the last acknowledged record */
	int64_t acknowledged_at;  /* seconds since 1970 */
	bool has_diverged;	  /* the centre has records that this trail has not, or others in their places */
	char problem[600];	  /* what is wrong with the records themselves; "" nothing */
	char error[600];	  /* why the last attempt failed; "" it did not */
	int64_t error_since, error_last;
	int64_t lists_at;	  /* when the shared decisions were read last; 0: never */
	uint64_t denied, advice;
	const char *network;	  /* borrowed: what this process may reach */
};

/* From `dir_fd`; a state that is not there, or damaged, is an empty one. Returns 0 or a negative errno. */
_must_check_ int state_load(int dir_fd, struct state *ret);

/* Replaces the file as a whole, synced. */
_must_check_ int state_save(int dir_fd, const struct state *s);

/* "" forgets. The text may come from the other side: it is escaped. */
void state_set_problem(struct state *s, const char *text);
void state_set_error(struct state *s, const char *text, int64_t now);

#endif
