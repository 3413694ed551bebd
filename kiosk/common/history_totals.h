/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Sums over all transfers of the history, counted a piece at a time: for counters that live on when lazaretd is restarted. */
#ifndef LAZARET_COMMON_HISTORY_TOTALS_H
#define LAZARET_COMMON_HISTORY_TOTALS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/history.h"
#include "common/macros.h"
#include "common/reason.h"

enum history_outcome {
	OUTCOME_PUBLISHED,
	OUTCOME_REFUSED,
	OUTCOME_ABORTED,
	OUTCOME_COUNT_
};

/* What kind of medium it was; of other words: OTHER. */
enum history_medium {
	MEDIUM_KIND_DEVICE,
	MEDIUM_KIND_OPTICAL,
	MEDIUM_KIND_IMAGE,
	MEDIUM_KIND_DIRECTORY,
	MEDIUM_KIND_OTHER,
	MEDIUM_KIND_COUNT_
};

struct history_totals {
	int64_t after;	   /* the last transfer that was counted, by its number; 0: none yet */
	char transfer[72]; /* and by its name: a history that was made anew numbers them anew */
	uint64_t inspections[OUTCOME_COUNT_], media[MEDIUM_KIND_COUNT_], files[VERDICT_COUNT_];
	uint64_t reasons[REASON_COUNT_]; /* files by the code of their first reason */
	uint64_t bytes, seconds;	 /* of all inspections, from start to end */
	int64_t ended[OUTCOME_COUNT_];	 /* the newest, s since 1970; 0: none */
};

const char *history_outcome_name(enum history_outcome o);
const char *history_medium_name(enum history_medium m);

/* Count on from `t->after`: at most some hundred transfers, or half a second's worth. `*ret_more`: there are more. When the last
 * one counted is not the one with this number any more everything is forgotten, and counting begins anew (`*ret_anew`). */
_must_check_ int history_totals_count(struct history *h, struct history_totals *t, bool *ret_more, bool *ret_anew);

/* Files by the code of their first reason, in inspections that began from <= time < until; s since 1970. */
_must_check_ int history_reasons(struct history *h, int64_t from, int64_t until, uint64_t ret[static REASON_COUNT_]);

/* For a message between processes. New reference, NULL when out of memory; 0 or -EINVAL. */
json_t *history_totals_encode(const struct history_totals *t);
_must_check_ int history_totals_decode(const json_t *o, struct history_totals *ret);

#endif
