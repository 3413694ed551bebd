/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The docket's part about containers: their members, and what is known of the bytes in them.
 *
 * `root` is the entry (a file of the medium) that everything belongs to: what was seen in one file says nothing of another,
 * so that a file that is held never helps or harms its neighbour. Paths are raw bytes.
 */
#ifndef LAZARET_SUPERVISOR_DOCKET_MEMBERS_H
#define LAZARET_SUPERVISOR_DOCKET_MEMBERS_H

#include "supervisor/docket.h"

/* Ids of members begin here, those of entries end below; a member's is above its container's. Functions of docket.h that take
 * an id and say so work on both: docket_examined(), docket_done(), docket_find(), docket_trouble(), docket_sealed(). */
#define DOCKET_MEMBER_FIRST (UINT64_C(1) << 40)

static inline bool docket_is_member(uint64_t id)
{
	return id >= DOCKET_MEMBER_FIRST;
}

struct docket_member {
	uint64_t id, container, root;
	uint32_t depth; /* 1: directly in a file of the medium */
	char *path;	/* within its container */
	uint64_t size;
	bool has_sum;
	uint8_t sum[SHA256_LEN];
	enum stream_status status;
	char *trouble, *types, *findings; /* as in struct docket_entry */
	uint32_t done;
};

void docket_member_done(struct docket_member *m);

_must_check_ int docket_add_member(struct docket *d, const struct docket_member *m);
/* 1 and the member, 0: there is none. */
_must_check_ int docket_get_member(struct docket *d, uint64_t id, struct docket_member *ret);
/* Something in the container says that it is an image's layout. docket_is_layout(): 1, 0. */
_must_check_ int docket_mark_layout(struct docket *d, uint64_t container);
_must_check_ int docket_is_layout(struct docket *d, uint64_t container);
/* By id, so that a container comes before what is in it. The docket may be changed by the callback. */
typedef int (*docket_member_fn)(void *context, struct docket_member *m);
_must_check_ int docket_each_member(struct docket *d, uint64_t root, docket_member_fn each, void *context);

/* docket_find() with the member that it is about: a path within the file or member `id`, or NULL. */
_must_check_ int docket_find_in(struct docket *d, uint64_t id, enum reason reason, const char *raw_member, const char *detail);

/* Containers that wait to be opened: files (root 0), and members of a root. `formats`: bit n for enum container_format n. */
_must_check_ int docket_wait(struct docket *d, uint64_t id, uint64_t root, uint64_t formats);
/* The oldest file, or the newest member (depth first keeps the spool small), which then no longer waits. 1, 0: none does. */
_must_check_ int docket_next_waiting(struct docket *d, uint64_t root, uint64_t *ret_id, uint64_t *ret_formats);

/* A file of the medium that waits to be examined, its copy closed (backlog.h). */
_must_check_ int docket_defer(struct docket *d, uint64_t id);
/* The oldest one, which then no longer waits. 1, 0: none does. */
_must_check_ int docket_next_deferred(struct docket *d, uint64_t *ret_id);

/* libclamav has inspected these bytes, as a part of `root`. */
_must_check_ int docket_inspected(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN]);
_must_check_ int docket_is_inspected(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN]); /* 1, 0 */
/* The virus scanner gave these bytes up, for its time or its limits. */
_must_check_ int docket_give_up(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN]);
_must_check_ int docket_is_given_up(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN]); /* 1, 0 */
/* These bytes, a part of `root` or itself, have been opened to the bottom. */
_must_check_ int docket_opened(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN]);
/* libclamav met the layer `sum` when it looked at `id`, and could not look into it. The rest as in docket_find_in(). */
_must_check_ int docket_owe(struct docket *d, uint64_t root, uint64_t id, const uint8_t sum[static SHA256_LEN], const char *raw_member,
			    const char *detail);
/* What is owed of `id` and was not opened by anybody: at most so many. `member` is raw, or NULL. */
#define DOCKET_OWED_TOLD 8
typedef int (*docket_owed_fn)(void *context, const char *member, const char *detail);
_must_check_ int docket_owed(struct docket *d, uint64_t root, uint64_t id, docket_owed_fn each, void *context);
/* What was seen of `root` depends on more than its bytes: nobody may remember it. docket_is_unsettled(): 1, 0. */
_must_check_ int docket_unsettle(struct docket *d, uint64_t root);
_must_check_ int docket_is_unsettled(struct docket *d, uint64_t root);

enum docket_recall {
	DOCKET_EXAMINED, /* not known before */
	DOCKET_RECALLED, /* known, and not examined */
	DOCKET_CHECKED,	 /* known, and examined all the same */
};
/* Of an entry, once; `found`: what was found then, a bit for each enum reason. */
_must_check_ int docket_recalled(struct docket *d, uint64_t id, enum docket_recall kind, uint64_t found);
_must_check_ int docket_recall_of(struct docket *d, uint64_t id, enum docket_recall *ret, uint64_t *ret_found);
/* `root` and all that is in it has been opened: of what was inspected nothing is asked any more. */
_must_check_ int docket_forget_inspected(struct docket *d, uint64_t root);

#endif
