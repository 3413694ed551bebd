/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A small medium made of one file and of what may vouch for it, for `lazaret rules explain`. */
#ifndef LAZARET_SUPERVISOR_EXPLAIN_STAGE_H
#define LAZARET_SUPERVISOR_EXPLAIN_STAGE_H

#include "common/macros.h"

#define EXPLAIN_EVIDENCE_MAX 20000	 /* files */
#define EXPLAIN_BYTES_MAX    (8ull << 30) /* bytes of them */

/* Copy `file` and the files whose names say that they may vouch for others (common/evidence_name.h) into `dir_fd` (borrowed),
 * with their paths beneath `root`.
 *
 * root  a directory that holds `file` somewhere beneath it: all beneath it is looked at, no link is followed. NULL: the
 *       file's own directory, without those in it
 * Returns 0; -ENOENT and the like for the file, -EINVAL: it is no regular file, or not beneath `root`; -EFBIG: more
 * evidence than the limits; then `*ret_what` (owned by the caller, may be NULL) has the path that it was about. After success
 * it is the file's path beneath `dir_fd`. */
_must_check_ int explain_stage(int dir_fd, const char *file, const char *root, char **ret_what);

#endif
