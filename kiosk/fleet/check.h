/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Is what the centre has complete and genuine? The rows are checked here, line by line, with the stations' keys; what only the
 * database can tell (forks, what witnesses saw) it is asked for. */
#ifndef LAZARET_FLEET_CHECK_H
#define LAZARET_FLEET_CHECK_H

#include <jansson.h>

#include "fleet/keys.h"

struct check {
	const char *station; /* NULL: all */
	uint64_t stations, records, reports;
	json_t *problems; /* array of {station, problem, from, to, detail}; owned by the caller */
};

/* 0, whatever was found; -EIO with the link's error set; -ENOMEM. */
_must_check_ int check_all(struct link *l, const struct keys *keys, struct check *c);

#endif
