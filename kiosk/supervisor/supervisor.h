/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a running station is made of: configuration, rules, trusted keys, the roles that live as long as it does. */
#ifndef LAZARET_SUPERVISOR_SUPERVISOR_H
#define LAZARET_SUPERVISOR_SUPERVISOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "judge/rules.h"
#include "station/config.h"
#include "supervisor/events.h"
#include "supervisor/process.h"

struct supervisor {
	struct station_config *config;
	struct rule_set *rules;
	json_t *keys;	 /* trusted keys: array of {name, key, purposes, until}, as ORIGIN_START wants them */
	json_t *engines; /* the report's `engines` */
	bool is_database_stale;
	struct events *events; /* borrowed */
	int signal_fd;	       /* becomes readable at SIGINT and SIGTERM */
	int spool_fd, staging_fd, audit_fd, reports_fd, history_fd;
	struct process ledger, examine;
	char sandbox[80];
};

/* Load everything that is trusted, start ledger and examine, clean up after a crash. Tells what is wrong (configuration,
 * rules, database, key, directories) through `events` and returns a negative errno. */
_must_check_ int supervisor_open(const char *dir, struct events *events, int signal_fd, struct supervisor **ret);
struct supervisor *supervisor_free(struct supervisor *s);

static inline void supervisor_freep(struct supervisor **s)
{
	*s = supervisor_free(*s);
}

/* Patience of `seconds` from now, interrupted by a signal. */
struct patience supervisor_patience(const struct supervisor *s, uint64_t seconds);

/* Append to the audit trail. An error means that transfers stop; it was told already. */
_must_check_ int supervisor_audit(struct supervisor *s, const char *type, const json_t *body, uint64_t *ret_seq,
				  char ret_hash[static 65]);

#endif
