/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What key is in a file that the officer wants to trust? This process reads no key: roles that prove evidence are asked, one
 * after the other, each in its sandbox, until one knows it. */
#ifndef LAZARET_SUPERVISOR_DESCRIBE_H
#define LAZARET_SUPERVISOR_DESCRIBE_H

#include "common/macros.h"
#include "station/config.h"
#include "supervisor/events.h"

#define DESCRIBE_FILE_MAX (1u << 20) /* bytes: armour and third parties' signatures are more than the key that is kept */

enum describe_status {
	DESCRIBE_KEY = 0,   /* a "key" event told it */
	DESCRIBE_NONE = 1,  /* not a key that can be trusted; an "error" event told why */
	DESCRIBE_CANNOT = 2 /* could not be found out; an "error" event told why */
};

/* "key": kind, fingerprint, key_id, owner (escaped), created, expires (s since 1970 UTC, 0: not said), key (base64 of the
 * bytes for the trust store), trouble (escaped: why it must not be trusted, ""). signal_fd: readable: stop (-1: nothing
 * does). A file beneath the station's spool or staging is refused. Blocks for some seconds at most. */
enum describe_status describe_key_file(const struct station_config *config, const char *file, struct events *events,
				       int signal_fd);

#endif
