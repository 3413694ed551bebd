/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Ends of formats that do not say where they end. */
#include <string.h>

#include "content/hidden.h"

#define FREE_SECTOR 0xffffffffu
#define LAST_SECTOR 0xfffffffau /* [MS-CFB] 2.2: higher numbers are none of a sector's */
#define HEADER_TABLES 109u	/* places of tables in the header */

struct ole {
	struct span file;
	unsigned int shift;
	size_t per_sector; /* numbers in one */
	uint64_t last;	   /* sector in use + 1 */
};

static const uint8_t *sector(const struct ole *o, uint32_t number)
{
	uint64_t at = ((uint64_t)number + 1) << o->shift;

	return number <= LAST_SECTOR && at + (1u << o->shift) <= o->file.size ? o->file.at + at : NULL;
}

/* One sector of the allocation table, the `index`th. */
static bool take_table(struct ole *o, uint32_t number, uint64_t index)
{
	const uint8_t *table = sector(o, number);

	if (!table)
		return false;
	for (size_t i = 0; i < o->per_sector; i++)
		if (le32(table + 4 * i) != FREE_SECTOR)
			o->last = index * o->per_sector + i + 1;
	return true;
}

size_t ole_end(struct span file)
{
	struct ole o = { .file = file };
	uint64_t tables, index = 0, end;
	uint32_t next;

	if (file.size < 512)
		return 0;
	o.shift = le16(file.at + 30);
	if (o.shift != 9 && o.shift != 12)
		return 0;
	o.per_sector = (size_t)1 << (o.shift - 2);
	tables = MIN((uint64_t)le32(file.at + 44), (uint64_t)(file.size >> o.shift));
	for (; index < MIN(tables, (uint64_t)HEADER_TABLES); index++)
		if (!take_table(&o, le32(file.at + 76 + 4 * index), index))
			return 0;
	for (next = le32(file.at + 68); index < tables;) { /* of more there is a chain; each has the number of the next one last */
		const uint8_t *list = sector(&o, next);

		if (!list)
			return 0;
		for (size_t i = 0; i + 1 < o.per_sector && index < tables; i++, index++)
			if (!take_table(&o, le32(list + 4 * i), index))
				return 0;
		next = le32(list + 4 * (o.per_sector - 1));
	}
	end = (o.last + 1) << o.shift;
	return o.last > 0 ? (size_t)MIN(end, (uint64_t)file.size) : 0;
}

/* -- TIFF ------------------------------------------------------------------------------------------------- */
#define DIRECTORIES_MAX 4096 /* nobody has so many pages and thumbnails; a chain may also be a circle */
#define ENTRIES_MAX 65535u
#define LISTED_MAX (1u << 24) /* strips or tiles of one picture */

struct tiff {
	struct span file;
	bool is_big_endian, is_big; /* BigTIFF: 64 bits */
	unsigned int directories;
	uint64_t work; /* entries and pieces so far: an honest file has fewer than bytes */
	uint64_t end;
	uint64_t todo[64]; /* directories that tags point to */
	size_t todo_count;
};

struct field {
	uint16_t tag, type;
	uint64_t count, at; /* of its values, in the file */
};

static uint64_t number(const struct tiff *t, uint64_t at, unsigned int size)
{
	uint64_t n = 0;

	if (at > t->file.size || t->file.size - at < size)
		return UINT64_MAX;
	for (unsigned int i = 0; i < size; i++)
		n |= (uint64_t)t->file.at[at + i] << 8 * (t->is_big_endian ? size - 1 - i : i);
	return n;
}

static unsigned int size_of(uint16_t type)
{
	static const uint8_t sizes[] = { 0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8 };

	return type < sizeof(sizes) ? sizes[type] : 0;
}

static void cover(struct tiff *t, uint64_t at, uint64_t size)
{
	if (at <= t->file.size && size <= t->file.size - at)
		t->end = MAX(t->end, at + size);
}

static uint64_t value(const struct tiff *t, const struct field *f, uint64_t i)
{
	unsigned int size = size_of(f->type);

	return i < f->count && size > 0 && f->count <= LISTED_MAX ? number(t, f->at + i * size, size) : UINT64_MAX;
}

/* Strips or tiles: places in the one field, sizes in the other. */
static void cover_pieces(struct tiff *t, const struct field *places, const struct field *sizes)
{
	for (uint64_t i = 0; i < MIN(places->count, (uint64_t)LISTED_MAX) && t->work <= t->file.size; i++, t->work++) {
		uint64_t at = value(t, places, i), size = value(t, sizes, i);

		if (at == UINT64_MAX || size == UINT64_MAX)
			break;
		cover(t, at, size);
	}
}

static void add_directories(struct tiff *t, const struct field *f)
{
	for (uint64_t i = 0; i < MIN(f->count, (uint64_t)ARRAY_LEN(t->todo)) && t->todo_count < ARRAY_LEN(t->todo); i++)
		t->todo[t->todo_count++] = value(t, f, i);
}

static void read_field(const struct tiff *t, uint64_t at, struct field *ret)
{
	unsigned int room = t->is_big ? 8 : 4;

	ret->tag = (uint16_t)number(t, at, 2);
	ret->type = (uint16_t)number(t, at + 2, 2);
	ret->count = number(t, at + 4, room);
	ret->at = at + 4 + room;
	if (ret->count <= t->file.size && ret->count * size_of(ret->type) > room)
		ret->at = number(t, at + 4 + room, room);
}

/* Returns where the next one is; 0: none. UINT64_MAX: it is cut off. */
static uint64_t read_directory(struct tiff *t, uint64_t at)
{
	struct field places = { 0 }, sizes = { 0 }, tiles = { 0 }, tile_sizes = { 0 }, jpeg = { 0 }, jpeg_size = { 0 };
	unsigned int head = t->is_big ? 8 : 2, entry = t->is_big ? 20 : 12, room = t->is_big ? 8 : 4;
	uint64_t count = number(t, at, head);

	t->work += count;
	if (count > ENTRIES_MAX || t->work > t->file.size)
		return UINT64_MAX;
	for (uint64_t i = 0; i < count; i++) {
		struct field f;

		read_field(t, at + head + i * entry, &f);
		if (f.count <= t->file.size)
			cover(t, f.at, f.count * size_of(f.type));
		switch (f.tag) {
		case 273: places = f; break;
		case 279: sizes = f; break;
		case 324: tiles = f; break;
		case 325: tile_sizes = f; break;
		case 513: jpeg = f; break;
		case 514: jpeg_size = f; break;
		case 330: case 34665: case 34853: case 40965: /* SubIFDs, Exif, GPS, interoperability */
			add_directories(t, &f);
			break;
		default:
			break;
		}
	}
	cover_pieces(t, &places, &sizes);
	cover_pieces(t, &tiles, &tile_sizes);
	cover_pieces(t, &jpeg, &jpeg_size);
	cover(t, at, head + count * entry + room);
	return number(t, at + head + count * entry, room);
}

size_t tiff_end(struct span file)
{
	struct tiff t = { .file = file };
	uint64_t at;

	if (file.size < 16 || (memcmp(file.at, "II", 2) != 0 && memcmp(file.at, "MM", 2) != 0))
		return 0;
	t.is_big_endian = file.at[0] == 'M';
	t.end = 8;
	at = number(&t, 2, 2);
	if (at != 42 && at != 43)
		return 0;
	t.is_big = at == 43;
	at = t.is_big ? number(&t, 8, 8) : number(&t, 4, 4);
	while (at > 0 || t.todo_count > 0) {
		if (at == 0)
			at = t.todo[--t.todo_count];
		if (at == UINT64_MAX || t.directories++ > DIRECTORIES_MAX)
			break; /* what was seen until here counts */
		at = read_directory(&t, at);
	}
	return (size_t)t.end;
}
