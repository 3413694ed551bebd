/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "authenticode/bytes.h"

#define BLOCK (1u << 16) /* bytes hashed at a time */

bool bytes_are_zero(const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

int read_at(int fd, uint64_t at, void *out, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = pread(fd, (uint8_t *)out + have, size - have, (off_t)(at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		have += (size_t)n;
	}
	return 1;
}

int hash_range(int fd, uint64_t from, uint64_t to, EVP_MD_CTX *ctx)
{
	static uint8_t block[BLOCK];

	while (from < to) {
		size_t n = (size_t)MIN(to - from, (uint64_t)BLOCK);
		int r = read_at(fd, from, block, n);

		if (r <= 0)
			return r < 0 ? r : -EIO;
		if (EVP_DigestUpdate(ctx, block, n) != 1)
			return -ENOTSUP;
		from += n;
	}
	return 0;
}
