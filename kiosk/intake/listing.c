/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names of one directory. Runs as ROLE_DRIVER; all names are the medium's. */
#include "intake/listing.h"

#include <string.h>

#include "intake/limits.h"

void listing_done(struct listing *l)
{
	free(l->entries);
	free(l->names);
	*l = (struct listing){ 0 };
}

/* Room for one more of each, doubling. */
static int grow(struct listing *l, size_t name_size)
{
	if (l->count == l->capacity) {
		size_t capacity = MAX(l->capacity * 2, 64u);
		struct listing_entry *entries = reallocarray(l->entries, capacity, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		l->entries = entries;
		l->capacity = capacity;
	}
	if (l->names_capacity - l->names_size <= name_size) {
		size_t capacity = MAX(l->names_capacity * 2, 4096u);
		char *names = realloc(l->names, capacity);

		if (!names)
			return -ENOMEM;
		l->names = names;
		l->names_capacity = capacity;
	}
	return 0;
}

static bool name_possible(const char *name, size_t size)
{
	if (size == 0 || size > NAME_BYTES_MAX || memchr(name, '/', size) || memchr(name, '\0', size))
		return false;
	return !(name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')));
}

int listing_add(struct listing *l, const char *name, size_t name_size, uint64_t node, unsigned int type)
{
	int r;

	if (!name_possible(name, name_size))
		return -EIO;
	if (l->count >= LISTING_ENTRIES_MAX || l->names_size > LISTING_NAMES_MAX)
		return -EFBIG;
	r = grow(l, name_size);
	if (r < 0)
		return r;
	l->entries[l->count++] = (struct listing_entry){ .node = node, .name_at = (uint32_t)l->names_size,
							 .name_size = (uint16_t)name_size, .type = (uint16_t)type };
	memcpy(l->names + l->names_size, name, name_size);
	l->names[l->names_size + name_size] = '\0';
	l->names_size += name_size + 1;
	return 0;
}

static int compare(const void *a, const void *b, void *names)
{
	const struct listing_entry *x = a, *y = b;

	return strcmp((const char *)names + x->name_at, (const char *)names + y->name_at);
}

int listing_sort(struct listing *l)
{
	if (l->count < 2)
		return 0;
	qsort_r(l->entries, l->count, sizeof(*l->entries), compare, l->names);
	for (size_t i = 1; i < l->count; i++)
		if (compare(&l->entries[i - 1], &l->entries[i], l->names) == 0)
			return -EIO;
	return 0;
}

const struct listing_entry *listing_find(const struct listing *l, const char *name)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, listing_name(l, &l->entries[middle]));

		if (order == 0)
			return &l->entries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *listing_name(const struct listing *l, const struct listing_entry *e)
{
	return l->names + e->name_at;
}

size_t listing_bytes(const struct listing *l)
{
	return l->capacity * sizeof(*l->entries) + l->names_capacity;
}
