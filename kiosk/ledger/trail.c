/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-ledger alone. Trusts the directory's owner, not the last write: every append looks at the end of
 * the file again, since another ledger may have written, and a power cut may have stopped it.
 *
 * Bytes are only ever added. What an interrupted write left is ended with a newline and declared by a
 * torn-tail record; a complete record that merely lacks its newline gets it and counts.
 */
#include "ledger/trail_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "ledger/limits.h"

#define CLOCK_FILE "clock"
#define NEW_FILE   CHAIN_FILE ".new"

/* Bytes to append: declared fragment, then the record. */
struct addition {
	char *data;
	size_t size;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

int64_t trail_now_s(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with a valid clock and address */
	return ts.tv_sec;
}

static int lock_take(int fd)
{
	struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };

	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited_ms >= TRAIL_LOCK_MS)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL); /* an early wake-up only tries earlier */
	}
	return 0;
}

static void lock_drop(int fd)
{
	(void)flock(fd, LOCK_UN); /* closing the descriptor would do it as well */
}

int trail_file_open(const struct trail *t)
{
	int fd = openat(t->dir_fd, CHAIN_FILE, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_p(&fd);
		return -EBADMSG;
	}
	return fd;
}

/* -- beginning -------------------------------------------------------------------------------------------- */

static int genesis_line(const struct trail *t, char **ret, size_t *ret_size)
{
	static const uint8_t zero[SHA256_LEN];
	char public[MINISIGN_PUBLIC_TEXT_LEN + 1];
	_cleanup_(json_decref_p) json_t *body = NULL;
	uint8_t hash[SHA256_LEN];

	minisign_public_base64(minisign_secret_public(t->key), public);
	body = json_pack("{ssssss}", "format", CHAIN_FORMAT, "public_key", public, "station", t->station);
	if (!body)
		return -EINVAL; /* a station name that is no UTF-8 */
	return chain_line_make(t->key, 0, zero, trail_now_s(), CHAIN_TYPE_GENESIS, body, ret, ret_size, hash);
}

/* A file appears with its first record whole, so that a torn beginning does not exist. */
static int write_new(const struct trail *t, const char *line, size_t size)
{
	_cleanup_close_ int fd = openat(t->dir_fd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r = fd < 0 ? -errno : fd_write_all(fd, line, size);

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int begin(const struct trail *t)
{
	_cleanup_free_ char *line = NULL;
	size_t size;
	int r = genesis_line(t, &line, &size);

	if (r == 0)
		r = write_new(t, line, size);
	if (r == 0 && renameat2(t->dir_fd, NEW_FILE, t->dir_fd, CHAIN_FILE, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == 0 && fsync(t->dir_fd) < 0)
		r = -errno;
	return r;
}

static int segments_any(const struct trail *t)
{
	_cleanup_free_ struct chain_segment *list = NULL;
	size_t count;
	int r = chain_segments(t->dir_fd, &list, &count);

	return r < 0 ? r : count > 0;
}

static int open_or_begin(const struct trail *t, bool has_past, const char **ret_why)
{
	int fd = trail_file_open(t);
	int r;

	if (fd != -ENOENT)
		return fd;
	r = has_past ? 1 : trail_witness_any(t);
	if (r > 0) {
		*ret_why = has_past ? "the audit trail is missing, but there are reports that it should tell of" :
				      "the audit trail is missing, but there is a witness of it (records.witness)";
		return -ENOENT;
	}
	r = r == 0 ? segments_any(t) : r;
	if (r > 0) {
		*ret_why = "the audit trail's last file is missing, but there are closed segments of it";
		return -ENOENT;
	}
	if (r == 0)
		r = begin(t);
	return r < 0 ? r : trail_file_open(t);
}

/* -- the next file ---------------------------------------------------------------------------------------- */

/* What the file behind `fd` is when it is closed now, and the name that it gets. -EAGAIN: not yet. */
static int describe_file(struct trail *t, int fd, struct chain_closed *ret, const char **ret_why)
{
	struct chain_record first;
	struct chain_tail tail;
	int r = chain_tail_find(fd, minisign_secret_public(t->key), &tail, ret_why);

	if (r < 0)
		return r;
	if (tail.size < t->options.segment_bytes || tail.lacks_newline || tail.torn_size > 0 || tail.record_at == 0)
		return -EAGAIN; /* what is torn is declared by the next record */
	r = chain_first_record(fd, &first);
	if (r < 0)
		return r;
	chain_segment_name(first.seq, ret->file);
	chain_record_done(&first);
	ret->seq = tail.seq;
	memcpy(ret->hash, tail.hash, SHA256_LEN);
	return sha256_fd(fd, ret->sum, &ret->size);
}

static int segment_line(const struct trail *t, const struct chain_closed *closed, char **ret, size_t *ret_size)
{
	_cleanup_(json_decref_p) json_t *body = chain_segment_body(closed);
	uint8_t hash[SHA256_LEN];

	if (!body)
		return -ENOMEM;
	return chain_line_make(t->key, closed->seq + 1, closed->hash, trail_now_s(), CHAIN_TYPE_SEGMENT, body, ret, ret_size, hash);
}

/* A second name for the full file, then the new one takes the first: at every instant CHAIN_FILE is there, and ends the trail.
 * Both names are there after an interrupted attempt. */
static int take_place(struct trail *t, int fd, const char *name, const char **ret_why)
{
	struct stat old, st;

	if (linkat(t->dir_fd, CHAIN_FILE, t->dir_fd, name, 0) < 0) {
		if (errno != EEXIST)
			return -errno;
		if (fstat(fd, &old) < 0 || fstatat(t->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (old.st_ino != st.st_ino || old.st_dev != st.st_dev) {
			*ret_why = "another file has the name that this one would get";
			return -EEXIST;
		}
	}
	if (fsync(t->dir_fd) < 0 || renameat(t->dir_fd, NEW_FILE, t->dir_fd, CHAIN_FILE) < 0)
		return -errno;
	return fsync(t->dir_fd) < 0 ? -errno : 0;
}

static int rotate_locked(struct trail *t, const char **ret_why)
{
	_cleanup_close_ int fd = trail_file_open(t);
	_cleanup_free_ char *line = NULL;
	struct chain_closed closed = { 0 };
	struct stat st;
	size_t size;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if ((uint64_t)st.st_size < t->options.segment_bytes)
		return 0;
	r = describe_file(t, fd, &closed, ret_why);
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	r = segment_line(t, &closed, &line, &size);
	if (r == 0)
		r = write_new(t, line, size);
	if (r == 0)
		r = take_place(t, fd, closed.file, ret_why);
	if (r == 0 && ftruncate(fd, (off_t)closed.size) < 0)
		r = -errno; /* to what it has: gives back what was set aside behind it */
	return r < 0 ? r : 1;
}

int trail_rotate(struct trail *t, const char **ret_why)
{
	int r = t->options.segment_bytes > 0 && !t->is_broken ? lock_take(t->lock_fd) : 1;

	if (r != 0)
		return MIN(r, 0);
	r = rotate_locked(t, ret_why);
	lock_drop(t->lock_fd);
	return r;
}

/* -- appending -------------------------------------------------------------------------------------------- */

static int append_bytes(struct addition *a, const char *data, size_t size)
{
	char *grown = realloc(a->data, a->size + size + 1);

	if (!grown)
		return -ENOMEM;
	memcpy(grown + a->size, data, size);
	a->data = grown;
	a->size += size;
	return 0;
}

static int append_record(struct addition *a, const struct trail *t, const char *type, const json_t *body,
			 struct trail_place *place)
{
	_cleanup_free_ char *line = NULL;
	struct trail_place next = { .seq = place->seq + 1 };
	size_t size;
	int r = chain_line_make(t->key, next.seq, place->hash, trail_now_s(), type, body, &line, &size, next.hash);

	if (r == 0)
		r = append_bytes(a, line, size);
	if (r == 0)
		*place = next;
	return r;
}

/* The fragment's bytes with the newline that ends it, as they will stand before the torn-tail record. */
static int torn_body(int fd, const struct chain_tail *tail, bool adds_newline, json_t **ret)
{
	uint64_t size = tail->torn_size + (adds_newline ? 1 : 0);
	_cleanup_free_ char *data = malloc((size_t)size);
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r;

	if (!data)
		return -ENOMEM;
	if (pread(fd, data, (size_t)tail->torn_size, (off_t)tail->torn_offset) != (ssize_t)tail->torn_size)
		return -EIO;
	if (adds_newline)
		data[size - 1] = '\n';
	r = sha256(data, (size_t)size, sum);
	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	*ret = json_pack("{sIsIss}", "length", (json_int_t)size, "offset", (json_int_t)tail->torn_offset, "sha256", hex);
	return *ret ? 0 : -ENOMEM;
}

static int declare_torn(struct addition *a, const struct trail *t, int fd, const struct chain_tail *tail,
			struct trail_place *place)
{
	_cleanup_(json_decref_p) json_t *body = NULL;
	char last;
	int r;

	if (tail->lacks_newline)
		return append_bytes(a, "\n", 1);
	if (tail->torn_size == 0)
		return 0;
	if (pread(fd, &last, 1, (off_t)tail->size - 1) != 1)
		return -EIO;
	r = torn_body(fd, tail, last != '\n', &body);
	if (r == 0 && last != '\n')
		r = append_bytes(a, "\n", 1);
	if (r == 0)
		r = append_record(a, t, CHAIN_TYPE_TORN, body, place);
	return r;
}

static int declare_step(struct addition *a, const struct trail *t, int64_t last_s, struct trail_place *place)
{
	_cleanup_(json_decref_p) json_t *body = NULL;
	int r = trail_clock_step(t, last_s, &body);

	return r == 0 && body ? append_record(a, t, CHAIN_TYPE_CLOCK, body, place) : r;
}

static int write_synced(struct trail *t, int fd, uint64_t at, const struct addition *a)
{
	int r;

	/* Room first: running out of it half way would leave one more fragment. */
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)a->size) < 0 && errno != EOPNOTSUPP)
		return -errno;
	r = fd_write_all(fd, a->data, a->size);
	if (r == 0 && fsync(fd) < 0) {
		r = -errno;
		t->is_broken = true;
	}
	return r;
}

static int append_locked(struct trail *t, const char *type, const json_t *body, struct trail_place *ret,
			 const char **ret_why)
{
	_cleanup_close_ int fd = trail_file_open(t);
	struct addition a = { 0 };
	struct trail_place place;
	struct chain_tail tail;
	int r;

	if (fd < 0)
		return fd;
	r = chain_tail_find(fd, minisign_secret_public(t->key), &tail, ret_why);
	if (r < 0)
		return r;
	place.seq = tail.seq;
	memcpy(place.hash, tail.hash, sizeof(place.hash));
	r = declare_torn(&a, t, fd, &tail, &place);
	if (r == 0)
		r = declare_step(&a, t, tail.time, &place);
	if (r == 0)
		r = append_record(&a, t, type, body, &place);
	if (r == 0)
		r = write_synced(t, fd, tail.size, &a);
	free(a.data);
	if (r < 0)
		return r;
	trail_clock_note(t);
	*ret = place;
	return 0;
}

static int reserve_locked(struct trail *t, uint64_t bytes)
{
	_cleanup_close_ int fd = trail_file_open(t);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, (off_t)bytes) < 0 && errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

int trail_reserve(struct trail *t, uint64_t bytes)
{
	int r = lock_take(t->lock_fd);

	if (r < 0)
		return r;
	r = reserve_locked(t, bytes);
	lock_drop(t->lock_fd);
	return r;
}

int trail_append(struct trail *t, const char *type, const json_t *body, struct trail_place *ret,
		 const char **ret_why)
{
	int r;

	if (t->is_broken) {
		*ret_why = "an earlier sync of the audit trail failed";
		return -EIO;
	}
	r = lock_take(t->lock_fd);
	if (r < 0)
		return r;
	r = append_locked(t, type, body, ret, ret_why);
	lock_drop(t->lock_fd);
	return r;
}

/* -- opening, reading ------------------------------------------------------------------------------------- */

static int open_locked(struct trail *t, bool has_past, const char **ret_why)
{
	_cleanup_close_ int fd = open_or_begin(t, has_past, ret_why);
	struct chain_tail tail;

	int r = fd < 0 ? fd : chain_tail_find(fd, minisign_secret_public(t->key), &tail, ret_why);

	return r < 0 ? r : trail_witness_check(t, fd, &tail, ret_why);
}

static int open_clock(const struct trail *t)
{
	int fd = openat(t->dir_fd, CLOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

	return fd < 0 ? -errno : fd;
}

int trail_open_with(int dir_fd, const struct minisign_secret *key, const char *station, bool has_past,
		    const struct trail_options *options, struct trail **ret, const char **ret_why)
{
	_cleanup_(trail_freep) struct trail *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->lock_fd = t->clock_fd = -EBADF;
	t->dir_fd = dir_fd;
	t->key = key;
	t->options = options ? *options : (struct trail_options){ .witness_dir_fd = -EBADF };
	t->station = strdup(station);
	t->lock_fd = openat(dir_fd, CHAIN_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (!t->station)
		return -ENOMEM;
	if (t->lock_fd < 0)
		return -errno;
	if (t->options.boot_id) {
		t->clock_fd = open_clock(t);
		if (t->clock_fd < 0)
			return t->clock_fd;
	}
	r = lock_take(t->lock_fd);
	if (r < 0)
		return r;
	r = open_locked(t, has_past, ret_why);
	lock_drop(t->lock_fd);
	if (r == -ENODATA) {
		*ret_why = "the audit trail is empty";
		r = -EBADMSG;
	}
	if (r == 0)
		*ret = TAKE_PTR(t);
	return r;
}

int trail_open(int dir_fd, const struct minisign_secret *key, const char *station, bool has_past, struct trail **ret,
	       const char **ret_why)
{
	return trail_open_with(dir_fd, key, station, has_past, NULL, ret, ret_why);
}

struct trail *trail_free(struct trail *t)
{
	if (t) {
		close_p(&t->lock_fd);
		close_p(&t->clock_fd);
		free(t->station);
	}
	free(t);
	return NULL;
}

int trail_last_report(struct trail *t, char ret_sha256[static SHA256_HEX_LEN + 1])
{
	_cleanup_close_ int fd = trail_file_open(t);
	struct chain_record record;
	struct chain_tail tail;
	const char *sha;
	int r;

	if (fd < 0)
		return fd;
	r = chain_tail_find(fd, minisign_secret_public(t->key), &tail, NULL);
	if (r == 0)
		r = chain_last_report(t->dir_fd, fd, &tail, &record);
	if (r == -ENODATA) {
		ret_sha256[0] = '\0';
		return 0;
	}
	if (r < 0)
		return r;
	sha = json_string_value(json_object_get(record.body, "sha256"));
	r = sha && strlen(sha) == SHA256_HEX_LEN ? 0 : -EBADMSG;
	if (r == 0)
		memcpy(ret_sha256, sha, SHA256_HEX_LEN + 1);
	chain_record_done(&record);
	return r;
}

static int match_report(void *context, const struct chain_record *r, uint64_t line)
{
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));

	return strcmp(r->type, CHAIN_TYPE_REPORT) == 0 && transfer && strcmp(transfer, context) == 0 ? -EEXIST : 0;
}

int trail_walk(struct trail *t, int (*each)(void *context, const struct chain_record *r, uint64_t line), void *context)
{
	struct chain_visitor visitor = { .record = each, .context = context };
	struct chain_result result;
	int r = chain_walk_all(t->dir_fd, minisign_secret_public(t->key), CHAIN_SEALS, &visitor, &result);

	return r < 0 ? r : result.is_good || result.is_torn_end ? 0 : -EBADMSG;
}

int trail_has_report(struct trail *t, const char *transfer)
{
	int r = trail_walk(t, match_report, (void *)transfer);

	return r == 0 ? -ENOENT : r == -EEXIST ? 0 : r;
}

int trail_witness(struct trail *t, char **ret)
{
	_cleanup_close_ int fd = -EBADF;
	struct chain_witness w = { .time = trail_now_s() };
	struct chain_tail tail;
	int r = lock_take(t->lock_fd);

	if (r < 0)
		return r;
	fd = trail_file_open(t);
	r = fd < 0 ? fd : chain_tail_find(fd, minisign_secret_public(t->key), &tail, NULL);
	lock_drop(t->lock_fd);
	if (r < 0)
		return r;
	w.seq = tail.seq;
	memcpy(w.hash, tail.hash, SHA256_LEN);
	(void)snprintf(w.station, sizeof(w.station), "%s", t->station); /* its id: fits */
	return chain_witness_make(t->key, &w, ret);
}
