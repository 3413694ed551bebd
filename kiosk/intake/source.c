/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The one place where a reader's idea of a position meets the volume's bounds. Runs as ROLE_DRIVER. */
#include "intake/source.h"

static int read_fd(const struct source *s, uint64_t at, void *to, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(s->fd, (char *)to + got, size - got, (off_t)(s->offset + at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		got += (size_t)n;
	}
	return 0;
}

void source_init_fd(struct source *ret, int fd, uint64_t offset, uint64_t size)
{
	*ret = (struct source){ .read = read_fd, .size = size, .offset = offset, .fd = fd };
}

int source_read(const struct source *s, uint64_t at, void *to, size_t size)
{
	if (at > s->size || size > s->size - at)
		return -EIO;
	return size == 0 ? 0 : s->read(s, at, to, size);
}
