/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What two persons have released: held copies become a transfer of their own, as an inspection's approved files do (conclude.c), with
 * `release` in its manifest. Step by step:
 *
 *   prepare    the copies are there; the transfer has a name, and a spool with a note
 *   check      they are what was held, byte for byte
 *   decide     the trail's record `decision`, which names the transfer: from here on it holds
 *   run        staging, report, receipts, and their records
 *
 * A power cut after any of them leaves the note, from which the next start tells what became of the transfer (recover.c).
 */
#ifndef LAZARET_SUPERVISOR_RELEASE_H
#define LAZARET_SUPERVISOR_RELEASE_H

#include "supervisor/inspection.h"

struct release;

/* proposal   the trail's record of it: borrowed
 * second     name of the person who confirms it
 *
 * Returns 0; -ENOENT, -EEXIST when something of it is not held, its copy is gone, or it was rejected; -EINVAL when it cannot be published as it is; or another
 * negative errno. `*ret_why` (owned by the caller, may be NULL): in words. */
_must_check_ int release_prepare(struct supervisor *s, const json_t *proposal, const char *second, struct release **ret, char **ret_why);

/* -EBADMSG: a copy was altered; it is dropped, and a record says so. Reads all of it. */
_must_check_ int release_check(struct release *r, char **ret_why);

/* The decision's record. Errors as ledger/decisions.h has them: nothing was decided. */
_must_check_ int release_decide(struct release *r, uint64_t *ret_seq, char **ret_why);

/* Publish. The transfer's outcome was told by events ("done"). */
enum inspection_status release_run(struct release *r);

/* All of it, for `lazaret review`: the proposal of this number. What is refused is told by an event "error" and changes nothing
 * (INSPECTION_SOME_REFUSED). */
enum inspection_status release_confirm(struct supervisor *s, const char *id, const char *second);

const char *release_transfer(const struct release *r);
int release_spool_fd(const struct release *r); /* borrowed: whoever goes on with it in a process of his own keeps it open */

/* Undecided, it leaves nothing behind. Decided and not run, its spool stays for the next start to tell of. */
struct release *release_free(struct release *r);
/* In a process that has forked another one, which runs it: nothing but memory is given back. */
struct release *release_let_go(struct release *r);

static inline void release_freep(struct release **r)
{
	*r = release_free(*r);
}

/* The record of a decision that confirms this proposal, for release_decide() and for decisions that publish nothing. `transfer` may
 * be NULL. A new reference; NULL: out of memory. */
json_t *release_record(const json_t *proposal, const char *second, const char *transfer);

#endif
