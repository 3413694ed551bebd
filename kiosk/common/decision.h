/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What officers decide about a content, by its SHA-256. The record of it is the trail's (common/history.h, "decisions"). */
#ifndef LAZARET_COMMON_DECISION_H
#define LAZARET_COMMON_DECISION_H

#include <stdbool.h>

#include "common/macros.h"
#include "common/reason.h"

enum decision {
	DECISION_NONE,
	DECISION_RELEASE,  /* what is held passes, until an end; two persons */
	DECISION_REJECT,   /* what is held is blocked; one officer, final */
	DECISION_ALLOW,	   /* findings about the bytes are a mistake, until an end; two persons */
	DECISION_DENY,	   /* blocked; one officer, final */
	DECISION_REMOVE,   /* none of the above holds any longer; two persons */
	DECISION_WITHDRAW, /* of a proposal: it is none any longer */
	DECISION_COUNT_
};

#define DECISION_ID_LEN 8	 /* hex digits: names a proposal and the decision that it becomes */
#define DECISION_HASHES_MAX 256	 /* of one proposal: a record has room for 59,000 bytes */
#define DECISION_REASON_MAX 1000 /* bytes, escaped */
#define DECISION_PERSON_MAX 64	 /* bytes; PERSON_NAME_MAX (people/people.h) */
#define DECISION_OPEN_MAX 1000	 /* proposals that wait for their second person */

/* "release" ... "withdraw"; NULL when out of range, and for DECISION_NONE. */
const char *decision_name(enum decision d);
/* 0 and the value, or -ENOENT. */
_must_check_ int decision_parse(const char *name, enum decision *ret);
/* Does it take a second, different person? */
bool decision_needs_second(enum decision d);
/* Does it stop holding at a time that it names? */
bool decision_has_end(enum decision d);
bool decision_id_valid(const char *id);
/* May `next` follow while `now` is in force (DECISION_NONE: nothing is)? NULL when it may, otherwise static words. */
const char *decision_conflict(enum decision now, enum decision next);
/* Is a finding of this kind among what a release (of what is held for it), or an allowance, is about? False for other decisions. */
bool decision_reaches(enum decision d, enum reason reason);

#endif
