/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One inspection of one medium, from its source to its report:
 *
 *   acquire    intake opens the source and tells volumes            (acquire.c)
 *   read       readers stream into the vault, workers examine       (reading.c)
 *   vouch      checksum lists and signatures                        (vouching.c)
 *   judge      names, collisions, rules -> verdicts                 (judging.c)
 *   conclude   staging, audit trail, report                         (conclude.c)
 */
#ifndef LAZARET_SUPERVISOR_INSPECTION_H
#define LAZARET_SUPERVISOR_INSPECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "supervisor/docket.h"
#include "supervisor/pool.h"
#include "supervisor/supervisor.h"

/* Exit status of `lazaret inspect`. */
enum inspection_status {
	INSPECTION_ALL_APPROVED = 0,
	INSPECTION_SOME_REFUSED = 1,
	INSPECTION_INCOMPLETE = 2,
};

struct inspection_request {
	const char *source;   /* as the operator gave it; borrowed */
	const char *operator_name; /* "" : not named */
	const char *owner, *ticket; /* of the medium; "" : not said */
	const char *reason;   /* "" : not given */
	const char *port;     /* where the device is plugged in; "" : not from the daemon */
	uint64_t diskseq;     /* the disk that is meant, by the kernel's number; 0: whatever has the name */
	bool is_explaining;   /* look at this one file, tell the facts, publish nothing, keep no report */
};

/* Run one inspection. Everything that happens is told through the supervisor's events; the last one is "done" with
 * transfer, outcome, counts and the path of the report. */
enum inspection_status inspection_run(struct supervisor *s, const struct inspection_request *request);

/* The same stages on private copies of one regular file and of what may vouch for it (explain_stage.h): a "facts" event
 * tells what is known of each, for `lazaret rules explain`. The audit trail says that it was looked at; nothing is
 * published. `root` may be NULL. */
enum inspection_status inspection_explain(struct supervisor *s, const char *file, const char *root);

/* The same stages on a directory of the station's own: a "facts" event for each file. So `lazaret update` tries a set before it is in
 * force. */
enum inspection_status inspection_try(struct supervisor *s, const char *directory);

/* -- inside ------------------------------------------------------------------------------------------------- */

#define VOLUMES_MAX 128 /* intake tells at most 64 partitions and the gaps between them */
#define TRANSFER_LEN 23 /* 20261122T011500Z-3f9a2c */

struct volume {
	uint32_t index;
	char *fs, *label, *uuid, *driver; /* escaped */
	uint64_t offset, size;
	char outcome[16];
	char *detail; /* escaped */
	int root_fd;  /* -EBADF when nobody will read it */
};

struct inspection_medium {
	char kind[16];
	char *vendor, *model, *serial; /* escaped */
	uint64_t size;
	bool is_write_protected;
	bool counts_writes;
	uint64_t sectors_before, sectors_after;
	int64_t removable_at; /* 0: never was */
	struct volume volumes[VOLUMES_MAX];
	size_t volume_count;
};

struct inspection {
	struct supervisor *supervisor;
	const struct inspection_request *request;
	char transfer[TRANSFER_LEN + 1];
	int64_t started; /* seconds since 1970 UTC */
	struct inspection_medium medium;
	int spool_fd; /* spool/TRANSFER, locked while we live */
	struct docket *docket;
	struct process intake, vault, publish;
	struct pool *pool;
	uint64_t fetching; /* the file whose copy the vault was asked for; 0: none */
	struct unpackers *unpackers; /* unpacking.h; NULL once everything has been read */
	struct remembering *remembering; /* remembering.h; NULL: nothing was asked of it yet */
	struct patience patience; /* the inspection's own deadline */
	uint64_t next_id; /* of entries; from 1 */
	bool has_volumes_read;
	bool is_report_kept; /* otherwise what is needed to make up for it stays in the spool */
	char *asked; /* `lazaret rules explain`: the path of the file that it is about; NULL */
	bool is_aborted; /* verdicts go into the report only */
	json_t *release;	 /* release.h: not of a medium, but of held copies; the report's `release`. Borrowed; NULL: of a medium */
	const json_t *release_hashes; /* of all of them; borrowed */
	struct held_store *held; /* where they are; borrowed */

	/* progress */
	uint64_t files_total, bytes_total, files_read, bytes_read, files_examined, bytes_examined;
	uint64_t members_examined;
	uint64_t files_recalled; /* of those that count as examined: known from before */
	int64_t told_ms;
};

/* INTAKE_VOLUME or INTAKE_REFUSED as a volume, whose strings and root are the caller's, also after an error. */
_must_check_ int volume_decode(struct message *m, struct volume *ret);
void volume_done(struct volume *v);

_must_check_ int inspection_acquire(struct inspection *i);
_must_check_ int inspection_read(struct inspection *i);
_must_check_ int inspection_vouch(struct inspection *i);
_must_check_ int inspection_judge(struct inspection *i);
/* Update packs among the files are kept for the officer (offering.c). */
void inspection_offer(struct inspection *i);
/* Of a station that awaits its set-up: answers that a key for updates has signed are kept (answering.c). */
void inspection_answer(struct inspection *i);
/* Publishes, or says why not; `aborted` is 0 or the error that ended the inspection before. Always leaves a report when
 * the trail can be written. */
enum inspection_status inspection_conclude(struct inspection *i, int aborted);

/* A vault for copies in spool/TRANSFER/`name`. Told when it fails. */
struct vault_limits {
	uint64_t bytes, files; /* kept at a time */
};
#define SPOOL_COPIES "copies"
#define SPOOL_MEMBERS "members-%u" /* one an unpacker */
#define SPOOL_EVIDENCE "evidence"  /* members that may vouch for others, by id */
_must_check_ int inspection_start_vault(struct inspection *i, const char *name, const struct vault_limits *limits, struct process *ret);
/* As it would be published, beneath the transfer: "files/...". Owned by the caller; NULL when out of memory. */
char *inspection_published_path(const struct inspection *i, const struct docket_entry *e);
/* For releases (release.h). A new one, with nothing begun; NULL: out of memory. */
struct inspection *inspection_new(struct supervisor *s, const struct inspection_request *request);
/* Name the transfer; make its spool with a note for recover.c, and lock it. A failure was told. */
_must_check_ int inspection_begin(struct inspection *i);
_must_check_ int inspection_open_docket(struct inspection *i);
/* Ends what runs of it, removes its spool (its note stays there, unless `is_report_kept`), frees it. */
void inspection_done(struct inspection *i);
/* A read-only descriptor of a sealed copy. -ENOENT: of a member, whose copy was not kept (unpack_evidence.c). */
_must_check_ int inspection_open_copy(struct inspection *i, uint64_t id, int *ret_fd);
/* Ask the vault for the copy of a file of the medium, while it may be in the middle of a stream: VAULT_COPY comes in its turn. One at a
 * time: only while nothing is `fetching`. */
_must_check_ int inspection_fetch_copy(struct inspection *i, uint64_t id);
/* A vault answered FAILED, in `m`, to VAULT_OPEN: told. Our own disk, no verdict: returns a negative errno, which ends the inspection. */
_must_check_ int inspection_vault_failed(struct inspection *i, struct message *m);
void inspection_progress(struct inspection *i, const char *stage, bool is_now);
/* Why a wait ended early (-ECANCELED), now that it has: -ENODEV when the medium has gone, else -ECANCELED. */
int inspection_interrupted(const struct inspection *i);
/* The medium may go from now on: its removal interrupts nothing any more. */
void inspection_may_go(const struct inspection *i);
/* Tell an error and log it: the stage, the role's own words or the errno. */
void inspection_trouble(struct inspection *i, const char *what, int error, const char *why);

#endif
