/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Importing a file of records (common/parcel.h) at the centre. Whoever carried it is not trusted: its signed index is checked over
 * all of its bytes before any of them is looked at. */
#ifndef LAZARET_FLEET_PARCEL_H
#define LAZARET_FLEET_PARCEL_H

#include "fleet/carry.h"
#include "fleet/keys.h"

struct parcel {
	char station[64];
	uint64_t first, last;
	struct carried carried;
	uint64_t reports;
};

/* Check the file behind `fd` (borrowed, a regular file) and send it. Returns 0; -EBADMSG, -ENOKEY and words in `*ret_why` (static):
 * nothing was sent; -EIO with the link's error set: the rest can be sent again; or another negative errno. */
_must_check_ int parcel_import(struct link *l, const struct keys *keys, int fd, struct parcel *ret, const char **ret_why);

#endif
