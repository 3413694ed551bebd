/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What lies on the source: partition table and super blocks, read by libblkid in a sandboxed child. */
#ifndef LAZARET_INTAKE_PROBE_H
#define LAZARET_INTAKE_PROBE_H

#include <stdint.h>

#include "common/macros.h"
#include "intake/volume.h"

/* Ask a child in the sandbox of ROLE_PROBE. `source_fd` borrowed, a block device or regular file of `source_size`
 * bytes, write-protected already. Blocks, at most `timeout_ms`. Returns 0 and the list (at least one volume unless the
 * source is empty); -ETIMEDOUT; -ECHILD when the child died; or another negative errno. */
_must_check_ int probe_source(int source_fd, uint64_t source_size, int timeout_ms, struct volume_list *ret);

/* The work itself, without a sandbox: for the child, and for tests and fuzzers. */
_must_check_ int probe_source_here(int source_fd, uint64_t source_size, struct volume_list *ret);

#endif
