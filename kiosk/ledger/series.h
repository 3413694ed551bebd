/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-ledger: which dates of signed indexes were let in. What holds is the trail; the history answers for it as
 * long as it is known to be whole, so that nobody gets an old index in by losing or damaging it. */
#ifndef LAZARET_LEDGER_SERIES_H
#define LAZARET_LEDGER_SERIES_H

#include "common/history.h"
#include "ledger/trail.h"

struct series;

/* trail, history  borrowed, must stay alive; history may be NULL: then memory serves, filled from the trail */
_must_check_ int series_new(struct trail *trail, struct history *history, struct series **ret);
struct series *series_free(struct series *s);

/* Append a "series-seen" record (`body` borrowed), and take it in. Returns and errors as trail_append() has them; -EINVAL: the
 * body is not of that form. */
_must_check_ int series_append(struct series *s, const json_t *body, struct trail_place *ret, const char **ret_why);

/* The newest date of the trail, 0: never. May read all of the trail the first time. -EBADMSG: the trail is altered. */
_must_check_ int series_date(struct series *s, const char *series, const char *key, uint64_t *ret, const char **ret_why);

#endif
