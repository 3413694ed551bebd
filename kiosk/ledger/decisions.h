/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-ledger: what officers decide. What holds is the trail; the history answers for it as long as it is known to be whole.
 * Whether a decision may be made, as far as the trail can tell (order, ends, two different persons, nothing but what was proposed),
 * is judged here, between reading and appending, so that two who decide at once cannot both be right. Who they are, and whether
 * they may, is their asker's to find out. */
#ifndef LAZARET_LEDGER_DECISIONS_H
#define LAZARET_LEDGER_DECISIONS_H

#include "common/history.h"
#include "ledger/trail.h"

struct decisions;

/* dir_fd, trail, history  borrowed, must stay alive; history may be NULL: then memory serves, filled from the trail */
_must_check_ int decisions_new(int dir_fd, struct trail *trail, struct history *history, struct decisions **ret);
struct decisions *decisions_free(struct decisions *d);

static inline bool decisions_is_type(const char *type)
{
	return strcmp(type, HISTORY_TYPE_PROPOSAL) == 0 || strcmp(type, HISTORY_TYPE_DECISION) == 0;
}

/* Append a record of these types (`body` borrowed), and take it in. Returns and errors as trail_append() has them, and
 *
 * -EINVAL  the body is not of that form
 * -ENOENT  no such proposal, or it was closed
 * -ETIME   the proposal has expired, or the end that it names has passed
 * -EPERM   both persons are the same
 * -EBADMSG it says something else than its proposal; or the trail is altered
 * -EEXIST  what is in force, or is proposed, does not let it be
 *
 * with words in `*ret_why` (static, or of `d` until the next call). */
_must_check_ int decisions_append(struct decisions *d, const char *type, const json_t *body, struct trail_place *ret, const char **ret_why);

/* As history_decisions() and history_proposals() have them, or the proposal `id` (not ""), open or not. May read all of the trail
 * the first time. -EBADMSG: the trail is altered. */
_must_check_ int decisions_each(struct decisions *d, const uint8_t *after, int64_t limit,
				int (*each)(void *context, const struct history_decision *x), void *context, const char **ret_why);
_must_check_ int decisions_proposals(struct decisions *d, const char *id, uint64_t after,
				     int (*each)(void *context, const struct history_proposal *p), void *context, const char **ret_why);

#endif
