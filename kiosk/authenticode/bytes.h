/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Little-endian numbers, and bytes of the file that is proved. */
#ifndef LAZARET_AUTHENTICODE_BYTES_H
#define LAZARET_AUTHENTICODE_BYTES_H

#include <stdint.h>

#include <openssl/evp.h>

#include "common/macros.h"

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

bool bytes_are_zero(const uint8_t *p, size_t size);

/* Exactly `size` bytes at `at`: 1; 0 when the file ends before; negative errno. */
_must_check_ int read_at(int fd, uint64_t at, void *out, size_t size);

/* From `from` up to `to` into the digest: 0; -EIO when the file ends before, negative errno. */
_must_check_ int hash_range(int fd, uint64_t from, uint64_t to, EVP_MD_CTX *ctx);

#endif
