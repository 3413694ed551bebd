/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Volumes through the kernel's own file system drivers: needs real root. */
#ifndef LAZARET_INTAKE_KERNEL_H
#define LAZARET_INTAKE_KERNEL_H

#include "common/macros.h"
#include "intake/volume.h"

/* Mount `v` of `source_fd` (borrowed) detached, read-only, without replay of any journal. Blocks, at most MOUNT_TIME_MS
 * for each way that is tried. On success `*ret_root_fd` (owned by the caller) is the root and `v->driver` is
 * "kernel:TYPE". Returns 0; -ENODEV when this kernel has no driver for it, -EPERM without privilege; or another
 * negative errno; `v->detail` then has the kernel's words. */
_must_check_ int kernel_mount(struct volume *v, int source_fd, int *ret_root_fd);

#endif
