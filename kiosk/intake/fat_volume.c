/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* FAT: the boot sector, the table, chains of clusters. Runs as ROLE_DRIVER; trusts nothing that it reads. */
#include "intake/fat.h"

#include <string.h>

#define FAT12_CLUSTERS_MAX 4084u	/* FAT, "FAT Type Determination" */
#define FAT16_CLUSTERS_MAX 65524u
#define FAT32_CLUSTERS_MAX 0x0FFFFFF5u	/* the numbers above are marks */

static bool is_power(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* The boot sector's fields, before anything is made of them. */
struct boot {
	uint32_t sector, cluster_sectors, reserved, copies, root_entries, fat_sectors, flags, version, root_cluster;
	uint64_t total;
	uint8_t state;
	bool is_32;
};

static void boot_parse(struct boot *b, const uint8_t *p)
{
	*b = (struct boot){
		.sector = fat_u16(p + 11), .cluster_sectors = p[13], .reserved = fat_u16(p + 14), .copies = p[16],
		.root_entries = fat_u16(p + 17), .total = fat_u16(p + 19), .fat_sectors = fat_u16(p + 22),
	};
	if (b->total == 0)
		b->total = fat_u32(p + 32);
	/* As Windows and Linux tell them apart. By the number of clusters, as the specification has it, small volumes made
	 * as FAT32 on purpose could not be read. */
	b->is_32 = b->fat_sectors == 0;
	if (b->is_32) {
		b->fat_sectors = fat_u32(p + 36);
		b->flags = fat_u16(p + 40);
		b->version = fat_u16(p + 42);
		b->root_cluster = fat_u32(p + 44);
	}
	b->state = b->is_32 ? p[65] : p[37];
}

/* What is wrong with it; NULL when nothing is. */
static const char *boot_fault(const struct boot *b, uint64_t size)
{
	if (!is_power(b->sector) || b->sector < 512 || b->sector > 4096 || !is_power(b->cluster_sectors))
		return "sector or cluster size impossible";
	if (b->reserved == 0 || b->copies == 0 || b->fat_sectors == 0 || b->total == 0)
		return "no allocation table, or no sectors";
	if (b->is_32 && b->version != 0)
		return "unknown version of FAT32";
	if (b->is_32 && b->root_entries != 0)
		return "FAT32 with the root of FAT16";
	if (!b->is_32 && b->root_entries == 0)
		return "no root directory";
	if (b->is_32 && b->flags & 0x80 && b->flags & 0x0f)
		return "its allocation table is not the first copy: two systems would read two different volumes";
	if (b->total > size / b->sector)
		return "it claims more sectors than there are";
	return NULL;
}

static const char *set_layout(struct fat_volume *v, const struct boot *b)
{
	uint64_t fat_bytes = (uint64_t)b->fat_sectors * b->sector;
	uint64_t root_at = (uint64_t)b->reserved * b->sector + fat_bytes * b->copies;
	uint64_t root_bytes = (uint64_t)b->root_entries * 32;
	uint64_t data_at = root_at + (root_bytes + b->sector - 1) / b->sector * b->sector;
	uint64_t end = b->total * b->sector, clusters, in_table;

	v->cluster_bytes = b->sector * b->cluster_sectors;
	if (data_at > end || end - data_at < v->cluster_bytes)
		return "no room for any file";
	clusters = (end - data_at) / v->cluster_bytes;
	v->bits = b->is_32 ? 32 : clusters <= FAT12_CLUSTERS_MAX ? 12 : 16;
	if (clusters > (v->bits == 32 ? FAT32_CLUSTERS_MAX : FAT16_CLUSTERS_MAX))
		return "more clusters than its kind can have";
	/* A table too short for them: the rest cannot be used, as Linux has it too. */
	in_table = fat_bytes * 8 / v->bits;
	if (in_table < 3)
		return "an allocation table without clusters";
	v->cluster_count = (uint32_t)MIN(clusters, in_table - 2);
	v->fat_at = (uint64_t)b->reserved * b->sector;
	v->root_at = root_at;
	v->root_bytes = (uint32_t)root_bytes;
	v->root_cluster = b->root_cluster;
	v->data_at = data_at;
	if (v->bits == 32 && (b->root_cluster < 2 || b->root_cluster > v->cluster_count + 1))
		return "its root directory is nowhere";
	return NULL;
}

/* One entry of the table. Never past the table: `cluster` is at most cluster_count + 1, and the layout was checked. */
static int table_read(struct fat_volume *v, uint32_t cluster, uint32_t *ret)
{
	uint64_t at = (uint64_t)cluster * v->bits / 8;
	size_t width = v->bits == 32 ? 4 : 2;
	uint8_t *p;
	int r;

	/* Two bytes of FAT12 may lie across the border of two pieces: then a piece begins there. */
	if (v->piece_size == 0 || at < v->piece_at || at + width > v->piece_at + v->piece_size) {
		uint64_t begin = at & ~(uint64_t)(v->bits == 12 ? 1023 : sizeof(v->piece) - 1);
		uint64_t left = v->source.size - v->fat_at - begin;

		v->piece_size = 0;
		r = source_read(&v->source, v->fat_at + begin, v->piece, (size_t)MIN(sizeof(v->piece), left));
		if (r < 0)
			return r;
		v->piece_at = begin;
		v->piece_size = (size_t)MIN(sizeof(v->piece), left);
	}
	p = v->piece + (at - v->piece_at);
	if (at - v->piece_at + width > v->piece_size)
		return -EIO;
	if (v->bits == 12)
		*ret = (cluster & 1 ? fat_u16(p) >> 4 : fat_u16(p)) & 0xfff;
	else
		*ret = v->bits == 16 ? fat_u16(p) : fat_u32(p) & 0x0fffffff; /* the upper four bits are reserved */
	return 0;
}

static uint32_t end_mark(const struct fat_volume *v)
{
	return v->bits == 12 ? 0xff8 : v->bits == 16 ? 0xfff8 : 0x0ffffff8;
}

static bool is_cluster(const struct fat_volume *v, uint32_t n)
{
	return n >= 2 && n - 2 < v->cluster_count;
}

/* FAT, "ClnShutBitMask": bits of the second entry, cleared while in use; Windows and Linux also set bit 0 of a byte in
 * the boot sector. */
static int read_state(struct fat_volume *v, uint8_t state)
{
	uint32_t second;
	int r = table_read(v, 1, &second);

	if (r < 0)
		return r;
	v->is_dirty = (state & 1) || (v->bits == 16 && (second & 0xc000) != 0xc000) ||
		      (v->bits == 32 && (second & 0x0c000000) != 0x0c000000);
	return 0;
}

int fat_open(struct fat_volume *ret, const struct source *source, char *words, size_t words_size)
{
	uint8_t sector[512];
	struct boot boot;
	const char *fault;
	int r;

	*ret = (struct fat_volume){ .source = *source };
	r = source_read(source, 0, sector, sizeof(sector));
	if (r == 0) {
		boot_parse(&boot, sector);
		fault = boot_fault(&boot, source->size);
		if (!fault)
			fault = set_layout(ret, &boot);
		if (fault) {
			(void)snprintf(words, words_size, "FAT: %s", fault);
			return -EINVAL;
		}
		r = read_state(ret, boot.state);
	}
	if (r < 0)
		(void)snprintf(words, words_size, "FAT: %s", strerror(-r));
	return r;
}

void fat_done(struct fat_volume *v)
{
	free(v->owners.slots);
	v->owners = (struct fat_owners){ 0 };
}

uint64_t fat_cluster_at(const struct fat_volume *v, uint32_t cluster)
{
	return v->data_at + (uint64_t)(cluster - 2) * v->cluster_bytes;
}

static int chain_add(struct fat_chain *c, uint32_t cluster)
{
	struct fat_run *last = c->count > 0 ? &c->runs[c->count - 1] : NULL;

	if (last && last->cluster + last->count == cluster) {
		last->count++;
		c->clusters++;
		return 0;
	}
	if (c->count == c->capacity) {
		size_t capacity = MAX(c->capacity * 2, 8u);
		struct fat_run *runs = reallocarray(c->runs, capacity, sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		c->runs = runs;
		c->capacity = capacity;
	}
	c->runs[c->count++] = (struct fat_run){ .cluster = cluster, .index = c->clusters, .count = 1 };
	c->clusters++;
	return 0;
}

static int compare_runs(const void *a, const void *b)
{
	const struct fat_run *x = a, *y = b;

	return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

/* Does a cluster come twice? Then the chain is a loop, even if the part that was asked for has an end. */
static int check_once(const struct fat_chain *c)
{
	_cleanup_free_ struct fat_run *sorted = NULL;

	if (c->count < 2)
		return 0;
	sorted = reallocarray(NULL, c->count, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, c->runs, c->count * sizeof(*sorted));
	qsort(sorted, c->count, sizeof(*sorted), compare_runs);
	for (size_t i = 1; i < c->count; i++)
		if (sorted[i].cluster - sorted[i - 1].cluster < sorted[i - 1].count)
			return -EIO;
	return 0;
}

static int chain_walk(struct fat_volume *v, uint32_t cluster, uint32_t clusters_max, struct fat_chain *c, bool *ret_ended)
{
	*ret_ended = false;
	if (!is_cluster(v, cluster))
		return -EIO;
	while (c->clusters < clusters_max) {
		int r = chain_add(c, cluster);

		if (r == 0)
			r = table_read(v, cluster, &cluster);
		if (r < 0)
			return r;
		if (cluster >= end_mark(v)) {
			*ret_ended = true;
			return 0;
		}
		if (!is_cluster(v, cluster)) /* also behind the last one that is wanted: this one is nobody's, or bad */
			return -EIO;
	}
	return 0;
}

int fat_chain_read(struct fat_volume *v, uint32_t first, uint32_t clusters_max, struct fat_chain *ret, bool *ret_ended)
{
	int r;

	*ret = (struct fat_chain){ 0 };
	/* A chain cannot have more clusters than there are; one more shows that it does. */
	r = chain_walk(v, first, MIN(clusters_max, v->cluster_count + 1), ret, ret_ended);
	if (r == 0)
		r = ret->clusters > v->cluster_count ? -EIO : check_once(ret);
	if (r < 0)
		fat_chain_done(ret);
	return r;
}

void fat_chain_done(struct fat_chain *c)
{
	free(c->runs);
	*c = (struct fat_chain){ 0 };
}
