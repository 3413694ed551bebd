/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files of the medium that have been sealed and wait for an examiner, in the order in which they came.
 *
 * Reading never waits for examining: the operator waits for the medium, and it may be slow. The oldest files that wait have their sealed
 * copy open, up to BACKLOG_OPEN; of those behind them the docket has the id alone, and the vault is asked for the copy once more when their
 * turn comes. So memory and descriptors do not grow with the medium; the spool's quota bounds what the copies take.
 */
#ifndef LAZARET_SUPERVISOR_BACKLOG_H
#define LAZARET_SUPERVISOR_BACKLOG_H

#include <stdbool.h>

#include "supervisor/inspection.h"

#define BACKLOG_OPEN 256 /* as many descriptors */

struct backlog;

struct backlog *backlog_new(struct inspection *i); /* `i` is borrowed; NULL: out of memory */
struct backlog *backlog_free(struct backlog *b);

/* `job` is taken over, its copy and path too, also on error. */
_must_check_ int backlog_add(struct backlog *b, struct job *job);
/* Give to the pool what it has room for, and ask for the next copy that is wanted, unless one is being fetched for somebody else. Errors as
 * of pool_give(). */
_must_check_ int backlog_step(struct backlog *b);
/* The vault handed out the copy of file `id`. 1: it was asked for here, and `*fd` is taken over; 0: it was not; or a negative errno. */
_must_check_ int backlog_take_copy(struct backlog *b, uint64_t id, int *fd);
bool backlog_is_empty(const struct backlog *b);

#endif
