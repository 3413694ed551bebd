/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#ifndef LAZARET_DISK_QCOW_MAP_H
#define LAZARET_DISK_QCOW_MAP_H

#include <stdint.h>

#include "common/macros.h"

/* The header of version 2 or 3 (72 bytes at least) is there in both. Pure. */
uint64_t qcow_disk_size(const uint8_t *data);

/* NULL when the library reads what QEMU reads; else in words. Takes 8 bytes of work a cluster of the disk: whoever calls has made sure
 * that the disk is of a size that is allowed. */
const char *qcow_map_trouble(const uint8_t *data, uint64_t size);

#endif
