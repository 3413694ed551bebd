/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Walking over a whole trail: every line is a good record, or lies in a fragment that the next record declares.
 *
 * What a forger without the key must not achieve unnoticed: changing, inserting, deleting, swapping or repeating a
 * line; hiding a record in a "torn" fragment; replacing the trail by one under another key.
 */
#include "common/chain.h"

#include <stdarg.h>
#include <string.h>

#define WINDOW (2 * CHAIN_LINE_MAX) /* bytes in memory: the longest record fits wherever it starts */

struct line {
	uint64_t offset;
	uint64_t size;	   /* bytes with newline */
	uint64_t number;   /* from 1 */
	const char *text;  /* without newline; NULL when too long for a record */
	size_t text_size;
	bool is_ended; /* by a newline */
};

struct walk {
	int fd;
	char *window; /* WINDOW bytes */
	uint64_t at;  /* offset of the next line */
	uint64_t end; /* nothing is read from here on */
	uint64_t lines;
	uint64_t window_at; /* offset of window[0] */
	size_t window_size;

	const struct chain_start *start; /* may be NULL */
	bool has_before;		 /* is there a record before the next one? its number and hash: */
	uint64_t seq;
	uint8_t hash[SHA256_LEN];
	const struct minisign_public *key;
	struct minisign_public genesis_key;
	const struct chain_visitor *visitor;
	uint64_t torn_offset, torn_size; /* pending fragment; size 0: none */
	uint64_t torn_line;
	struct chain_result *result;
};

static int fill_window(struct walk *w)
{
	w->window_at = w->at;
	w->window_size = 0;
	while (w->window_size < WINDOW && w->window_at + w->window_size < w->end) {
		ssize_t n = pread(w->fd, w->window + w->window_size,
				  (size_t)MIN((uint64_t)(WINDOW - w->window_size), w->end - w->window_at - w->window_size),
				  (off_t)(w->window_at + w->window_size));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		w->window_size += (size_t)n;
	}
	return 0;
}

/* 1: a line; 0: end of file. A stretch without newline comes in pieces of a window: it is torn in any case. */
static int next_line(struct walk *w, struct line *l)
{
	size_t from = (size_t)(w->at - w->window_at);
	const char *end = NULL;
	int r;

	if (from < w->window_size)
		end = memchr(w->window + from, '\n', w->window_size - from);
	if (!end) {
		r = fill_window(w);
		if (r < 0)
			return r;
		from = 0;
		end = w->window_size > 0 ? memchr(w->window, '\n', w->window_size) : NULL;
	}
	if (w->window_size == from)
		return 0;
	l->offset = w->at;
	l->number = ++w->lines;
	l->is_ended = end != NULL;
	l->text_size = end ? (size_t)(end - (w->window + from)) : w->window_size - from;
	l->size = l->text_size + (end ? 1 : 0);
	l->text = l->text_size < CHAIN_LINE_MAX ? w->window + from : NULL;
	w->at += l->size;
	return 1;
}

/* 1 stands for "bad, the walk is over" among the helpers below. */
static int bad(struct walk *w, const struct line *l, const char *fmt, ...) _printf_(3, 4);
static int bad(struct walk *w, const struct line *l, const char *fmt, ...)
{
	va_list ap;

	w->result->bad_line = l->number;
	w->result->bad_offset = l->offset;
	va_start(ap, fmt);
	if (vsnprintf(w->result->why, sizeof(w->result->why), fmt, ap) < 0)
		w->result->why[0] = '\0';
	va_end(ap);
	return 1;
}

static int hash_range(int fd, uint64_t offset, uint64_t size, uint8_t ret[static SHA256_LEN])
{
	_cleanup_free_ char *data = malloc((size_t)size);
	size_t have = 0;

	if (!data)
		return -ENOMEM;
	while (have < size) {
		ssize_t n = pread(fd, data + have, (size_t)size - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		have += (size_t)n;
	}
	return sha256(data, have, ret);
}

/* The pending fragment must be exactly what this record declares. */
static int check_torn(struct walk *w, const struct line *l, const struct chain_record *r)
{
	uint8_t sum[SHA256_LEN], declared[SHA256_LEN];
	json_int_t offset, length;
	const char *hex;
	int e;

	if (json_unpack(r->body, "{s:I,s:I,s:s!}", "length", &length, "offset", &offset, "sha256", &hex) < 0 ||
	    strlen(hex) != SHA256_HEX_LEN || hex_decode(hex, declared, sizeof(declared)) < 0)
		return bad(w, l, "a %s record without offset, length and sha256", CHAIN_TYPE_TORN);
	if ((uint64_t)offset != w->torn_offset || (uint64_t)length != w->torn_size)
		return bad(w, l, "declares another fragment than the one before it");
	e = hash_range(w->fd, w->torn_offset, w->torn_size, sum);
	if (e < 0)
		return e;
	if (memcmp(sum, declared, sizeof(sum)) != 0)
		return bad(w, l, "the fragment before it was altered");
	w->result->fragments++;
	if (w->visitor && w->visitor->fragment)
		return w->visitor->fragment(w->visitor->context, w->torn_offset, w->torn_size);
	return 0;
}

/* The first record names the key; a key that was given must be that one. */
static int check_genesis(struct walk *w, const struct line *l, const struct chain_record *r)
{
	if (chain_genesis_key(r, &w->genesis_key) < 0)
		return bad(w, l, "the first record is no %s record of %s", CHAIN_TYPE_GENESIS, CHAIN_FORMAT);
	if (w->key && memcmp(w->key, &w->genesis_key, sizeof(*w->key)) != 0)
		return bad(w, l, "the trail was begun with another key than this station's audit key");
	w->key = &w->genesis_key;
	return 0;
}

/* A file but the very first begins with a record about the one before it, and no other record is of that type. */
static int check_segment(struct walk *w, const struct line *l, const struct chain_record *r)
{
	bool is_segment = strcmp(r->type, CHAIN_TYPE_SEGMENT) == 0, must_be = w->start && w->start->has_before && l->offset == 0;
	const struct chain_closed *before = must_be ? w->start->before : NULL;
	struct chain_closed named;

	if (is_segment != must_be)
		return bad(w, l, must_be ? "a file of the trail that does not begin with a %s record" :
					   "a %s record that does not begin a file", CHAIN_TYPE_SEGMENT);
	if (!is_segment)
		return 0;
	if (chain_segment_parse(r, &named) < 0 || named.seq != w->seq || memcmp(named.hash, w->hash, SHA256_LEN) != 0)
		return bad(w, l, "a %s record that does not tell where the file before it ends", CHAIN_TYPE_SEGMENT);
	if (!before || strcmp(named.file, before->file) != 0)
		return bad(w, l, "follows %s, which is not the file before it", named.file);
	if (named.size != before->size || memcmp(named.sum, before->sum, SHA256_LEN) != 0)
		return bad(w, l, "%s is not as it was when it was closed (size or SHA-256 differs)", named.file);
	return 0;
}

static int check_links(struct walk *w, const struct line *l, const struct chain_record *r)
{
	static const uint8_t zero[SHA256_LEN];
	uint64_t seq = w->has_before ? w->seq + 1 : 0;
	int e;

	if (!w->has_before && strcmp(r->type, CHAIN_TYPE_SEGMENT) == 0)
		return bad(w, l, "what comes before record %llu is missing", (unsigned long long)r->seq);
	if (r->seq != seq)
		return bad(w, l, "record number %llu stands where %llu belongs", (unsigned long long)r->seq,
			   (unsigned long long)seq);
	if (memcmp(r->prev, w->has_before ? w->hash : zero, SHA256_LEN) != 0)
		return bad(w, l, "does not follow the record before it (prev differs)");
	if (!w->has_before) {
		e = check_genesis(w, l, r);
		if (e != 0)
			return e;
	} else if (strcmp(r->type, CHAIN_TYPE_GENESIS) == 0) {
		return bad(w, l, "a second %s record", CHAIN_TYPE_GENESIS);
	}
	e = w->start && w->start->is_vouched_for ? 0 : chain_record_verify(r, w->key);
	if (e != 0)
		return e == -EBADMSG ? bad(w, l, "the signature is not by the audit key") : e;
	return check_segment(w, l, r);
}

static int accept_record(struct walk *w, const struct line *l, const struct chain_record *r)
{
	int e;

	if (w->torn_size > 0 && strcmp(r->type, CHAIN_TYPE_TORN) != 0)
		return bad(w, &(struct line){ .number = w->torn_line, .offset = w->torn_offset },
			   "not a record, and no %s record declares it", CHAIN_TYPE_TORN);
	e = check_links(w, l, r);
	if (e != 0)
		return e;
	if (w->torn_size > 0)
		e = check_torn(w, l, r);
	else if (strcmp(r->type, CHAIN_TYPE_TORN) == 0)
		e = bad(w, l, "declares a fragment that is not there");
	if (e != 0)
		return e;
	if (!l->is_ended) {
		w->result->is_torn_end = true;
		return bad(w, l, "the last record lacks its end of line: its writing was interrupted "
				 "(the next record completes it)");
	}
	w->torn_size = 0;
	w->has_before = true;
	w->seq = r->seq;
	memcpy(w->hash, r->hash, SHA256_LEN);
	w->result->records++;
	w->result->last_seq = r->seq;
	memcpy(w->result->last_hash, r->hash, SHA256_LEN);
	return w->visitor ? w->visitor->record(w->visitor->context, r, l->number) : 0;
}

static int pend_fragment(struct walk *w, const struct line *l)
{
	if (l->offset == 0)
		return bad(w, l, "not a record, and nothing comes before it");
	if (w->torn_size == 0) {
		w->torn_offset = l->offset;
		w->torn_line = l->number;
	}
	w->torn_size += l->size;
	if (w->torn_size > CHAIN_TORN_MAX)
		return bad(w, &(struct line){ .number = w->torn_line, .offset = w->torn_offset },
			   "not a record, and too long for an interrupted write");
	return 0;
}

static int walk_line(struct walk *w, const struct line *l)
{
	struct chain_record r = { 0 };
	const char *why = "too long for a record";
	int e = l->text ? chain_line_parse(l->text, l->text_size, &r, &why) : -EINVAL;

	if (e == -EINVAL)
		return pend_fragment(w, l);
	if (e == -EBADMSG)
		return bad(w, l, "%s", why);
	if (e < 0)
		return e;
	e = accept_record(w, l, &r);
	chain_record_done(&r);
	return e;
}

static int walk_all(struct walk *w)
{
	struct line l;
	int r;

	while ((r = next_line(w, &l)) == 1) {
		r = walk_line(w, &l);
		if (r != 0)
			return r;
	}
	if (r < 0)
		return r;
	l = (struct line){ .number = w->torn_line, .offset = w->torn_offset };
	if (w->torn_size > 0) {
		w->result->is_torn_end = true;
		return bad(w, &l, "the last %llu bytes are no record: a write was interrupted, or the end was altered "
				  "(the next record will declare them)", (unsigned long long)w->torn_size);
	}
	if (w->lines == 0)
		return bad(w, &(struct line){ .number = 1 }, "the trail is empty");
	return 0;
}

int chain_walk_from(int fd, const struct chain_start *start, const struct minisign_public *key,
		    const struct chain_visitor *visitor, struct chain_result *ret)
{
	_cleanup_free_ char *window = malloc(WINDOW);
	struct chain_result result = { 0 };
	struct walk w = { .fd = fd, .window = window, .start = start, .key = key, .visitor = visitor, .result = &result,
			  .end = start && start->end > 0 ? start->end : UINT64_MAX };
	int r;

	if (!window)
		return -ENOMEM;
	if (start) {
		w.at = start->offset;
		w.lines = start->line - 1;
		w.has_before = start->has_before;
		w.seq = start->seq;
		memcpy(w.hash, start->hash, SHA256_LEN);
	}
	r = walk_all(&w);
	if (r < 0)
		return r;
	result.is_good = r == 0;
	*ret = result;
	return 0;
}

int chain_walk(int fd, const struct minisign_public *key, const struct chain_visitor *visitor,
	       struct chain_result *ret)
{
	return chain_walk_from(fd, NULL, key, visitor, ret);
}
