/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Appending to the audit trail: AUDITDIR/audit.jsonl and its closed segments, format in common/chain.h. Several ledgers may append
 * to one trail: an exclusive lock on AUDITDIR/lock orders them, record by record.
 */
#ifndef LAZARET_LEDGER_TRAIL_H
#define LAZARET_LEDGER_TRAIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/chain.h"
#include "common/macros.h"

struct trail;

struct trail_place {
	uint64_t seq;
	uint8_t hash[SHA256_LEN];
};

/* How it is kept. All zero, and no descriptor: one file for ever, no witness, the clock is not watched. Strings and descriptor are
 * borrowed and must stay alive. */
struct trail_options {
	uint64_t segment_bytes;	  /* a file that has so many is closed (trail_rotate()); 0: never */
	int witness_dir_fd;	  /* where its witness is, when witness_name is not NULL */
	const char *witness_name; /* one path component */
	const char *boot_id;	  /* of this boot, 36 characters; NULL: the clock is not watched */
};

/* Open the trail in `dir_fd` (borrowed, must stay open) and check its end; begin it with a genesis record when there is
 * none, unless `has_past` says that there must have been one (-ENOENT).
 *
 * key      borrowed, must stay alive
 * station  copied; named in the genesis record
 * options  copied; may be NULL
 *
 * Returns 0, -EBADMSG when the end of the trail was altered, it is another key's, or it is older than its witness; or another
 * negative errno.
 * After an error `*ret_why` (borrowed from nobody: static, may be NULL) may say more. */
_must_check_ int trail_open_with(int dir_fd, const struct minisign_secret *key, const char *station, bool has_past,
				 const struct trail_options *options, struct trail **ret, const char **ret_why);
_must_check_ int trail_open(int dir_fd, const struct minisign_secret *key, const char *station, bool has_past,
			    struct trail **ret, const char **ret_why);
struct trail *trail_free(struct trail *t);

static inline void trail_freep(struct trail **t)
{
	*t = trail_free(*t);
}

/* Append one record (`body` borrowed) and sync it. An interrupted earlier write is declared first, and so is a clock that was set. Blocks for the
 * lock (TRAIL_LOCK_MS at most: -ETIMEDOUT) and on disk. Returns 0, or a negative errno: then the record does not
 * count, whatever part of it was written. After a failed sync the kernel's idea of the file is not to be trusted,
 * and every later call fails (-EIO). */
_must_check_ int trail_append(struct trail *t, const char *type, const json_t *body, struct trail_place *ret,
			      const char **ret_why);

/* Set disk space aside for `bytes` of records to come, where the file system can (fallocate(2), FALLOC_FL_KEEP_SIZE; where it
 * cannot, nothing is promised). Returns 0, -ENOSPC, or another negative errno. */
_must_check_ int trail_reserve(struct trail *t, uint64_t bytes);

/* Close CHAIN_FILE and begin a new one, if it has as many bytes as the options say and its end is whole. For whoever holds the
 * report lock: what trail_reserve() has set aside lies behind the end of the file. Reads all of that file once. Killed at any
 * point, it leaves a trail that goes on. Returns 1 when a new file was begun, 0, or a negative errno: then the trail goes on in the old one. */
_must_check_ int trail_rotate(struct trail *t, const char **ret_why);

/* A witness of the trail's last record (owned by the caller). */
_must_check_ int trail_witness(struct trail *t, char **ret);
/* Write it to where the options say, if they do, by rename. */
_must_check_ int trail_witness_keep(struct trail *t);

/* SHA-256 of the newest report as its record has it, in hex; "" when there is none. */
_must_check_ int trail_last_report(struct trail *t, char ret_sha256[static SHA256_HEX_LEN + 1]);

/* Walk all of it and have `each` called for every record; its negative errno ends the walk and is returned. 0: it is good to
 * its end, but for what an interrupted write left there; -EBADMSG: a record was altered. */
_must_check_ int trail_walk(struct trail *t, int (*each)(void *context, const struct chain_record *r, uint64_t line), void *context);

/* Is there a report record of this transfer? 0 yes, -ENOENT no, or another negative errno. Reads the whole trail. */
_must_check_ int trail_has_report(struct trail *t, const char *transfer);

#endif
