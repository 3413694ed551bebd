/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* VMware's images, as one file: the descriptor that is inside says of what the disk is made. */
#include "disk/disk.h"

#include <errno.h>
#include <libvmdk.h>

#define NO_PARENT 0xffffffffu
#define SECTOR 512
#define ZEROED_GRAINS 4u /* flag of the sparse header: entries of 1 are zeros, which the library takes for a place */

/* "Virtual Disk Format 5.0", SparseExtentHeader: flags at 8, capacity in sectors at 12, little-endian. */
static bool has_zeroed_grains(const struct container *c)
{
	return c->size < SECTOR || c->data[8] & ZEROED_GRAINS;
}

/* Machines believe the header, the library the descriptor's text: what lies between the two would be seen by one of them alone. */
static bool is_of_size(const struct container *c, uint64_t size)
{
	uint64_t sectors = 0;

	for (size_t i = 0; i < 8; i++)
		sectors |= (uint64_t)c->data[12 + i] << (8 * i);
	return sectors <= UINT64_MAX / SECTOR && sectors * SECTOR == size;
}

/* What of it lies in another file? NULL: nothing. */
static const char *descriptor_trouble(libvmdk_handle_t *image)
{
	uint32_t parent = NO_PARENT;
	int type = 0, extents = 0;

	if (libvmdk_handle_get_disk_type(image, &type, NULL) != 1 || libvmdk_handle_get_number_of_extents(image, &extents, NULL) != 1)
		return "its descriptor cannot be read";
	if (type != LIBVMDK_DISK_TYPE_MONOLITHIC_SPARSE && type != LIBVMDK_DISK_TYPE_STREAM_OPTIMIZED)
		return "its content lies in files beside it";
	if (extents != 1)
		return "it is one part of several";
	if (libvmdk_handle_get_parent_content_identifier(image, &parent, NULL) != 1 || parent != NO_PARENT)
		return "it continues another file (its parent)";
	return NULL;
}

/* The one extent is the file itself, whatever name the descriptor gives it. */
static int open_extent(struct container *c, libvmdk_handle_t *image, const struct disk_source *source, libbfio_pool_t *pool)
{
	libvmdk_error_t *error = NULL;
	libbfio_handle_t *file = NULL;
	size64_t size = 0;
	int entry = 0, r = disk_file(c, &file);

	if (r < 0)
		return r;
	if (libbfio_pool_append_handle(pool, &entry, file, LIBVMDK_OPEN_READ, NULL) != 1) { /* else the pool frees it */
		(void)libbfio_handle_free(&file, NULL);
		return -ENOMEM;
	}
	if (libvmdk_handle_open_extent_data_files_file_io_pool(image, pool, &error) != 1 ||
	    libvmdk_handle_get_media_size(image, &size, &error) != 1)
		return disk_damaged(c, source, error);
	if (!is_of_size(c, size))
		return disk_opaque(c, "its header and its descriptor say different sizes");
	return disk_give(c, source, size);
}

static int open_file(struct container *c, libvmdk_handle_t *image, libbfio_handle_t *file, libbfio_pool_t *pool)
{
	const struct disk_source source = { image, libvmdk_handle_read_buffer_at_offset, libvmdk_error_sprint, libvmdk_error_free };
	libvmdk_error_t *error = NULL;
	const char *why;
	int r;

	if (libvmdk_handle_open_file_io_handle(image, file, LIBVMDK_OPEN_READ, &error) != 1)
		return disk_damaged(c, &source, error);
	why = descriptor_trouble(image);
	r = why ? disk_opaque(c, why) : open_extent(c, image, &source, pool);
	(void)libvmdk_handle_close(image, NULL);
	return r;
}

int disk_open_vmdk(struct container *c)
{
	libbfio_handle_t *file = NULL;
	libbfio_pool_t *pool = NULL;
	libvmdk_handle_t *image = NULL;
	int r;

	if (has_zeroed_grains(c))
		return disk_opaque(c, "it has grains that are marked as zeros, which are not read");
	r = disk_file(c, &file);
	if (r < 0)
		return r;
	r = -ENOMEM;
	if (libbfio_pool_initialize(&pool, 0, LIBBFIO_POOL_UNLIMITED_NUMBER_OF_OPEN_HANDLES, NULL) == 1 && libvmdk_handle_initialize(&image, NULL) == 1)
		r = open_file(c, image, file, pool);
	(void)libvmdk_handle_free(&image, NULL);
	(void)libbfio_pool_free(&pool, NULL);
	(void)libbfio_handle_free(&file, NULL);
	return r;
}
