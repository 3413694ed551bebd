/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The skeleton of roles that open containers: bring out every member, say what is wrong, hide nothing.
 *
 * A role is a table of formats and a main() of one line; a format is one function in one file. All of it runs in the
 * sandbox of an opener, on bytes that are hostile; openers are forked from a parent that has loaded the library (kiosk/forkserver),
 * and end with the file of the medium that they opened. One container at a time, one layer at a time: a member that is a container
 * itself is opened by another request, after it has been hashed and examined like any file.
 *
 * The library sees to what every format has in common: members' names that lead out of the tree or stand there twice,
 * budgets, framing. What it objects to is told as a finding; the format's function goes on, so that as much as possible is
 * examined, and stops where a call returns an error.
 */
#ifndef LAZARET_CONTAINER_CONTAINER_H
#define LAZARET_CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/reason.h"
#include "ipc/container.h"

/* One container, for the time of one call. */
struct container {
	enum container_format format;
	const struct container_info *info;
	enum container_shape shape; /* here: see CONTAINER_OPEN */
	const char *path;    /* raw; the container's own, to name the member of a compressed stream after */
	const uint8_t *data; /* all of it, mapped read-only; never NULL */
	uint64_t size;	     /* bytes, > 0 */
	struct container_private *private; /* member.c's own */
};

/* Functions for formats. They return 0 or a negative errno; an error ends this container, and it is not counted as opened.
 * -EDQUOT: over a budget, which has been told already. */

/* A member begins. `raw_path` as the container writes it (not NUL terminated; may hold anything), NULL for the one member
 * of a compressed stream; `announced` is its size by the container's own word, or CONTAINER_SIZE_UNKNOWN. The library
 * takes a leading "./" and trailing '/' away and tells names that are absolute, lead upwards, are empty, too long,
 * there twice, or not fit to be seen. Bytes follow by container_data(), then container_end(). */
_must_check_ int container_member(struct container *c, const char *raw_path, size_t path_size, uint64_t announced);
_must_check_ int container_data(struct container *c, const void *data, size_t size);
_must_check_ int container_zeros(struct container *c, uint64_t size); /* a hole */
/* The member is whole: its own check (CRC, length) agreed where the format has one. A size that is not the announced one
 * is told; with fewer bytes than announced the container does not count as opened. */
_must_check_ int container_end(struct container *c);
/* It is not: `why` is told of it, and what came of it is thrown away. The container does not count as opened. */
_must_check_ int container_broken(struct container *c, enum reason reason, const char *fmt, ...) _printf_(3, 4);

/* Entries without bytes. They count as members, are checked like them, and are told only when something is wrong: a link
 * that leads out of an ARCHIVE, a hard link to what was not there before, a device in an ARCHIVE. Targets are relative to the
 * link's directory (symbolic) or to the root of the container (hard), as tar(5) has them. */
_must_check_ int container_directory(struct container *c, const char *raw_path, size_t path_size);
_must_check_ int container_symlink(struct container *c, const char *raw_path, size_t path_size, const char *raw_target,
				   size_t target_size);
_must_check_ int container_hardlink(struct container *c, const char *raw_path, size_t path_size, const char *raw_target,
				    size_t target_size);
_must_check_ int container_special(struct container *c, const char *raw_path, size_t path_size);

/* Something is wrong or worth telling: with the member at hand between container_member() and its end, else with the
 * container itself. Reasons that a role may give: archive-unsafe, encrypted, limit-exceeded, container-opaque,
 * active-content, scan-error. The first of a reason and member is kept. Does not make the container "not opened": return an
 * error, or call container_broken(), for that. */
_must_check_ int container_finding(struct container *c, enum reason reason, const char *fmt, ...) _printf_(3, 4);

/* Does the budget allow so many more bytes? For formats that would have to unpack them into memory first. */
_must_check_ bool container_has_room(const struct container *c, uint64_t bytes);

struct container_opener {
	enum container_format format;
	/* Bring out everything. 0: all of it was brought out (whatever was told of it); -EBADMSG: damaged, which the function
	 * or the library has told; -EDQUOT: over a budget; another negative errno: nothing is known. */
	int (*open)(struct container *c);
};

struct container_role {
	enum role_id role; /* the parent */
	const struct container_opener *openers;
	size_t opener_count;
	/* In the parent, before its sandbox is entered: load what the library would open later. NULL: nothing to do. */
	int (*prepare)(void);
};

/* The role's main(): never returns but with an exit status. */
int container_main(const struct container_role *role);

#endif
