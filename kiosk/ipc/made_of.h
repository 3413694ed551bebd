/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which code this process runs: what was found with one library says nothing of what another, or a mended one of the same version,
 * would find (supervisor/remembering.h). */
#ifndef LAZARET_IPC_MADE_OF_H
#define LAZARET_IPC_MADE_OF_H

#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"

/* SHA-256 over the build ids (ld(1), --build-id) of the program and of all libraries that it has loaded by now, in the order in which
 * they were loaded. -ENODATA: one of them has none; then nobody can tell, and `ret` is all zeros. Makes no system call. */
_must_check_ int program_made_of(uint8_t ret[static SHA256_LEN]);

#endif
