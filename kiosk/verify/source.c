/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by auditors, on bytes that anyone may have touched: what names and sizes say is believed only as far as it is needed to find
 * the index, whose signature is checked next. The archives that `lazaret audit export` makes are plain ustar (POSIX.1-1988), so that
 * a page of code reads them, and a library's dozens of formats need not be let in here.
 */
#include "verify/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"

#define BLOCK	  512
#define FILES_MAX 1000000 /* names: 200 MB */
#define COPY	  65536

/* -- the table ------------------------------------------------------------------------------------------------------- */

static bool is_plain(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

	return *name && *name != '.' && strspn(name, letters) == strlen(name);
}

/* Names of our own making alone: nothing that could be a path elsewhere. */
static bool name_valid(const char *name)
{
	static const char dir[] = "reports/";

	return is_plain(strncmp(name, dir, strlen(dir)) == 0 ? name + strlen(dir) : name);
}

static int add(struct source *s, size_t *room, const char *name, uint64_t at, uint64_t size)
{
	struct source_file *f;

	if (s->count == FILES_MAX)
		return -EFBIG;
	if (s->count == *room) {
		size_t more = *room ? 2 * *room : 64;

		f = reallocarray(s->files, more, sizeof(*f));
		if (!f)
			return -ENOMEM;
		s->files = f;
		*room = more;
	}
	f = &s->files[s->count++];
	*f = (struct source_file){ .at = at, .size = size };
	memcpy(f->name, name, strlen(name) + 1); /* fits: both callers have looked */
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct source_file *)a)->name, ((const struct source_file *)b)->name);
}

static void sort(struct source *s, struct problems *p)
{
	if (s->count > 0)
		qsort(s->files, s->count, sizeof(*s->files), compare);
	for (size_t i = 1; i < s->count; i++)
		if (strcmp(s->files[i - 1].name, s->files[i].name) == 0)
			problem(p, s->files[i].name, "it is there twice");
}

/* -- a directory ----------------------------------------------------------------------------------------------------- */

static int list(struct source *s, size_t *room, int dir_fd, const char *prefix, struct problems *p);

static int list_entry(struct source *s, size_t *room, int dir_fd, const char *prefix, const char *entry, struct problems *p)
{
	char name[SOURCE_NAME_MAX + 1];
	struct stat st;
	int n = snprintf(name, sizeof(name), "%s%s", prefix, entry);

	if (fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode) && !*prefix && strcmp(entry, "reports") == 0) {
		_cleanup_close_ int fd = openat(dir_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		return fd < 0 ? -errno : list(s, room, fd, "reports/", p);
	}
	if (n < 0 || (size_t)n >= sizeof(name) || !name_valid(name) || !S_ISREG(st.st_mode)) {
		problem(p, entry, "does not belong to an export");
		return 0;
	}
	return add(s, room, name, 0, (uint64_t)st.st_size);
}

static int list(struct source *s, size_t *room, int dir_fd, const char *prefix, struct problems *p)
{
	int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0), r = 0;
	_cleanup_(closedir_p) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		close_p(&copy);
		return -errno;
	}
	rewinddir(dir);
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = list_entry(s, room, dir_fd, prefix, entry->d_name, p);
	return r < 0 ? r : -errno;
}

/* -- an archive ------------------------------------------------------------------------------------------------------ */

struct header { /* POSIX.1-1988, ustar */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100], magic[6], version[2], uname[32],
		gname[32], devmajor[8], devminor[8], prefix[155], pad[12];
};

static bool octal(const char *field, size_t size, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (uint64_t)(field[i] - '0');
	if (i == 0 || (i < size && field[i] != '\0' && field[i] != ' '))
		return false;
	*ret = value;
	return true;
}

static bool checksum_good(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	uint64_t said, sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= offsetof(struct header, checksum) && i < offsetof(struct header, type) ? ' ' : bytes[i];
	return octal(h->checksum, sizeof(h->checksum), &said) && said == sum;
}

/* NULL, or what is wrong. */
static const char *check_header(const struct header *h, char name[static SOURCE_NAME_MAX + 1], uint64_t *size)
{
	if (memcmp(h->magic, "ustar", 6) != 0 || memcmp(h->version, "00", 2) != 0 || !checksum_good(h))
		return "not a ustar archive, or it was altered";
	memcpy(name, h->name, sizeof(h->name));
	name[sizeof(h->name)] = '\0';
	if (h->type != '0' || h->prefix[0] != '\0' || !name_valid(name))
		return "an entry that does not belong to an export";
	return octal(h->size, sizeof(h->size), size) ? NULL : "an entry without a valid size";
}

static bool is_zero(const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static int read_exact(int fd, void *data, size_t size, uint64_t at)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = pread(fd, (char *)data + have, size - have, (off_t)(at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		have += (size_t)n;
	}
	return 0;
}

/* Behind the end: zeros, which fill up the last record of a tape. */
static int check_rest(const struct source *s, uint64_t at, uint64_t end, struct problems *p)
{
	char block[BLOCK];

	for (; at < end; at += BLOCK) {
		int r = read_exact(s->fd, block, (size_t)MIN(end - at, (uint64_t)BLOCK), at);

		if (r < 0)
			return r;
		if (!is_zero(block, (size_t)MIN(end - at, (uint64_t)BLOCK))) {
			problem(p, NULL, "something stands behind the end of the archive");
			return 0;
		}
	}
	return 0;
}

static int read_tar(struct source *s, uint64_t end, struct problems *p)
{
	char name[SOURCE_NAME_MAX + 1];
	uint64_t at = 0, size = 0;
	size_t room = 0;
	struct header h;
	const char *why;
	int r;

	_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");
	while ((r = read_exact(s->fd, &h, sizeof(h), at)) == 0 && !is_zero(&h, sizeof(h))) {
		why = check_header(&h, name, &size);
		at += BLOCK;
		if (!why && (size > end || at > end - size))
			why = "it is cut";
		if (why) {
			problem(p, NULL, "%s (byte %llu)", why, (unsigned long long)at - BLOCK);
			return 0;
		}
		r = add(s, &room, name, at, size);
		if (r < 0)
			return r;
		at += (size + BLOCK - 1) / BLOCK * BLOCK;
	}
	if (r == -ENODATA)
		problem(p, NULL, "it is cut");
	else if (r == 0)
		r = check_rest(s, at, end, p);
	return r == -ENODATA ? 0 : r;
}

/* -- both ------------------------------------------------------------------------------------------------------------ */

int source_open(const char *path, struct source *ret, struct problems *p)
{
	struct source s = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	struct stat st;
	size_t room = 0;
	int r;

	if (s.fd < 0)
		return -errno;
	r = fstat(s.fd, &st) < 0 ? -errno : 0;
	s.is_tar = r == 0 && S_ISREG(st.st_mode);
	if (r == 0 && !s.is_tar && !S_ISDIR(st.st_mode))
		r = -EINVAL;
	if (r == 0)
		r = s.is_tar ? read_tar(&s, (uint64_t)st.st_size, p) : list(&s, &room, s.fd, "", p);
	if (r < 0) {
		source_done(&s);
		return r;
	}
	sort(&s, p);
	*ret = s;
	return 0;
}

void source_done(struct source *s)
{
	close_p(&s->fd);
	free(s->files);
	s->files = NULL;
}

struct source_file *source_find(const struct source *s, const char *name)
{
	struct source_file wanted;

	if (s->count == 0 || strlen(name) > SOURCE_NAME_MAX)
		return NULL;
	memcpy(wanted.name, name, strlen(name) + 1);
	return bsearch(&wanted, s->files, s->count, sizeof(*s->files), compare);
}

int source_file_open(const struct source *s, const struct source_file *f, uint64_t *ret_at)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	*ret_at = f->at;
	if (s->is_tar) {
		fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : TAKE_FD(fd);
	}
	/* "reports" was a directory when it was listed; a link put there since leads to other bytes, which have another hash */
	fd = openat(s->fd, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size ? TAKE_FD(fd) : -EBADMSG;
}

int source_read(const struct source *s, const char *name, size_t limit, char **ret, size_t *ret_size)
{
	const struct source_file *f = source_find(s, name);
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint64_t at;
	int r;

	if (!f)
		return -ENOENT;
	if (f->size > limit)
		return -EFBIG;
	fd = source_file_open(s, f, &at);
	if (fd < 0)
		return fd;
	text = malloc((size_t)f->size + 1);
	if (!text)
		return -ENOMEM;
	r = read_exact(fd, text, (size_t)f->size, at);
	if (r < 0)
		return r;
	text[f->size] = '\0';
	*ret = TAKE_PTR(text);
	*ret_size = (size_t)f->size;
	return 0;
}

static int hash_range(int fd, uint64_t at, uint64_t size, struct hash *h)
{
	_cleanup_free_ char *block = malloc(COPY);
	int r = block ? 0 : -ENOMEM;

	while (r == 0 && size > 0) {
		size_t part = (size_t)MIN(size, (uint64_t)COPY);

		r = read_exact(fd, block, part, at);
		if (r == 0)
			r = hash_update(h, block, part);
		at += part;
		size -= part;
	}
	return r;
}

int source_sha256(const struct source *s, const struct source_file *f, uint8_t ret[static SHA256_LEN])
{
	struct hash *h = hash_new();
	uint64_t at;
	int fd = h ? source_file_open(s, f, &at) : -ENOMEM, r = fd;

	if (r >= 0)
		r = hash_range(fd, at, f->size, h);
	if (r == 0)
		r = hash_final(h, ret);
	close_p(&fd);
	hash_free(h);
	return r;
}
