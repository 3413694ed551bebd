/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "disk/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (256u << 10) /* bytes: some clusters of the usual 64 KiB */

int disk_file(struct container *c, libbfio_handle_t **ret)
{
	libbfio_handle_t *file = NULL;

	if (libbfio_memory_range_initialize(&file, NULL) != 1)
		return -ENOMEM;
	if (libbfio_memory_range_set(file, (uint8_t *)(uintptr_t)c->data, (size_t)c->size, NULL) != 1) {
		(void)libbfio_handle_free(&file, NULL);
		return -ENOMEM;
	}
	*ret = file;
	return 0;
}

int disk_opaque(struct container *c, const char *why)
{
	int r = container_finding(c, REASON_CONTAINER_OPAQUE, "%s image: %s", c->info->name, why);

	return r < 0 ? r : -EBADMSG;
}

/* The last of its lines is the one nearest to the cause. */
static void describe(const struct disk_source *source, intptr_t *error, char *text, size_t size)
{
	char *line;

	if (!error || source->describe(error, text, size) <= 0)
		(void)snprintf(text, size, "cannot be read");
	text[size - 1] = '\0';
	while ((line = strrchr(text, '\n')) != NULL && line[1] == '\0')
		*line = '\0';
	if (line)
		memmove(text, line + 1, strlen(line + 1) + 1);
}

int disk_damaged(struct container *c, const struct disk_source *source, intptr_t *error)
{
	char text[512];
	int r;

	describe(source, error, text, sizeof(text));
	source->forget(&error);
	r = container_finding(c, REASON_ARCHIVE_UNSAFE, "damaged %s image: %s", c->info->name, text);
	return r < 0 ? r : -EBADMSG;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	return size > 0 && p[0] == 0 && memcmp(p, p + 1, size - 1) == 0;
}

static int give_bytes(struct container *c, const struct disk_source *source, uint64_t size, uint8_t *buffer)
{
	int r = 0;

	for (uint64_t at = 0; r == 0 && at < size;) {
		size_t wanted = (size_t)MIN(size - at, (uint64_t)CHUNK);
		intptr_t *error = NULL;
		ssize_t n = source->read(source->handle, buffer, wanted, (off64_t)at, &error);
		char text[512];

		if (n <= 0 || (size_t)n > wanted) {
			describe(source, error, text, sizeof(text));
			source->forget(&error);
			return container_broken(c, REASON_ARCHIVE_UNSAFE, "damaged %s image at byte %llu of the disk: %s", c->info->name,
						(unsigned long long)at, text);
		}
		r = is_zero(buffer, (size_t)n) ? container_zeros(c, (uint64_t)n) : container_data(c, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	return r < 0 ? r : container_end(c);
}

int disk_give(struct container *c, const struct disk_source *source, uint64_t size)
{
	uint8_t *buffer;
	int r;

	if (size > INT64_MAX)
		return disk_opaque(c, "a size that no disk has");
	buffer = malloc(CHUNK);
	if (!buffer)
		return -ENOMEM;
	r = container_member(c, NULL, 0, size);
	if (r == 0)
		r = give_bytes(c, source, size, buffer);
	free(buffer);
	return r;
}
