/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The digest algorithms that lists on media may use, in one table: what the roles compute, what the supervisor takes from them,
 * and what may vouch for anything. */
#ifndef LAZARET_COMMON_DIGEST_NAME_H
#define LAZARET_COMMON_DIGEST_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

enum digest_id {
	DIGEST_MD5,
	DIGEST_SHA1,
	DIGEST_SHA224,
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGEST_BLAKE2B,
	DIGEST_COUNT_
};

struct digest {
	enum digest_id id;
	const char *name; /* "sha256", as in reports, rules and messages */
	size_t size;	  /* bytes */
	bool is_strong;	  /* nobody can make two files agree in it; the others find damage, and vouch for nothing */
};

/* Static; NULL when there is none. */
const struct digest *digest_by_name(const char *name);
const struct digest *digest_get(enum digest_id id);
/* By length in hexadecimal digits; 128 is SHA-512, which is by far the more common (BLAKE2b has its own names). */
const struct digest *digest_by_hex_size(size_t hex_size);

#endif
