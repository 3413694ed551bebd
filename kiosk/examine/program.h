/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Archives behind a program (self-extracting ones) that libarchive's readers go looking for. */
#ifndef LAZARET_EXAMINE_PROGRAM_H
#define LAZARET_EXAMINE_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/container.h"

/* The next format after `*at` (0 before the first) of which these bytes, if they are a PE or ELF program, hold exactly one
 * archive with a header that checks out; CONTAINER_NONE after the last. Programs that read archives have their magic numbers
 * without a header; of several archives a reader would open one. */
enum container_format program_archive_next(const uint8_t *data, size_t size, size_t *at);

#endif
