/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The station's side: loads what the officer configured, enters its sandbox, and looks at the outbox once or for ever. */
#ifndef LAZARET_FLEET_SERVE_H
#define LAZARET_FLEET_SERVE_H

#include <stdbool.h>

#include "common/macros.h"

#define EXIT_CANNOT 2  /* something could not be read or reached */
#define EXIT_USAGE  64 /* sysexits.h: EX_USAGE */
#define EXIT_NO_NAME 75 /* EX_TEMPFAIL: the centre's name has no address now; the service manager tries again */

/* The exit status: `is_once`: 0 all is acknowledged, 1 it is and something is wrong with the records, 2 it is not. Otherwise 0 when
 * told to stop. */
int serve(const char *dir, bool is_once);

#endif
