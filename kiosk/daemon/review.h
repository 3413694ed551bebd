/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Officers at the station: held files, proposals, decisions, releases.
 *
 *   review.c          what is held
 *   review_decide.c   propose, confirm, withdraw
 *   review_release.c  the process that publishes what was released
 */
#ifndef LAZARET_DAEMON_REVIEW_H
#define LAZARET_DAEMON_REVIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/decision.h"
#include "common/held_store.h"
#include "common/macros.h"
#include "control/server.h"
#include "ipc/decisions_client.h"

struct daemon;
struct release;

struct review { /* in struct daemon */
	/* as of the last tick, or decision */
	uint64_t files, bytes, open, proposed;
	int64_t swept_day; /* since 1970 */

	/* the release that runs, one at a time; and what is told of the newest one */
	pid_t pid;
	int events_fd;
	sd_event_source *events_io, *exit;
	char *line;
	size_t line_size, line_room;
	json_t *object; /* the event; NULL: there was none */
};

/* False: it is none of ours. */
bool review_request(struct daemon *d, const struct control_request *q);
/* Every few seconds. */
void review_tick(struct daemon *d);
void review_count(struct daemon *d);
/* Members of `station`. */
json_t *review_station(const struct daemon *d);
/* The event `release`; a new reference, NULL: there was none. */
json_t *review_object(const struct daemon *d);
bool review_is_running(const struct daemon *d);
void review_stop(struct daemon *d); /* the station ends: it stops in good order */
void review_done(struct daemon *d);

/* -- inside -------------------------------------------------------------------------------------------------------------- */

bool review_is_ready(struct daemon *d, uint64_t token);
void review_refuse(struct daemon *d, uint64_t token, int error, const char *why);
_must_check_ int review_append(struct daemon *d, const char *type, const json_t *record, uint64_t *ret_seq, char **ret_why);
/* A new reference, NULL after an error. `id`: "" all that are open. */
json_t *review_proposals(struct daemon *d, const char *id, char **ret_why);
void review_propose(struct daemon *d, const struct control_request *q);
void review_confirm(struct daemon *d, const struct control_request *q);
void review_withdraw(struct daemon *d, const struct control_request *q);
/* Start the process that publishes; `r` is taken over, also after an error. */
_must_check_ int review_release(struct daemon *d, struct release *r, const char *proposal);

#endif
