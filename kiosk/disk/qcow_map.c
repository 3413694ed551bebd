/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Do all clusters of the disk lie within the file? libqcow 20201213 reads on where the file ends in the middle of one, and shows what
 * its memory held; QEMU shows zeros there. QEMU, docs/interop/qcow2.txt, "Cluster mapping". */
#include "disk/qcow_map.h"

#define OFFSET_BITS 0x00fffffffffffe00u /* of entries of both tables */
#define COMPRESSED (UINT64_C(1) << 62)
#define READS_AS_ZEROS 1u /* version 3 */
#define SECTOR 512

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
static bool cluster_lies_within(const struct map *m, uint64_t entry, uint64_t at)
{
	unsigned int size_bits = m->cluster_bits - 8, offset_bits = 62 - size_bits;
	uint64_t offset = entry & OFFSET_BITS;

	if (entry & COMPRESSED) {
		offset = entry & ((UINT64_C(1) << offset_bits) - 1);
		/* whole sectors are counted, of which the last need not be there whole */
		return is_within(m, offset, 1) && is_within(m, offset / SECTOR * SECTOR, ((entry >> offset_bits) & ((1u << size_bits) - 1)) * SECTOR + 1);
	}
	if (offset == 0 || (m->version == 3 && entry & READS_AS_ZEROS))
		return true;
	return is_within(m, offset, MIN(m->cluster_size, m->disk_size - at));
}

static bool table_lies_within(const struct map *m, uint64_t offset, uint64_t at)
{
	if (!is_within(m, offset, m->cluster_size))
		return false;
	for (uint64_t i = 0; i < m->entries && at < m->disk_size; i++, at += m->cluster_size)
		if (!cluster_lies_within(m, be64(m->data + offset + 8 * i), at))
			return false;
	return true;
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
		uint64_t offset;

		if (i >= be32(data + 36))
			return "its tables are shorter than its disk";
		if (!is_within(&m, tables, 8 * i + 8))
			return "its tables lie behind its end";
		offset = be64(data + tables + 8 * i) & OFFSET_BITS;
		if (offset != 0 && !table_lies_within(&m, offset, at))
			return "parts of its disk lie behind its end";
		at = m.disk_size - at > covered ? at + covered : m.disk_size;
	}
	return NULL;
}
