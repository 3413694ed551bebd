/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What libcryptsetup would have the device mapper do, written down instead of done.
 *
 * Whoever may speak to the device mapper (CAP_SYS_ADMIN) can put another mapping under the station's own root. So the
 * process that reads hostile headers must not: in this executable the functions of libdevmapper that libcryptsetup calls
 * are ours (the dynamic linker resolves a library's imports to the executable first), they touch no device, and intake
 * carries out what was written down after it has checked it (table.h). */
#ifndef LAZARET_INTAKE_DMRECORD_H
#define LAZARET_INTAKE_DMRECORD_H

#include "intake/table.h"

/* From now on, a read-only device called `name` (borrowed, static) goes into `into` (borrowed, static). */
void dmrecord_begin(const char *name, struct table *into);

/* Was one created, and read-only, since then? */
_must_check_ bool dmrecord_is_complete(void);

#endif
