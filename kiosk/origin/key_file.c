/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Public key files that the officer wants to trust: minisign. */
#include <string.h>
#include <unistd.h>

#include "common/minisign.h"
#include "origin/formats.h"

/* The whole file with a NUL behind it, or -EFBIG. */
static int read_file(int fd, uint64_t size, uint8_t *out, size_t room)
{
	size_t at = 0;

	if (size >= room)
		return -EFBIG;
	while (at < size) {
		ssize_t n = pread(fd, out + at, (size_t)size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	out[at] = 0;
	return 0;
}

static int describe_minisign(struct key_description *k)
{
	struct minisign_public key;
	int r;

	if (k->size > MINISIGN_PUBLIC_MAX || minisign_public_parse((const char *)k->bytes, k->size, &key, NULL) < 0)
		return 0;
	r = minisign_fingerprint(&key, k->fingerprint);
	if (r < 0)
		return r;
	minisign_id_text(key.id, k->key_id);
	minisign_public_base64(&key, (char *)k->bytes);
	k->size = strlen((const char *)k->bytes);
	k->kind = KEY_MINISIGN;
	return 1;
}

int describe_key(int fd, uint64_t size, struct key_description *ret)
{
	int r = read_file(fd, size, ret->bytes, sizeof(ret->bytes));

	if (r == -EFBIG)
		return 0;
	ret->size = (size_t)size;
	return r == 0 ? describe_minisign(ret) : r;
}
