/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The write protection of media: the one place that sets it. Intake protects media with it, the self-check tries it on a dummy. */
#ifndef LAZARET_COMMON_WRITE_BLOCK_H
#define LAZARET_COMMON_WRITE_BLOCK_H

#include "common/macros.h"

/* Set the block device behind `fd` (borrowed, opened for reading) read-only (BLKROSET), unless it is, and ask the kernel whether it is
 * so now. Returns 0; -EPERM without the privilege; -EIO: the kernel says that it is not; or another negative errno. */
_must_check_ int write_block_set(int fd);

/* 1: read-only, 0: not, or a negative errno. */
_must_check_ int write_block_is_set(int fd);

#endif
