/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* FAT: directories and files (FAT, "Directory Structure"). Runs as ROLE_DRIVER; trusts nothing that it reads. */
#include "intake/fat.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "intake/fat_name.h"
#include "intake/limits.h"

#define ENTRY_BYTES 32u
#define ENTRIES_MAX 65536u /* FAT: a directory has at most 2 MiB */

#define ATTRIBUTE_VOLUME 0x08
#define ATTRIBUTE_DIRECTORY 0x10
#define ATTRIBUTE_LONG 0x0f
#define ATTRIBUTE_LONG_MASK 0x3f

#define NAME_FREE 0xe5
#define NAME_END 0x00

/* FAT, "Date and Time Formats": years from 1980, two-second steps. Impossible dates give whatever timegm() makes of them. */
static int64_t entry_time(const uint8_t *e)
{
	uint32_t date = fat_u16(e + 24), clock = fat_u16(e + 22);
	struct tm t = {
		.tm_year = (int)(date >> 9) + 80, .tm_mon = (int)(date >> 5 & 15) - 1, .tm_mday = (int)(date & 31),
		.tm_hour = (int)(clock >> 11), .tm_min = (int)(clock >> 5 & 63), .tm_sec = (int)(clock & 31) * 2,
	};

	return timegm(&t);
}

static bool is_file_or_directory(const uint8_t *e)
{
	return e[0] != NAME_FREE && e[0] != NAME_END && !(e[11] & ATTRIBUTE_VOLUME);
}

static bool is_dot(const uint8_t *e)
{
	return memcmp(e, ".          ", 11) == 0 || memcmp(e, "..         ", 11) == 0;
}

static void entry_parse(const struct fat_volume *v, const uint8_t *e, struct fat_entry *ret)
{
	*ret = (struct fat_entry){ .is_directory = e[11] & ATTRIBUTE_DIRECTORY, .cluster = fat_u16(e + 26),
				   .mtime = entry_time(e) };
	if (v->bits == 32)
		ret->cluster |= fat_u16(e + 20) << 16;
	ret->cluster &= 0x0fffffff;
	if (!ret->is_directory)
		ret->size = fat_u32(e + 28);
}

int fat_stat(struct fat_volume *v, uint64_t node, struct fat_entry *ret)
{
	uint8_t e[ENTRY_BYTES];
	int r;

	if (node == FAT_ROOT) {
		*ret = (struct fat_entry){ .is_directory = true, .cluster = v->bits == 32 ? v->root_cluster : 0 };
		return 0;
	}
	/* Nothing below the first directory is an entry. */
	if (node < v->root_at / ENTRY_BYTES || node > v->source.size / ENTRY_BYTES)
		return -EIO;
	r = source_read(&v->source, node * ENTRY_BYTES, e, sizeof(e));
	if (r < 0)
		return r;
	if (!is_file_or_directory(e) || is_dot(e))
		return -EIO;
	entry_parse(v, e, ret);
	return 0;
}

/* -- whose directory is it ------------------------------------------------------------------------------- */

static struct fat_owner *owner_slot(const struct fat_owners *o, uint32_t cluster)
{
	size_t i = (cluster * 0x9e3779b1u) & (o->capacity - 1);

	while (o->slots[i].cluster != 0 && o->slots[i].cluster != cluster)
		i = (i + 1) & (o->capacity - 1);
	return &o->slots[i];
}

static int owners_grow(struct fat_owners *o)
{
	struct fat_owners grown = { .capacity = MAX(o->capacity * 2, 256u), .count = o->count };

	if (o->count >= DIRECTORY_CLUSTERS_MAX)
		return -EFBIG;
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < o->capacity; i++)
		if (o->slots[i].cluster != 0)
			*owner_slot(&grown, o->slots[i].cluster) = o->slots[i];
	free(o->slots);
	*o = grown;
	return 0;
}

/* A cluster belongs to one directory, a directory to one entry. A second one is a loop or a second parent: there would be
 * no end of paths. It is not enough to look at first clusters: chains may join behind them. The directory that is
 * opened first gets it. */
static int own(struct fat_volume *v, uint32_t cluster, uint64_t node)
{
	struct fat_owners *o = &v->owners;
	struct fat_owner *slot;

	if (o->count * 2 >= o->capacity) {
		int r = owners_grow(o);

		if (r < 0)
			return r;
	}
	slot = owner_slot(o, cluster);
	if (slot->cluster == 0) {
		*slot = (struct fat_owner){ .cluster = cluster, .node = node };
		o->count++;
	}
	return slot->node == node ? 0 : -EIO;
}

static int own_chain(struct fat_volume *v, const struct fat_chain *c, uint64_t node)
{
	for (size_t i = 0; i < c->count; i++) {
		for (uint32_t n = 0; n < c->runs[i].count; n++) {
			int r = own(v, c->runs[i].cluster + n, node);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* -- listing --------------------------------------------------------------------------------------------- */

struct scan {
	struct fat_volume *volume;
	struct listing *listing;
	struct fat_long_name name;
	bool has_ended;
};

static int scan_entry(struct scan *s, const uint8_t *e, uint64_t at)
{
	char name[FAT_NAME_ROOM];
	size_t size;

	if (e[0] == NAME_END) {
		s->has_ended = true;
		return 0;
	}
	if (e[0] == NAME_FREE) {
		s->name.count = 0;
		return 0;
	}
	if ((e[11] & ATTRIBUTE_LONG_MASK) == ATTRIBUTE_LONG) {
		fat_long_name_add(&s->name, e);
		return 0;
	}
	if (!is_file_or_directory(e) || is_dot(e)) {
		s->name.count = 0;
		return 0;
	}
	size = fat_name_finish(&s->name, e, name);
	return listing_add(s->listing, name, size, at / ENTRY_BYTES,
			   e[11] & ATTRIBUTE_DIRECTORY ? S_IFDIR : S_IFREG);
}

static int scan_region(struct scan *s, uint64_t at, uint64_t size)
{
	uint8_t block[4096];

	for (uint64_t done = 0; done < size && !s->has_ended; done += sizeof(block)) {
		size_t part = (size_t)MIN(sizeof(block), size - done);
		int r = source_read(&s->volume->source, at + done, block, part);

		for (size_t i = 0; r == 0 && i + ENTRY_BYTES <= part && !s->has_ended; i += ENTRY_BYTES)
			r = scan_entry(s, block + i, at + done + i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int scan_chain(struct scan *s, uint32_t first, uint64_t node)
{
	struct fat_volume *v = s->volume;
	uint32_t clusters_max = MAX(ENTRIES_MAX * ENTRY_BYTES / v->cluster_bytes, 1u);
	struct fat_chain chain;
	bool ended;
	int r = fat_chain_read(v, first, clusters_max, &chain, &ended);

	if (r < 0)
		return r;
	r = ended ? own_chain(v, &chain, node) : -EIO;
	for (size_t i = 0; r == 0 && i < chain.count && !s->has_ended; i++)
		r = scan_region(s, fat_cluster_at(v, chain.runs[i].cluster),
				(uint64_t)chain.runs[i].count * v->cluster_bytes);
	fat_chain_done(&chain);
	return r;
}

int fat_list(struct fat_volume *v, uint64_t node, struct listing *ret)
{
	struct scan scan = { .volume = v, .listing = ret };
	struct fat_entry e;
	int r = fat_stat(v, node, &e);

	if (r < 0)
		return r;
	if (!e.is_directory)
		return -ENOTDIR;
	if (node == FAT_ROOT && v->bits != 32)
		return scan_region(&scan, v->root_at, v->root_bytes);
	/* Also where nobody has opened the root yet: no other directory may begin there. */
	if (v->bits == 32)
		r = own(v, v->root_cluster, FAT_ROOT);
	return r < 0 ? r : scan_chain(&scan, e.cluster, node);
}

/* -- files ----------------------------------------------------------------------------------------------- */

int fat_file_open(struct fat_volume *v, uint64_t node, struct fat_file *ret)
{
	struct fat_file f = { .size = 0 };
	uint32_t need;
	struct fat_entry e;
	bool ended;
	int r = fat_stat(v, node, &e);

	if (r == 0 && e.is_directory)
		r = -EISDIR;
	if (r < 0)
		return r;
	f.size = e.size;
	need = (uint32_t)(((uint64_t)e.size + v->cluster_bytes - 1) / v->cluster_bytes);
	/* Clusters beyond the size were set aside by whoever wrote it, and are no part of the file. */
	if (need > 0) {
		r = fat_chain_read(v, e.cluster, need, &f.chain, &ended);
		if (r < 0)
			return r;
		if (f.chain.clusters < need) {
			fat_chain_done(&f.chain);
			return -EIO;
		}
	}
	*ret = f;
	return 0;
}

void fat_file_done(struct fat_file *f)
{
	fat_chain_done(&f->chain);
	f->size = 0;
}

/* The run that holds the chain's cluster number `index`. */
static const struct fat_run *find_run(const struct fat_chain *c, uint32_t index)
{
	size_t low = 0, high = c->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (c->runs[middle].index <= index)
			low = middle;
		else
			high = middle;
	}
	return &c->runs[low];
}

ssize_t fat_file_read(struct fat_volume *v, const struct fat_file *f, uint64_t at, void *to, size_t size)
{
	size_t want = at < f->size ? (size_t)MIN((uint64_t)size, f->size - at) : 0, got = 0;

	while (got < want) {
		const struct fat_run *run = find_run(&f->chain, (uint32_t)((at + got) / v->cluster_bytes));
		uint64_t in_run = at + got - (uint64_t)run->index * v->cluster_bytes;
		uint64_t left = (uint64_t)run->count * v->cluster_bytes - in_run;
		size_t part = (size_t)MIN((uint64_t)(want - got), left);
		int r = source_read(&v->source, fat_cluster_at(v, run->cluster) + in_run, (char *)to + got, part);

		if (r < 0)
			return r;
		got += part;
	}
	return (ssize_t)got;
}
