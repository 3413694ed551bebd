/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/digest_name.h"

#include <string.h>

static const struct digest table[DIGEST_COUNT_] = {
	{ DIGEST_MD5, "md5", 16, false },	{ DIGEST_SHA1, "sha1", 20, false },    { DIGEST_SHA224, "sha224", 28, false },
	{ DIGEST_SHA256, "sha256", 32, true },	{ DIGEST_SHA384, "sha384", 48, true }, { DIGEST_SHA512, "sha512", 64, true },
	{ DIGEST_BLAKE2B, "blake2b", 64, true },
};

const struct digest *digest_get(enum digest_id id)
{
	return &table[id];
}

const struct digest *digest_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

const struct digest *digest_by_hex_size(size_t hex_size)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].size * 2 == hex_size)
			return &table[i];
	return NULL;
}
