/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Mapped devices: the one place that speaks to the device mapper. */
#ifndef LAZARET_INTAKE_MAPPING_H
#define LAZARET_INTAKE_MAPPING_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/table.h"

/* Can this kernel map devices? Returns 0; -EPERM without privilege; -ENODEV when it has no device mapper. */
_must_check_ int mapping_available(void);

/* Make a read-only device by `t` (checked; it is wiped here), whose only device is `loop_fd` (borrowed; read-only). What
 * the kernel then says is compared with what was asked for: read-only, this one device beneath, `sectors` long. Its name is
 * random; udev's rules leave it alone. `*ret_fd` (owned by the caller) reads it; it disappears with the last descriptor and
 * mount of it, however intake ends. Returns 0, or a negative errno with a sentence in `words`. */
_must_check_ int mapping_make(struct table *t, uint64_t sectors, int loop_fd, int *ret_fd, char *words, size_t words_size);

#endif
