/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* STATION/updates: packs that came on media, were signed by a key for updates, and wait for an officer. Each is PACK, PACK.minisig and
 * PACK.json: {"at":S,"from":"TRANSFER","key":"...","name":"...","pack":PACK,"sha256":"...","version":N}, written last. What the last
 * says comes from the signature's trusted comment, not from the pack, which nobody has opened: name "" and version 0 when it does not
 * say. All of it is looked at again when the pack is applied. Beside them PACK.approved, where somebody has logged in for it.
 */
#ifndef LAZARET_UPDATE_OFFERS_H
#define LAZARET_UPDATE_OFFERS_H

#include <jansson.h>
#include <stdint.h>

#include "common/macros.h"

#define OFFERS_DIRECTORY "updates"
#define OFFERS_MAX 16
#define OFFERS_NAME_MAX 120 /* bytes of PACK */

/* May a file of this name be kept? Ends in ".lazaret-pack"; letters, digits and . _ - + ~; no dot first. */
_must_check_ bool offers_name_ok(const char *name);

/* What a signed comment of `lazaret pack make` says: false: it is none. */
_must_check_ bool offers_comment(const char *trusted, char *ret_name /* TRUST_NAME_MAX + 1 */, uint64_t *ret_version);

/* Those that are there, sorted by PACK: a new array of {pack, sha256, name, version, from, trouble}; `trouble`: null, or why it would be
 * refused by what is known now. `versions`: those in force (sets/current; NULL: not known). Blocks on disk. NULL: out of memory. */
json_t *offers_json(const char *station_dir, const json_t *versions);

/* Would offers_keep() have room for it? 0, or as that. */
_must_check_ int offers_room(const char *station_dir, const char *name, uint64_t size);

/* Keep `fd` (borrowed) with its signature as `name`. An older file of that name is replaced. `facts`: PACK.json (borrowed). Returns 0;
 * -EMLINK: OFFERS_MAX wait already; -ENOSPC: there would not be room; or another negative errno. */
_must_check_ int offers_keep(const char *station_dir, const char *name, int fd, uint64_t size, const char *sig, const json_t *facts);

/* SHA-256 in hex of the pack of this name that waits; NULL: none does. Owned by the caller. */
char *offers_sha256(const char *station_dir, const char *name);

/* An officer at the machine wants it in force: PACK.approved, {"by":NAME,"sha256":"..."}, of these bytes and no others. Who he is was found
 * out by the caller. 0 or a negative errno. */
_must_check_ int offers_approve(const char *station_dir, const char *name, const char *by, const char *sha256);
/* Who has approved it, if that was said of these very bytes; NULL: nobody. Owned by the caller. */
char *offers_approved_by(const char *station_dir, const char *name, const char *sha256);

/* It has been applied, or is not wanted. 0 when none of it is there any more. */
_must_check_ int offers_remove(const char *station_dir, const char *name);

#endif
