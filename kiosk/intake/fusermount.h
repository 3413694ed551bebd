/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The other end of libfuse's "fusermount" protocol, in the drivers' root: it hands over the /dev/fuse that intake has
 * mounted, so that a driver needs neither a mount nor a privilege. Works for libfuse 2 and 3. */
#ifndef LAZARET_INTAKE_FUSERMOUNT_H
#define LAZARET_INTAKE_FUSERMOUNT_H

#include <stdbool.h>

#include "common/macros.h"

/* Where a driver, and the fusermount that it starts, find /dev/fuse. */
#define DRIVER_FUSE_FD 3

/* Was this program started under the name fusermount or fusermount3? */
_must_check_ bool fusermount_is(const char *argv0);

/* The whole of fusermount: returns the exit status. */
_must_check_ int fusermount_main(int argc, char **argv);

#endif
