/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define READ_BLOCK (1u << 18) /* bytes; past this SHA-256 with SHA-NI gains nothing */

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_new(void)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || hash_reset(h) < 0)
		return hash_free(h);
	return h;
}

struct hash *hash_free(struct hash *h)
{
	if (h)
		EVP_MD_CTX_free(h->ctx);
	free(h);
	return NULL;
}

int hash_reset(struct hash *h)
{
	return EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int hash_update(struct hash *h, const void *data, size_t size)
{
	return EVP_DigestUpdate(h->ctx, data, size) == 1 ? 0 : -EIO;
}

int hash_final(struct hash *h, uint8_t ret_sum[static SHA256_LEN])
{
	return EVP_DigestFinal_ex(h->ctx, ret_sum, NULL) == 1 ? 0 : -EIO;
}

int sha256(const void *data, size_t size, uint8_t ret_sum[static SHA256_LEN])
{
	return EVP_Digest(data, size, ret_sum, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[static SHA256_LEN])
{
	return HMAC(EVP_sha256(), key, (int)key_size, data, size, ret, NULL) ? 0 : -EIO;
}

static void md_free_p(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

int hash_fd(const struct evp_md_st *md, int fd, uint8_t *ret, uint64_t *ret_size)
{
	_cleanup_(md_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
	_cleanup_free_ uint8_t *block = malloc(READ_BLOCK);
	uint64_t at = 0;

	if (!c || !block)
		return -ENOMEM;
	if (EVP_DigestInit_ex(c, md, NULL) != 1)
		return -ENOTSUP;
	for (;;) {
		ssize_t n = pread(fd, block, READ_BLOCK, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (EVP_DigestUpdate(c, block, (size_t)n) != 1)
			return -EIO;
		at += (uint64_t)n;
	}
	if (EVP_DigestFinal_ex(c, ret, NULL) != 1)
		return -EIO;
	if (ret_size)
		*ret_size = at;
	return 0;
}

int sha256_fd(int fd, uint8_t ret_sum[static SHA256_LEN], uint64_t *ret_size)
{
	return hash_fd(EVP_sha256(), fd, ret_sum, ret_size);
}

void hex_encode(const uint8_t *data, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * size] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *hex, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(hex[2 * i]);
		int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return hex[2 * size] == '\0' ? 0 : -EINVAL;
}
