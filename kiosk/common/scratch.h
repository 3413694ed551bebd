/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Scratch directories that outlive nobody: locked (flock) by the process that made them, so that what has no lock is a
 * crash's, and can be removed by whoever comes next.
 */
#ifndef LAZARET_COMMON_SCRATCH_H
#define LAZARET_COMMON_SCRATCH_H

#include "common/macros.h"

/* Make `name` (one component) beneath `dir_fd` and lock it. The descriptor is the caller's; the directory counts as
 * abandoned once it and its copies are closed. -EEXIST when the name is taken. */
_must_check_ int scratch_make(int dir_fd, const char *name, int *ret_fd);

/* Remove every directory beneath `dir_fd` whose name begins with `prefix` and that nobody has locked. Returns how many, or
 * a negative errno. */
_must_check_ int scratch_clean(int dir_fd, const char *prefix);

#endif
