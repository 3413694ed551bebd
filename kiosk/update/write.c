/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret pack make`, on the outside: libarchive writes, and reads nothing. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "update/pack.h"

#define CHUNK (1u << 16)

static int open_source(const char *path, struct stat *st, int *ret_fd, char **ret_why)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, st) < 0)
		return pack_fail(ret_why, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return pack_fail(ret_why, -EINVAL, "%s: not a regular file", path);
	if ((uint64_t)st->st_size > PACK_MEMBER_BYTES_MAX)
		return pack_fail(ret_why, -EFBIG, "%s: larger than %llu bytes", path, (unsigned long long)PACK_MEMBER_BYTES_MAX);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Size, digest and time of each, before anything is written: pack.json comes first. */
static int look_at(struct pack_member *m, const char *source, int64_t made, char **ret_why)
{
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	struct stat st;
	int r = open_source(source, &st, &fd, ret_why);

	if (r == 0)
		r = sha256_fd(fd, sum, &m->size);
	if (r < 0)
		return *ret_why ? r : pack_fail(ret_why, r, "%s: %s", source, strerror(-r));
	hex_encode(sum, sizeof(sum), m->sha256);
	m->time = MAX((int64_t)0, MIN((int64_t)st.st_mtim.tv_sec, made));
	return 0;
}

static int put_header(struct archive *a, const char *path, uint64_t size, int64_t time)
{
	struct archive_entry *e = archive_entry_new();
	int said;

	if (!e)
		return -ENOMEM;
	archive_entry_set_pathname(e, path);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(e, time, 0);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	said = archive_write_header(a, e);
	archive_entry_free(e);
	return said == ARCHIVE_OK ? 0 : -EIO;
}

static int put_data(struct archive *a, const void *data, size_t size)
{
	return archive_write_data(a, data, size) == (la_ssize_t)size ? 0 : -EIO;
}

static int copy(struct archive *a, int fd, struct hash *h, uint64_t *total)
{
	_cleanup_free_ char *buffer = malloc(CHUNK);
	int r = buffer ? 0 : -ENOMEM;

	while (r == 0) {
		ssize_t n = read(fd, buffer, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*total += (uint64_t)n;
		r = hash_update(h, buffer, (size_t)n);
		if (r == 0)
			r = put_data(a, buffer, (size_t)n);
	}
	return r;
}

static int put_member(struct archive *a, const struct pack_member *m, const char *source, char **ret_why)
{
	_cleanup_close_ int fd = -EBADF;
	char hex[SHA256_HEX_LEN + 1] = "";
	uint8_t sum[SHA256_LEN];
	struct hash *h = hash_new();
	uint64_t total = 0;
	struct stat st;
	int r = h ? open_source(source, &st, &fd, ret_why) : -ENOMEM;

	if (r == 0)
		r = put_header(a, m->path, m->size, m->time);
	if (r == 0)
		r = copy(a, fd, h, &total);
	if (r == 0)
		r = hash_final(h, sum);
	hash_free(h);
	if (r == 0)
		hex_encode(sum, sizeof(sum), hex);
	if (total != m->size || (r == 0 && strcmp(hex, m->sha256) != 0))
		return pack_fail(ret_why, -EAGAIN, "%s: changed while it was packed", source);
	return r;
}

static int put_all(struct archive *a, const struct pack *p, const char *const *sources, char **ret_why)
{
	_cleanup_free_ char *text = pack_text(p);
	int r = text ? put_header(a, PACK_MANIFEST, strlen(text), p->made) : -ENOMEM;

	if (r == 0)
		r = put_data(a, text, strlen(text));
	for (size_t i = 0; i < p->member_count && r == 0; i++)
		r = put_member(a, &p->members[i], sources[i], ret_why);
	if (r == 0 && archive_write_close(a) != ARCHIVE_OK)
		r = -EIO;
	return r;
}

int pack_write(struct pack *p, const char *const *sources, int fd, char **ret_why)
{
	struct archive *a = archive_write_new();
	int r = a ? 0 : -ENOMEM;

	*ret_why = NULL;
	for (size_t i = 0; i < p->member_count && r == 0; i++)
		r = look_at(&p->members[i], sources[i], p->made, ret_why);
	if (r == 0 && (archive_write_set_format_ustar(a) != ARCHIVE_OK || archive_write_add_filter_none(a) != ARCHIVE_OK ||
		       archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK || archive_write_open_fd(a, fd) != ARCHIVE_OK))
		r = -ENOMEM;
	if (r == 0)
		r = put_all(a, p, sources, ret_why);
	if (r < 0 && !*ret_why)
		(void)pack_fail(ret_why, r, "%s", r == -EIO && archive_error_string(a) ? archive_error_string(a) : strerror(-r));
	(void)archive_write_free(a); /* closed above; after an error nobody uses what is there */
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}
