/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The docket's part about the origin of members.
 *
 * A container in which something vouches for files is looked at like a medium of its own: its members are the files of a volume that
 * nothing else is on, its *tree*. Functions of docket.h about origin take trees where they take volumes, and members where they take
 * entries. What lies in a container speaks of nothing outside of it, and the medium of nothing in it.
 */
#ifndef LAZARET_SUPERVISOR_DOCKET_TREES_H
#define LAZARET_SUPERVISOR_DOCKET_TREES_H

#include "supervisor/docket_members.h"

#define DOCKET_TREE_FIRST 65536u /* volumes are fewer: VOLUMES_MAX */

static inline bool docket_is_tree(uint32_t volume)
{
	return volume >= DOCKET_TREE_FIRST;
}

struct docket_tree {
	uint32_t number;
	uint64_t container, root; /* ids */
};

/* A copy of this member was kept, since it may vouch for others or be vouched for. */
_must_check_ int docket_keep_copy(struct docket *d, uint64_t id);
/* Those, in the order of ids. Their volume is 0: they are in no tree yet. */
_must_check_ int docket_each_copy(struct docket *d, docket_each_fn each, void *context);

/* The container of this member becomes a tree, if it is none yet. */
_must_check_ int docket_plant(struct docket *d, uint64_t id);
/* 1 and the tree of this number; 0: there is none. */
_must_check_ int docket_get_tree(struct docket *d, uint32_t number, struct docket_tree *ret);
/* What is in other containers before what they are in. The docket may be changed by the callback. */
typedef int (*docket_tree_fn)(void *context, const struct docket_tree *t);
_must_check_ int docket_each_tree(struct docket *d, docket_tree_fn each, void *context);
/* The members of all trees, by tree and path. */
_must_check_ int docket_each_leaf(struct docket *d, docket_each_fn each, void *context);

/* This evidence has carried a good signature over something else, by a key that counts. */
_must_check_ int docket_add_bearer(struct docket *d, uint64_t id, const char *key_name);
/* Who has signed something in this container. */
_must_check_ int docket_signers_within(struct docket *d, uint64_t container, docket_signer_fn each, void *context);
/* How many members of the container this key has not signed. Not counted are, up to so many bytes each, what bears its signature and
 * what belongs to that; and, of an image, the files that say that it is one. */
_must_check_ int docket_unsigned_within(struct docket *d, uint64_t container, const char *key_name, uint64_t small, bool is_image,
					uint64_t *ret);

#endif
