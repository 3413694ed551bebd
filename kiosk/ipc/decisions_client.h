/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What officers have decided and proposed, asked of the ledger (ipc/ledger_client.h). Decisions are made by ledger_append() with a record
 * of type "proposal" or "decision"; common/history.h has their form, ledger/decisions.h what is refused, and how.
 *
 * All calls block until the ledger has answered. After an error `*ret_why` (owned by the caller, may be NULL) holds its own words. */
#ifndef LAZARET_IPC_DECISIONS_CLIENT_H
#define LAZARET_IPC_DECISIONS_CLIENT_H

#include <stdint.h>

#include "common/decision.h"
#include "common/hash.h"
#include "common/macros.h"
#include "ipc/channel.h"

struct ledger_decision { /* strings are borrowed */
	uint8_t sha256[SHA256_LEN];
	enum decision decision;
	const char *id, *by, *second, *reason; /* second: "" when one was enough; all escaped */
	uint64_t until;			       /* s since 1970; 0: no end */
	uint64_t at;
};

/* Those in force, by SHA-256. `each` returning non-zero ends the listing, and is returned. */
_must_check_ int ledger_decisions(struct channel *c, int (*each)(void *context, const struct ledger_decision *d), void *context,
				  char **ret_why);

/* Proposals: `id` "" those that are open, oldest first; else this one, whatever became of it. `record` is the trail's body (JSON),
 * `closed` the decision that closed it, "" while it is open. `each` as above. */
_must_check_ int ledger_proposals(struct channel *c, const char *id,
				  int (*each)(void *context, const char *record, const char *closed), void *context, char **ret_why);

#endif
