/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The way back from the last update, as it is shown and agreed to at an appliance's screen: STATION/updates/undo.approved, {"by":NAME,
 * "reason":"...","second":NAME,"sha256":"..."}, where the last is that of sets/current: what was shown is what is undone. `lazaret update
 * undo --approved` does it, and looks at all of it again. */
#ifndef LAZARET_UPDATE_UNDO_H
#define LAZARET_UPDATE_UNDO_H

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"
#include "people/people.h"

#define UNDO_APPROVED "undo.approved" /* in updates/; no name of a pack ends like this */
#define UNDO_REASON_MAX 500	      /* bytes as typed */
#define UNDO_KEYS_SHOWN 20

/* May they, of whom the first is an officer? The second: another officer, or an administrator. NULL: they may; else words (static). */
const char *undo_persons_refused(const struct person *first, const struct person *second);

/* What going back would change: a new {sha256, applied_at, by, changes: [{kind, from, to}], keys: [names that are no longer trusted, the first
 * UNDO_KEYS_SHOWN], more_keys: how many others}; `from`,
 * `to`: null (as lazaret.yaml says) or {name, version, made}. A JSON null when there is nothing to go back to, or it cannot be read. */
json_t *undo_json(const char *station_dir);

/* Two persons at the machine want it. Who they are was found out by the caller. 0 or a negative errno. */
_must_check_ int undo_approve(const char *station_dir, const char *by, const char *second, const char *reason, const char *sha256);
/* What they said, when it was said of these very bytes of sets/current: a new {by, reason, second, sha256}; NULL: nobody did. */
json_t *undo_approved(const char *station_dir, const char *sha256);

/* SHA-256 of sets/current in hex. `sets_fd`: sets/, borrowed. 0 or a negative errno. */
_must_check_ int undo_current_sha256(int sets_fd, char ret[static SHA256_HEX_LEN + 1]);

#endif
