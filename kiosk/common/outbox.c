/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a torn-tail record declares is stepped over, not compared, and so is the sum of a closed file: `lazaret audit verify` does
 * that. Every record is checked by itself and against the one before, whichever file it lies in.
 */
#include "common/outbox.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define WINDOW	    (2 * CHAIN_LINE_MAX) /* the longest record fits wherever it starts */
#define SEGMENT_MAX 48			 /* bytes of a file's name */

struct outbox {
	int dir_fd, fd; /* dir_fd borrowed */
	const struct minisign_public *key; /* borrowed */
	char *window;			   /* WINDOW bytes */
	uint64_t window_at;		   /* offset of window[0] */
	size_t window_size;
	uint64_t at;   /* offset of the next line */
	uint64_t torn; /* bytes before it that are no record */
	uint64_t file_seq;
	bool has_last;
	struct outbox_place last; /* the record before */
	struct chain_record record;
};

struct outbox *outbox_free(struct outbox *o)
{
	if (o) {
		close_p(&o->fd);
		chain_record_done(&o->record);
		free(o->window);
	}
	free(o);
	return NULL;
}

/* -- files -------------------------------------------------------------------------------------------------------- */

static int open_one(const struct outbox *o, const char *name)
{
	int fd = openat(o->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_p(&fd);
		return -EBADMSG;
	}
	return fd;
}

/* The file that begins with this record: a closed one, or the one that grows. */
static int open_file(const struct outbox *o, uint64_t file_seq)
{
	char name[SEGMENT_MAX];
	int fd;

	(void)snprintf(name, sizeof(name), "audit-%010" PRIu64 ".jsonl", file_seq);
	fd = open_one(o, name);
	return fd == -ENOENT ? open_one(o, CHAIN_FILE) : fd;
}

static void take_file(struct outbox *o, int fd, uint64_t file_seq, uint64_t at)
{
	close_p(&o->fd);
	o->fd = fd;
	o->file_seq = file_seq;
	o->at = at;
	o->torn = 0;
	o->window_size = 0;
}

int outbox_rewind(struct outbox *o)
{
	int fd = open_file(o, 0);

	if (fd < 0)
		return fd;
	take_file(o, fd, 0, 0);
	o->has_last = false;
	return 0;
}

int outbox_open(int audit_fd, const struct minisign_public *key, struct outbox **ret)
{
	_cleanup_(outbox_freep) struct outbox *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->dir_fd = audit_fd;
	o->fd = -EBADF;
	o->key = key;
	o->window = malloc(WINDOW);
	r = o->window ? outbox_rewind(o) : -ENOMEM;
	if (r == 0)
		*ret = TAKE_PTR(o);
	return r;
}

/* At the end of a file: has it been closed, and is there a next one? 1: it is taken. */
static int next_file(struct outbox *o)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat mine, other;

	if (!o->has_last)
		return 0;
	fd = open_file(o, o->last.seq + 1);
	if (fd < 0)
		return fd;
	if (fstat(o->fd, &mine) < 0 || fstat(fd, &other) < 0)
		return -errno;
	if (mine.st_ino == other.st_ino && mine.st_dev == other.st_dev)
		return 0;
	take_file(o, TAKE_FD(fd), o->last.seq + 1, 0);
	return 1;
}

/* -- lines -------------------------------------------------------------------------------------------------------- */

static int fill_window(struct outbox *o)
{
	o->window_at = o->at;
	o->window_size = 0;
	while (o->window_size < WINDOW) {
		ssize_t n = pread(o->fd, o->window + o->window_size, WINDOW - o->window_size, (off_t)(o->at + o->window_size));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		o->window_size += (size_t)n;
	}
	return 0;
}

/* 1: a line of `*ret_size` bytes without its newline; 0: none that is complete. A stretch without newline that is longer than any
 * record comes in pieces: it is torn in any case. */
static int next_line(struct outbox *o, const char **ret, size_t *ret_size, size_t *ret_whole)
{
	const char *end = NULL;
	size_t from = o->at >= o->window_at ? (size_t)MIN(o->at - o->window_at, (uint64_t)o->window_size) : o->window_size;
	int r;

	if (from < o->window_size)
		end = memchr(o->window + from, '\n', o->window_size - from);
	if (!end) {
		r = fill_window(o);
		if (r < 0)
			return r;
		from = 0;
		end = memchr(o->window, '\n', o->window_size);
	}
	if (!end && o->window_size < WINDOW)
		return 0;
	*ret = o->window + from;
	*ret_size = end ? (size_t)(end - *ret) : o->window_size;
	*ret_whole = *ret_size + (end ? 1 : 0);
	return 1;
}

/* -- records ------------------------------------------------------------------------------------------------------ */

static int check_record(struct outbox *o, const struct chain_record *r, const char **ret_why)
{
	static const uint8_t zero[SHA256_LEN];
	struct minisign_public genesis;
	int e;

	*ret_why = NULL;
	if (o->torn > 0 && strcmp(r->type, CHAIN_TYPE_TORN) != 0)
		*ret_why = "bytes that are no record, and no torn-tail record declares them";
	else if (r->seq != (o->has_last ? o->last.seq + 1 : 0))
		*ret_why = "a record is missing, or stands in the wrong place";
	else if (memcmp(r->prev, o->has_last ? o->last.hash : zero, SHA256_LEN) != 0)
		*ret_why = "a record does not follow the one before it (prev differs)";
	else if (!o->has_last && (chain_genesis_key(r, &genesis) < 0 || memcmp(&genesis, o->key, sizeof(genesis)) != 0))
		*ret_why = "it was begun with another key than this station's audit key";
	if (*ret_why)
		return -EBADMSG;
	e = chain_record_verify(r, o->key);
	if (e == -EBADMSG)
		*ret_why = "a signature is not by the audit key";
	return e;
}

static void step(struct outbox *o, const struct chain_record *r, size_t whole)
{
	o->last = (struct outbox_place){ .seq = r->seq, .file_seq = o->file_seq, .offset = o->at };
	memcpy(o->last.hash, r->hash, SHA256_LEN);
	o->has_last = true;
	o->at += whole;
	o->torn = 0;
}

/* The next line that is a record into o->record, or at least looks like one. 1, 0: no further line, or an error. */
static int next_record(struct outbox *o, struct outbox_record *ret, size_t *ret_whole, const char **ret_why)
{
	int r;

	chain_record_done(&o->record);
	for (;;) {
		r = next_line(o, &ret->line, &ret->size, ret_whole);
		if (r == 0 && o->torn == 0)
			r = next_file(o) == 1 ? next_line(o, &ret->line, &ret->size, ret_whole) : 0;
		if (r != 1)
			return r;
		r = chain_line_parse(ret->line, ret->size, &o->record, ret_why);
		if (r != -EINVAL)
			return r < 0 ? r : 1;
		if (o->torn + *ret_whole > CHAIN_TORN_MAX) {
			*ret_why = "bytes that are no record, and too many for an interrupted write";
			return -EBADMSG;
		}
		o->torn += *ret_whole;
		o->at += *ret_whole;
	}
}

int outbox_next(struct outbox *o, struct outbox_record *ret, const char **ret_why)
{
	struct outbox_record found = { 0 };
	size_t whole;
	int r;

	*ret_why = NULL;
	r = next_record(o, &found, &whole, ret_why);
	if (r != 1)
		return r;
	r = check_record(o, &o->record, ret_why);
	if (r < 0)
		return r;
	step(o, &o->record, whole);
	found.place = o->last;
	found.time = o->record.time;
	found.record = &o->record;
	*ret = found;
	return 1;
}

int outbox_seek(struct outbox *o, const struct outbox_place *place)
{
	struct chain_record record = { 0 };
	int fd = open_file(o, place->file_seq), r;
	size_t size, whole;
	const char *line;

	if (fd < 0)
		return fd;
	take_file(o, fd, place->file_seq, place->offset);
	r = next_line(o, &line, &size, &whole);
	if (r == 1)
		r = chain_line_parse(line, size, &record, NULL);
	else if (r == 0)
		r = -ENOENT;
	if (r == 0 && (record.seq != place->seq || memcmp(record.hash, place->hash, SHA256_LEN) != 0))
		r = -ENOENT;
	if (r == 0)
		step(o, &record, whole);
	chain_record_done(&record);
	if (r == 0)
		return 0;
	if (r != -ENOENT && r != -EINVAL && r != -EBADMSG)
		return r;
	r = outbox_rewind(o);
	return r < 0 ? r : -ENOENT;
}
