/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* STATION/slots.json: what became of the last update of the appliance itself (docs/appliance.md). Written by `lazaret update slot`, which
 * the appliance's own programs call, shown by lazaretd:
 *
 *   {"format":"lazaret.slots/1","at":S,"bad":["databases"],"reason":"","root":"<root hash>","slot":"b","state":"written","version":"0.2.0"}
 *
 *   state   written: the next start tries it; confirmed: it runs, and has found itself good; rolled-back: it did not come to that, and the one
 *           before runs again; failed: it could not be written, the one that runs is as it was
 *   bad     the checks that the self-check found bad when it was written: the new one is not blamed for them
 *
 * The boot partition says what is tried, not this file: without it only words are missing.
 */
#ifndef LAZARET_UPDATE_SLOTS_H
#define LAZARET_UPDATE_SLOTS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/macros.h"

#define SLOTS_FILE "slots.json"
#define SLOTS_FORMAT "lazaret.slots/1"
#define SLOTS_REASON_MAX 500 /* bytes */

/* One of the four above? */
bool slots_state_ok(const char *state);
/* Numbers with dots between them, at most 23 characters: with it a file name of the boot partition stays within four entries of its
 * directory (VFAT), and boot loaders and people order versions alike. */
bool slots_version_ok(const char *version);

/* `state` with what belongs to it, when all of it is in bounds; `bad` (array of strings) is taken over. A new reference, or NULL. */
json_t *slots_make(const char *state, const char *version, const char *root, const char *slot, const char *reason, json_t *bad);
/* Its record in the trail, update-STATE: what is in it, but for state and time. A new reference, or NULL. */
json_t *slots_record(const json_t *slots);
/* The checks that are bad, of a self-check as lazaretd tells it (docs/control.md); NULL and null: none. A new reference, or NULL. */
json_t *slots_bad_checks(const json_t *selfcheck);

/* What it says: a new reference; NULL: there is none, or it is not in this form. */
json_t *slots_load(const char *station_dir);
/* Replace it. 0, or a negative errno. */
_must_check_ int slots_save(const char *station_dir, const json_t *slots);

#endif
