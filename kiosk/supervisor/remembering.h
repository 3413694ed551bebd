/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files that were examined before are not examined again, while nothing has changed that could find something else in them.
 *
 * What is remembered is what examiners said of a file and of all that is in it, never a verdict: names, collisions, lists, signatures,
 * decisions and rules are looked at each time. It is found again under the SHA-256 of
 *
 *   the file's bytes, size and path (examiners see it)
 *   the build ids of all programs and libraries that look at files or open them (ipc/made_of.h)
 *   the SHA-256 of databases, YARA rules and the list of forbidden contents, as they were loaded
 *   limits of examiners and of what opens containers
 *
 * With it goes what was found that the bytes alone decide: active content, encryption, a container that nobody can look into.
 *
 * Not remembered: a file in which anything else was found, or of which a check did not come to its end; a container with members that may
 * vouch for others (their copies are needed), or with a file system (its drivers are not in the key); anything from a medium with
 * malware, or that made an examiner crash: who has taken over a worker must not leave something behind. Nor anything where plug-ins
 * are asked. One in so many is examined all the same, and if something is found in it then for a reason that was not there before, the
 * inspection ends and all is forgotten.
 *
 * The ledger keeps it (ledger/remembered.h). docs/trust.md, "Remembered findings".
 */
#ifndef LAZARET_SUPERVISOR_REMEMBERING_H
#define LAZARET_SUPERVISOR_REMEMBERING_H

#include <stdio.h>

#include "supervisor/docket_members.h"
#include "supervisor/inspection.h"

struct remembering; /* owned by the inspection */

struct remembering *remembering_free(struct remembering *m);

/* Is anything remembered, or recalled, in this inspection? Then it is asked what each opener is made of (unpack_made_of()). */
bool remember_is_wanted(const struct inspection *i);

/* File `id` of the medium has been sealed. 1: what was found before is in the docket, and it need not be examined; 0: it has to be; or
 * a negative errno. The first time it starts the openers' parents, to hear what they are made of. */
_must_check_ int remember_recall(struct inspection *i, uint64_t id, uint64_t size, const uint8_t sum[static SHA256_LEN], const char *path);

/* File `id` has been examined, with all that is in it: put aside what is worth remembering. */
_must_check_ int remember_examined(struct inspection *i, uint64_t id);

/* All have been. -EUCLEAN: something was found of which nothing was remembered; all is forgotten, the trail says so, and the inspection has
 * to end. */
_must_check_ int remember_settle(struct inspection *i);

/* The inspection is concluded and was not aborted: have it kept. What goes wrong is told, and costs time alone. */
void remember_keep(struct inspection *i);

/* -- inside (remembering_body.c) -------------------------------------------------------------------------------- */

#define REMEMBERED_CHECKS (CHECK_VIRUS | CHECK_TYPE | CHECK_CONTENT | CHECK_MEMBERS | CHECK_YARA | CHECK_PLUGINS)
#define REMEMBERED_MEMBERS_MAX 100000

/* What the docket has of file `e` and its members to `out` (borrowed; NULL: only what was found is wanted). 1: it was written whole, unless
 * ferror(); 0: it is not to be remembered, and what was written is to be taken back; or a negative errno. `*ret_found` gets a bit for each
 * reason that was found in it. */
_must_check_ int remembered_write(struct inspection *i, const struct docket_entry *e, FILE *out, uint64_t *ret_found);
/* Back into the docket, for file `id`; `in` (borrowed) is read from its beginning. -EBADMSG: it is not what remembered_write() makes; then
 * nothing was changed. */
_must_check_ int remembered_restore(struct inspection *i, uint64_t id, FILE *in);
/* What was found then, a bit for each reason; the docket is left alone. Otherwise as remembered_restore(). */
_must_check_ int remembered_found(struct inspection *i, FILE *in, uint64_t *ret);

#endif
