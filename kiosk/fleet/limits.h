/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Limits of lazaret-fleet, each with its reason. */
#ifndef LAZARET_FLEET_LIMITS_H
#define LAZARET_FLEET_LIMITS_H

#define BATCH_RECORDS	 1024		/* records in one transaction, */
#define BATCH_FIRST	 (16u << 10)	/* and bytes: the first is small, each is twice the one before. So even a link that always */
#define BATCH_LAST	 (1u << 20)	/* breaks early brings something, and a good one is kept busy. */
#define PART_BYTES	 (1u << 20)	/* of a report, then up to the end of the line (REPORT_LINE_MAX at most) */
#define REPORT_BYTES_MAX (512ull << 20) /* PostgreSQL hashes a report in one value, which has 1 GiB at most */
#define CONNECT_MS	 15000
#define QUERY_MS	 120000 /* a batch, a part, or a report of a million files being laid out in tables */
#define BACKOFF_FIRST_S	 2
#define BACKOFF_LAST_S	 300	 /* a centre that comes back is found within five minutes */
#define PASSWORD_MAX	 1024	 /* bytes */
#define DENIED_MAX	 1000000 /* contents of the shared list */
#define REMARK_MAX	 400	 /* bytes of what is kept about each */
#define KEYS_MAX	 100000	 /* stations of one centre */

#endif
