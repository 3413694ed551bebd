/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The window: bytes [offset, offset + size) of the source as one read-only regular file, for drivers that want a file. */
#ifndef LAZARET_INTAKE_WINDOW_H
#define LAZARET_INTAKE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/child.h"

/* Start the server in the sandbox of ROLE_DRIVER. `source_fd` borrowed. `*ret_mount_fd` (owned by the caller) is a
 * detached mount whose root is the file. Returns 0, or a negative errno with words. End it with child_end(). */
_must_check_ int window_start(int source_fd, uint64_t offset, uint64_t size, struct child *ret, int *ret_mount_fd,
			      char *words, size_t words_size);

#endif
