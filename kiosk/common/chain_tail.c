/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reading a trail from its end, so that appending does not get slower as the trail grows.
 *
 * After a power cut the end may be: a prefix of a record; zeros, where the file system had the length but not the
 * data; a prefix behind an earlier fragment, when declaring that one was interrupted in turn. None of these
 * parses as JSON. Whatever does parse and is not a good record was altered, and nothing is appended to it.
 */
#include "common/chain.h"

#include <string.h>
#include <sys/stat.h>

#define WINDOW (2 * CHAIN_LINE_MAX)

struct backward {
	int fd;
	char *window;
	uint64_t window_at;
	size_t window_size;
	uint64_t end; /* where the next line to return ends, with its newline */
};

static int fill_window(struct backward *b)
{
	size_t size = (size_t)MIN(b->end, (uint64_t)WINDOW), have = 0;

	b->window_at = b->end - size;
	while (have < size) {
		ssize_t n = pread(b->fd, b->window + have, size - have, (off_t)(b->window_at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		have += (size_t)n;
	}
	b->window_size = size;
	return 0;
}

/* Newline before the line that ends at b->end, NULL when the window has none. */
static const char *newline_before(const struct backward *b)
{
	size_t size = (size_t)(b->end - b->window_at);

	return size > 1 ? memrchr(b->window, '\n', size - 1) : NULL;
}

/* The line that ends at b->end, without its newline; 0 at the beginning of the file. A stretch without newline
 * comes in pieces, which are too long to be records. */
static int previous_line(struct backward *b, const char **ret, size_t *ret_size, uint64_t *ret_at)
{
	const char *before, *start;
	size_t size;
	int r;

	if (b->end == 0)
		return 0;
	before = b->window_size > 0 && b->end > b->window_at ? newline_before(b) : NULL;
	if (!before) {
		r = fill_window(b);
		if (r < 0)
			return r;
		before = newline_before(b);
	}
	start = before ? before + 1 : b->window;
	size = (size_t)(b->end - b->window_at) - (size_t)(start - b->window);
	*ret = start;
	*ret_at = b->window_at + (uint64_t)(start - b->window);
	*ret_size = size > 0 && start[size - 1] == '\n' ? size - 1 : size;
	b->end = *ret_at;
	return 1;
}

static int refuse(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	return -EBADMSG;
}

/* 1: the tail; 0: torn, look further back. */
static int try_line(struct chain_tail *t, const struct minisign_public *key, const char *text, size_t size,
		    uint64_t at, const char **ret_why)
{
	struct chain_record record;
	const char *why = NULL;
	uint64_t end;
	int r = chain_line_parse(text, size, &record, &why);

	if (r == -EINVAL)
		return 0;
	if (r == -EBADMSG)
		return refuse(ret_why, why);
	if (r < 0)
		return r;
	r = key ? chain_record_verify(&record, key) : 0;
	t->seq = record.seq;
	t->time = record.time;
	memcpy(t->hash, record.hash, sizeof(t->hash));
	chain_record_done(&record);
	if (r == -EBADMSG)
		return refuse(ret_why, "the last record's signature is not by the audit key");
	if (r < 0)
		return r;
	end = at + size;
	t->record_at = at;
	t->lacks_newline = end == t->size;
	t->torn_offset = t->lacks_newline ? end : end + 1;
	t->torn_size = t->size - t->torn_offset;
	return 1;
}

int chain_tail_find(int fd, const struct minisign_public *key, struct chain_tail *ret, const char **ret_why)
{
	_cleanup_free_ char *window = malloc(WINDOW);
	struct backward b = { .fd = fd, .window = window };
	struct chain_tail tail = { 0 };
	struct stat st;
	const char *text;
	uint64_t at;
	size_t size;
	int r;

	if (!window)
		return -ENOMEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return -ENODATA;
	tail.size = b.end = (uint64_t)st.st_size;
	while (tail.size - b.end <= CHAIN_TORN_MAX) {
		r = previous_line(&b, &text, &size, &at);
		if (r == 0)
			return refuse(ret_why, "there is no record in it");
		if (r == 1)
			r = try_line(&tail, key, text, size, at, ret_why);
		if (r < 0)
			return r;
		if (r == 1 && tail.torn_size <= CHAIN_TORN_MAX) {
			*ret = tail;
			return 0;
		}
	}
	return refuse(ret_why, "there is no record in its last part");
}

struct search {
	int dir_fd;
	uint8_t want[SHA256_LEN]; /* hash of the next record backwards */
	bool (*is_wanted)(const void *context, const struct chain_record *r);
	const void *context;
	char next[CHAIN_NAME_MAX + 1]; /* file to go on with; "": there is none */
};

/* 1: `ret` is it; 0: it is further back, perhaps in s->next. */
static int look_at(struct search *s, const char *text, size_t size, struct chain_record *ret)
{
	struct chain_record record;
	struct chain_closed closed;
	int r = chain_line_parse(text, size, &record, NULL);

	if (r == -EINVAL) /* a fragment; the links lead past it */
		return 0;
	if (r < 0)
		return r;
	r = memcmp(record.hash, s->want, sizeof(s->want)) == 0 ? 0 : -EBADMSG;
	memcpy(s->want, record.prev, sizeof(s->want));
	if (r == 0 && strcmp(record.type, CHAIN_TYPE_SEGMENT) == 0) {
		r = chain_segment_parse(&record, &closed);
		if (r == 0)
			memcpy(s->next, closed.file, sizeof(s->next));
	}
	if (r == 0 && s->is_wanted(s->context, &record)) {
		record.line = NULL;
		*ret = record;
		return 1;
	}
	chain_record_done(&record);
	return r;
}

static int search_file(struct search *s, struct backward *b, struct chain_record *ret)
{
	const char *text;
	uint64_t at;
	size_t size;
	int r;

	s->next[0] = '\0';
	while ((r = previous_line(b, &text, &size, &at)) == 1) {
		r = look_at(s, text, size, ret);
		if (r != 0)
			return r;
	}
	return r;
}

int chain_find_back(int dir_fd, int fd, const struct chain_tail *tail,
		    bool (*is_wanted)(const void *context, const struct chain_record *r), const void *context, struct chain_record *ret)
{
	_cleanup_free_ char *window = malloc(WINDOW);
	struct search s = { .dir_fd = dir_fd, .is_wanted = is_wanted, .context = context };
	struct backward b = { .fd = fd, .window = window, .end = tail->torn_offset };
	int r;

	if (!window)
		return -ENOMEM;
	memcpy(s.want, tail->hash, sizeof(s.want));
	r = search_file(&s, &b, ret);
	while (r == 0 && s.next[0]) {
		_cleanup_close_ int before_fd = chain_open(dir_fd, s.next);
		struct stat st;

		if (before_fd < 0 || fstat(before_fd, &st) < 0)
			return before_fd == -ENOENT ? -EBADMSG : before_fd < 0 ? before_fd : -errno;
		b = (struct backward){ .fd = before_fd, .window = window, .end = (uint64_t)st.st_size };
		r = search_file(&s, &b, ret);
	}
	return r < 0 ? r : r == 1 ? 0 : -ENODATA;
}

static bool is_report(const void *context, const struct chain_record *r)
{
	return strcmp(r->type, CHAIN_TYPE_REPORT) == 0;
}

int chain_last_report(int dir_fd, int fd, const struct chain_tail *tail, struct chain_record *ret)
{
	return chain_find_back(dir_fd, fd, tail, is_report, NULL, ret);
}
