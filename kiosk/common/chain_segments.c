/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A trail in several files: their names, what joins them, and walking over all of them.
 *
 * What a forger without the key must not achieve unnoticed, besides what chain_walk.c looks for: taking a segment away,
 * swapping two, putting in one of another station or an older copy, changing a byte of a closed one.
 */
#include "common/chain.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"

#define NAME_BEFORE "audit-"
#define NAME_AFTER  ".jsonl"
#define LOCK_TRIES  2000 /* of 5 ms: an append takes about as long */

/* -- names --------------------------------------------------------------------------------------------------------- */

void chain_segment_name(uint64_t first_seq, char ret[static CHAIN_NAME_MAX + 1])
{
	(void)snprintf(ret, CHAIN_NAME_MAX + 1, NAME_BEFORE "%010" PRIu64 NAME_AFTER, first_seq); /* at most 20 digits: fits */
}

/* Exactly the names that we give: "audit-7.jsonl" beside "audit-0000000007.jsonl" would be a second spelling. */
static bool name_parse(const char *name, uint64_t *ret_first_seq)
{
	char again[CHAIN_NAME_MAX + 1];
	uint64_t first_seq;

	if (strncmp(name, NAME_BEFORE, strlen(NAME_BEFORE)) != 0 || strlen(name) > CHAIN_NAME_MAX)
		return false;
	first_seq = strtoull(name + strlen(NAME_BEFORE), NULL, 10);
	chain_segment_name(first_seq, again);
	if (strcmp(again, name) != 0)
		return false;
	*ret_first_seq = first_seq;
	return true;
}

static int compare_segments(const void *a, const void *b)
{
	const struct chain_segment *one = a, *two = b;

	return one->first_seq < two->first_seq ? -1 : one->first_seq > two->first_seq;
}

static int read_names(DIR *dir, struct chain_segment **list, size_t *count)
{
	struct dirent *entry;
	size_t room = 0;

	while ((errno = 0, entry = readdir(dir))) {
		struct chain_segment s = { 0 };

		if (!name_parse(entry->d_name, &s.first_seq))
			continue;
		memcpy(s.name, entry->d_name, strlen(entry->d_name) + 1);
		if (*count == room) {
			struct chain_segment *grown = reallocarray(*list, room ? 2 * room : 16, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			*list = grown;
			room = room ? 2 * room : 16;
		}
		(*list)[(*count)++] = s;
	}
	return -errno;
}

int chain_open(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_p(&fd);
		return -EBADMSG;
	}
	return fd;
}

/* All that come before the file behind `open_fd`: from the one that is that very file on, they are not of interest. */
static int list_before(int dir_fd, int open_fd, struct chain_segment **ret, size_t *ret_count)
{
	_cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ struct chain_segment *list = NULL;
	struct stat own, st;
	size_t count = 0;
	int r;

	if (!dir || (open_fd >= 0 && fstat(open_fd, &own) < 0))
		return -errno;
	fd = -EBADF; /* owned by dir */
	r = read_names(dir, &list, &count);
	if (r < 0)
		return r;
	if (count > 0)
		qsort(list, count, sizeof(*list), compare_segments);
	for (size_t k = 0; open_fd >= 0 && k < count; k++)
		if (fstatat(dir_fd, list[k].name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == own.st_ino && st.st_dev == own.st_dev)
			count = k;
	*ret = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}

int chain_segments(int dir_fd, struct chain_segment **ret, size_t *ret_count)
{
	_cleanup_close_ int fd = chain_open(dir_fd, CHAIN_FILE);

	return list_before(dir_fd, fd, ret, ret_count); /* also without a last file */
}

/* -- the record that joins two files ------------------------------------------------------------------------------- */

json_t *chain_segment_body(const struct chain_closed *closed)
{
	char hash[SHA256_HEX_LEN + 1], sum[SHA256_HEX_LEN + 1];

	hex_encode(closed->hash, SHA256_LEN, hash);
	hex_encode(closed->sum, SHA256_LEN, sum);
	return json_pack("{s:I,s:{s:s,s:s,s:I,s:s,s:I}}", "first_seq", (json_int_t)(closed->seq + 1), "previous", "file", closed->file,
			 "hash", hash, "seq", (json_int_t)closed->seq, "sha256", sum, "size", (json_int_t)closed->size);
}

static int take_hex(const char *hex, uint8_t ret[static SHA256_LEN])
{
	return strlen(hex) == SHA256_HEX_LEN ? hex_decode(hex, ret, SHA256_LEN) : -EINVAL;
}

int chain_segment_parse(const struct chain_record *r, struct chain_closed *ret)
{
	const char *file, *hash, *sum;
	json_int_t first_seq, seq, size;
	struct chain_closed closed = { 0 };
	uint64_t began;

	if (strcmp(r->type, CHAIN_TYPE_SEGMENT) != 0 ||
	    json_unpack(r->body, "{s:I,s:{s:s,s:s,s:I,s:s,s:I!}!}", "first_seq", &first_seq, "previous", "file", &file, "hash", &hash,
			"seq", &seq, "sha256", &sum, "size", &size) < 0 ||
	    take_hex(hash, closed.hash) < 0 || take_hex(sum, closed.sum) < 0 || !name_parse(file, &began) || size < 0 || seq < 0 ||
	    (uint64_t)first_seq != r->seq || (uint64_t)seq + 1 != r->seq || began > (uint64_t)seq)
		return -EBADMSG;
	memcpy(closed.file, file, strlen(file) + 1); /* fits: name_parse() */
	closed.seq = (uint64_t)seq;
	closed.size = (uint64_t)size;
	*ret = closed;
	return 0;
}

int chain_first_record(int fd, struct chain_record *ret)
{
	_cleanup_free_ char *text = malloc(CHAIN_LINE_MAX);
	const char *end;
	ssize_t n;
	int r;

	if (!text)
		return -ENOMEM;
	n = pread(fd, text, CHAIN_LINE_MAX, 0); /* a regular file: short at its end alone */
	end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	if (!end)
		return n < 0 ? -errno : -EBADMSG;
	r = chain_line_parse(text, (size_t)(end - text), ret, NULL);
	if (r == 0)
		ret->line = NULL;
	return r == -EINVAL ? -EBADMSG : r;
}

/* -- walking over all of them -------------------------------------------------------------------------------------- */

struct tour {
	int dir_fd, open_fd; /* CHAIN_FILE, opened before the others were listed: it may be closed meanwhile */
	const struct minisign_public *key;
	struct minisign_public genesis_key;
	uint64_t open_size; /* bytes of it that are looked at */
	enum chain_care care;
	const struct chain_visitor *visitor;
	struct chain_start start;
	struct chain_closed before;
	struct chain_result *total;
};

static int tour_open(const struct tour *t, const char *name)
{
	return strcmp(name, CHAIN_FILE) == 0 ? t->open_fd : chain_open(t->dir_fd, name);
}

static void tour_close(const struct tour *t, int fd)
{
	if (fd != t->open_fd)
		close_p(&fd);
}

/* Is the closed segment what the next file's signed first record says? In doubt it is not, and looked at line by line. */
static bool is_vouched_for(const struct tour *t, const struct chain_closed *as_it_is, const char *next)
{
	int fd = tour_open(t, next), r = fd;
	struct chain_record record;
	struct chain_closed named;
	bool is_good;

	if (fd >= 0) {
		r = t->key ? chain_first_record(fd, &record) : -ENOKEY;
		tour_close(t, fd);
	}
	if (r < 0)
		return false;
	is_good = chain_record_verify(&record, t->key) == 0 && chain_segment_parse(&record, &named) == 0 &&
		  strcmp(named.file, as_it_is->file) == 0 && named.size == as_it_is->size &&
		  memcmp(named.sum, as_it_is->sum, SHA256_LEN) == 0;
	chain_record_done(&record);
	return is_good;
}

static int bad_file(struct tour *t, const char *name, const char *why)
{
	(void)snprintf(t->total->bad_file, sizeof(t->total->bad_file), "%s", name); /* of our own making: fits */
	(void)snprintf(t->total->why, sizeof(t->total->why), "%s", why);
	t->total->bad_line = 1;
	t->total->bad_offset = 0;
	return 1;
}

static int add_result(struct tour *t, const char *name, const struct chain_result *r, bool is_closed)
{
	t->total->records += r->records;
	t->total->fragments += r->fragments;
	if (r->records > 0) {
		t->total->last_seq = r->last_seq;
		memcpy(t->total->last_hash, r->last_hash, SHA256_LEN);
	}
	if (r->is_good)
		return 0;
	(void)bad_file(t, name, r->is_torn_end && is_closed ? "the end of this closed segment is torn" : r->why);
	t->total->bad_line = r->bad_line;
	t->total->bad_offset = r->bad_offset;
	t->total->is_torn_end = r->is_torn_end && !is_closed;
	return 1;
}

static int walk_file(struct tour *t, int fd, const char *name, const char *next)
{
	bool is_first = t->total->records == 0;
	struct chain_closed as_it_is = { 0 };
	struct chain_result result;
	int r = 0;

	if (next) {
		memcpy(as_it_is.file, name, strlen(name) + 1);
		r = sha256_fd(fd, as_it_is.sum, &as_it_is.size);
	}
	if (r < 0)
		return r;
	t->start = (struct chain_start){ .line = 1, .has_before = !is_first, .seq = t->total->last_seq, .before = &t->before };
	memcpy(t->start.hash, t->total->last_hash, SHA256_LEN);
	t->start.is_vouched_for = t->care == CHAIN_LINKS || (next && t->care == CHAIN_SEALS && is_vouched_for(t, &as_it_is, next));
	t->start.end = next ? 0 : t->open_size;
	r = chain_walk_from(fd, &t->start, t->key, t->visitor, &result);
	if (r == 0)
		r = add_result(t, name, &result, next != NULL);
	t->before = as_it_is;
	return r;
}

/* 0: good so far; 1: bad, told in the result. `next`: the file after it; NULL: this is the open one. */
static int tour_file(struct tour *t, const char *name, const char *next)
{
	int fd = tour_open(t, name), r;

	if (fd == -ELOOP || fd == -EBADMSG || fd == -ENOENT)
		return bad_file(t, name, fd == -ENOENT ? "it is missing" : "not a regular file");
	if (fd < 0)
		return fd;
	r = walk_file(t, fd, name, next);
	tour_close(t, fd);
	return r;
}

/* Without a key it is the one that the very first record names. */
static void find_key(struct tour *t, const char *name)
{
	int fd = t->key ? -EBADF : tour_open(t, name);
	struct chain_record record;

	if (fd < 0)
		return; /* the walk finds out at that record */
	if (chain_first_record(fd, &record) == 0) {
		if (chain_genesis_key(&record, &t->genesis_key) == 0)
			t->key = &t->genesis_key;
		chain_record_done(&record);
	}
	tour_close(t, fd);
}

static int tour_all(struct tour *t, const struct chain_segment *list, size_t count)
{
	int r = 0;

	find_key(t, count > 0 ? list[0].name : CHAIN_FILE);
	for (size_t k = 0; r == 0 && k < count; k++) {
		if (list[k].first_seq != (k == 0 ? 0 : t->total->last_seq + 1))
			return bad_file(t, list[k].name, "it does not follow the file before it: one is missing, or this one has another's name");
		r = tour_file(t, list[k].name, k + 1 < count ? list[k + 1].name : CHAIN_FILE);
		t->total->segments++;
	}
	return r == 0 ? tour_file(t, CHAIN_FILE, NULL) : r;
}

/* How much of the open file is there, with no append under way. Who may not open the lock, or waits in vain for a ledger that
 * hangs, takes what it finds. */
static uint64_t settled_size(int dir_fd, int fd)
{
	_cleanup_close_ int lock_fd = openat(dir_fd, CHAIN_LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct stat st;

	for (int tries = 0; lock_fd >= 0 && tries < LOCK_TRIES && flock(lock_fd, LOCK_SH | LOCK_NB) < 0; tries++)
		(void)nanosleep(&pause, NULL); /* an early wake-up only tries earlier */
	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0; /* the lock goes with its descriptor */
}

int chain_walk_all(int dir_fd, const struct minisign_public *key, enum chain_care care, const struct chain_visitor *visitor,
		   struct chain_result *ret)
{
	_cleanup_close_ int open_fd = chain_open(dir_fd, CHAIN_FILE);
	_cleanup_free_ struct chain_segment *list = NULL;
	struct chain_result total = { 0 };
	struct tour t = { .dir_fd = dir_fd, .open_fd = open_fd, .key = key, .care = care, .visitor = visitor, .total = &total,
			  .open_size = settled_size(dir_fd, open_fd) };
	size_t count = 0;
	int r = list_before(dir_fd, open_fd, &list, &count);

	if (r == 0 && open_fd == -ENOENT && count == 0)
		return -ENOENT;
	if (r == 0 && open_fd < 0 && open_fd != -ENOENT && open_fd != -ELOOP && open_fd != -EBADMSG)
		return open_fd;
	if (r == 0)
		r = tour_all(&t, list, count);
	if (r < 0)
		return r;
	total.is_good = r == 0;
	*ret = total;
	return 0;
}

/* -- how much ------------------------------------------------------------------------------------------------------ */

int chain_extent(int dir_fd, uint64_t *ret_records, uint64_t *ret_bytes)
{
	_cleanup_close_ int fd = chain_open(dir_fd, CHAIN_FILE);
	_cleanup_free_ struct chain_segment *list = NULL;
	struct chain_tail tail;
	uint64_t bytes = 0;
	size_t count = 0;
	struct stat st;
	int r = fd < 0 ? fd : chain_tail_find(fd, NULL, &tail, NULL);

	if (r == 0)
		r = chain_segments(dir_fd, &list, &count);
	if (r < 0)
		return r;
	for (size_t k = 0; k < count; k++)
		if (fstatat(dir_fd, list[k].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)st.st_size;
	*ret_records = tail.seq + 1;
	*ret_bytes = bytes + tail.size;
	return 0;
}
