/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The conversation about one encrypted volume: intake says that it is locked, the supervisor brings passphrases. */
#ifndef LAZARET_INTAKE_LOCKED_H
#define LAZARET_INTAKE_LOCKED_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/volume.h"
#include "ipc/channel.h"

/* Would locked_open() ask for this one? */
_must_check_ bool locked_is(const struct volume *v);

/* Ask for passphrases, at most `tries` of them, until one opens the volume. Blocks until the supervisor answers or closes
 * the channel. Returns 1 with a descriptor of the decrypted volume (owned by the caller; read-only, mapping.h), its size and
 * a detail that says so; 0 when it stays closed: outcome and detail of `v` say why; -ENOTCONN when the supervisor ends
 * it; or another negative errno when the channel broke. */
_must_check_ int locked_open(struct channel *c, uint32_t tries, size_t index, struct volume *v, int source_fd, int *ret_fd,
			     uint64_t *ret_size);

#endif
