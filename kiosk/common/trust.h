/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The vendor keys that the officer trusts: TRUSTDIR/NAME.pub and TRUSTDIR/keys.json:
 *
 *   {"format":"lazaret.trust/1","keys":{"NAME":{"added_at":S,"by":"...","created":S,"expires":S,"fingerprint":"...",
 *    "key_id":"...","kind":"openpgp","owner":"...","paths":["GLOB",...],"purposes":["files",...],"sha256":"...",
 *    "types":["GLOB",...],"until":S}}}
 *
 *   NAME.pub    the key's bytes as the role that knows its kind gave them (common/key_kind.h): text or binary
 *   sha256      of these bytes. A key counts only when both agree: a .pub file dropped into the directory, or put in
 *               the place of another, trusts nobody
 *   created, expires   what the key says of itself; until: the officer's own end. Seconds since 1970 UTC, 0: not said
 *   paths, types       of the files for which its signatures count; empty: all
 *
 * Nothing here parses a key.
 */
#ifndef LAZARET_COMMON_TRUST_H
#define LAZARET_COMMON_TRUST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/key_kind.h"
#include "common/macros.h"

#define TRUST_FORMAT  "lazaret.trust/1"
#define TRUST_FILE    "keys.json"
#define TRUST_NAME_MAX 63 /* [a-z0-9][a-z0-9._-]*, a file name and a word in rules */
#define TRUST_KEYS_MAX 256
#define TRUST_BYTES_MAX (4u << 20) /* bytes of all keys: each role that proves evidence holds them all */
#define TRUST_SCOPE_MAX 32 /* patterns in `paths`, and in `types`: each file of a medium is compared with them */

_must_check_ bool trust_name_valid(const char *name);

/* "files" "repository" "package" "image" "attestation" "code" "update"; static, NULL when there is none. */
const char *trust_purpose_name(unsigned int purpose);
_must_check_ int trust_purpose_by_name(const char *name); /* enum key_purpose, or -EINVAL */

/* May this be a pattern of `paths`: relative to the volume, ending in a name, not too long (common/glob.h)? */
_must_check_ bool trust_path_valid(const char *pattern);
/* Of `types`: a MIME type with '*' and '?'. */
_must_check_ bool trust_type_valid(const char *pattern);

/* The object under "keys" (owned by the caller), each entry of the form above, unchecked against the .pub files; empty when
 * there is no keys.json. Returns 0, or a negative errno with words in `*ret_why` (NULL before, then owned by the caller;
 * `ret_why` may be NULL). */
_must_check_ int trust_metadata_load(int dir_fd, json_t **ret, char **ret_why);

/* Replace keys.json; `keys` is borrowed. -EFBIG: more than could be read again. */
_must_check_ int trust_metadata_save(int dir_fd, const json_t *keys);

/* Every trusted key, checked, sorted by name: an array (owned by the caller) of {name, kind, key (base64 of the bytes),
 * key_id, fingerprint, owner, purposes, paths, types (arrays), until, created, expires, added_at, by}. Keys that have
 * ended are included. Any key whose file is missing, unreadable or another than the one that was trusted is an error:
 * -EBADMSG, words in `*ret_why`. */
_must_check_ int trust_load(int dir_fd, json_t **ret, char **ret_why);

/* Does a key, as trust_load() or keys.json has it, count for this purpose at `now` (s since 1970)? Not when the officer's
 * trust or the key itself has ended. A revocation is known to the role that verifies. */
bool trust_key_counts(const json_t *key, enum key_purpose purpose, int64_t now);
bool trust_key_has_ended(const json_t *key, int64_t now);

/* Is this file one of those for which the key is trusted?
 *
 * path   on the volume. A pattern with a '/' is compared with it, another with its last component, as those of rules
 * types  what the content can be taken for, the first is the main one; without those that the type tables call
 *        implied by it. All have to be among the key's: a file that is also something else is not what it signs. A
 *        further "application/octet-stream" or "text/plain" says nothing. None (not known): a key with types does not
 *        cover the file. */
bool trust_key_covers(const json_t *key, const char *path, const char *const *types, size_t type_count);

#endif
