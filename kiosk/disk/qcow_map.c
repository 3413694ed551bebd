/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What libqcow 20201213 reads otherwise than QEMU (docs/interop/qcow2.txt, "Cluster mapping"): clusters behind the end of the file, of
 * which it shows what its memory held, and those that version 3 says to be zeros, of which it shows the data that is there no
 * longer, or the file's header. A disk with such clusters could be one here and another one in the machine. */
#include "disk/qcow_map.h"

#define OFFSET_BITS 0x00fffffffffffe00u /* of entries of both tables */
#define COMPRESSED (UINT64_C(1) << 62)
#define READS_AS_ZEROS 1u /* version 3 */
#define SECTOR 512

static const char behind_end[] = "parts of its disk lie behind its end";

struct map {
	const uint8_t *data;
	uint64_t size;
	unsigned int version, cluster_bits;
	uint64_t disk_size, cluster_size, entries; /* of a table of the second level */
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static bool is_within(const struct map *m, uint64_t offset, uint64_t length)
{
	return offset <= m->size && length <= m->size - offset;
}

/* `at`: of the cluster on the disk, bytes. Of the last cluster QEMU need not write more than the disk has. */
static const char *cluster_trouble(const struct map *m, uint64_t entry, uint64_t at)
{
	unsigned int size_bits = m->cluster_bits - 8, offset_bits = 62 - size_bits;
	uint64_t offset = entry & OFFSET_BITS;

	if (entry & COMPRESSED) {
		offset = entry & ((UINT64_C(1) << offset_bits) - 1);
		/* whole sectors are counted, of which the last need not be there whole */
		return is_within(m, offset, 1) &&
				       is_within(m, offset / SECTOR * SECTOR, ((entry >> offset_bits) & ((1u << size_bits) - 1)) * SECTOR + 1) ?
			       NULL :
			       behind_end;
	}
	if (m->version == 3 && entry & READS_AS_ZEROS)
		return "it has clusters that are marked as zeros, which are not read (qemu-img convert makes an image without)";
	return offset == 0 || is_within(m, offset, MIN(m->cluster_size, m->disk_size - at)) ? NULL : behind_end;
}

static const char *table_trouble(const struct map *m, uint64_t offset, uint64_t at)
{
	const char *why = is_within(m, offset, m->cluster_size) ? NULL : behind_end;

	for (uint64_t i = 0; !why && i < m->entries && at < m->disk_size; i++, at += m->cluster_size)
		why = cluster_trouble(m, be64(m->data + offset + 8 * i), at);
	return why;
}

uint64_t qcow_disk_size(const uint8_t *data)
{
	return be64(data + 24);
}

const char *qcow_map_trouble(const uint8_t *data, uint64_t size)
{
	struct map m = { .data = data, .size = size, .version = be32(data + 4), .cluster_bits = be32(data + 20), .disk_size = qcow_disk_size(data) };
	uint64_t tables = be64(data + 40), covered;

	if (m.cluster_bits < 9 || m.cluster_bits > 21)
		return "a size of clusters that QEMU does not have";
	m.cluster_size = UINT64_C(1) << m.cluster_bits;
	m.entries = m.cluster_size / 8;
	covered = m.cluster_size * m.entries;
	for (uint64_t i = 0, at = 0; at < m.disk_size; i++) {
		const char *why;
		uint64_t offset;

		if (i >= be32(data + 36))
			return "its tables are shorter than its disk";
		if (!is_within(&m, tables, 8 * i + 8))
			return "its tables lie behind its end";
		offset = be64(data + tables + 8 * i) & OFFSET_BITS;
		why = offset != 0 ? table_trouble(&m, offset, at) : NULL;
		if (why)
			return why;
		at = m.disk_size - at > covered ? at + covered : m.disk_size;
	}
	return NULL;
}
