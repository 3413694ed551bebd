/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The stations' audit keys, as the centre knows them: from a directory of STATION.pub, which nobody who writes to the database can
 * change; or else from the database, which proves that the rows belong together, not where they come from. */
#ifndef LAZARET_FLEET_KEYS_H
#define LAZARET_FLEET_KEYS_H

#include "common/minisign.h"
#include "fleet/link.h"

struct keys;

/* Read DIR/STATION.pub. 0, or a negative errno after telling what is wrong. */
_must_check_ int keys_load(const char *dir, struct keys **ret);

/* From lazaret.station. 0; -EIO with the link's error set; -ENOMEM. */
_must_check_ int keys_fetch(struct link *l, struct keys **ret);
struct keys *keys_free(struct keys *k);

/* Borrowed; NULL: not known. */
const struct minisign_public *keys_get(const struct keys *k, const char *station);

#endif
