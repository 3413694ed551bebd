/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret report month`: what a station did in a month, as one page for people. The numbers are those of the history, of the
 * reports (each compared with its hash in the trail's index) and of the audit trail.
 */
#ifndef LAZARET_CLI_MONTH_H
#define LAZARET_CLI_MONTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/history_totals.h"
#include "common/macros.h"
#include "station/config.h"

#define MONTH_DAYS_MAX 31
#define MONTH_ROWS_MAX 1000 /* transfers that the page lists one by one */
#define MONTH_STAYS 6 /* classes of time at the station */

struct month_day {
	uint64_t outcomes[OUTCOME_COUNT_], files[VERDICT_COUNT_], bytes;
	int64_t database_age_s; /* the oldest at an inspection; -1: none was told */
	int64_t stay_s;		/* the longest; -1: none */
};

struct month_row {
	char *transfer, *outcome, *operator_name, *medium; /* owned */
	int64_t started, stay_s, files, approved, held, blocked; /* stay_s: -1: not known */
};

struct month {
	int64_t from, until; /* s since 1970 */
	char name[16];	     /* "2026-11" */
	unsigned int days;
	struct month_day day[MONTH_DAYS_MAX];
	uint64_t reasons[REASON_COUNT_]; /* files by the code of their first reason */
	uint64_t stays[MONTH_STAYS], stay_count;
	int64_t stay_sum_s;
	uint64_t transfers;
	struct month_row rows[MONTH_ROWS_MAX]; /* the newest; `row_count` of them */
	size_t row_count;
	uint64_t missing; /* reports that are not there, or not what the trail says */
	json_t *arrivals; /* transfer -> when its medium was plugged in, s since 1970 */
	json_t *events;	  /* type of record -> how many, in this month */
};

/* What the n-th class of stays is called, and up to how many seconds it goes. Static. */
const char *month_stay_name(size_t n);

/* Collect all of it. 0 or a negative errno, after telling. `m` has its month; to be released with month_done() in any case. */
_must_check_ int month_collect(struct month *m, const struct station_config *config);
void month_done(struct month *m);

/* The page. Errors stay in `out`. */
void month_page(FILE *out, const struct month *m, const struct station_config *config);

#endif
