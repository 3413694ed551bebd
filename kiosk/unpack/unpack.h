/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of lazaret-unpack: libarchive over a container in memory, one format or one filter at a time. */
#ifndef LAZARET_UNPACK_UNPACK_H
#define LAZARET_UNPACK_UNPACK_H

#include <archive.h>
#include <archive_entry.h>

#include "container/container.h"

/* Functions of the role's table (main.c); the contract is that of struct container_opener. */
_must_check_ int open_gzip(struct container *c);
_must_check_ int open_stream(struct container *c);
_must_check_ int open_archive(struct container *c);
_must_check_ int open_rpm(struct container *c);
_must_check_ int open_warc(struct container *c);
_must_check_ int open_iso9660(struct container *c);

struct unpack_sums;

/* For open_iso9660(), and open_archive() itself. `sums` may be NULL; `*ret_has_extension`: of a disc image, Rock Ridge was used. */
_must_check_ int unpack_archive(struct container *c, struct unpack_sums *sums, bool *ret_has_extension);

/* libarchive reads the container in pieces of this size. It takes some lengths as 32 bits: the whole of it in one piece would
 * be wrong past 4 GiB. */
#define UNPACK_PIECE (1u << 20)

/* Calls of libarchive in a row by which nothing came in or out (CVE-2026-4111: a RAR5 that does so for ever). */
#define UNPACK_IDLE_MAX 1000

struct unpack_block {
	const void *data;
	size_t size;
	int64_t offset;
	int said; /* of libarchive */
};

/* SHA-256 of members, cut to 128 bits. */
struct unpack_sum {
	uint8_t bytes[16];
};

struct unpack_sums {
	struct hash *hash; /* owned; of the member at hand */
	struct unpack_sum *list;
	size_t count, room;
};

struct unpack {
	struct container *c; /* borrowed */
	struct unpack_sums *sums; /* borrowed; NULL: not wanted. What came out whole */
	struct archive *a;   /* owned */
	bool is_open;
	uint64_t entries;    /* that libarchive listed */
	uint64_t written;    /* bytes of the member at hand */
	unsigned int idle;
	int64_t idle_at;
	bool has_peeked;
	struct unpack_block peeked;
};

/* A handle without any format or filter. */
_must_check_ int unpack_new(struct container *c, struct unpack *ret);
void unpack_done(struct unpack *u);
/* After formats or filters were enabled: 0, or a negative errno when that or the opening failed, which has been told. */
_must_check_ int unpack_open(struct unpack *u);

/* How far into the container libarchive has read. */
uint64_t unpack_position(const struct unpack *u);

/* libarchive has refused to go on: tell why, of the member at hand or the container. 0 or a negative errno of container_*(). */
_must_check_ int unpack_broken(struct unpack *u);

/* The first bytes of the entry at hand, kept for unpack_data(). 1: there are some, or something is wrong with them; 0: none. */
_must_check_ int unpack_peek(struct unpack *u);

/* The bytes of the entry at hand into the member at hand, up to container_end() or container_broken(). `is_sparse`: a hole may
 * stand at its end. 0; a negative errno of container_*(). `*ret_fatal`: libarchive cannot go on. */
_must_check_ int unpack_data(struct unpack *u, bool is_sparse, bool *ret_fatal);

_must_check_ int sums_update(struct unpack_sums *s, const void *data, size_t size);
_must_check_ int sums_add(struct unpack_sums *s); /* the member ends */

/* Is everything from `at` on zero? Tells archive-unsafe when not: programs differ in what they make of it. */
_must_check_ int unpack_expect_end(struct container *c, uint64_t at);
bool unpack_is_zero(const uint8_t *p, uint64_t size);

#endif
