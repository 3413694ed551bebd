/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* After a crash or a power cut: what was left is told and removed, and nothing is published twice or half. */
#ifndef LAZARET_SUPERVISOR_RECOVER_H
#define LAZARET_SUPERVISOR_RECOVER_H

#include "common/macros.h"
#include "supervisor/inspection.h"

/* Note in the transfer's spool what a report will need if we do not live to write it. */
_must_check_ int recover_note(struct inspection *i);

/* Make and lock a file in the transfer's spool for its publisher to inherit. A supervisor that is killed may leave its
 * publisher in the middle of a commit, which then makes the transfer visible later: recover_all() waits for this lock before
 * it says what became of the transfer. Returns the descriptor, which the caller closes once the publisher has it, or a
 * negative errno. */
_must_check_ int recover_lock_publisher(struct inspection *i);

/* Wait until nobody has that lock: 0; -EBUSY after a minute, told; or another negative errno. `dir_fd`: the transfer's spool. */
_must_check_ int recover_wait_publisher(struct supervisor *s, const char *transfer, int dir_fd);

/* For each spool directory that no living process has locked: an audit record says whether the transfer was published
 * before the cut or is aborted, a report is kept and recorded when there is none, and the directory is removed. The
 * ledger's lock is taken for each, and is free afterwards. Blocks while such a transfer's publisher still works, for a
 * minute at most (-EBUSY). Returns how many there were, or a negative errno. */
_must_check_ int recover_all(struct supervisor *s);

#endif
