/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* SHA-256 (FIPS 180-4) over libcrypto, and hexadecimal. */
#ifndef LAZARET_COMMON_HASH_H
#define LAZARET_COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define SHA256_LEN 32
#define SHA256_HEX_LEN 64

struct hash; /* a running SHA-256 */

struct hash *hash_new(void); /* NULL when out of memory */
struct hash *hash_free(struct hash *h);
_must_check_ int hash_reset(struct hash *h);
_must_check_ int hash_update(struct hash *h, const void *data, size_t size);
_must_check_ int hash_final(struct hash *h, uint8_t ret_sum[static SHA256_LEN]);

_must_check_ int sha256(const void *data, size_t size, uint8_t ret_sum[static SHA256_LEN]);

/* HMAC-SHA-256 (RFC 2104). */
_must_check_ int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[static SHA256_LEN]);

/* The whole regular file behind `fd` (borrowed), from offset 0, position unchanged; blocks. `md`: an EVP_MD of libcrypto;
 * `ret` has room for its result; `ret_size` (bytes read) may be NULL. -ENOTSUP when libcrypto refuses `md`. */
struct evp_md_st;
_must_check_ int hash_fd(const struct evp_md_st *md, int fd, uint8_t *ret, uint64_t *ret_size);
_must_check_ int sha256_fd(int fd, uint8_t ret_sum[static SHA256_LEN], uint64_t *ret_size);

void hex_encode(const uint8_t *data, size_t size, char *out /* 2 * size + 1 */);
/* Lower or upper case, exactly 2 * size digits. Returns 0 or -EINVAL. */
_must_check_ int hex_decode(const char *hex, uint8_t *out, size_t size);

#endif
