/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The keys that the officer trusts, as a role that proves evidence is given them: a JSON array of
 *
 *   {"name":"vendor-x","kind":"openpgp","key":"BASE64","until":S}
 *
 * `until` in seconds since 1970 UTC, 0: no end. Whether a key is trusted for the purpose at hand is the supervisor's
 * business; whether it has ended is both's.
 */
#ifndef LAZARET_PROOF_KEYRING_H
#define LAZARET_PROOF_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/origin.h"

struct trusted_key {
	char *name;
	enum key_kind kind;
	uint8_t *bytes; /* as the trust store keeps it, with a NUL behind them */
	size_t size;
	uint64_t until; /* s since 1970; 0: no end */
};

struct keyring {
	struct trusted_key *keys;
	size_t count;
};

/* Read the array from `fd` (borrowed, from offset 0). Returns 0 and a keyring owned by the caller; -EBADMSG, -ENOMEM or
 * another negative errno. */
_must_check_ int keyring_read(int fd, struct keyring **ret);
struct keyring *keyring_free(struct keyring *k); /* returns NULL */

/* Has the officer's trust in it ended? */
bool trusted_key_has_ended(const struct trusted_key *key, uint64_t now);

#endif
