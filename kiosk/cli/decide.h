/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What `lazaret review` and `lazaret hash` share: asking who is there, proposing, deciding. The trail is written before anything
 * takes effect, and says no to what may not be (ledger/decisions.h). */
#ifndef LAZARET_CLI_DECIDE_H
#define LAZARET_CLI_DECIDE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/ledger.h"
#include "cli/records.h"
#include "common/decision.h"
#include "common/held_store.h"
#include "station/config.h"

struct decide { /* all borrowed */
	const struct station_config *config;
	enum decision decision;
	const json_t *hashes;
	const char *reason; /* as it was typed */
	int64_t until;	    /* 0: as long as the station allows */
	bool is_proposal_only;
	const char *what; /* "review release": for the record of who logged in */
};

/* Each returns an exit status: 0 done, 1 refused, 2 could not be done. */
int decide(const struct decide *d);
int decide_confirm(const struct station_config *config, const char *id);
int decide_withdraw(const struct station_config *config, const char *id, const char *reason);

/* Open proposals as docs/control.md has them; NULL after telling what is wrong. A new reference. */
json_t *decide_proposals(struct ledger_link *l);

/* "7d", "12h", "30m", "45s" from now on, or "2026-12-01", "2026-12-01T12:00", both UTC: s since 1970, 0 after telling what is wrong. */
int64_t decide_time(const char *text, bool is_duration);

/* Open the store, and bring what it believes to be in force up to the trail. NULL after telling what is wrong. */
struct held_store *decide_store(const struct station_config *config, struct ledger_link *l);

#endif
