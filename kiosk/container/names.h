/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names of members as containers write them: cleaned, judged, and remembered, so that none stands there twice and none is
 * written through a link. Pure: bytes in, sentences out; nothing is told to anybody from here.
 *
 * What is looked for, and in which shape (ipc/container.def):
 *
 *   empty, NUL inside, longer than CONTAINER_PATH_MAX      all   (OBJECT may have empty ones)
 *   `..`, deeper than 64                                   ARCHIVE, ROOT
 *   control characters, terminal escapes, bidi overrides   ARCHIVE, ROOT
 *   absolute, drive letters, backslashes                   ARCHIVE
 *   there twice, file and directory of one name            ARCHIVE, ROOT
 *   written through a link of the same container           ARCHIVE, ROOT
 *   a link that leads out                                  ARCHIVE
 */
#ifndef LAZARET_CONTAINER_NAMES_H
#define LAZARET_CONTAINER_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/container.h"

#define NAMES_DEPTH_MAX 64 /* components: deeper trees cannot be unpacked or deleted by common tools */

enum name_kind {
	NAME_FREE, /* nothing is there */
	NAME_FILE,
	NAME_DIRECTORY,
	NAME_SYMLINK,
	NAME_SPECIAL,
};

/* A member's path, ready to be told: no NUL inside, one behind it. */
struct clean_name {
	char path[CONTAINER_PATH_MAX + 1];
	size_t size; /* without the NUL; 0: there is no name */
};

/* Clean a name: empty and "." components go, and so does a trailing '/'; in OBJECT it stays as it is. What objects to it is
 * returned (static), NULL: nothing; `ret` is filled in any case, as near to the original as can be shown (NUL becomes U+2400,
 * too long is cut). */
const char *name_clean(enum container_shape shape, const char *raw, size_t size, struct clean_name *ret);

/* Where a symbolic link at `link` (cleaned) leads, resolved by its text alone: what objects to it (static), or NULL. Links are
 * never followed: a target that turns back (`a/..`) behind a component that could itself be a link is refused for that. */
const char *name_target(enum container_shape shape, const struct clean_name *link, const char *raw, size_t size);

/* The member of a compressed stream: the last component of the container's path without what its suffix says of
 * compression (data.gz: data; foo.tgz: foo.tar); without such a suffix the same. gzip's stored name is not used: it is
 * whatever the sender wanted. */
void name_of_stream(const char *container_path, struct clean_name *ret);

/* The paths of one container, 8 bytes each and as much again for room. */
struct names;

/* `nodes_max`: paths that are remembered at most, directories that are only implied by longer paths included. NULL: out of
 * memory, or no random bytes. */
struct names *names_new(enum container_shape shape, uint64_t nodes_max);
struct names *names_free(struct names *n);

/* Remember the cleaned path. What objects to it goes to `*ret_why` (static; NULL: nothing). Returns 0, -ENOMEM, or -EDQUOT:
 * more than `nodes_max`. In OBJECT nothing is remembered. */
_must_check_ int names_add(struct names *n, const struct clean_name *name, enum name_kind kind, const char **ret_why);

/* A hard link at `name` becomes what `target` (cleaned) is; NAME_FREE: nothing of that name was there before. */
enum name_kind names_find(const struct names *n, const struct clean_name *target);

#endif
