/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Numbers for the files of a library that knows them by name or by object only. They never change: the kernel keeps them. */
#ifndef LAZARET_INTAKE_NODES_H
#define LAZARET_INTAKE_NODES_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/listing.h"

struct node {
	uint64_t parent;      /* node; the root's is itself */
	uint64_t first_child; /* node; children follow each other */
	uint32_t child_count;
	bool is_known;	      /* a directory's children, a file's size */
	int error;	      /* what the listing met: its children are not all there */
	uint16_t type; /* S_IFREG, S_IFDIR, ... */
	uint32_t opened; /* how often */
	uint64_t size;	 /* bytes */
	uint64_t place;	 /* userfs.h */
	char *name; /* owned */
	void *thing; /* the library's */
};

struct nodes {
	struct node *list;
	size_t count, capacity;
};

/* The root, node 1. Returns 0 or -ENOMEM. */
_must_check_ int nodes_init(struct nodes *n, void *root_thing);

/* NULL when there is no such node. Borrowed until the next nodes_add(). */
struct node *nodes_get(struct nodes *n, uint64_t node);

/* One more child of `parent`, which is being listed: all children are added before those of another directory. `name` is
 * copied. Returns 0; -EFBIG beyond NODES_MAX; -ENOMEM. */
_must_check_ int nodes_add(struct nodes *n, uint64_t parent, const char *name, unsigned int type, void *thing);

/* Answer a listing from the children that are known; with the error that their listing met. */
_must_check_ int nodes_list(struct nodes *n, uint64_t parent, struct listing *ret);

#endif
