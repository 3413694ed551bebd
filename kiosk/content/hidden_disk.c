/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What of a disk image no volume owns: behind the end of a file system or of the last partition, and between partitions. The image is
 * read volume by volume like a medium, and so nobody looks there; unpackers that search do. Zeros, and the ones of erased flash, are
 * nothing. Before the first partition boot loaders stand: there archives and file systems alone count.
 */
#include <string.h>

#include "content/hidden.h"

#define SECTOR 512u
#define ISO_HEAD 32768u /* ECMA-119 6.2.1: bytes before the first descriptor */
#define LOGICAL_MAX 128 /* of an extended partition: a chain may be a circle */
#define REGIONS_MAX 512

struct region {
	uint64_t from, to;
};

struct map {
	struct span image;
	struct region list[REGIONS_MAX];
	size_t count;
	bool is_too_many;
};

static bool has(struct span s, uint64_t at, const char *magic, size_t size)
{
	return at <= s.size && s.size - at >= size && memcmp(s.at + at, magic, size) == 0;
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* Microsoft, "FAT: General Overview of On-Disk Format", BPB; NTFS and exFAT have fields of their own behind it. */
static uint64_t boot_sector_end(struct span v)
{
	uint64_t sector = le16(v.at + 11);

	if (has(v, 3, "NTFS    ", 8))
		return (le64(v.at + 40) + 1) * sector; /* the last one is the copy of the first */
	if (has(v, 3, "EXFAT   ", 8))
		return v.at[108] <= 12 ? le64(v.at + 72) << v.at[108] : 0;
	if (has(v, 54, "FAT", 3) || has(v, 82, "FAT32", 5))
		return sector * (le16(v.at + 19) ? le16(v.at + 19) : le32(v.at + 32));
	return 0;
}

/* fs/ext4/ext4.h, struct ext4_super_block */
static uint64_t ext_end(struct span v)
{
	const uint8_t *p = v.at + 1024;
	uint64_t blocks = le32(p + 4);

	if (le32(p + 24) > 6 || le32(p + 76) > 1)
		return 0;
	if (le32(p + 96) & 0x80)
		blocks |= (uint64_t)le32(p + 336) << 32;
	return blocks << (10 + le32(p + 24));
}

/* Where the file system that begins here ends by its own word; 0: none, or one that does not say. */
static uint64_t volume_end(struct span v)
{
	uint64_t end = 0;

	if (v.size < 4096)
		return 0;
	if (has(v, 0, "hsqs", 4))
		end = le64(v.at + 40);
	else if (has(v, 510, "\x55\xaa", 2))
		end = boot_sector_end(v);
	if (end == 0 && has(v, 0, "XFSB", 4))
		end = be32(v.at + 4) <= 65536 && be64(v.at + 8) < UINT64_MAX >> 16 ? be32(v.at + 4) * be64(v.at + 8) : 0;
	if (end == 0 && has(v, 1080, "\x53\xef", 2))
		end = ext_end(v);
	if (end == 0 && has(v, 1024, "\xe2\xe1\xf5\xe0", 4) && v.at[1036] <= 16)
		end = (uint64_t)le32(v.at + 1060) << v.at[1036];
	if (end == 0 && has(v, 65600, "_BHRfS_M", 8) && v.size >= 65536 + 4096)
		end = le64(v.at + 65536 + 0xd1);
	return end;
}

static uint64_t disc_end(struct span v)
{
	static const uint32_t udf[] = { 34817, 36865, 38913, 40961 };

	if (v.size < ISO_HEAD + 2048 || !has(v, ISO_HEAD + 1, "CD001", 5))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(udf); i++)
		if (has(v, udf[i], "NSR0", 4))
			return v.size; /* which of the two trees ends later, UDF alone knows */
	return (uint64_t)le32(v.at + ISO_HEAD + 80) * le16(v.at + ISO_HEAD + 128);
}

static void add(struct map *m, uint64_t from, uint64_t size)
{
	if (from >= m->image.size || size == 0)
		return;
	if (m->count == REGIONS_MAX) {
		m->is_too_many = true;
		return;
	}
	m->list[m->count++] = (struct region){ from, from + MIN(size, m->image.size - from) };
}

/* Returns the number of partitions. Logical ones: each has a sector that tells it and the next one. */
static unsigned int read_mbr(struct map *m)
{
	unsigned int found = 0;

	for (const uint8_t *e = m->image.at + 446; e < m->image.at + 510; e += 16) {
		uint64_t base = (uint64_t)le32(e + 8) * SECTOR, at = base;
		bool is_extended = e[4] == 0x05 || e[4] == 0x0f || e[4] == 0x85;

		if (e[4] == 0 || e[4] == 0xee || le32(e + 12) == 0)
			continue;
		found++;
		if (!is_extended)
			add(m, base, (uint64_t)le32(e + 12) * SECTOR);
		for (unsigned int i = 0; is_extended && i < LOGICAL_MAX && has(m->image, at + 510, "\x55\xaa", 2); i++) {
			const uint8_t *p = m->image.at + at + 446;

			add(m, at, SECTOR);
			add(m, at + (uint64_t)le32(p + 8) * SECTOR, (uint64_t)le32(p + 12) * SECTOR);
			if (p[20] == 0 || le32(p + 24) == 0)
				break;
			at = base + (uint64_t)le32(p + 24) * SECTOR;
		}
	}
	return found;
}

/* UEFI 2.10, 5.3.2: a header, and the array of entries that it points to. */
static unsigned int read_gpt(struct map *m, uint64_t at, uint64_t sector, bool is_backup)
{
	const uint8_t *h = m->image.at + at;
	uint64_t entries, count, size;
	unsigned int found = 0;

	if (!has(m->image, at, "EFI PART", 8) || m->image.size - at < 92)
		return 0;
	entries = MIN(le64(h + 72), UINT64_MAX / 8192) * sector;
	count = le32(h + 80);
	size = le32(h + 84);
	add(m, at, sector);
	if (count > 4096 || size < 128 || size > 4096 || entries >= m->image.size || count * size > m->image.size - entries)
		return 0;
	add(m, entries, count * size);
	for (uint64_t i = 0; !is_backup && i < count; i++) {
		const uint8_t *e = m->image.at + entries + i * size;
		uint64_t first = le64(e + 32), last = le64(e + 40);

		if ((le64(e) | le64(e + 8)) == 0 || last < first || last > UINT64_MAX / 8192)
			continue;
		found++;
		add(m, first * sector, (last - first + 1) * sector);
	}
	if (!is_backup && le64(h + 32) <= UINT64_MAX / 8192)
		(void)read_gpt(m, le64(h + 32) * sector, sector, true);
	return found;
}

static int compare(const void *x, const void *y)
{
	const struct region *a = x, *b = y;

	return a->from < b->from ? -1 : a->from > b->from;
}

static bool is_blank(struct span s)
{
	uint8_t odd = 0;

	for (size_t i = 0; i < s.size; i++)
		odd |= (uint8_t)((s.at[i] + 1) & 0xfe); /* neither 0 nor 255 */
	return odd == 0;
}

static int tell(struct content *c, uint64_t at, uint64_t size, const char *what)
{
	return content_unsafe(c, REASON_CONTAINER_OPAQUE, "%llu bytes from %llu on %s", (unsigned long long)size, (unsigned long long)at, what);
}

static int look_at_gap(struct content *c, uint64_t from, uint64_t to)
{
	if (to <= from || is_blank((struct span){ c->data + from, (size_t)(to - from) }))
		return 0;
	return tell(c, from, to - from, "belong to no volume, and nobody looked at them");
}

static int look_before_first(struct content *c, uint64_t from, uint64_t to)
{
	struct span s = { c->data + from, to > from ? (size_t)(to - from) : 0 };
	const uint8_t *at;

	if (hidden_archive(s, &at))
		return tell(c, (uint64_t)(at - c->data), to - (uint64_t)(at - c->data), "before the first partition are an archive");
	for (uint64_t step = (SECTOR - from % SECTOR) % SECTOR; step < s.size; step += SECTOR)
		if (volume_end((struct span){ s.at + step, (size_t)(s.size - step) }) > 0)
			return tell(c, from + step, to - from - step, "before the first partition are a file system");
	return 0;
}

/* The room of a partition that its file system leaves. */
static int look_at_rest(struct content *c, const struct region *r)
{
	uint64_t end = volume_end((struct span){ c->data + r->from, (size_t)(r->to - r->from) });

	return end > 0 && end < r->to - r->from ? look_at_gap(c, r->from + end, r->to) : 0;
}

static int look_at_map(struct content *c, struct map *m, bool is_disc)
{
	uint64_t at = 0;
	int r = 0;

	qsort(m->list, m->count, sizeof(m->list[0]), compare);
	for (size_t i = 0; r == 0 && i < m->count; i++) {
		bool is_first = i == 0 || m->list[i].from <= at || at < SECTOR * 68; /* the tables themselves; GPT's end at 34 */

		if (m->list[i].from > at)
			r = is_first ? look_before_first(c, at, m->list[i].from) : look_at_gap(c, at, m->list[i].from);
		if (r == 0 && !is_disc && m->list[i].from >= at) /* what overlaps is refused where volumes are read */
			r = look_at_rest(c, &m->list[i]);
		at = MAX(at, m->list[i].to);
	}
	return r == 0 ? look_at_gap(c, at, c->size) : r;
}

int hidden_disk(struct content *c)
{
	_cleanup_free_ struct map *m = NULL;
	uint64_t end, disc;
	unsigned int found;

	if (c->size < 4096)
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->image = (struct span){ c->data, c->size };
	end = volume_end(m->image);
	if (end > 0)
		return end < c->size ? look_at_gap(c, end, c->size) : 0;
	disc = disc_end(m->image);
	add(m, 0, disc);
	add(m, 0, SECTOR);
	found = has(m->image, 510, "\x55\xaa", 2) ? read_mbr(m) : 0;
	found += read_gpt(m, 512, 512, false);
	found += read_gpt(m, 4096, 4096, false);
	if (m->is_too_many)
		return tell(c, 0, c->size, "have more partitions than anything honest");
	return found > 0 || disc > 0 ? look_at_map(c, m, disc > 0) : 0;
}
