/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The ledger's limits, with units and reasons. */
#ifndef LAZARET_LEDGER_LIMITS_H
#define LAZARET_LEDGER_LIMITS_H

#define LOCK_POLL_MS 5 /* between two tries for a lock: an append takes about as long */

/* A ledger holds the trail's lock for one append; half a minute means that its disk hangs. */
#define TRAIL_LOCK_MS 30000

/* Another inspection holds the report lock while it publishes, which syncs a whole transfer. */
#define REPORT_LOCK_MS (30 * 60 * 1000)

#define LIST_MAX 59000	      /* bytes of a list in a message of 60,000 */
#define LISTED_DECISIONS 1000 /* more than fit in one */

#define BODY_MAX 59000 /* bytes of a record's body in a message of 60,000 */

/* Set aside in the trail before a publication: "publishing", "published" and the report's record are some 600 bytes each, and
 * "series-seen" for each of some dozens of suites up to 1000. */
#define RESERVE_BYTES 65536

/* A file name; the proving roles say no longer ones (ORIGIN_SERIES_MAX, ORIGIN_KEY_NAME_MAX). */
#define SERIES_MAX 400
#define KEY_NAME_MAX 255

#endif
