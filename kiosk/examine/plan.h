/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a container says that it holds, by our own reading of its directory: the list that libclamav's work is
 * held against. Small readers of untrusted bytes; they run in a worker, on a memory map, and extract nothing but
 * what a check sum needs.
 */
#ifndef LAZARET_EXAMINE_PLAN_H
#define LAZARET_EXAMINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/container.h"

struct account;

struct plan_member {
	uint64_t size; /* bytes, unpacked */
	uint32_t crc;  /* CRC-32 (ISO 3309) of the unpacked bytes */
	bool has_crc;
	char *name;	  /* owned; raw bytes; NULL when the format has none */
	const char *note; /* static; why libclamav may have skipped it; NULL */
	enum container_format container; /* that it is in, which need not be what the layer is */
};

enum plan_kind {
	PLAN_NONE,	/* not a container, or one whose members nobody lists (documents, mail) */
	PLAN_MEMBERS,	/* `members`, read by us */
	PLAN_ANNOUNCED, /* libclamav's own announcements; at least one member must have been inspected */
	PLAN_ONE,	/* exactly one thing inside, of unknown size */
};

struct plan {
	enum plan_kind kind;
	enum container_format container; /* whoever opens it brings out what is missing; NONE: no role does */
	struct plan_member *members;
	size_t count, room;
	bool is_carved; /* a zip that stands behind something else in the layer */
	bool may_hold_zip; /* a zip's directory stands somewhere in the bytes */
};

/* Read the plan of a layer of libclamav's type `type`. Everything that is wrong with the container itself
 * (truncated, trailing data, encrypted, not to be accounted for) is flagged in `a` at once. */
void plan_read(struct plan *plan, struct account *a, const char *type, const uint8_t *data, size_t size);
void plan_done(struct plan *plan);

/* As what another role opens a layer of libclamav's type `type`; CONTAINER_NONE when no role does. */
enum container_format plan_container(const char *type);

/* Append; takes `name` over. Returns 0 or -ENOMEM. */
_must_check_ int plan_add(struct plan *plan, const struct plan_member *member);

/* Is this the name of an entry that unpacks beneath the target directory on every system? */
_must_check_ bool plan_name_safe(const char *raw_name);

/* Does the check sum of a tar header hold? */
bool plan_tar_has_checksum(const uint8_t header[static 512]);

/* The readers of single formats. */
void plan_zip(struct plan *plan, struct account *a, const uint8_t *data, size_t size);	  /* APPNOTE 6.3.10 */
/* A zip behind something else (self-extracting program, polyglot): when it ends the file its members are read. */
void plan_zip_carved(struct plan *plan, struct account *a, const uint8_t *data, size_t size);
void plan_tar(struct plan *plan, struct account *a, const uint8_t *data, size_t size);	  /* POSIX.1-2017 pax */
void plan_gzip(struct plan *plan, struct account *a, const uint8_t *data, size_t size);  /* RFC 1952 */
void plan_bzip2(struct plan *plan, struct account *a, const uint8_t *data, size_t size); /* bzip2 1.0.8 */

#endif
