/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Read-only loop devices over a part of the source: for the kernel's file system drivers. */
#ifndef LAZARET_INTAKE_LOOP_H
#define LAZARET_INTAKE_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define LOOP_PATH_MAX 32

/* Bytes [offset, offset + size) of `source_fd` (borrowed; regular file or block device) as a block device. The same
 * way for images and for devices, so that kernels without partition scan are no special case. The device goes when
 * the descriptor and the last mount of it have gone, however intake ends (LO_FLAGS_AUTOCLEAR).
 * `*ret_fd` is owned by the caller. Returns 0 or a negative errno (-EPERM without privilege, -ENOENT without loop). */
_must_check_ int loop_open(int source_fd, uint64_t offset, uint64_t size, int *ret_fd, char ret_path[static LOOP_PATH_MAX]);

#endif
