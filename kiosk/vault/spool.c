/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by the vault. Trusts nothing about the bytes, and looks at none of them. */
#include "vault/spool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "vault/recycle.h"

#define ZERO_BLOCK (1u << 16)

struct spool {
	int dir_fd;
	struct spool_limits limits;
	uint64_t bytes_used, files_used, next_id;
	struct recycle recycle;

	/* the copy under way */
	bool is_open;
	int fd; /* -EBADF once it was given up */
	uint64_t id, size, name; /* of its file: that of the copy that it was made for (recycle.h) */
	enum stream_status trouble; /* STREAM_COMPLETE while all is well */
	struct hash *hash;
};

int spool_new(int dir_fd, const struct spool_limits *limits, struct spool **ret)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct spool){ .dir_fd = dir_fd, .limits = *limits, .fd = -EBADF, .hash = hash_new() };
	if (!s->hash) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

struct spool *spool_free(struct spool *s)
{
	if (s) {
		close_p(&s->fd);
		close_p(&s->dir_fd);
		hash_free(s->hash);
	}
	free(s);
	return NULL;
}

bool spool_is_open(const struct spool *s)
{
	return s->is_open;
}

static void copy_name(uint64_t name, char text[static 24])
{
	(void)snprintf(text, 24, "%016" PRIx64, name);
}

static void give_up(struct spool *s, enum stream_status why)
{
	char name[24];

	if (s->trouble != STREAM_COMPLETE)
		return;
	s->trouble = why;
	close_p(&s->fd);
	s->bytes_used -= s->size; /* nothing of it stays */
	copy_name(s->name, name);
	(void)unlinkat(s->dir_fd, name, 0); /* the whole spool goes with the transfer anyway */
	recycle_drop(&s->recycle, s->name);
}

static enum stream_status status_of(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EFBIG ? STREAM_NO_SPACE : STREAM_CUT;
}

/* One that was forgotten may be written anew; what it has of another copy is cut off at the end, or where zeros are added. */
static int open_file(struct spool *s)
{
	char name[24];
	int fd = recycle_take(&s->recycle, s->dir_fd, s->id, copy_name, &s->name);

	if (fd >= 0)
		return fd;
	s->name = s->id;
	copy_name(s->id, name);
	fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int spool_begin(struct spool *s, uint64_t id)
{
	if (s->is_open || id < s->next_id || id == UINT64_MAX)
		return -EPROTO;
	s->is_open = true;
	s->id = id;
	s->next_id = id + 1;
	s->size = 0;
	s->trouble = STREAM_COMPLETE;
	if (s->files_used >= s->limits.files) {
		s->trouble = STREAM_QUOTA;
		return 0;
	}
	s->fd = open_file(s);
	if (s->fd < 0)
		s->trouble = status_of(s->fd);
	return hash_reset(s->hash);
}

static bool fits(struct spool *s, uint64_t size)
{
	if (s->trouble != STREAM_COMPLETE)
		return false;
	if (size > s->limits.largest_bytes - s->size || size > s->limits.bytes - s->bytes_used) {
		give_up(s, STREAM_QUOTA);
		return false;
	}
	return true;
}

static void account(struct spool *s, uint64_t size, int r)
{
	if (r < 0) {
		give_up(s, status_of(r));
		return;
	}
	s->size += size;
	s->bytes_used += size;
}

void spool_add(struct spool *s, const void *data, size_t size)
{
	int r;

	if (!fits(s, size))
		return;
	r = fd_write_all(s->fd, data, size);
	if (r == 0)
		r = hash_update(s->hash, data, size);
	account(s, size, r);
}

void spool_add_zeros(struct spool *s, uint64_t size)
{
	static const uint8_t zeros[ZERO_BLOCK];
	int r = 0;

	if (!fits(s, size))
		return;
	for (uint64_t left = size; r == 0 && left > 0; left -= MIN(left, (uint64_t)ZERO_BLOCK))
		r = hash_update(s->hash, zeros, MIN(left, (uint64_t)ZERO_BLOCK));
	if (r == 0 && (ftruncate(s->fd, (off_t)s->size) < 0 || ftruncate(s->fd, (off_t)(s->size + size)) < 0 || lseek(s->fd, 0, SEEK_END) < 0))
		r = -errno;
	account(s, size, r);
}

static int seal(struct spool *s, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	char name[24];

	copy_name(s->name, name);
	if ((s->name != s->id && ftruncate(s->fd, (off_t)s->size) < 0) || fchmod(s->fd, 0400) < 0)
		return -errno;
	fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close_p(&s->fd);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? -EBUSY : -errno;
	if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int spool_end(struct spool *s, enum stream_status status, enum stream_status *ret_status,
	      uint64_t *ret_size, uint8_t ret_sum[static SHA256_LEN], int *ret_fd)
{
	int r;

	if (!s->is_open)
		return -EPROTO;
	s->is_open = false;
	*ret_fd = -EBADF;
	*ret_size = s->size;
	if (status != STREAM_COMPLETE)
		give_up(s, status);
	*ret_status = s->trouble;
	if (s->trouble != STREAM_COMPLETE)
		return 0;
	r = hash_final(s->hash, ret_sum);
	if (r == 0)
		r = seal(s, ret_fd);
	if (r < 0) {
		give_up(s, STREAM_CUT);
		return r;
	}
	s->files_used++;
	return 0;
}

int spool_open(struct spool *s, uint64_t id, int *ret_fd)
{
	uint64_t of;
	char name[24];
	int fd;

	if ((s->is_open && id == s->id) || !recycle_find(&s->recycle, id, &of))
		return -ENOENT; /* not sealed yet; or forgotten */
	copy_name(of, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int spool_forget(struct spool *s, uint64_t id)
{
	char name[24];
	uint64_t of;
	struct stat st;

	if ((s->is_open && id == s->id) || !recycle_find(&s->recycle, id, &of))
		return -ENOENT;
	copy_name(of, name);
	if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!recycle_put(&s->recycle, id, of, (uint64_t)st.st_size) && unlinkat(s->dir_fd, name, 0) < 0)
		return -errno;
	s->bytes_used -= MIN(s->bytes_used, (uint64_t)st.st_size);
	s->files_used -= MIN(s->files_used, (uint64_t)1);
	return 0;
}
