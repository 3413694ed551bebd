/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A disc's volumes that no probe can tell: blank, audio, several sessions. */
#ifndef LAZARET_INTAKE_DISC_H
#define LAZARET_INTAKE_DISC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/volume.h"

/* Is there anything on the disc behind `fd` (borrowed) that can be probed? False: `list` says what there is instead, a blank
 * disc ("empty") or audio tracks alone ("refused"). */
_must_check_ bool disc_has_volumes(int fd, uint64_t size, struct volume_list *list);

/* Add to what a probe found: audio tracks beside the files, which session it is that is read. */
void disc_add_remarks(int fd, struct volume_list *list);

#endif
