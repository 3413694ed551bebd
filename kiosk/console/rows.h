/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A window on the files of one transfer: however many there are, a few hundred are in memory. Says what to ask for next; asks
 * nothing itself. */
#ifndef LAZARET_CONSOLE_ROWS_H
#define LAZARET_CONSOLE_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/reason.h"

#define ROWS_MAX 400   /* in memory: several screens on either side of what is shown */
#define ROWS_PAGE 100  /* asked for at a time */
#define ROWS_AHEAD 60  /* fetched before the screen gets there */
#define ROWS_SEARCH_MAX 128 /* bytes */

enum rows_filter {
	ROWS_PROBLEMS,
	ROWS_ALL,
	ROWS_APPROVED,
	ROWS_HELD,
	ROWS_BLOCKED,
	ROWS_FILTERS
};

struct row {
	int64_t index; /* in the report */
	char *path;
	uint64_t size;
	enum verdict verdict;
	enum reason reason; /* REASON_COUNT_: none, or one that we do not know */
};

struct rows {
	char transfer[64]; /* "": none */
	enum rows_filter filter;
	char search[ROWS_SEARCH_MAX];
	unsigned int generation; /* answers to earlier questions are not ours */
	int64_t total;		 /* of filter and search; -1: not known yet */
	int64_t base;		 /* place of row[0] */
	struct row row[ROWS_MAX];
	int count;
	bool is_asking, has_failed;
	int64_t asked_at; /* the offset of the open question */
	int asked_for;	  /* and its limit */
	int fits;	  /* rows that an answer has room for: long names make it few */
	int64_t again_ms; /* the station is busy: not before */
};

/* The name of the filter in the protocol. Static. */
const char *rows_filter_name(enum rows_filter f);

/* Look at another transfer, or through another filter: what was in memory is freed. `search` may be NULL. */
void rows_open(struct rows *r, const char *transfer, enum rows_filter filter, const char *search);
void rows_close(struct rows *r);

/* The row at `place`, NULL when it is not in memory. Borrowed until the next call of another function. */
const struct row *rows_at(const struct rows *r, int64_t place);

/* `height` rows from `top` are on the screen: is there something to ask for? Then fields for `files` (a new reference);
 * otherwise NULL. One question at a time. */
json_t *rows_question(struct rows *r, int64_t top, int height, int64_t now_ms);
/* The answer to it, cleaned (state.h). `generation`: of the time when it was asked. */
void rows_answer(struct rows *r, unsigned int generation, const json_t *answer, int64_t now_ms);
/* The connection is lost: nothing will be answered. */
void rows_lost(struct rows *r);

#endif
