/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compound files: what is read of one is in it, once. */
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"

#include "authenticode/compound.h"

static int count(void *ctx, const uint8_t *data, size_t size)
{
	static volatile uint8_t seen;
	uint64_t *sum = ctx;

	for (size_t i = 0; i < size; i++)
		seen ^= data[i];
	*sum += size;
	return 0;
}

static void walk(const struct compound *c, uint32_t storage, uint64_t *bytes, size_t *entries)
{
	uint32_t *list = NULL;
	size_t n = 0;

	CLAIM(compound_children(c, storage, &list, &n) == 0);
	*entries += n;
	for (size_t i = 0; i < n; i++) {
		uint64_t before = *bytes;
		size_t name_size;

		(void)compound_name(c, list[i], &name_size);
		CLAIM(name_size >= 4 && name_size <= 64);
		if (compound_type(c, list[i]) == COMPOUND_STREAM) {
			int r = compound_stream(c, list[i], count, bytes);

			CLAIM(r == -EIO || (r == 0 && *bytes - before == compound_size(c, list[i]))); /* -EIO: the last sector is cut */
		} else {
			walk(c, list[i], bytes, entries);
		}
	}
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("compound", MFD_CLOEXEC);
	struct compound c;
	const char *why = NULL;
	int r;

	CLAIM(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	r = compound_read(fd, size, &c, &why);
	CLAIM(r != -EBADMSG || why);
	if (r == 1) {
		uint64_t bytes = 0;
		size_t entries = 0;

		walk(&c, 0, &bytes, &entries);
		CLAIM(entries < c.entry_count);
		CLAIM(bytes <= size + 4096);
		compound_done(&c);
	}
	(void)close(fd);
	return 0;
}
