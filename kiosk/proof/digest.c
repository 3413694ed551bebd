/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by the roles that prove evidence. libcrypto alone touches the bytes. MD5 and SHA-1 are here to find damage and tampering by
 * people who are no cryptographers; whether they may vouch for anything is the judge's business, and they may not.
 */
#include "proof/digest.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/hash.h"

static const struct {
	const char *openssl; /* its name in libcrypto */
	const char *tags[3]; /* in BSD lists */
	const char *abc;     /* digest of "abc" (FIPS 180-4, RFC 1321, RFC 7693 examples), first four bytes */
} table[DIGEST_COUNT_] = {
	[DIGEST_MD5] = { "MD5", { "MD5" }, "90015098" },
	[DIGEST_SHA1] = { "SHA1", { "SHA1" }, "a9993e36" },
	[DIGEST_SHA224] = { "SHA224", { "SHA224", "SHA2-224" }, "23097d22" },
	[DIGEST_SHA256] = { "SHA256", { "SHA256", "SHA2-256" }, "ba7816bf" },
	[DIGEST_SHA384] = { "SHA384", { "SHA384", "SHA2-384" }, "cb00753f" },
	[DIGEST_SHA512] = { "SHA512", { "SHA512", "SHA2-512" }, "ddaf35a1" },
	[DIGEST_BLAKE2B] = { "BLAKE2B-512", { "BLAKE2b", "BLAKE2b-512", "BLAKE2B-512" }, "ba80a53f" },
};

static EVP_MD *loaded[DIGEST_COUNT_]; /* live as long as the process */

const struct digest *digest_by_tag(const char *tag, size_t size)
{
	for (unsigned int i = 0; i < DIGEST_COUNT_; i++)
		for (size_t k = 0; k < ARRAY_LEN(table[i].tags) && table[i].tags[k]; k++)
			if (strlen(table[i].tags[k]) == size && memcmp(table[i].tags[k], tag, size) == 0)
				return digest_get((enum digest_id)i);
	return NULL;
}

static bool answers(size_t i)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	char hex[9];

	if (EVP_Digest("abc", 3, sum, &size, loaded[i], NULL) != 1 || size != digest_get((enum digest_id)i)->size)
		return false;
	hex_encode(sum, 4, hex);
	return strcmp(hex, table[i].abc) == 0;
}

int digests_prepare(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!loaded[i])
			loaded[i] = EVP_MD_fetch(NULL, table[i].openssl, NULL);
		if (!loaded[i] || !answers(i))
			return -ENOTSUP;
	}
	return 0;
}

int digest_fd(const struct digest *d, int fd, uint8_t ret[static ORIGIN_DIGEST_MAX])
{
	return loaded[d->id] ? hash_fd(loaded[d->id], fd, ret, NULL) : -ENOTSUP;
}

#define BLOCK_BYTES (1u << 17)

static int update_from(EVP_MD_CTX *ctx, int fd, uint64_t from)
{
	_cleanup_free_ uint8_t *block = malloc(BLOCK_BYTES);

	if (!block)
		return -ENOMEM;
	for (;;) {
		ssize_t n = pread(fd, block, BLOCK_BYTES, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (EVP_DigestUpdate(ctx, block, (size_t)n) != 1)
			return -EIO;
		from += (uint64_t)n;
	}
}

int digest_fd_from(const struct digest *d, int fd, uint64_t from, uint8_t ret[static ORIGIN_DIGEST_MAX])
{
	const EVP_MD *md = loaded[d->id];
	EVP_MD_CTX *ctx;
	int r = -ENOTSUP;

	if (!md)
		return -ENOTSUP;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex(ctx, md, NULL) == 1)
		r = update_from(ctx, fd, from);
	if (r == 0 && EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(ctx);
	return r;
}
