/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "reader/feed.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

/* A bad sector is tried again: alone, since what was asked for around it may be readable, and since a second reading often
 * succeeds. Not without end: each try may take the kernel and the drive half a minute. */
static const size_t retry_bytes[] = { 64u << 10, 4u << 10 };
#define RETRIES_MAX 200	     /* of one volume */
#define RETRY_TIME_MS 60000  /* spent in them */

/* So many files in a row whose first byte cannot be read, without one that can: there is nothing left behind them. */
#define FRUITLESS_MAX 64

struct feed {
	unsigned int retries, fruitless;
	int64_t retry_ms;
	bool is_gone;
	char words[96];
	struct stream_writer stream;
};

struct feed *feed_new(int stream_fd)
{
	struct feed *f = malloc(sizeof(*f));

	if (f) {
		f->retries = f->fruitless = 0;
		f->retry_ms = 0;
		f->is_gone = false;
		stream_writer_init(&f->stream, stream_fd);
	}
	return f;
}

bool feed_has_lost_medium(const struct feed *f)
{
	return f->is_gone;
}

struct feed *feed_free(struct feed *f)
{
	free(f);
	return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       S_ISREG(b->st_mode) && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static ssize_t read_once(int fd, void *to, size_t want, uint64_t at)
{
	ssize_t n;

	do
		n = pread(fd, to, want, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The device, or the process that serves it, is not there any more: nothing is tried again. */
static bool means_gone(ssize_t error)
{
	return error == -ENODEV || error == -ENXIO || error == -ENOMEDIUM || error == -ENOTCONN || error == -ESHUTDOWN ||
	       error == -ECONNABORTED;
}

static ssize_t read_again(struct feed *f, int fd, void *to, size_t want, uint64_t at, ssize_t error)
{
	for (size_t i = 0; i < ARRAY_LEN(retry_bytes) && error < 0 && !means_gone(error); i++) {
		int64_t begin = clock_ms();

		if (f->retries >= RETRIES_MAX || f->retry_ms >= RETRY_TIME_MS)
			break;
		f->retries++;
		error = read_once(fd, to, MIN(want, retry_bytes[i]), at);
		f->retry_ms += clock_ms() - begin;
	}
	return error;
}

/* Read one chunk. 1: more, 0: end of file, or a negative errno, with -EREMOTEIO for a stream that failed. */
static int feed_chunk(struct feed *f, int fd, uint64_t *at, size_t want)
{
	uint8_t *data = NULL;
	ssize_t n;

	if (stream_reserve(&f->stream, want, &data) < 0)
		return -EREMOTEIO;
	n = read_once(fd, data, want, *at);
	if (n < 0)
		n = read_again(f, fd, data, want, *at, n);
	if (n <= 0)
		return (int)n;
	*at += (uint64_t)n;
	stream_commit(&f->stream, (size_t)n);
	return 1;
}

/* Everything up to the announced size, and one look past it. */
static int feed_bytes(struct feed *f, int fd, uint64_t size, uint64_t *at)
{
	int r = 1;

	while (r > 0 && *at <= size)
		r = feed_chunk(f, fd, at, MIN(size - *at + 1, (uint64_t)STREAM_CHUNK_MAX));
	return r;
}

static void note_success(struct feed *f, int r, uint64_t bytes)
{
	if (bytes > 0)
		f->fruitless = 0;
	else if (r < 0)
		f->fruitless++;
	f->is_gone |= means_gone(r) || f->fruitless >= FRUITLESS_MAX;
}

static int read_whole(struct feed *f, int fd, const struct stat *seen, enum stream_status *ret_status,
		      const char **ret_detail)
{
	struct stat before, after;
	uint64_t at = 0;
	int r;

	*ret_status = STREAM_UNREADABLE;
	if (fstat(fd, &before) < 0) {
		*ret_detail = strerror(errno);
		return 0;
	}
	if (!same_file(seen, &before)) { /* not even read: it may be a device by now */
		*ret_status = STREAM_CHANGED;
		*ret_detail = "what was opened is not the file that the directory showed";
		return 0;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice only */
	r = feed_bytes(f, fd, (uint64_t)before.st_size, &at);
	if (r == -EREMOTEIO)
		return -EPIPE;
	note_success(f, r, at);
	if (r < 0) {
		(void)snprintf(f->words, sizeof(f->words), "unreadable at byte %llu: %s", (unsigned long long)at, strerror(-r));
		*ret_detail = f->words;
		return 0;
	}
	*ret_status = STREAM_CHANGED;
	*ret_detail = "the file was not the same at the end of reading as at its beginning";
	if (at == (uint64_t)before.st_size && fstat(fd, &after) == 0 && same_file(&before, &after)) {
		*ret_status = STREAM_COMPLETE;
		*ret_detail = "";
	}
	return 0;
}

int feed_file(struct feed *f, uint64_t id, int fd, const struct stat *seen,
	      enum stream_status *ret_status, const char **ret_detail)
{
	int r = stream_begin(&f->stream, id);

	if (r == 0)
		r = read_whole(f, fd, seen, ret_status, ret_detail);
	return r == 0 ? stream_end(&f->stream, id, *ret_status) : r;
}
