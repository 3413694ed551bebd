/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasures F and G: what libclamav really looked at, kept as it goes.
 *
 * libclamav's "clean" is a claim. This module follows its callbacks as a stack of layers, reads each container's
 * own list of members (plan.h), and holds the two against each other when a layer ends: a member that was
 * announced and never inspected, with its size and CRC, is owed to the role that opens such containers (tally.h), or
 * becomes a finding where there is none. It also remembers whether the calls came in the order that a complete scan has.
 */
#ifndef LAZARET_EXAMINE_ACCOUNT_H
#define LAZARET_EXAMINE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/finding.h"
#include "common/macros.h"
#include "examine/containers.h"
#include "examine/limits.h"
#include "examine/plan.h"
#include "examine/tally.h"

struct layer {
	uint32_t level; /* libclamav's recursion level; not every level has callbacks */
	const char *type; /* static in libclamav: "CL_TYPE_ZIP" */
	char *name;	/* owned, raw bytes of the medium; NULL: "#n" */
	const char *full_name; /* borrowed of the parent's plan, which outlives this; NULL: it has none */
	bool is_looked_up;     /* full_name was searched for */
	struct plan_member self; /* size and, in an archive that we read, CRC: finds the full name */
	unsigned int number; /* among the parent's children, from 1 */
	bool is_normalised;  /* a rewritten view of the parent, not a member */
	bool is_cut;	     /* longer than libclamav looks: what it has is no whole member */
	uintptr_t from, to;  /* where its bytes stood, while they did: a part of the parent's is carved, no member */
	uint8_t sum[SHA256_LEN]; /* of a view: not set */
	struct containers containers; /* of the root, and where something may be owed */
	struct plan plan;    /* what should be inside */
	struct plan_member *announced; /* by libclamav's meta callback */
	size_t announced_count, announced_room;
	struct plan_member *seen; /* children that were inspected; no names */
	size_t seen_count, seen_room;
	unsigned int children;
};

struct account {
	struct findings *findings; /* borrowed */
	struct tally *tally;	   /* borrowed; NULL: whatever would be owed is a finding */
	bool is_raw; /* a window of a longer file: what it looks like says nothing */
	struct layer stack[SCAN_DEPTH_MAX + 2];
	size_t depth;
	uint64_t deadline_ms; /* CLOCK_MONOTONIC; own reading stops then */
	bool was_root_inspected;
	bool was_root_done_last; /* no callback came after the root's end */
	int root_result;
	uint8_t root_sum[SHA256_LEN];
	bool was_hit; /* a signature matched: libclamav stops where it is */
	bool is_broken; /* out of memory or inconsistent callbacks: nothing can be concluded */
};

/* `findings` and `tally` are borrowed and live longer than the account; `root_sum` is the digest of the file itself, needed
 * with a tally. */
void account_begin(struct account *a, struct findings *findings, struct tally *tally,
		   const uint8_t root_sum[SHA256_LEN], uint64_t deadline_ms);

/* The three callbacks of libclamav, in its order: file_inspection, meta, post_scan. `raw_name` may be NULL;
 * `data` is valid during the call only. */
void account_layer(struct account *a, uint32_t level, const char *type, const char *raw_name, const uint8_t *data,
		   size_t size, bool is_normalised);
void account_announced(struct account *a, const char *container, const char *raw_name, uint64_t size,
		       bool is_encrypted);
void account_layer_done(struct account *a, int result);

/* Path of the member that is being inspected, as a finding's member: NULL for the file itself; owned by the
 * caller. An account without memory becomes broken. */
char *account_path(struct account *a, const char *raw_leaf);

/* Add a finding for the layer on top, or for `raw_leaf` in it (NULL: the layer itself). */
void account_flag(struct account *a, enum reason reason, const char *raw_leaf, const char *fmt, ...)
	_printf_(4, 5);

/* What is in the layer on top, or `raw_leaf` in it, cannot be vouched for by libclamav, but by whoever opens that layer as
 * `format`. A finding (container-opaque) if no role does, or would not when it is given these bytes. */
void account_owe(struct account *a, enum container_format format, const char *raw_leaf, const char *fmt, ...)
	_printf_(4, 5);

/* Did the scan leave the traces of a complete one? `result` is the one that the scan ended with (CL_CLEAN or
 * CL_VIRUS). Returns NULL, or what is missing (static). Frees the layers. */
const char *account_end(struct account *a, int result);

#endif
