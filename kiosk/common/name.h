/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names from media: which are safe on every importer's system, and which of them collide. */
#ifndef LAZARET_COMMON_NAME_H
#define LAZARET_COMMON_NAME_H

#include <stddef.h>

#include "common/macros.h"

#define NAME_PATH_MAX 4089 /* bytes of a whole relative path: importers resolve files/PATH (PATH_MAX without NUL) */
#define NAME_PART_MAX 255  /* bytes of one component (NAME_MAX) */
#define NAME_DEPTH_MAX 64  /* components: deeper trees cannot be unpacked or deleted by common tools */

/* Is this relative path safe to publish? Returns 0, or -EINVAL and the reason in `*ret_why` (static string).
 *
 * Refused: empty, absolute, longer than NAME_PATH_MAX, deeper than NAME_DEPTH_MAX; a component that is empty,
 * "." or "..", longer than NAME_PART_MAX, not UTF-8, with anything text_escape() would change, with one of
 * \ : * ? " < > | (Windows, SMB), with a leading '-' or '~' or leading or trailing space, with a trailing dot,
 * or whose stem is a reserved device name (CON, PRN, AUX, NUL, COM0-9, LPT0-9, CONIN$, CONOUT$, superscript digits). */
_must_check_ int name_path_valid(const void *raw, size_t size, const char **ret_why);

/* The key under which case-insensitive and normalising systems see this valid path: NFKC case fold (UAX #31).
 * Owned by the caller; NULL when out of memory or not UTF-8. Two paths with one key collide. */
char *name_fold(const char *path);

#endif
