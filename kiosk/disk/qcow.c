/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* QEMU's images. A snapshot in the file is another disk, which nobody would look at; a backing or data file is somewhere else. */
#include "disk/disk.h"
#include "disk/qcow_map.h"

#include <errno.h>
#include <libqcow.h>

#define HEADER_V2 72
#define HEADER_V3 104
#define FEATURE_DIRTY 1u /* reference counts may be wrong; the tables that lead to data are not */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* "Header", offsets as in the specification. NULL: nothing that the library would pass over. */
static const char *header_trouble(const uint8_t *h, uint64_t size)
{
	uint32_t version = size >= HEADER_V2 ? be32(h + 4) : 0;

	if ((version != 2 && version != 3) || (version == 3 && size < HEADER_V3)) /* QEMU makes no version 1 any more */
		return "a version that is not known";
	if (be32(h + 8) | be32(h + 12) | be32(h + 16))
		return "it continues another file (its backing file)";
	if (be32(h + 60) > 0)
		return "it holds snapshots, which are further disks";
	if (version == 3 && (be32(h + 72) || be32(h + 76) & ~FEATURE_DIRTY))
		return "it has features that are not read (data in another file, another compression, subclusters)";
	return NULL;
}

/* 0, or what ends it. */
static int look(struct container *c)
{
	const char *why = header_trouble(c->data, c->size);
	int r;

	if (why)
		return disk_opaque(c, why);
	if (be32(c->data + 32) != 0) {
		r = container_finding(c, REASON_ENCRYPTED, "qcow2 image: its clusters are encrypted");
		return r < 0 ? r : -EBADMSG;
	}
	if (!container_has_room(c, qcow_disk_size(c->data))) {
		r = container_finding(c, REASON_LIMIT_EXCEEDED, "its disk has more bytes than this station allows, or has left for the file");
		return r < 0 ? r : -EDQUOT;
	}
	why = qcow_map_trouble(c->data, c->size);
	return why ? disk_opaque(c, why) : 0;
}

static int open_file(struct container *c, libqcow_file_t *image, libbfio_handle_t *file)
{
	const struct disk_source source = { image, libqcow_file_read_buffer_at_offset, libqcow_error_sprint, libqcow_error_free };
	libqcow_error_t *error = NULL;
	size64_t size = 0;
	int r;

	if (libqcow_file_open_file_io_handle(image, file, LIBQCOW_OPEN_READ, &error) != 1)
		return disk_damaged(c, &source, error);
	if (libqcow_file_get_media_size(image, &size, &error) != 1)
		r = disk_damaged(c, &source, error);
	else
		r = disk_give(c, &source, size);
	(void)libqcow_file_close(image, NULL);
	return r;
}

int disk_open_qcow(struct container *c)
{
	libbfio_handle_t *file = NULL;
	libqcow_file_t *image = NULL;
	int r = look(c);

	if (r == 0)
		r = disk_file(c, &file);
	if (r < 0)
		return r;
	r = libqcow_file_initialize(&image, NULL) == 1 ? open_file(c, image, file) : -ENOMEM;
	(void)libqcow_file_free(&image, NULL);
	(void)libbfio_handle_free(&file, NULL);
	return r;
}
