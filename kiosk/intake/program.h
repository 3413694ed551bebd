/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Volumes through programs of Debian's, each in a jail of its own: where intake has no reader itself. */
#ifndef LAZARET_INTAKE_PROGRAM_H
#define LAZARET_INTAKE_PROGRAM_H

#include "common/macros.h"
#include "intake/driver.h"

/* As driver_open(), for the file systems of the table. */
_must_check_ int program_open(struct volume *v, int source_fd, const struct driver_account *account,
			      struct driver *ret, int *ret_root_fd);

#endif
