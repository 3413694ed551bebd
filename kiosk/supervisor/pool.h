/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The examiners at work: forked by lazaret-examine and its kind, watched from here. A worker that dies, hangs, lies or breaks
 * its protocol costs the one file that it had, and the file is not clean (countermeasure L of the research on libclamav).
 *
 * A job has a lane to itself until all examiners have answered, and each lane has workers of its own: between two examiners
 * nothing waits for anything but the job itself, so that no order of answers can block the pool.
 */
#ifndef LAZARET_SUPERVISOR_POOL_H
#define LAZARET_SUPERVISOR_POOL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/finding.h"
#include "common/hash.h"
#include "common/macros.h"
#include "ipc/container.h"
#include "station/config.h"
#include "supervisor/process.h"

#define POOL_WORKERS_MAX STATION_WORKERS_MAX
#define POOL_TYPES_MAX 16
#define POOL_TYPE_MAX 127 /* bytes of a MIME type without NUL */

#define POOL_SUMS_MAX 100000 /* of what one job brought out of a file, and of what it could not look into */

struct pool;

/* One file's examination; strings are owned by the job. */
struct job {
	uint64_t id, size;
	uint64_t root; /* of a member: the file of the medium that it is in */
	uint8_t sum[SHA256_LEN]; /* as the vault computed it; the worker holds the copy to it */
	uint32_t wanted; /* enum check bits */
	char *path;	 /* raw; of a member: within its container */
	char *container; /* MIME type of the container that it is a member of; NULL: of none */
	int fd;		 /* sealed copy */
};

struct job_result {
	char types[POOL_TYPES_MAX][POOL_TYPE_MAX + 1];
	size_t type_count;
	uint64_t formats; /* bit n: enum container_format n */
	struct findings findings;
};

_Static_assert(CONTAINER_COUNT_ <= 64, "formats are kept as bits");

/* What is heard of a job; a value that is not 0 ends pool_serve() with it. */
struct pool_events {
	/* Once for every job that was taken, whatever became of it. */
	int (*done)(void *context, const struct job *job, const struct job_result *result);
	/* Before it, any number of times: libclamav has inspected a layer with these bytes, to its end. */
	int (*inspected)(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN]);
	/* It could not look into the layer with these bytes. `detail` and `member` are raw. */
	int (*owed)(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN], const char *detail, const char *member);
	/* How it was looked at, where that is not the usual way; raw. */
	int (*noted)(void *context, const struct job *job, const char *note);
	void *context;
};

#define POOL_STAGES_MAX (2 + STATION_PLUGINS_MAX)

/* An examiner. Every job goes through all of them that it concerns, in order; the first tells its types, and the formats of
 * containers that it is. */
struct pool_stage {
	struct process *parent;	  /* borrowed */
	const char *name;	  /* for people; borrowed */
	uint32_t checks;	  /* what it is asked for and may say; of the first: what the job wants */
	uint64_t time_ms;	  /* a job's; the worker is killed a little later */
	uint64_t jobs_per_worker; /* then it is replaced */
	const struct yaml_strings *types; /* asked about files of these types alone, and those of unknown type; NULL: all. Borrowed */
	bool is_optional;	  /* that it cannot tell is noted, and no reason against the file */
};

struct pool_settings {
	size_t jobs; /* at a time */
	struct pool_stage stages[POOL_STAGES_MAX];
	size_t stage_count;
};

/* Workers are started as jobs come. */
struct pool *pool_new(const struct pool_settings *settings, const struct pool_events *events);
struct pool *pool_free(struct pool *p);

bool pool_has_room(const struct pool *p); /* pool_give() will not be refused */
size_t pool_busy(const struct pool *p);

/* Hand over a job (taken over, also on error). Returns 0, or a negative errno when no worker can be started: then the
 * examiners are broken, the inspection must stop, and `pool_trouble()` has the words. */
_must_check_ int pool_give(struct pool *p, struct job *job);
const char *pool_trouble(const struct pool *p); /* borrowed; NULL: it had none of its own */

/* For the caller's poll loop: fill in at most POOL_WORKERS_MAX descriptors, return how many; and the time of the next
 * deadline (CLOCK_MONOTONIC ms, INT64_MAX when there is none). */
size_t pool_poll(const struct pool *p, struct pollfd *fds, int64_t *ret_deadline_ms);
/* Take results, pass jobs on, enforce deadlines. Errors as of pool_give(). */
_must_check_ int pool_serve(struct pool *p);

void job_done(struct job *j);

#endif
