/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Keeping finished reports: REPORTSDIR/TRANSFER.json, byte for byte, recorded in the trail by hash. */
#ifndef LAZARET_LEDGER_REPORTS_H
#define LAZARET_LEDGER_REPORTS_H

#include "common/history.h"
#include "common/macros.h"
#include "ledger/trail.h"

/* Is any report kept here? 1, 0, or a negative errno. */
_must_check_ int reports_any(int dir_fd);

/* Put a synced copy of the report behind `src_fd` (borrowed, from offset 0; blocks) under a hidden name, where reports_keep()
 * will find it: what can fail for want of room fails here, before anything is published. Returns 0, -EBADMSG when
 * `transfer` is not a transfer's name, or another negative errno (then no copy stays). */
_must_check_ int reports_stage(int dir_fd, const char *transfer, int src_fd);

/* Keep the report behind `src_fd` (borrowed, from offset 0; blocks): copy, check that it is this transfer's and
 * follows `previous` (hex, "" for none), sync, rename, record, index.
 *
 * history  borrowed; NULL, or failing: the report is kept and recorded all the same, and a warning logged
 *
 * Returns 0; -EEXIST when this transfer's report is recorded already; -EBADMSG, with static words in `*ret_why`,
 * when the report is not as it has to be; or another negative errno. Nothing is recorded after an error. */
_must_check_ int reports_keep(int dir_fd, const char *transfer, int src_fd, const char *previous, struct trail *trail,
			      struct history *history, struct trail_place *ret, const char **ret_why);

#endif
