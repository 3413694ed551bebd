/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What people of the centre and of other stations decided about contents, read back.
 *
 * LISTS_DENIED is for `hash-list:` of lazaret.yaml(5): contents that the centre or a station denies. It only ever grows: a deny that
 * was taken back there stays here, since letting something in is for two people of this station. So a database that was taken over
 * can keep files out and let none in. LISTS_ADVICE has all the rest: information, which nothing obeys. */
#ifndef LAZARET_FLEET_LISTS_H
#define LAZARET_FLEET_LISTS_H

#include "fleet/link.h"
#include "fleet/state.h"

#define LISTS_DENIED "denied.sha256"
#define LISTS_ADVICE "advice.json"
#define LISTS_FORMAT "lazaret.fleet-advice/1"

/* Make an empty list of denied contents where there is none, so that `hash-list:` can name it. */
_must_check_ int lists_begin(int dir_fd);

/* 0; -EIO with the link's error set; or another negative errno: nothing was changed. Notes in `s` when, and how many. */
_must_check_ int lists_fetch(struct link *l, int dir_fd, struct state *s);

#endif
