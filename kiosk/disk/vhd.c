/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Microsoft's images. A VHDX whose log is not empty is another disk before and after somebody attaches it. */
#include "disk/disk.h"

#include <errno.h>
#include <libvhdi.h>
#include <string.h>

#define FOOTER 512

/* [MS-VHDX] 2.2.2: two headers, whose log GUID is zero when there is nothing to replay (2.2.2.1). Both must say so: which of them
 * holds depends on sequence numbers and check sums, about which two readers might not agree. */
static bool has_log(const struct container *c)
{
	static const uint64_t headers[] = { 64 << 10, 128 << 10 };
	static const uint8_t zeros[16];

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		const uint8_t *h = c->data + headers[i];

		if (c->size < headers[i] + 64 || (memcmp(h, "head", 4) == 0 && memcmp(h + 48, zeros, sizeof(zeros)) != 0))
			return true;
	}
	return false;
}

static int give_disk(struct container *c, libvhdi_file_t *image, const struct disk_source *source)
{
	libvhdi_error_t *error = NULL;
	size64_t size = 0;
	uint32_t type = 0;

	if (libvhdi_file_get_disk_type(image, &type, &error) != 1 || libvhdi_file_get_media_size(image, &size, &error) != 1)
		return disk_damaged(c, source, error);
	if (type != LIBVHDI_DISK_TYPE_FIXED && type != LIBVHDI_DISK_TYPE_DYNAMIC)
		return disk_opaque(c, "it continues another file (its parent)");
	return disk_give(c, source, size);
}

static int open_file(struct container *c, libvhdi_file_t *image, libbfio_handle_t *file)
{
	const struct disk_source source = { image, libvhdi_file_read_buffer_at_offset, libvhdi_error_sprint, libvhdi_error_free };
	libvhdi_error_t *error = NULL;
	int r;

	if (libvhdi_file_open_file_io_handle(image, file, LIBVHDI_OPEN_READ, &error) != 1)
		return disk_damaged(c, &source, error);
	r = give_disk(c, image, &source);
	(void)libvhdi_file_close(image, NULL);
	return r;
}

/* "Hard Disk Footer Format": the footer stands at the end, and in dynamic disks a copy of it at the start. libvhdi believes the one
 * at the end, QEMU that at the start: with two of them an image is two disks. */
static bool footers_agree(const struct container *c)
{
	const uint8_t *tail = c->data + c->size - FOOTER;
	bool is_dynamic, has_head;

	if (c->size < 2 * FOOTER || memcmp(tail, "conectix", 8) != 0)
		return false;
	is_dynamic = tail[60] == 0 && tail[61] == 0 && tail[62] == 0 && tail[63] == LIBVHDI_DISK_TYPE_DYNAMIC;
	has_head = memcmp(c->data, "conectix", 8) == 0;
	return is_dynamic ? memcmp(c->data, tail, FOOTER) == 0 : !has_head;
}

static int open_image(struct container *c)
{
	libbfio_handle_t *file = NULL;
	libvhdi_file_t *image = NULL;
	int r = disk_file(c, &file);

	if (r < 0)
		return r;
	r = libvhdi_file_initialize(&image, NULL) == 1 ? open_file(c, image, file) : -ENOMEM;
	(void)libvhdi_file_free(&image, NULL);
	(void)libbfio_handle_free(&file, NULL);
	return r;
}

int disk_open_vhd(struct container *c)
{
	return footers_agree(c) ? open_image(c) : disk_opaque(c, "its two footers say different things");
}

int disk_open_vhdx(struct container *c)
{
	return has_log(c) ? disk_opaque(c, "its log waits to be replayed") : open_image(c);
}
