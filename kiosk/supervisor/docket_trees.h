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
/* Those of files that nobody has signed as a whole, in the order of ids. Their volume is 0: they are in no tree yet. */
_must_check_ int docket_each_copy(struct docket *d, docket_each_fn each, void *context);

/* The container of this member becomes a tree, if it is none yet. */
_must_check_ int docket_plant(struct docket *d, uint64_t id);
/* 1 and the tree of this number; 0: there is none. */
_must_check_ int docket_get_tree(struct docket *d, uint32_t number, struct docket_tree *ret);
/* The members of all trees, by tree and path. */
_must_check_ int docket_each_leaf(struct docket *d, docket_each_fn each, void *context);

/* This evidence says nothing but digests and names, and bears this key's signature over something else; "": nobody's, whoever signed what it
 * lists may be taken to have signed it. */
_must_check_ int docket_add_frame(struct docket *d, uint64_t id, const char *key_name);
/* Who has signed something in this container. */
_must_check_ int docket_signers_within(struct docket *d, uint64_t container, docket_signer_fn each, void *context);
/* 1: the container has members that this key has not signed, 0. Not meant are, up to so many bytes each, frames, what frames of this key
 * list by a strong digest, and a file oci-layout with one of these contents. */
#define DOCKET_LAYOUTS 3
_must_check_ int docket_has_unsigned(struct docket *d, uint64_t container, const char *key_name, uint64_t small,
				     const uint8_t layouts[][SHA256_LEN]);

/* Containers that wait to be looked at, each once: all trees; one (by its id); the innermost of them, which waits no longer (1; 0: none
 * does), with its tree (0: it is none). */
_must_check_ int docket_pend_trees(struct docket *d);
_must_check_ int docket_pend(struct docket *d, uint64_t container);
_must_check_ int docket_next_pending(struct docket *d, uint64_t *ret_container, uint32_t *ret_tree);

#endif
