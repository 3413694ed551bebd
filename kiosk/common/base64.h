/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Base64 (RFC 4648 section 4), strict: padding required, no white space, unused bits must be zero, so that
 * every byte string has exactly one spelling. */
#ifndef LAZARET_COMMON_BASE64_H
#define LAZARET_COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

/* Characters without NUL that `size` bytes take. */
#define BASE64_LEN(size) (((size) + 2) / 3 * 4)

/* `out` has room for BASE64_LEN(size) + 1. */
void base64_encode(const void *data, size_t size, char *out);

/* Exactly `size` bytes from exactly BASE64_LEN(size) characters (`text_size` of them; no NUL needed).
 * Returns 0 or -EINVAL; `out` is undefined after an error. */
_must_check_ int base64_decode(const char *text, size_t text_size, void *out, size_t size);

#endif
