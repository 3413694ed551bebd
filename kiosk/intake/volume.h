/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What intake knows of one volume, and the list that a probe answers. Strings are raw: from the medium. */
#ifndef LAZARET_INTAKE_VOLUME_H
#define LAZARET_INTAKE_VOLUME_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/limits.h"
#include "ipc/codec.h"

enum volume_outcome {
	VOLUME_OPEN,	    /* a file system to be opened */
	VOLUME_REFUSED,	    /* something that this station does not read, or may not */
	VOLUME_FAILED,	    /* should be readable, and is not */
	VOLUME_EMPTY,	    /* nothing but zero bytes */
	VOLUME_UNALLOCATED, /* space that no volume covers */
	VOLUME_COVERED,	    /* part of a volume that is read */
	VOLUME_OUTCOME_COUNT_
};

struct volume {
	uint64_t offset; /* bytes from the start of the source */
	uint64_t size;	 /* bytes */
	enum volume_outcome outcome;
	uint32_t session_block; /* of a disc with several sessions: where the last one begins (2048 bytes); told by intake */
	bool is_noise; /* of unknown content, and random wherever it was looked at */
	char fs[VOLUME_FS_MAX + 1]; /* libblkid's name: "vfat", "ext4", "crypto_LUKS" */
	char label[VOLUME_LABEL_MAX + 1];
	char uuid[VOLUME_UUID_MAX + 1];
	char driver[VOLUME_DRIVER_MAX + 1]; /* "kernel:vfat", "user:fat", "directory" */
	char detail[VOLUME_DETAIL_MAX + 1]; /* why it is not read; or a remark */
};

struct volume_list {
	struct volume list[VOLUMES_MAX];
	size_t count;
};

/* "refused", ...; static; NULL when out of range. */
const char *volume_outcome_name(enum volume_outcome o);

/* The next free entry, zeroed but for place and outcome; NULL when the list is full. Borrowed. */
struct volume *volume_add(struct volume_list *l, uint64_t offset, uint64_t size, enum volume_outcome outcome);

/* Set or extend (after "; ") the detail; what does not fit is cut. */
void volume_detail(struct volume *v, const char *fmt, ...) _printf_(2, 3);

void volume_list_encode(const struct volume_list *l, struct encoder *e);

/* The other end does not trust its child: every field is checked against its limit, every extent against
 * `source_size`. Returns 0 or -EPROTO. */
_must_check_ int volume_list_decode(struct volume_list *ret, uint64_t source_size, const void *data, size_t size);

#endif
