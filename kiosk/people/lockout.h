/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Failed tries, counted per name in STATION/people/tries.json: {"anna": {"failed": 2, "last": 1763800000}, ...}. They outlive
 * restarts of everything, since otherwise pulling the plug would be a way to go on guessing (NIST SP 800-53 AC-7).
 *
 * A try is counted before it is made and forgotten when it was good: whatever kills a process in between, or however many try
 * at the same time, nobody gets a try more than the rule says. A count ends after the rule's time without a try.
 *
 * Names that nobody has are counted, locked and forgotten alike; this file does not know which they are, or it could be asked. When
 * TRIES_NAMES_MAX names have counts that have not ended, no other name can be tried until one of them does: to forget one instead
 * would tell who tries other names whether this was somebody's.
 */
#ifndef LAZARET_PEOPLE_LOCKOUT_H
#define LAZARET_PEOPLE_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define TRIES_FILE "tries.json"
#define TRIES_NAMES_MAX 4096

struct lockout_rule {
	uint64_t tries;	 /* failed ones, after which the name is locked */
	uint64_t time_s; /* for so long after the last of them */
};

struct lockout {
	uint64_t failed; /* tries that failed, or are being made */
	int64_t until;	 /* s since 1970; 0: not locked */
};

/* Count a try of `name` (person_name_valid()) at `now` (s since 1970). Blocks until it is on disk. Returns 0; -EBUSY: locked, not
 * counted; -EUCLEAN: tries.json is not as we write it; or another negative errno: no try must be made then. `*ret` is
 * written for 0 and -EBUSY. */
_must_check_ int lockout_begin(const char *station_dir, const char *name, const struct lockout_rule *rule, int64_t now, struct lockout *ret);

/* It was good: all is forgotten. Or it was none, since nobody could say whether it was good: this one is taken back. 0 or a negative errno. */
_must_check_ int lockout_good(const char *station_dir, const char *name);
_must_check_ int lockout_take_back(const char *station_dir, const char *name);

/* How it stands; nothing is changed. `*ret` all zero for a name without failed tries. 0 or a negative errno. */
_must_check_ int lockout_get(const char *station_dir, const char *name, const struct lockout_rule *rule, int64_t now, struct lockout *ret);

#endif
