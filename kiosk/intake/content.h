/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The one user of libblkid: signatures of an extent, entries of a partition table. Runs in the probe only. */
#ifndef LAZARET_INTAKE_CONTENT_H
#define LAZARET_INTAKE_CONTENT_H

#include <stdint.h>

#include "common/macros.h"
#include "intake/plan.h"

/* All signatures in [offset, offset + size) of `fd`; what goes wrong is part of the answer. */
void content_read(int fd, uint64_t offset, uint64_t size, struct content *ret);

/* Table name, entries (without their content) and `has_lost_gpt` of `l`, whose size is set. A source that cannot be
 * read has no table; content_read() of the whole then says why. */
void content_read_table(int fd, struct layout *l);

#endif
