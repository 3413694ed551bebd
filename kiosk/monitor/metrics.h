/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A station as Prometheus metrics. docs/monitoring/metrics.md has all of them. Every set of label values is bounded: codes and
 * states are closed lists, names of databases are the configuration's. No name of a file, medium or person is a label.
 */
#ifndef LAZARET_MONITOR_METRICS_H
#define LAZARET_MONITOR_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/history_totals.h"
#include "common/macros.h"
#include "monitor/facts.h"
#include "station/config.h"

#define METRICS_FILE_ENDING ".prom" /* of others the collector reads none */

/* Since lazaretd started: what no record is made of from which it could be counted again. */
struct metrics_live {
	int64_t started; /* s since 1970 */
	uint64_t members; /* files in archives and the like that were examined */
	uint64_t inspections_lost, examiners_lost, devices_lost; /* processes of ours that died */
	uint64_t devices_refused, login_failures;
};

struct metrics {
	const json_t *station; /* docs/control.md, `station`; what it lacks is left out */
	const json_t *media;   /* array of `medium`; NULL: no daemon, no media */
	const struct station_config *config;	 /* NULL: it could not be loaded */
	const struct history_totals *totals; /* NULL: not counted yet */
	const struct facts *facts;	     /* NULL: not known */
	const struct metrics_live *live;     /* NULL: no daemon */
	int64_t now;
};

/* The text, owned by the caller. 0 or -ENOMEM. */
_must_check_ int metrics_write(const struct metrics *m, char **ret, size_t *ret_size);

/* Replace the file at `path` (absolute) by these bytes, readable for all: a reader sees the old or the new ones. Nothing is
 * synced, for they are told anew within seconds. 0 or a negative errno; then the old ones are there. */
_must_check_ int metrics_replace(const char *path, const char *text, size_t size);

#endif
