/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* STATION/sets: what update packs brought (docs/updates.md), each in a directory of its own, NAME-VERSION, and `current`, which
 * names what is in force and is replaced by one rename:
 *
 *   {"format":"lazaret.sets/1","applied_at":S,"by":"...","keys":["NAME",...],"sets":{"database":{"applied_at":S,"files":[{"file":
 *    "daily.cvd","sha256":"..."},...],"made":S,"name":"clamav","pack":"...","set":"clamav-7","version":7},...},"undo":{"applied_at":
 *    S,"by":"...","keys":[...],"sets":{...},"versions":{...}}|null,"versions":{"clamav":7,...}}
 *
 *   sets       by kind; what has none is as lazaret.yaml says
 *   files      exactly these are used, and only with this content
 *   versions   of each pack that was ever applied and not undone: none of its name may be older
 *   keys       names that the last pack brought into the trust store
 *   undo       what was in force before
 *
 * Only root (whoever owns the station) writes there; what is in force is in the audit trail by hash.
 */
#ifndef LAZARET_STATION_SETS_H
#define LAZARET_STATION_SETS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/macros.h"
#include "station/config.h"

#define SETS_DIRECTORY "sets"
#define SETS_CURRENT "current"
#define SETS_LOCK ".lock" /* flock(2): by an update as long as it lives; 0600, or any account could hold it */
#define SETS_FORMAT "lazaret.sets/1"
#define SETS_FILE_MAX (1u << 20) /* bytes of `current` */
#define SET_RULES_FILE "rules.yaml"
#define SET_HASH_LIST_FILE "denied.sha256"

/* "database" "rules" "types" "yara" "hash-list" "software" "appliance"; static, NULL when there is none. */
const char *station_set_kind_name(unsigned int kind);

/* May this name a group of stations? 1 to 63 of a-z 0-9 . _ -; not "any", and no station's id (16 hex digits). */
bool station_group_ok(const char *name);

/* What `current` says, checked in form: an object owned by the caller; one without sets when there is no such file. `dir_fd`: sets/,
 * -EBADF: there is none. Returns 0, -EBADMSG with words in `*ret_why` (owned by the caller, NULL otherwise), or another negative
 * errno. */
_must_check_ int station_sets_load(int dir_fd, const char *file, json_t **ret, char **ret_why);

/* From now on configurations of this process take `file` (beneath sets/; borrowed, kept) in the place of `current`, and the trusted
 * keys from the directory that it names in "trust", if it does: a set is tried before it comes into force. "": none, lazaret.yaml
 * alone. */
void station_sets_use(const char *file);

/* -- for config.c ------------------------------------------------------------------------------------------------------- */

/* Let what is in force take the place of what lazaret.yaml said. Rules, type tables and the list of digests are compared with their
 * SHA-256 here; databases and YARA rules are where they are loaded. 0, -EINVAL with errors added, or -ENOMEM. */
_must_check_ int config_take_sets(struct station_config *c, struct yaml_errors *errors);
void config_sets_done(struct station_config *c);

#endif
