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

/* The parents of examiners' workers, in the order in which they look at a file. */
#define EXAMINERS_MAX (2 + STATION_PLUGINS_MAX)
struct examiner_parent {
	struct process process;
	const struct station_plugin *plugin; /* of the configuration; NULL: it is none */
	uint8_t data_sum[SHA256_LEN]; /* of databases and rules that it has loaded */
	bool has_told; /* its engines */
	bool is_ready;
};

struct supervisor {
	struct station_config *config;
	struct rule_set *rules;
	json_t *keys;	 /* trusted keys: array of {name, key, purposes, until}, as ORIGIN_START wants them */
	json_t *engines; /* the report's `engines` */
	int64_t database_file_time; /* of the newest pinned database file: these carry no time of their own */
	bool is_database_stale;	    /* engine_age() keeps it */
	struct events *events; /* borrowed */
	int signal_fd;	       /* becomes readable when the inspection has to end: see inspection_interrupted() */
	int answers_fd;	       /* a person's answers (struct answer, one a packet); -EBADF: nobody is there to be asked */
	int spool_fd, staging_fd, audit_fd, reports_fd, history_fd;
	struct process ledger;
	struct examiner_parent examiners[EXAMINERS_MAX]; /* the first is lazaret-examine */
	size_t examiner_count;
	char sandbox[80];
};

/* Load everything that is trusted, start ledger and examiners, clean up after a crash. Tells what is wrong (configuration,
 * rules, database, key, directories) through `events` and returns a negative errno. */
_must_check_ int supervisor_open(const char *dir, struct events *events, int signal_fd, struct supervisor **ret);
/* The same, but the examiners have only been started: engine_continue() when a channel of theirs is readable. */
_must_check_ int supervisor_begin(const char *dir, struct events *events, int signal_fd, struct supervisor **ret);

/* Without examiners: for what needs the trail, staging and copies that were examined before. */
_must_check_ int supervisor_open_records(const char *dir, struct events *events, int signal_fd, struct supervisor **ret);

/* Configuration, keys and rules alone: would they do? Tells what is wrong, and keeps nothing. */
_must_check_ int supervisor_check(const char *dir, struct events *events);

/* In a child that the daemon has forked for one inspection: its own ledger process, its own channels to the examiners'
 * parents (`examiner_fds`, taken over: one for each, in their order; NULL: none), its own events. The others are borrowed. Configuration, rules and keys are those of
 * the moment of the fork, whatever the daemon loads later. */
_must_check_ int supervisor_become(struct supervisor *s, struct events *events, int signal_fd, int answers_fd,
				   const int *examiner_fds);
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
