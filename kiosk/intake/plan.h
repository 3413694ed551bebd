/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From what libblkid found to the list of volumes. Pure: no I/O, tested by table. */
#ifndef LAZARET_INTAKE_PLAN_H
#define LAZARET_INTAKE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/volume.h"

enum content_kind {
	CONTENT_UNKNOWN,    /* no signature */
	CONTENT_ONE,	    /* exactly one, or ISO 9660 together with UDF (an intended bridge) */
	CONTENT_AMBIGUOUS,  /* several: two systems would read it differently */
	CONTENT_UNREADABLE, /* the source gave an error */
};

/* The signatures found in one extent. */
struct content {
	enum content_kind kind;
	bool has_bridge;	    /* ISO 9660 beside UDF */
	char fs[VOLUME_FS_MAX + 1]; /* of the first signature */
	char usage[16];		    /* libblkid's: filesystem, raid, crypto, other */
	char label[VOLUME_LABEL_MAX + 1];
	char uuid[VOLUME_UUID_MAX + 1];
	uint64_t disc_size; /* bytes that a disc says it has; 0: not a disc, or not known */
	char names[128]; /* all of them, for the words about an ambiguity */
};

struct partition {
	uint32_t number; /* as the table counts */
	uint64_t offset; /* bytes */
	uint64_t size;
	bool is_container; /* extended partition: holds others, no volume of its own */
	struct content content;
};

struct layout {
	uint64_t size;	/* of the source, bytes */
	char table[16]; /* "dos", "gpt", ...; "" none */
	bool has_lost_gpt; /* a protective MBR announces a GPT, but no valid one is there */
	struct content whole; /* what the source looks like as one volume */
	struct partition partitions[PARTITIONS_MAX];
	size_t partition_count;
	size_t partitions_left_off; /* beyond PARTITIONS_MAX */
};

/* Does this partition lie within the source? (Else its content must not be looked at.) */
_must_check_ bool partition_fits(const struct layout *l, const struct partition *p);

/* The rules, in the order in which they apply:
 *  - no table, or a table without entries: the source is one volume;
 *  - a source that is ISO 9660 or UDF as a whole and has a table too is a hybrid disc image: the image is read as
 *    volume 0. A partition that begins where the image begins, or holds ISO 9660 of the same UUID and label, or lies
 *    within the image and holds no file system, is "covered"; any other is a volume of its own;
 *  - any other source with a file system beside a table: the table counts, the file system is refused as ambiguous;
 *  - partitions that reach past the end, or overlap another one, are refused;
 *  - extended partitions are no volumes;
 *  - space that nothing covers is "unallocated" when larger than GAP_SLACK_BYTES.
 * Volumes of unknown content get VOLUME_EMPTY without detail: the caller looks at the bytes and decides between
 * that and VOLUME_REFUSED. The list is in the order of offsets, a hybrid image first.
 */
void plan_make(const struct layout *l, struct volume_list *ret);

#endif
