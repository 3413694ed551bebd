/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names that checksum lists go by. Used by the supervisor to choose candidates, and by the origin role. */
#ifndef LAZARET_COMMON_LIST_NAME_H
#define LAZARET_COMMON_LIST_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

/* Does this file name (last component, raw bytes with NUL) promise a checksum list? Case does not matter:
 *
 *   SHA256SUMS, md5sum, B2SUMS, CHECKSUM, checksums, SHASUMS256, ...   whole, or after '-', '_' or '.', with or without
 *                                                                      ".txt" (Fedora's -CHECKSUM, HashiCorp's _SHA256SUMS)
 *   SHA256, MD5, ...                                                   whole (OpenBSD)
 *   *.sha256, *.md5, *.b2, ... and *.sha256sum, *.sha256.txt           beside the file that they are about
 */
_must_check_ bool list_name_promises(const char *basename);

/* The algorithm that the name stands for ("md5" "sha1" "sha224" "sha256" "sha384" "sha512" "blake2b", static), NULL when
 * it says none. */
const char *list_name_algorithm(const char *basename);

/* Length of the leading part of the name that names the one file which "x.iso.sha256" is about ("x.iso"); 0 when the
 * name is of another form. */
size_t list_name_target(const char *basename);

#endif
