/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Copies of held files, kept until officers have decided: STATION/held/SHA256, and what is known of each in STATION/held/index.sqlite.
 *
 * The index is nobody's authority: whether something may be released the audit trail says, and that a copy is the file, its hash. Every
 * change is one transaction; whoever has begun one keeps the others out. Used by lazaretd and `lazaret`. All functions block on disk
 * and return 0 or a negative errno unless they say otherwise.
 */
#ifndef LAZARET_COMMON_HELD_STORE_H
#define LAZARET_COMMON_HELD_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/decision.h"
#include "common/hash.h"
#include "common/macros.h"

struct held_store;

#define HELD_PATIENCE_MS 20000 /* for somebody who puts the copies of a whole medium */
#define HELD_LOOP_MS 500      /* for a loop that others wait for */

/* Open the store in `dir`, which is made when it is missing; this and every question to it wait at most `wait_ms` for whoever writes
 * (-EBUSY). -EUCLEAN: its index is damaged (it may be deleted; the copies then go
 * with the next sweep). */
_must_check_ int held_open(const char *dir, int wait_ms, struct held_store **ret);
struct held_store *held_free(struct held_store *h);

static inline void held_freep(struct held_store **h)
{
	*h = held_free(*h);
}

int held_dir_fd(const struct held_store *h); /* borrowed */

/* One transaction: waits at most `wait_ms` for others (-EBUSY). */
_must_check_ int held_begin(struct held_store *h, int wait_ms);
_must_check_ int held_commit(struct held_store *h);
void held_rollback(struct held_store *h); /* fine without one */

struct held_usage {
	uint64_t files, bytes; /* of copies */
};
_must_check_ int held_usage(struct held_store *h, struct held_usage *ret);

/* Where a held file was met. */
struct held_place {
	const char *transfer;
	const void *path; /* raw: beneath files/ of a transfer */
	size_t path_size;
	const char *shown; /* the path on the medium, escaped */
	const char *entry; /* its entry of the report, JSON */
	int64_t started;   /* of that inspection; s since 1970 */
};

struct held_new {
	const char *sha256; /* 64 lower-case hex digits */
	uint64_t size;
	const char *code, *type; /* of the first reason; main MIME type, "" when it is not known */
	int64_t held_at, expires;
	struct held_place place;
};

/* Is there a copy of it? 1, 0. */
_must_check_ int held_has_copy(struct held_store *h, const char *sha256);
/* Make the copy from the sealed file behind `fd` (borrowed): another name of it, where that can be, otherwise its bytes; not synced. */
_must_check_ int held_put_copy(struct held_store *h, const char *sha256, int fd, uint64_t size);
/* Within a transaction; the copy is there. Its place counts from held_confirm() on. At most HELD_PLACES of one content are kept. */
#define HELD_PLACES 32
_must_check_ int held_put(struct held_store *h, const struct held_new *n);
/* Something in it, at whatever depth, has this content; or HELD_MEMBERS_UNKNOWN: not all that is in it is told. Within a transaction. */
#define HELD_MEMBERS_UNKNOWN ""
_must_check_ int held_put_member(struct held_store *h, const char *sha256, const char *member);
/* All copies of this store's file system onto the disk. */
_must_check_ int held_sync(struct held_store *h);

/* What every report of one transfer shares, for what is released of it: {engines, medium, operator, started}. */
_must_check_ int held_put_transfer(struct held_store *h, const char *transfer, const char *facts);

/* The inspection's report was kept: it holds what was put. Or it was not: what was put for it goes, copies too. */
_must_check_ int held_confirm(struct held_store *h, const char *transfer);
_must_check_ int held_forget_transfer(struct held_store *h, const char *transfer);

/* -- reading --------------------------------------------------------------------------------------------------------- */

enum held_state {
	HELD_OPEN,
	HELD_PROPOSED,
	HELD_RELEASED, /* or allowed */
	HELD_REJECTED, /* or denied */
	HELD_EXPIRED,  /* the release has ended: it is held again */
	HELD_STATE_COUNT_
};
const char *held_state_name(enum held_state s);

enum held_filter {
	HELD_FILTER_OPEN, /* open and expired */
	HELD_FILTER_PROPOSED,
	HELD_FILTER_DECIDED, /* released and rejected */
	HELD_FILTER_ALL,
	HELD_FILTER_COUNT_
};
_must_check_ int held_filter_parse(const char *name, enum held_filter *ret);

struct held_file { /* strings are borrowed */
	const char *sha256, *code, *type;
	const char *transfer, *path; /* the newest place; path escaped */
	const char *proposal;	     /* "": none is open */
	const char *released_as;     /* the transfer; "": was not published */
	uint64_t size;
	int64_t held_at, expires, until; /* until: of the decision; 0: no end */
	enum decision decision;		 /* the newest, in force or not */
	enum held_state state;
	bool has_copy;
};

/* From now on, what is proposed: JSON array of {id, sha256: [...], ...}; borrowed for the call. */
_must_check_ int held_set_proposals(struct held_store *h, const json_t *proposals);

/* Newest first. `search`: in path, transfer or hash (NULL: all). `each` returning non-zero ends the listing, and is returned. */
_must_check_ int held_list(struct held_store *h, enum held_filter filter, const char *search, int64_t now, int64_t offset, int64_t limit,
			   uint64_t *ret_total, int (*each)(void *context, const struct held_file *f), void *context);
/* 1 and `each` called, or 0. */
_must_check_ int held_find(struct held_store *h, const char *sha256, int64_t now, int (*each)(void *context, const struct held_file *f),
			   void *context);
/* The whole hash that begins so, when one alone does: 1; 0: none; 2: several. */
_must_check_ int held_complete(struct held_store *h, const char *beginning, char ret[static SHA256_HEX_LEN + 1]);
/* Places of one content, newest first. `each` as above. */
_must_check_ int held_places(struct held_store *h, const char *sha256, int (*each)(void *context, const struct held_place *p), void *context);
/* Is there something of this content (64 hex digits) in it, or can nobody say? 1, 0. */
_must_check_ int held_has_member(struct held_store *h, const char *sha256, const char *member);
/* The facts of held_put_transfer(), owned by the caller; NULL when there are none. */
_must_check_ int held_transfer(struct held_store *h, const char *transfer, char **ret_facts);
/* Its copy, for reading; -ENOENT: there is none. */
_must_check_ int held_open_copy(struct held_store *h, const char *sha256, int *ret_fd);

/* -- what becomes of it ---------------------------------------------------------------------------------------------- */

/* The newest decision (DECISION_NONE: removed). What is rejected or denied loses its copy. */
_must_check_ int held_decided(struct held_store *h, const char *sha256, enum decision d, int64_t until);
_must_check_ int held_released(struct held_store *h, const char *sha256, const char *transfer);
_must_check_ int held_drop_copy(struct held_store *h, const char *sha256);
/* Each whose time is over. `each` must not change the store. */
_must_check_ int held_each_expired(struct held_store *h, int64_t now, int (*each)(void *context, const char *sha256), void *context);
/* Is its time over? 1, 0. */
_must_check_ int held_has_expired(struct held_store *h, const char *sha256, int64_t now);
/* Within a transaction. */
_must_check_ int held_remove(struct held_store *h, const char *sha256);
/* Each copy that should be there and is not. */
_must_check_ int held_each_lost(struct held_store *h, int (*each)(void *context, const char *sha256), void *context);
/* What the store believes to be in force is forgotten; what has ended stays known as such. Before held_decided() is told all that is. */
_must_check_ int held_forget_decisions(struct held_store *h, int64_t now);
/* Within a transaction: copies that the index does not know, as a power cut leaves them, are removed. Returns how many. */
_must_check_ int held_remove_strays(struct held_store *h);

/* -- what may be proposed (held_check.c) ------------------------------------------------------------------------------- */

/* Can these (an array of hashes) be released together, out of the transfer `of` (NULL: the newest one of the first)? 0 and the transfer in
 * which they were held (owned by the caller); -ENOENT: one is
 * not held, or its copy is gone; -EEXIST: what is in force does not let it be; -EINVAL: they are not of one transfer, or a name cannot be published; or another negative errno.
 * `*ret_why` (owned by the caller, may be NULL): in words. */
_must_check_ int held_may_release(struct held_store *h, const json_t *hashes, const char *of, char **ret_of, char **ret_why);
_must_check_ int held_may_reject(struct held_store *h, const json_t *hashes, char **ret_why);

/* As docs/control.md has them; new references, NULL: out of memory. `proposals`: those of held_set_proposals(). */
json_t *held_json(const struct held_file *f, const json_t *proposals);
json_t *held_proposal_json(const json_t *record);

#endif
