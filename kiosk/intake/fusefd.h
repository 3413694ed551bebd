/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A FUSE mount made by intake itself, so that whoever serves it needs no privilege at all. */
#ifndef LAZARET_INTAKE_FUSEFD_H
#define LAZARET_INTAKE_FUSEFD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

/* What the kernel asks for at a time, at most: with more, libfuse would answer less, which means the end of the file. */
#define FUSEFD_READ_MAX (128u << 10)

/* Open /dev/fuse and mount it, detached and read-only: nothing appears in any namespace. `is_file`: its root is a
 * regular file, not a directory. Nobody may look into it before the server answers: the call would block.
 *
 * Who may look: anyone when intake is root (allow_other, mounted in the station's own user namespace), else processes
 * of the same account in whatever user namespace (fuse_permissible_uidgid() compares kernel ids).
 *
 * Both descriptors are owned by the caller. Returns 0, or a negative errno with words in `words` (may be cut): -ENODEV
 * or -ENOENT without FUSE, -EACCES or -EPERM when /dev/fuse may not be opened. */
_must_check_ int fusefd_mount(bool is_file, int *ret_server_fd, int *ret_mount_fd, char *words, size_t words_size);

#endif
