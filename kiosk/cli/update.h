/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret update` and `lazaret pack`: what their files share.
 *
 *   pack.c           packs on the outside
 *   update.c         options; what is in force
 *   update_apply.c   from a pack on a medium to a directory of its own
 *   update_try.c     the self-test
 *   update_appliance.c  packs with the appliance itself
 *   update_slot.c    the appliance's slots
 *   update_switch.c  the record, the one rename, the way back
 */
#ifndef LAZARET_CLI_UPDATE_H
#define LAZARET_CLI_UPDATE_H

#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"
#include "common/macros.h"
#include "station/config.h"
#include "update/pack.h"

/* lazaret pack make | show: 0 done, 1 the pack is not good, 2 could not be done, 64 usage. Needs no station. */
int cmd_pack(struct cli *cli);
/* lazaret update apply | undo | list: 0 done, 1 refused, 2 could not be done, 64 usage. */
int cmd_update(struct cli *cli);
/* lazaret update slot: for the appliance's own programs: as above. `argc`, `argv`: behind the word slot. */
int cmd_update_slot(struct cli *cli, int argc, char **argv);

/* What is in a pack, in lines. */
void pack_print(FILE *out, const struct pack *p);

/* Beneath sets/, of one update at a time; what a crash left of them is removed by the next. */
#define UPDATE_PACK ".pack"	    /* a copy of the pack: what was verified is what is used */
#define UPDATE_INCOMING ".incoming" /* its members, until all of them are there */
#define UPDATE_TRY ".try"	    /* what would be in force (station/sets.h) */
#define UPDATE_TRUST ".trust"	    /* a copy of the trust store, with the keys of the pack */
#define UPDATE_MEDIUM ".medium"	    /* what the self-test looks at */

struct update {
	const struct cli *cli;
	struct station_config *config; /* lazaret.yaml alone: an update must be possible when what is in force is broken */
	const char *file;	       /* the pack, as given */
	const char *by, *reason;       /* of the command line; NULL */
	bool is_approved; /* an officer has said so at the machine (update/offers.h); of undo, two persons (update/undo.h) */
	bool is_older_wanted;
	int sets_fd;	 /* sets/ */
	int lock_fd;	 /* sets/.lock, held */
	json_t *current; /* what is in force: station_sets_load() */
	char *person, *second; /* who does it; second: NULL unless it takes two */
	char *approved_reason; /* what they gave at the machine, which `reason` is then */
	struct pack *pack;
	struct pack_signer signer;
	char pack_sha256[SHA256_HEX_LEN + 1], manifest_sha256[SHA256_HEX_LEN + 1];
	char *set; /* its directory */
	bool is_older; /* than what is in force */
	bool is_resting; /* lazaretd has given its database up for us */
	char *why; /* refused: in words */
};

/* Open and lock sets/ (made when it is missing), load what is in force, remove what a crash left. 0, or an exit status after telling. */
_must_check_ int update_open(struct update *u);
void update_done(struct update *u);

/* A pack that brings an appliance: is this machine one (asked before anything is unpacked), and could it run what lies in sets/SET? 0; -EPERM:
 * refused, and `*ret_why` or u->why says why; or another negative errno. */
_must_check_ int update_appliance_is_here(char **ret_why);
_must_check_ int update_appliance_check(struct update *u);

/* From u->file to sets/SET, verified and synced; u->pack and u->set are set. 0; -EKEYREJECTED, -EBADMSG, -EPERM: refused, u->why says
 * why; or another negative errno. */
_must_check_ int update_unpack(struct update *u);

/* Who does it: asks, when the station knows persons. Two of them when `takes_two`. 0, or an exit status after telling. */
_must_check_ int update_ask(struct update *u, const char *what, bool takes_two);

/* What would be in force with the pack: a new reference; NULL when out of memory. */
json_t *update_next(const struct update *u);

/* Try `next`: examiners, rules and keys start with it, EICAR is found, and nothing in what is known to be good. 0; -EPERM: it fails,
 * u->why says why; or another negative errno. Blocks for as long as databases take to load. */
_must_check_ int update_try(struct update *u, const json_t *next);

/* Record, trust the pack's keys, replace sets/current, remove what nobody needs any more. 0, or an exit status after telling. */
_must_check_ int update_switch(struct update *u, json_t *next);
/* Back to what was in force before. As above. */
_must_check_ int update_back(struct update *u);
/* Record the refusal, and tell it. Returns EXIT_FAILURE. */
int update_refuse(struct update *u);
/* Remove every set that is not named in `current` or its undo, and what is temporary. What cannot be removed now is tried again. */
void update_clean(const struct update *u, const json_t *current);

/* `database: {at-once: 1}`: let the running lazaretd, if there is one, give its database up, until update_reload() or our end. Waits for
 * inspections that run. 0, or an exit status after telling. */
_must_check_ int update_rest(struct update *u);
/* The running lazaretd, if there is one, loads what is in force. Tells what came of it. */
void update_reload(const struct update *u);

#endif
