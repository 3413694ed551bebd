/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Disc images with two directories over the same bytes: Joliet for one system, the ISO 9660 one (with Rock Ridge) for the
 * others. libarchive shows one of them. What the other one shows must be the same files, or somebody sees what was not
 * examined. */
#include <string.h>

#include "common/hash.h"
#include "unpack/layout.h"
#include "unpack/unpack.h"

#define SUMS_FIRST 64

int sums_update(struct unpack_sums *s, const void *data, size_t size)
{
	return hash_update(s->hash, data, size);
}

static int sum_end(struct unpack_sums *s, struct unpack_sum *ret)
{
	uint8_t sum[SHA256_LEN];
	int r = hash_final(s->hash, sum);

	if (r == 0)
		r = hash_reset(s->hash);
	memcpy(ret->bytes, sum, sizeof(ret->bytes));
	return r;
}

int sums_add(struct unpack_sums *s)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : SUMS_FIRST;
		struct unpack_sum *list = reallocarray(s->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		s->list = list;
		s->room = room;
	}
	return sum_end(s, &s->list[s->count++]);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct unpack_sum));
}

/* The bytes of one entry, hashed. 1, 0: it cannot be read, or a negative errno. */
static int read_sum(struct unpack *u, struct unpack_sums *s, struct unpack_sum *ret)
{
	const void *data;
	size_t size;
	int64_t offset;
	unsigned int idle = 0;
	int said;

	while ((said = archive_read_data_block(u->a, &data, &size, &offset)) == ARCHIVE_OK && idle < UNPACK_IDLE_MAX) {
		int r = size > 0 ? sums_update(s, data, size) : 0;

		if (r < 0)
			return r;
		idle = size > 0 ? 0 : idle + 1;
	}
	if (said != ARCHIVE_EOF)
		return 0;
	return sum_end(s, ret) < 0 ? -ENOMEM : 1;
}

static int compare_entries(struct unpack *u, struct unpack_sums *s)
{
	struct archive_entry *e;
	int said, r = 0;

	if (s->count > 0) /* there is no list else */
		qsort(s->list, s->count, sizeof(*s->list), by_bytes);
	while ((said = archive_read_next_header(u->a, &e)) == ARCHIVE_OK || said == ARCHIVE_WARN) {
		struct unpack_sum sum;

		/* nothing hides in no bytes; genisoimage(1) shows symbolic links so */
		if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) || archive_entry_size(e) == 0)
			continue;
		r = read_sum(u, s, &sum);
		if (r < 0)
			return r;
		if (r == 0 || s->count == 0 || !bsearch(&sum, s->list, s->count, sizeof(sum), by_bytes))
			return container_broken(u->c, REASON_CONTAINER_OPAQUE,
						"its second directory shows a file that the first one does not have");
	}
	if (said != ARCHIVE_EOF)
		return container_broken(u->c, REASON_ARCHIVE_UNSAFE, "damaged: its second directory cannot be read");
	return 0;
}

static int compare_directories(struct container *c, struct unpack_sums *s, const char *option)
{
	struct unpack u;
	int r = unpack_new(c, &u);

	if (r < 0)
		return r;
	if (archive_read_support_format_iso9660(u.a) != ARCHIVE_OK ||
	    archive_read_set_format_option(u.a, "iso9660", option, NULL) != ARCHIVE_OK)
		r = -ENOTSUP;
	if (r == 0)
		r = unpack_open(&u);
	if (r == 0)
		r = compare_entries(&u, s);
	unpack_done(&u);
	return r;
}

int open_iso9660(struct container *c)
{
	struct unpack_sums sums = { .hash = hash_new() };
	bool has_rock_ridge = false;
	int r = sums.hash ? unpack_archive(c, &sums, &has_rock_ridge) : -ENOMEM;

	if (r == 0 && layout_has_joliet(c))
		r = compare_directories(c, &sums, has_rock_ridge ? "rockridge" : "joliet");
	free(sums.list);
	hash_free(sums.hash);
	return r;
}
