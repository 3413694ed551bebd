/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "authenticode/compound.h"

#include <string.h>

#include <utf8proc.h>

#include "authenticode/bytes.h"

/* [MS-CFB] section 2.1 and 2.2 */
#define HEADER 512
#define MAGIC "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#define SECTOR_MAX 4096
#define MINI_SECTOR 64
#define MINI_CUTOFF 4096 /* streams below it are in the mini stream */
#define HEADER_DIFAT 109
#define REGULAR_MAX 0xfffffffau /* MAXREGSECT */
#define END_OF_CHAIN 0xfffffffeu
#define NO_STREAM 0xffffffffu
#define ROOT 0u

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EBADMSG;
}

void compound_done(struct compound *c)
{
	free(c->fat);
	free(c->mini_fat);
	free(c->taken);
	free(c->mini_taken);
	free(c->mini_sectors);
	free(c->entries);
	free(c->seen);
	*c = (struct compound){ .fd = -EBADF };
}

static bool set_bit(uint8_t *bits, uint32_t i)
{
	bool was = bits[i / 8] & 1u << i % 8;

	bits[i / 8] |= (uint8_t)(1u << i % 8);
	return was;
}

/* -- entries --------------------------------------------------------------------------------------------------- */

const uint8_t *compound_name(const struct compound *c, uint32_t entry, size_t *ret_size)
{
	*ret_size = get16(c->entries[entry] + 64);
	return c->entries[entry];
}

bool compound_in_tree(const struct compound *c, uint32_t entry)
{
	return c->seen[entry / 8] & 1u << entry % 8;
}

enum compound_type compound_type(const struct compound *c, uint32_t entry)
{
	return c->entries[entry][66];
}

static uint32_t left_of(const struct compound *c, uint32_t entry)
{
	return get32(c->entries[entry] + 68);
}

static uint32_t right_of(const struct compound *c, uint32_t entry)
{
	return get32(c->entries[entry] + 72);
}

static uint32_t child_of(const struct compound *c, uint32_t entry)
{
	return get32(c->entries[entry] + 76);
}

const uint8_t *compound_class(const struct compound *c, uint32_t entry)
{
	return c->entries[entry] + 80;
}

const uint8_t *compound_state(const struct compound *c, uint32_t entry)
{
	return c->entries[entry] + 96;
}

const uint8_t *compound_times(const struct compound *c, uint32_t entry)
{
	return c->entries[entry] + 100;
}

static uint32_t start_of(const struct compound *c, uint32_t entry)
{
	return get32(c->entries[entry] + 116);
}

const uint8_t *compound_size_raw(const struct compound *c, uint32_t entry)
{
	return c->entries[entry] + 120;
}

uint32_t compound_size(const struct compound *c, uint32_t entry)
{
	return get32(compound_size_raw(c, entry));
}

/* -- sectors --------------------------------------------------------------------------------------------------- */

static uint64_t sector_at(const struct compound *c, uint32_t sector)
{
	return ((uint64_t)sector + 1) * c->sector_size;
}

/* As the next of some chain. */
static int take_sector(struct compound *c, uint32_t sector, const char **ret_why)
{
	if (sector >= c->sectors)
		return refuse(ret_why, "a chain of sectors leads out of the file");
	if (set_bit(c->taken, sector))
		return refuse(ret_why, "two streams have a sector in common");
	c->last = MAX(c->last, sector);
	return 0;
}

static int read_sector(const struct compound *c, uint32_t sector, uint8_t *out, const char **ret_why)
{
	int r = read_at(c->fd, sector_at(c, sector), out, c->sector_size);

	return r < 0 ? r : r == 0 ? refuse(ret_why, "the file is cut off") : 0;
}

/* All sectors of a chain of `count`, into `*ret` (malloc()ed). `count` 0: as many as there are. */
static int take_chain(struct compound *c, uint32_t start, size_t count, uint32_t **ret, size_t *ret_count, const char **ret_why)
{
	size_t n = 0, room = count > 0 ? count : 64;
	_cleanup_free_ uint32_t *list = malloc(room * sizeof(*list));

	for (uint32_t at = start; at != END_OF_CHAIN; at = c->fat[at]) {
		int r = take_sector(c, at, ret_why);

		if (r < 0)
			return r;
		if (at >= c->fat_count)
			return refuse(ret_why, "a chain of sectors leads out of its table");
		if (n == room) {
			uint32_t *more = count > 0 ? NULL : reallocarray(list, room *= 2, sizeof(*list));

			if (count > 0)
				return refuse(ret_why, "a stream has more sectors than it needs");
			if (!more)
				return -ENOMEM;
			list = more;
		}
		if (!list)
			return -ENOMEM;
		list[n++] = at;
	}
	if (count > 0 && n < count)
		return refuse(ret_why, "a stream has fewer sectors than it needs");
	*ret = TAKE_PTR(list);
	*ret_count = n;
	return 0;
}

/* -- tables ---------------------------------------------------------------------------------------------------- */

static int take_fat_sector(struct compound *c, uint32_t sector, size_t i, const char **ret_why)
{
	uint8_t data[SECTOR_MAX];
	int r = take_sector(c, sector, ret_why);

	if (r == 0)
		r = read_sector(c, sector, data, ret_why);
	for (size_t k = 0; r == 0 && k < c->sector_size / 4; k++)
		c->fat[i * (c->sector_size / 4) + k] = get32(data + 4 * k);
	return r;
}

/* `left` sectors of the FAT are listed in a chain of sectors, the last number of each being the next one's. */
static int read_difat(struct compound *c, uint32_t at, uint32_t sectors, size_t i, size_t count, const char **ret_why)
{
	const size_t per_sector = c->sector_size / 4 - 1;
	uint8_t data[SECTOR_MAX];
	int r = 0;

	for (; r == 0 && sectors > 0; sectors--) {
		r = take_sector(c, at, ret_why);
		if (r == 0)
			r = read_sector(c, at, data, ret_why);
		for (size_t k = 0; r == 0 && k < per_sector && i < count; k++, i++)
			r = take_fat_sector(c, get32(data + 4 * k), i, ret_why);
		at = get32(data + 4 * per_sector);
	}
	if (r == 0 && i < count)
		r = refuse(ret_why, "its table of sectors is incomplete");
	return r;
}

static int read_fat(struct compound *c, const uint8_t header[static HEADER], const char **ret_why)
{
	size_t count = get32(header + 44);
	uint32_t difat_count = get32(header + 72);
	int r = 0;

	/* one sector of it stands for so many others; more than needed would be room for what nobody reads */
	if (count == 0 || (count - 1) * (c->sector_size / 4) > c->sectors)
		return refuse(ret_why, "its table of sectors is not as long as the file needs");
	if (difat_count > 0 && count <= HEADER_DIFAT)
		return refuse(ret_why, "its table of sectors is not as long as the file needs");
	c->fat_count = count * (c->sector_size / 4);
	c->fat = calloc(c->fat_count, sizeof(*c->fat));
	if (!c->fat)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < MIN(count, (size_t)HEADER_DIFAT); i++)
		r = take_fat_sector(c, get32(header + 76 + 4 * i), i, ret_why);
	if (r == 0 && count > HEADER_DIFAT)
		r = read_difat(c, get32(header + 68), MIN(difat_count, c->sectors), HEADER_DIFAT, count, ret_why);
	return r;
}

/* A chain's bytes as a whole. */
static int read_chain(const struct compound *c, const uint32_t *list, size_t count, uint8_t **ret, const char **ret_why)
{
	_cleanup_free_ uint8_t *data = malloc(count * c->sector_size + 1);
	int r = data ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_sector(c, list[i], data + i * c->sector_size, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(data);
	return r;
}

static int read_mini_fat(struct compound *c, const uint8_t header[static HEADER], const char **ret_why)
{
	size_t count = get32(header + 64);
	_cleanup_free_ uint32_t *list = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	int r = 0;

	if (count > c->sectors || count > COMPOUND_ENTRIES_MAX * (MINI_CUTOFF / MINI_SECTOR) / (c->sector_size / 4))
		return refuse(ret_why, "its table of small sectors is longer than its streams can need");
	if (count == 0)
		return 0;
	r = take_chain(c, get32(header + 60), count, &list, &count, ret_why);
	if (r == 0)
		r = read_chain(c, list, count, &data, ret_why);
	if (r < 0)
		return r;
	c->mini_fat_count = count * (c->sector_size / 4);
	c->mini_fat = calloc(c->mini_fat_count, sizeof(*c->mini_fat));
	c->mini_taken = calloc(c->mini_fat_count / 8 + 1, 1);
	if (!c->mini_fat || !c->mini_taken)
		return -ENOMEM;
	for (size_t i = 0; i < c->mini_fat_count; i++)
		c->mini_fat[i] = get32(data + 4 * i);
	return 0;
}

/* Is the last sector of a stream of `size` bytes in the file as far as it is needed? */
static int check_whole(const struct compound *c, const uint32_t *list, size_t count, uint64_t size, const char **ret_why)
{
	uint64_t used = size - (uint64_t)(count - 1) * c->sector_size;

	return sector_at(c, list[count - 1]) + used > c->size ? refuse(ret_why, "the file is cut off") : 0;
}

/* The entries, and the stream of the small sectors, which is the root's. */
static int read_directory(struct compound *c, const uint8_t header[static HEADER], const char **ret_why)
{
	_cleanup_free_ uint32_t *list = NULL;
	uint8_t *data = NULL;
	uint64_t mini_size;
	size_t count;
	int r = take_chain(c, get32(header + 48), 0, &list, &count, ret_why);

	if (r < 0)
		return r;
	c->entry_count = count * (c->sector_size / COMPOUND_ENTRY);
	if (c->entry_count == 0 || c->entry_count > COMPOUND_ENTRIES_MAX)
		return refuse(ret_why, "it has no entries, or more than this station takes");
	r = read_chain(c, list, count, &data, ret_why);
	if (r < 0)
		return r;
	c->entries = (uint8_t(*)[COMPOUND_ENTRY])data;
	c->seen = calloc(c->entry_count / 8 + 1, 1);
	if (!c->seen)
		return -ENOMEM;
	if (compound_type(c, ROOT) != COMPOUND_ROOT)
		return refuse(ret_why, "it has no root");
	mini_size = compound_size(c, ROOT);
	if (get32(compound_size_raw(c, ROOT) + 4) != 0 && c->sector_size > 512)
		return refuse(ret_why, "its small sectors take more than 4 GiB");
	if (mini_size == 0)
		return 0;
	r = take_chain(c, start_of(c, ROOT), (size_t)((mini_size + c->sector_size - 1) / c->sector_size), &c->mini_sectors,
		       &c->mini_sector_count, ret_why);
	return r < 0 ? r : check_whole(c, c->mini_sectors, c->mini_sector_count, mini_size, ret_why);
}

/* -- streams --------------------------------------------------------------------------------------------------- */

/* Is the chain of small sectors that of `size` bytes? */
static int take_mini_chain(struct compound *c, uint32_t entry, const char **ret_why)
{
	size_t count = ((size_t)compound_size(c, entry) + MINI_SECTOR - 1) / MINI_SECTOR;
	uint32_t at = start_of(c, entry);
	const size_t room = ((size_t)compound_size(c, ROOT) + MINI_SECTOR - 1) / MINI_SECTOR;

	for (; count > 0; count--) {
		if (at >= c->mini_fat_count || at >= room)
			return refuse(ret_why, "a chain of small sectors leads out of them");
		if (set_bit(c->mini_taken, at))
			return refuse(ret_why, "two streams have a small sector in common");
		at = c->mini_fat[at];
	}
	return at == END_OF_CHAIN ? 0 : refuse(ret_why, "a stream has more small sectors than it needs");
}

static int check_stream(struct compound *c, uint32_t entry, const char **ret_why)
{
	uint32_t size = compound_size(c, entry);
	_cleanup_free_ uint32_t *list = NULL;
	size_t count;
	int r;

	/* Half of it would be signed. With small sectors that half says nothing ([MS-CFB] section 2.6.1): old writers left it as it was. */
	if (get32(compound_size_raw(c, entry) + 4) != 0 && c->sector_size > 512)
		return refuse(ret_why, "a stream of more than 4 GiB");
	if (child_of(c, entry) != NO_STREAM)
		return refuse(ret_why, "a stream that has entries");
	if (size == 0)
		return 0;
	if (size < MINI_CUTOFF)
		return take_mini_chain(c, entry, ret_why);
	r = take_chain(c, start_of(c, entry), ((size_t)size + c->sector_size - 1) / c->sector_size, &list, &count, ret_why);
	return r < 0 ? r : check_whole(c, list, count, size, ret_why);
}

/* What one sector, small or not, has of a stream. */
struct piece {
	uint64_t from; /* in the file, bytes */
	uint32_t size, next;
};

static struct piece piece_at(const struct compound *c, bool is_mini, uint32_t at, uint32_t left)
{
	const uint32_t per_sector = c->sector_size / MINI_SECTOR;

	if (!is_mini)
		return (struct piece){ sector_at(c, at), MIN(left, c->sector_size), c->fat[at] };
	return (struct piece){ sector_at(c, c->mini_sectors[at / per_sector]) + at % per_sector * MINI_SECTOR,
			       MIN(left, (uint32_t)MINI_SECTOR), c->mini_fat[at] };
}

int compound_stream(const struct compound *c, uint32_t entry, int (*take)(void *ctx, const uint8_t *data, size_t size), void *ctx)
{
	bool is_mini = compound_size(c, entry) < MINI_CUTOFF;
	uint32_t at = start_of(c, entry), left = compound_size(c, entry);
	uint8_t data[SECTOR_MAX];

	while (left > 0) { /* chains were followed before: they are as long as this */
		struct piece p = piece_at(c, is_mini, at, left);
		int r = read_at(c->fd, p.from, data, p.size);

		r = r < 0 ? r : r == 0 ? -EIO : take(ctx, data, p.size);
		if (r < 0)
			return r;
		left -= p.size;
		at = p.next;
	}
	return 0;
}

/* -- the tree -------------------------------------------------------------------------------------------------- */

/* [MS-CFB] section 2.6.4: the shorter name is less; names of one length by their upper-case code units, one by one. */
static uint16_t upper(uint16_t unit)
{
	utf8proc_int32_t c = utf8proc_toupper(unit); /* a surrogate is its own */

	return c > 0 && c <= UINT16_MAX ? (uint16_t)c : unit;
}

static int compare_names(const struct compound *c, uint32_t a, uint32_t b)
{
	size_t a_size, b_size;
	const uint8_t *x = compound_name(c, a, &a_size), *y = compound_name(c, b, &b_size);

	if (a_size != b_size)
		return a_size < b_size ? -1 : 1;
	for (size_t i = 0; i < a_size; i += 2) {
		uint16_t p = upper(get16(x + i)), q = upper(get16(y + i));

		if (p != q)
			return p < q ? -1 : 1;
	}
	return 0;
}

static int check_entry(struct compound *c, uint32_t entry, const char **ret_why)
{
	size_t size;
	const uint8_t *name;

	if (entry >= c->entry_count)
		return refuse(ret_why, "an entry that is not there");
	if (set_bit(c->seen, entry))
		return refuse(ret_why, "an entry is in two places");
	name = compound_name(c, entry, &size);
	if (size < 4 || size > 64 || size % 2 != 0 || get16(name + size - 2) != 0)
		return refuse(ret_why, "an entry's name is damaged");
	for (size_t i = 0; i < size - 2; i += 2)
		if (get16(name + i) == 0)
			return refuse(ret_why, "an entry's name is damaged");
	if (compound_type(c, entry) == COMPOUND_STREAM)
		return check_stream(c, entry, ret_why);
	return compound_type(c, entry) == COMPOUND_STORAGE ? 0 : refuse(ret_why, "an entry of an unknown kind");
}

struct siblings {
	uint32_t *list; /* owned; as many as there are entries */
	size_t count;
};

/* In order; every entry is met once, so that this ends. `check`: for the first time. */
static int collect(struct compound *c, uint32_t storage, bool check, struct siblings *s, const char **ret_why)
{
	_cleanup_free_ uint32_t *path = malloc(c->entry_count * sizeof(*path));
	uint32_t at = child_of(c, storage);
	size_t depth = 0;

	s->list = malloc(c->entry_count * sizeof(*s->list));
	if (!path || !s->list)
		return -ENOMEM;
	while (at != NO_STREAM || depth > 0) {
		if (at != NO_STREAM) {
			int r = check ? check_entry(c, at, ret_why) : 0;

			if (r < 0)
				return r;
			path[depth++] = at;
			at = left_of(c, at);
			continue;
		}
		at = path[--depth];
		if (check && s->count > 0 && compare_names(c, s->list[s->count - 1], at) >= 0)
			return refuse(ret_why, "its entries are not in order: others may find other ones by their names");
		s->list[s->count++] = at;
		at = right_of(c, at);
	}
	return 0;
}

static int check_storage(struct compound *c, uint32_t storage, unsigned int depth, const char **ret_why)
{
	struct siblings s = { 0 };
	int r = depth > COMPOUND_DEPTH_MAX ? refuse(ret_why, "storages in each other, deeper than this station goes") :
					     collect(c, storage, true, &s, ret_why);

	for (size_t i = 0; r == 0 && i < s.count; i++)
		if (compound_type(c, s.list[i]) == COMPOUND_STORAGE)
			r = check_storage(c, s.list[i], depth + 1, ret_why);
	free(s.list);
	return r;
}

static const struct compound *sorting;

static int compare_bytes(const void *a, const void *b)
{
	size_t a_size, b_size;
	const uint8_t *x = compound_name(sorting, *(const uint32_t *)a, &a_size), *y = compound_name(sorting, *(const uint32_t *)b, &b_size);
	int r = memcmp(x, y, MIN(a_size, b_size));

	return r != 0 ? r : a_size > b_size ? -1 : a_size < b_size;
}

void compound_mark(const struct compound *c, uint32_t entry, uint64_t from, uint8_t *marks, size_t size)
{
	bool is_mini = compound_size(c, entry) < MINI_CUTOFF;
	uint32_t at = start_of(c, entry), left = compound_size(c, entry);

	while (left > 0) {
		struct piece p = piece_at(c, is_mini, at, left);
		uint64_t first = MAX(p.from, from), last = MIN(p.from + p.size, from + size);

		if (first < last)
			memset(marks + (first - from), 1, (size_t)(last - first));
		left -= p.size;
		at = p.next;
	}
}

int compound_children(const struct compound *c, uint32_t storage, uint32_t **ret, size_t *ret_count)
{
	struct siblings s = { 0 };
	const char *why;
	int r = collect((struct compound *)c, storage, false, &s, &why);

	if (r < 0) {
		free(s.list);
		return r;
	}
	sorting = c;
	qsort(s.list, s.count, sizeof(*s.list), compare_bytes);
	*ret = s.list;
	*ret_count = s.count;
	return 0;
}

/* -- the file -------------------------------------------------------------------------------------------------- */

static int check_header(const uint8_t h[static HEADER], uint64_t size, struct compound *c, const char **ret_why)
{
	uint16_t version = get16(h + 26), shift = get16(h + 30);

	if (!((version == 3 && shift == 9) || (version == 4 && shift == 12)) || get16(h + 28) != 0xfffe || get16(h + 32) != 6 ||
	    get32(h + 56) != MINI_CUTOFF)
		return refuse(ret_why, "its header is not that of a compound file");
	c->sector_size = 1u << shift;
	if (size <= c->sector_size || (size - 1) / c->sector_size > COMPOUND_SECTORS_MAX)
		return refuse(ret_why, "shorter or longer than this station takes");
	c->sectors = (uint32_t)((size - 1) / c->sector_size); /* the last one may be cut where its stream ends */
	c->taken = calloc(c->sectors / 8 + 1, 1);
	return c->taken ? 0 : -ENOMEM;
}

/* Behind the last sector that is in use, writers leave zeros at most. */
static int check_end(const struct compound *c, const char **ret_why)
{
	uint8_t data[SECTOR_MAX];

	for (uint64_t at = sector_at(c, c->last + 1); at < c->size;) {
		size_t n = (size_t)MIN(c->size - at, (uint64_t)sizeof(data));
		int r = read_at(c->fd, at, data, n);

		if (r <= 0)
			return r < 0 ? r : -EIO;
		if (!bytes_are_zero(data, n))
			return refuse(ret_why, "bytes are appended to the signed file");
		at += n;
	}
	return 0;
}

int compound_read(int fd, uint64_t size, struct compound *ret, const char **ret_why)
{
	struct compound c = { .fd = fd, .size = size };
	uint8_t header[HEADER];
	int r = read_at(fd, 0, header, sizeof(header));

	if (r <= 0 || memcmp(header, MAGIC, 8) != 0)
		return r < 0 ? r : 0;
	r = check_header(header, size, &c, ret_why);
	if (r == 0)
		r = read_fat(&c, header, ret_why);
	if (r == 0)
		r = read_directory(&c, header, ret_why);
	if (r == 0)
		r = read_mini_fat(&c, header, ret_why);
	if (r == 0)
		r = check_storage(&c, ROOT, 0, ret_why);
	if (r == 0)
		r = check_end(&c, ret_why);
	if (r < 0) {
		compound_done(&c);
		return r;
	}
	*ret = c;
	return 1;
}
