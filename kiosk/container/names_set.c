/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The paths of one container, as a table of 61 bits of a keyed hash and 3 bits of what stands there. Without the key, which is
 * fresh for each container, nobody can choose names that collide or that crowd one place of the table. Two of a million
 * different paths meet by chance once in some four million containers, and are then told as one name twice. */
#include <string.h>
#include <sys/random.h>

#include "container/names.h"

#define KIND_BITS 3
#define KIND_MASK ((UINT64_C(1) << KIND_BITS) - 1)
#define SLOTS_FIRST 256 /* a power of two */

struct names {
	enum container_shape shape;
	uint64_t nodes_max, count, slot_count;
	uint64_t key[2];
	uint64_t *slots; /* hash with its low bits replaced by enum name_kind; 0: free */
};

struct names *names_new(enum container_shape shape, uint64_t nodes_max)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	*n = (struct names){ .shape = shape, .nodes_max = nodes_max, .slot_count = SLOTS_FIRST,
			     .slots = calloc(SLOTS_FIRST, sizeof(*n->slots)) };
	if (!n->slots || getrandom(n->key, sizeof(n->key), 0) != (ssize_t)sizeof(n->key))
		return names_free(n);
	return n;
}

struct names *names_free(struct names *n)
{
	if (n)
		free(n->slots);
	free(n);
	return NULL;
}

static uint64_t rotate(uint64_t v, unsigned int by)
{
	return v << by | v >> (64 - by);
}

struct sip {
	uint64_t a, b, c, d;
};

static void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->d ^= word;
	sip_round(s);
	sip_round(s);
	s->a ^= word;
}

/* SipHash-2-4 (Aumasson, Bernstein 2012) over the parent's hash and one component: a path costs its length, not its length
 * times its depth. */
static uint64_t hash_component(const uint64_t key[static 2], uint64_t parent, const char *data, size_t size)
{
	struct sip s = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			 key[1] ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)(size + sizeof(parent)) << 56;

	sip_word(&s, parent);
	for (; size >= 8; data += 8, size -= 8) {
		uint64_t word;

		memcpy(&word, data, sizeof(word));
		sip_word(&s, word);
	}
	for (size_t i = 0; i < size; i++)
		last |= (uint64_t)(uint8_t)data[i] << (8 * i);
	sip_word(&s, last);
	s.c ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

static uint64_t *slot_of(uint64_t *slots, uint64_t slot_count, uint64_t hash)
{
	uint64_t at = (hash >> KIND_BITS) & (slot_count - 1);

	while (slots[at] != 0 && (slots[at] & ~KIND_MASK) != (hash & ~KIND_MASK))
		at = (at + 1) & (slot_count - 1);
	return &slots[at];
}

static enum name_kind kind_at(const struct names *n, uint64_t hash)
{
	return (enum name_kind)(*slot_of(n->slots, n->slot_count, hash) & KIND_MASK);
}

static int grow(struct names *n)
{
	uint64_t count = n->slot_count * 2, *slots;

	if (n->slot_count > SIZE_MAX / sizeof(*slots) / 2)
		return -ENOMEM;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint64_t i = 0; i < n->slot_count; i++)
		if (n->slots[i] != 0)
			*slot_of(slots, count, n->slots[i]) = n->slots[i];
	free(n->slots);
	n->slots = slots;
	n->slot_count = count;
	return 0;
}

/* What is there is kept. */
static int put(struct names *n, uint64_t hash, enum name_kind kind)
{
	uint64_t *slot = slot_of(n->slots, n->slot_count, hash);
	int r;

	if (*slot != 0)
		return 0;
	if (n->count >= n->nodes_max)
		return -EDQUOT;
	if (n->count >= n->slot_count / 4 * 3) {
		r = grow(n);
		if (r < 0)
			return r;
		slot = slot_of(n->slots, n->slot_count, hash);
	}
	*slot = (hash & ~KIND_MASK) | kind;
	n->count++;
	return 0;
}

static const char *objection_to_parent(enum name_kind there)
{
	switch (there) {
	case NAME_SYMLINK:
		return "written through a link that the container made before";
	case NAME_FILE:
	case NAME_SPECIAL:
		return "a directory of the name that a file has";
	default:
		return NULL;
	}
}

static const char *objection_to(enum name_kind there, enum name_kind kind)
{
	if (there == NAME_FREE || (there == NAME_DIRECTORY && kind == NAME_DIRECTORY))
		return NULL;
	if (there == NAME_DIRECTORY)
		return "a file of the name that a directory has";
	if (kind == NAME_DIRECTORY)
		return "a directory of the name that a file has";
	return "there is more than one of this name, and programs differ in which they take";
}

int names_add(struct names *n, const struct clean_name *name, enum name_kind kind, const char **ret_why)
{
	const char *at = name->path, *end = name->path + name->size;
	uint64_t hash = 0;

	*ret_why = NULL;
	if (n->shape == CONTAINER_OBJECT || n->shape == CONTAINER_STREAM || name->size == 0)
		return 0;
	for (;;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *why;
		int r;

		hash = hash_component(n->key, hash, at, (size_t)((slash ? slash : end) - at));
		why = slash ? objection_to_parent(kind_at(n, hash)) : objection_to(kind_at(n, hash), kind);
		if (!*ret_why)
			*ret_why = why;
		r = put(n, hash, slash ? NAME_DIRECTORY : kind);
		if (r < 0 || !slash)
			return r;
		at = slash + 1;
	}
}

enum name_kind names_find(const struct names *n, const struct clean_name *target)
{
	const char *at = target->path, *end = target->path + target->size;
	uint64_t hash = 0;

	for (;;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));

		hash = hash_component(n->key, hash, at, (size_t)((slash ? slash : end) - at));
		if (!slash)
			return kind_at(n, hash);
		at = slash + 1;
	}
}
