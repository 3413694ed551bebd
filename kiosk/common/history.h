/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The history: an SQLite index over the kept reports, for questions such as "has this content been here before?", and over
 * the trail's "series-seen" records, for "is this index older than one that was let in?". It can be rebuilt from the audit
 * trail and the reports at any time.
 */
#ifndef LAZARET_COMMON_HISTORY_H
#define LAZARET_COMMON_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/decision.h"
#include "common/hash.h"
#include "common/macros.h"

#define HISTORY_FILE "history.sqlite"

struct history;

/* Open or create the history at `path`; one of an older version is brought up to date, with all that is in it. Returns 0 or a negative errno (-EUCLEAN: it is damaged; it may be deleted). */
_must_check_ int history_open(const char *path, struct history **ret);

/* The same inside `dir_fd` (borrowed, must outlive the process's use of SQLite), without resolving any path: every
 * file that SQLite opens in this process from then on is opened beneath this directory by its last component. For
 * roles whose root is empty. */
_must_check_ int history_open_at(int dir_fd, struct history **ret);

/* One that is empty, and lives in memory alone. */
_must_check_ int history_open_memory(struct history **ret);

/* The same two, for those who may not write: 0; -EPROTONOSUPPORT when it is of another version (whoever writes brings an
 * old one up to date); -EACCES when nothing was ever written. */
_must_check_ int history_open_read(const char *path, struct history **ret);
_must_check_ int history_open_read_at(int dir_fd, struct history **ret);

struct history *history_free(struct history *h);

static inline void history_freep(struct history **h)
{
	*h = history_free(*h);
}

/* Words for the last failure, borrowed until the next call. */
const char *history_error(const struct history *h);

/* Index one report: begin, each file, then commit or roll back. One transaction; readers go on. */
_must_check_ int history_begin(struct history *h, const char *transfer);
/* `at`, `length`: bytes of the report in which this object is (report_place()). In the order of the report. */
_must_check_ int history_add_file(struct history *h, const json_t *file, uint64_t at, uint64_t length);
_must_check_ int history_commit(struct history *h, const json_t *report, uint64_t seq, const char *report_sha256);
void history_rollback(struct history *h);

/* 0 present, -ENOENT not, or another negative errno. */
_must_check_ int history_find(struct history *h, const char *transfer);
/* seq of the newest indexed report record; -1 when there is none. */
_must_check_ int history_last_seq(struct history *h, int64_t *ret_seq);
/* Forget everything. */
_must_check_ int history_clear(struct history *h);

/* -- series (history_series.c): the newest date of each series of signed indexes, by trusted key ------------------ */

/* Record of the audit trail: {date, key, series, transfer}. */
#define HISTORY_TYPE_SERIES "series-seen"

/* Does a body of this type have this form, with a date that counts? */
_must_check_ bool history_series_valid(const json_t *body);
/* Take in the record `seq` of the trail when it is of this type, and valid; other records are passed over. In any order and
 * any number of times: the newest date stays. */
_must_check_ int history_series_add(struct history *h, const char *type, const json_t *body, uint64_t seq);
/* s since 1970; 0: never seen. */
_must_check_ int history_series_date(struct history *h, const char *series, const char *key, uint64_t *ret);
/* Is all that the trail tells of series in here? 1; 0: not known, the trail has to be walked. Not so in a new history, in one
 * of an older version, and while a record is appended, so that a power cut between trail and index is found out. Setting it
 * syncs all that was added. */
_must_check_ int history_series_is_whole(struct history *h);
_must_check_ int history_series_set_whole(struct history *h, bool is_whole);

/* -- decisions (history_decisions.c): what officers have decided about contents, and proposed ----------------------- */

/* Records of the audit trail (lazaret-audit(5)):
 * proposal {at, by, decision, expires, id, of, reason, sha256: [...], until}: waits for a second person; `of`: the transfer that a release
 * is out of
 * decision {at, by, decision, id, reason, second, sha256: [...], until}: holds, or closes the proposal of this id */
#define HISTORY_TYPE_PROPOSAL "proposal"
#define HISTORY_TYPE_DECISION "decision"

struct history_decision { /* strings are borrowed */
	uint8_t sha256[SHA256_LEN];
	enum decision decision;
	const char *id, *by, *second, *reason; /* second: "" when one was enough */
	int64_t until;			       /* s since 1970; 0: no end */
	int64_t at;
	uint64_t seq;
};

/* Does a body of this type (one of the two) have its form? */
_must_check_ bool history_decisions_valid(const char *type, const json_t *body);
/* Take in the record `seq` of the trail when it is of these types, and valid; others are passed over. In any order and any number
 * of times: the newest holds. */
_must_check_ int history_decisions_add(struct history *h, const char *type, const json_t *body, uint64_t seq);
/* Up to which record everything is in here; -1: not known, the trail has to be walked. */
_must_check_ int history_decisions_place(struct history *h, int64_t *ret_seq);
_must_check_ int history_decisions_set_place(struct history *h, int64_t seq);
/* A walk of the trail in one transaction: forget all, add, and then either. */
_must_check_ int history_decisions_begin(struct history *h);
_must_check_ int history_decisions_end(struct history *h, int64_t seq);

/* The newest about this content, whether or not it is still in force: 1, or 0: there is none. `each` gets it. */
_must_check_ int history_decision_of(struct history *h, const uint8_t sha256[static SHA256_LEN],
				     int (*each)(void *context, const struct history_decision *d), void *context);
/* Is it in force now? */
bool history_decision_holds(const struct history_decision *d, int64_t now);
/* Those in force at `now`, by SHA-256, behind `after` (NULL: from the first). `each` as below. */
_must_check_ int history_decisions(struct history *h, int64_t now, const uint8_t *after, int64_t limit,
				   int (*each)(void *context, const struct history_decision *d), void *context);

/* A proposal's record with what became of it: `closed` "" while it is open, otherwise the decision that closed it. */
struct history_proposal {
	const char *id, *body, *closed; /* body: the record's, JSON */
	int64_t expires;		/* s since 1970 */
	uint64_t seq;
};

/* Has a proposal or a decision this number? 1, 0. */
_must_check_ int history_decisions_knows(struct history *h, const char *id);
/* 1 and `each` called, or 0: there is none of this id. */
_must_check_ int history_proposal_of(struct history *h, const char *id, int (*each)(void *context, const struct history_proposal *p),
				     void *context);
/* Those that are open at `now` and younger than record `after`, oldest first. `each` as below. */
_must_check_ int history_proposals(struct history *h, int64_t now, uint64_t after,
				   int (*each)(void *context, const struct history_proposal *p), void *context);

/* Rows for people and for --json, newest first. Strings are borrowed, as the reports have them (escaped). */
struct history_transfer {
	const char *transfer, *outcome, *operator_name, *medium; /* medium: kind and what it calls itself */
	int64_t started, finished, files, bytes, approved, held, blocked, seq;
	const char *report_sha256;
	const char *reason, *serial; /* history_select_transfers() alone */
};

struct history_file {
	const char *transfer, *path, *verdict, *rule, *sha256; /* rule and sha256 may be NULL */
	int64_t size, started;
	const char *code; /* of the first reason, may be NULL; history_select_files() alone */
};

/* `each` returning non-zero ends the listing, and is returned. */
_must_check_ int history_transfers(struct history *h, int64_t limit,
				   int (*each)(void *context, const struct history_transfer *t), void *context);
/* Those before `before` (a transfer's name; NULL: from the newest) in whose name, operator, reason, medium or serial number
 * `search` occurs (NULL: all; ASCII in any case). */
_must_check_ int history_transfers_page(struct history *h, const char *before, const char *search, int64_t limit,
					int (*each)(void *context, const struct history_transfer *t), void *context);
/* Files of this content (64 hex digits), or whose path contains `text`. */
_must_check_ int history_files(struct history *h, const char *sha256_or_text, int64_t limit,
			       int (*each)(void *context, const struct history_file *f), void *context);

/* -- by several marks at once (history_select.c) ------------------------------------------------------------------ */

/* What is NULL is not asked for. Times are s since 1970, when the inspection began. */
struct history_selection {
	int64_t from, until; /* from <= time < until */
	const char *outcome, *verdict, *code; /* exactly; code: of a file's first reason */
	const char *operator_name, *medium; /* a part of it, ASCII in any case; medium: or of the serial number */
};

/* Transfers; with a verdict or a code, those in which one file has both. Newest first. */
_must_check_ int history_select_transfers(struct history *h, const struct history_selection *by, int64_t limit,
					  int (*each)(void *context, const struct history_transfer *t), void *context);
/* Files; of this content or whose path contains `sha256_or_text` (NULL: all). Newest transfer first, problems first in it. */
_must_check_ int history_select_files(struct history *h, const struct history_selection *by, const char *sha256_or_text, int64_t limit,
				      int (*each)(void *context, const struct history_file *f), void *context);

/* -- one transfer's files, for people who page through them: problems (blocked, held) first, then as in the report ---- */

enum history_filter {
	HISTORY_ALL,
	HISTORY_PROBLEMS, /* blocked and held */
	HISTORY_APPROVED,
	HISTORY_HELD,
	HISTORY_BLOCKED,
};

struct history_entry {
	int64_t index;	     /* among all of the transfer: names it from now on */
	int64_t place;	     /* among those of its verdict, as in the report */
	const char *path, *verdict, *code; /* code: of the first reason, may be NULL */
	int64_t size;
	bool has_place;	     /* false: indexed by an older version, `at` and `length` are not known */
	uint64_t at, length; /* of its object in the report, bytes */
};

/* What is asked from now on fails with -ETIMEDOUT after this time (ms of CLOCK_MONOTONIC; 0: never). */
void history_set_deadline(struct history *h, int64_t deadline_ms);

/* At most `limit` files from the `offset`th of those that `filter` and `text` (NULL: all; a part of the path, ASCII in any
 * case) leave, and how many these are. -ENOENT: no such transfer. What was found is kept for the next page. */
_must_check_ int history_entries(struct history *h, const char *transfer, enum history_filter filter, const char *text,
				 int64_t offset, int64_t limit, int64_t *ret_total,
				 int (*each)(void *context, const struct history_entry *e), void *context);
/* One of them. -ENOENT: no such transfer or index. */
_must_check_ int history_entry(struct history *h, const char *transfer, int64_t index,
			       int (*each)(void *context, const struct history_entry *e), void *context);

#endif
