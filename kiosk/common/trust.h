/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The vendor keys that the officer trusts: TRUSTDIR/NAME.pub (minisign) and TRUSTDIR/keys.json:
 *
 *   {"format":"lazaret.trust/1","keys":{"NAME":{"added_at":S,"by":"...","fingerprint":"...","key_id":"...",
 *    "purposes":["files"],"until":S}}}
 *
 * times in seconds since 1970 UTC, until 0: no end. A key counts only when both agree: a .pub file dropped into the
 * directory trusts nobody.
 */
#ifndef LAZARET_COMMON_TRUST_H
#define LAZARET_COMMON_TRUST_H

#include <jansson.h>
#include <stdbool.h>

#include "common/macros.h"

#define TRUST_FORMAT  "lazaret.trust/1"
#define TRUST_FILE    "keys.json"
#define TRUST_NAME_MAX 63 /* [a-z0-9][a-z0-9._-]*, a file name and a word in rules */
#define TRUST_KEYS_MAX 256
#define TRUST_PURPOSE "files" /* signatures of files and checksum lists on media */

_must_check_ bool trust_name_valid(const char *name);

/* The object under "keys" (owned by the caller), unchecked against the .pub files; empty when there is no keys.json.
 * Returns 0, or a negative errno with words in `*ret_why` (owned by the caller, may be NULL). */
_must_check_ int trust_metadata_load(int dir_fd, json_t **ret, char **ret_why);

/* Replace keys.json; `keys` is borrowed. */
_must_check_ int trust_metadata_save(int dir_fd, const json_t *keys);

/* Every trusted key, checked, sorted by name: an array (owned by the caller) of {name, key (text of the .pub file), key_id,
 * fingerprint, purposes (comma separated), until, added_at, by}. Expired keys are included. Any key whose file is
 * missing, unreadable or another than the one that was trusted is an error: -EBADMSG, words in `*ret_why`. */
_must_check_ int trust_load(int dir_fd, json_t **ret, char **ret_why);

#endif
