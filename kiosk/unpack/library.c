/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What all of lazaret-unpack asks of libarchive, and what its answers mean. It reads from memory alone: no filter is ever
 * enabled by "all" (that would make it start programs), and no handle is ever given a file. */
#include <inttypes.h>
#include <string.h>

#include "unpack/unpack.h"

int unpack_new(struct container *c, struct unpack *ret)
{
	struct archive *a = archive_read_new();

	if (!a)
		return -ENOMEM;
	*ret = (struct unpack){ .c = c, .a = a, .idle_at = -1 };
	return 0;
}

void unpack_done(struct unpack *u)
{
	if (u->a)
		(void)archive_read_free(u->a); /* says again what has been said */
	u->a = NULL;
}

int unpack_open(struct unpack *u)
{
	/* the data is only read: the parameter lacks its const in 3.6 */
	int r = archive_read_open_memory2(u->a, (void *)(uintptr_t)u->c->data, (size_t)u->c->size, UNPACK_PIECE);

	u->is_open = r == ARCHIVE_OK || r == ARCHIVE_WARN;
	if (u->is_open)
		return 0;
	r = unpack_broken(u);
	return r < 0 ? r : -EBADMSG;
}

uint64_t unpack_position(const struct unpack *u)
{
	int64_t at = archive_filter_bytes(u->a, -1); /* the innermost source: our memory */

	return at < 0 ? 0 : (uint64_t)at;
}

static bool has_words(const char *words, const char *const *list)
{
	for (; *list; list++)
		if (strcasestr(words, *list))
			return true;
	return false;
}

int unpack_broken(struct unpack *u)
{
	static const char *const memory[] = { "out of memory", "allocate", "too much memory", "memory limit", NULL };
	static const char *const encrypted[] = { "encrypt", "passphrase", "password", NULL };
	static const char *const unsupported[] = { "unsupported", "not supported", "unavailable", "unrecognized archive format",
						   "unknown compression", "not implemented", "can't determine", "cannot be converted", NULL };
	const char *words = archive_error_string(u->a);
	int r = archive_errno(u->a);

	if (!words)
		words = "damaged";
	if (r == ENOMEM || has_words(words, memory))
		return container_broken(u->c, REASON_LIMIT_EXCEEDED, "unpacking it needs more memory than this station gives (%s)", words);
	/* asked for a format that was not found, libarchive crashes */
	if (has_words(words, encrypted) || (u->is_open && archive_read_has_encrypted_entries(u->a) == 1))
		return container_broken(u->c, REASON_ENCRYPTED, "%s", words);
	if (has_words(words, unsupported))
		return container_broken(u->c, REASON_CONTAINER_OPAQUE, "nothing came out: %s", words);
	return container_broken(u->c, REASON_ARCHIVE_UNSAFE, "damaged: %s", words);
}

/* Nothing came out. Does it still read? */
static bool is_stuck(struct unpack *u)
{
	int64_t at = archive_filter_bytes(u->a, -1);

	u->idle = at == u->idle_at ? u->idle + 1 : 0;
	u->idle_at = at;
	return u->idle > UNPACK_IDLE_MAX;
}

static int take_block(struct unpack *u, const void *data, size_t size, int64_t offset)
{
	int r = 0;

	if (offset < 0 || (uint64_t)offset < u->written)
		return -EBADMSG;
	if ((uint64_t)offset > u->written)
		r = container_zeros(u->c, (uint64_t)offset - u->written);
	if (r == 0 && size > 0)
		r = container_data(u->c, data, size);
	if (r == 0 && u->sums && size > 0)
		r = sums_update(u->sums, data, size);
	u->written = (uint64_t)offset + size;
	return r;
}

static void next_block(struct unpack *u, struct unpack_block *ret)
{
	if (u->has_peeked) {
		u->has_peeked = false;
		*ret = u->peeked;
		return;
	}
	*ret = (struct unpack_block){ 0 };
	ret->said = archive_read_data_block(u->a, &ret->data, &ret->size, &ret->offset);
	if (ret->said == ARCHIVE_RETRY) {
		ret->size = 0;
		ret->said = ARCHIVE_OK;
	}
}

int unpack_peek(struct unpack *u)
{
	do
		next_block(u, &u->peeked);
	while (u->peeked.said == ARCHIVE_OK && u->peeked.size == 0 && !is_stuck(u));
	u->has_peeked = u->peeked.said != ARCHIVE_EOF;
	return u->has_peeked;
}

/* The end of the member. Only a sparse one says there how long it is. */
static int take_end(struct unpack *u, const struct unpack_block *b, bool is_sparse)
{
	int r = is_sparse && b->offset > 0 && (uint64_t)b->offset > u->written ? take_block(u, NULL, 0, b->offset) : 0;

	if (r == 0 && u->sums)
		r = sums_add(u->sums);
	return r < 0 ? r : container_end(u->c);
}

int unpack_data(struct unpack *u, bool is_sparse, bool *ret_fatal)
{
	*ret_fatal = false;
	u->written = 0;
	u->idle = 0;
	for (;;) {
		struct unpack_block b;
		int r = 0;

		next_block(u, &b);
		if (b.said == ARCHIVE_EOF)
			return take_end(u, &b, is_sparse);
		if (b.said != ARCHIVE_OK) { /* also ARCHIVE_WARN: a wrong CRC is one */
			*ret_fatal = b.said == ARCHIVE_FATAL;
			return unpack_broken(u);
		}
		if (b.size == 0 && is_stuck(u)) {
			*ret_fatal = true;
			return container_broken(u->c, REASON_ARCHIVE_UNSAFE, "made to be unpacked without end");
		}
		if (b.size > 0)
			r = take_block(u, b.data, b.size, b.offset);
		if (r == -EBADMSG)
			return container_broken(u->c, REASON_ARCHIVE_UNSAFE, "parts of it overlap");
		if (r < 0)
			return r;
	}
}

bool unpack_is_zero(const uint8_t *p, uint64_t size)
{
	return size == 0 || (p[0] == 0 && memcmp(p, p + 1, (size_t)size - 1) == 0);
}

int unpack_expect_end(struct container *c, uint64_t at)
{
	if (at > c->size)
		return container_broken(c, REASON_ARCHIVE_UNSAFE, "cut off: %" PRIu64 " of its bytes are missing", at - c->size);
	if (unpack_is_zero(c->data + at, c->size - at))
		return 0;
	return container_broken(c, REASON_ARCHIVE_UNSAFE, "%" PRIu64 " bytes stand behind its end, from byte %" PRIu64 " on",
				c->size - at, at);
}
