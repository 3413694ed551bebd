/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "publish/transfer.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/name.h"
#include "common/scratch.h"

#define HIDDEN_PREFIX ".incoming-"
#define COPY_BLOCK (1u << 18)

struct transfer {
	int staging_fd; /* borrowed */
	int dir_fd;	/* the hidden directory, locked */
	int files_fd;
	FILE *sums;
	char name[TRANSFER_NAME_MAX + 1];
	char hidden[sizeof(HIDDEN_PREFIX) + TRANSFER_NAME_MAX];
	bool is_committed;
	struct hash *hash;
	uint8_t *block;
};

bool transfer_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= TRANSFER_NAME_MAX && name[0] != '-' &&
	       strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == len;
}

const char *transfer_name(const struct transfer *t)
{
	return t->name;
}

int transfer_clean(int staging_fd)
{
	return scratch_clean(staging_fd, HIDDEN_PREFIX);
}

static int create_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0444) < 0) { /* whatever the umask of whoever started the station: importers read it */
		int r = -errno;

		close_p(&fd);
		return r;
	}
	return fd;
}

static int open_parts(struct transfer *t)
{
	int fd, r;

	r = dir_open_make(t->dir_fd, "files", 0700, &t->files_fd);
	if (r < 0)
		return r;
	fd = create_file(t->dir_fd, "SHA256SUMS");
	if (fd < 0)
		return fd;
	t->sums = fdopen(fd, "w");
	if (!t->sums) {
		r = -errno;
		close_p(&fd);
		return r;
	}
	t->hash = hash_new();
	t->block = malloc(COPY_BLOCK);
	return t->hash && t->block ? 0 : -ENOMEM;
}

int transfer_begin(int staging_fd, const char *name, struct transfer **ret)
{
	struct transfer *t;
	struct stat st;
	int r;

	if (!transfer_name_valid(name))
		return -EINVAL;
	if (fstatat(staging_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->staging_fd = staging_fd;
	t->dir_fd = t->files_fd = -EBADF;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	(void)snprintf(t->hidden, sizeof(t->hidden), HIDDEN_PREFIX "%s", name);
	r = scratch_make(staging_fd, t->hidden, &t->dir_fd);
	if (r < 0) { /* what bears the name is another's, or will be cleaned */
		free(t);
		return r;
	}
	r = open_parts(t);
	if (r < 0) {
		transfer_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

/* Make and open the directory that holds the last component of `path`, step by step: no step follows a link, though
 * nobody but this role can have put one there. */
static int open_parent(struct transfer *t, char *path, const char **ret_name, int *ret_fd)
{
	_cleanup_close_ int fd = fcntl(t->files_fd, F_DUPFD_CLOEXEC, 0);
	char *slash;

	if (fd < 0)
		return -errno;
	while ((slash = strchr(path, '/'))) {
		int next, r;

		*slash = '\0';
		r = dir_open_make(fd, path, 0700, &next);
		if (r < 0)
			return r;
		close_p(&fd);
		fd = next;
		path = slash + 1;
	}
	*ret_name = path;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Hash exactly what stands in the published file: after a reflink by reading it back, otherwise while copying. */
static int copy_hashed(struct transfer *t, int dst_fd, int src_fd, uint64_t size, uint8_t sum[static SHA256_LEN])
{
	uint64_t at = 0;
	int r = hash_reset(t->hash);

	if (r == 0 && size > 0 && ioctl(dst_fd, FICLONE, src_fd) == 0)
		return sha256_fd(dst_fd, sum, NULL);
	while (r == 0 && at < size) {
		ssize_t n = pread(src_fd, t->block, MIN(size - at, (uint64_t)COPY_BLOCK), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		at += (uint64_t)n;
		r = hash_update(t->hash, t->block, (size_t)n);
		if (r == 0)
			r = fd_write_all(dst_fd, t->block, (size_t)n);
	}
	return r < 0 ? r : hash_final(t->hash, sum);
}

static int put_file(struct transfer *t, int dst_fd, int src_fd, uint64_t size,
		    const uint8_t sum[static SHA256_LEN])
{
	uint8_t copied[SHA256_LEN];
	struct stat st;
	int r;

	if (fstat(src_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return -EBADMSG;
	r = copy_hashed(t, dst_fd, src_fd, size, copied);
	if (r < 0)
		return r;
	return memcmp(copied, sum, SHA256_LEN) == 0 ? 0 : -EBADMSG;
}

int transfer_add(struct transfer *t, const char *path, size_t path_size, uint64_t size,
		 const uint8_t sum[static SHA256_LEN], int src_fd)
{
	_cleanup_close_ int parent_fd = -EBADF, dst_fd = -EBADF;
	char copy[NAME_PATH_MAX + 1], hex[SHA256_HEX_LEN + 1];
	const char *name = NULL, *why;
	int r = name_path_valid(path, path_size, &why);

	if (r < 0)
		return r;
	memcpy(copy, path, path_size);
	copy[path_size] = '\0';
	r = open_parent(t, copy, &name, &parent_fd);
	if (r < 0)
		return r;
	dst_fd = create_file(parent_fd, name);
	if (dst_fd < 0)
		return dst_fd;
	r = put_file(t, dst_fd, src_fd, size, sum);
	if (r < 0)
		return r;
	hex_encode(sum, SHA256_LEN, hex);
	if (fprintf(t->sums, "%s  files/%.*s\n", hex, (int)path_size, path) < 0)
		return -EIO;
	return 0;
}

static int put_document(struct transfer *t, const char *name, int src_fd)
{
	_cleanup_close_ int fd = create_file(t->dir_fd, name);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(src_fd, &st) < 0)
		return -errno;
	return fd_copy(fd, src_fd, (uint64_t)st.st_size);
}

/* The trusted comment binds the signature to this transfer's name: it cannot stand under another one. */
static int sign_manifest(struct transfer *t, const struct minisign_secret *key, uint8_t ret_sum[static SHA256_LEN])
{
	_cleanup_close_ int fd = openat(t->dir_fd, "manifest.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int sig_fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	char comment[128];
	int r;

	if (fd < 0)
		return -errno;
	r = sha256_fd(fd, ret_sum, NULL);
	if (r < 0)
		return r;
	(void)snprintf(comment, sizeof(comment), "lazaret transfer %s", t->name);
	r = minisign_sign_fd(key, fd, comment, NULL, &text);
	if (r < 0)
		return r;
	sig_fd = create_file(t->dir_fd, "manifest.json.minisig");
	return sig_fd < 0 ? sig_fd : fd_write_all(sig_fd, text, strlen(text));
}

/* Directories to 0555, bottom up; depth is bounded by name_path_valid(), at one descriptor a level. */
static int make_read_only(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((errno = 0, entry = readdir(dir))) {
		int r;

		if (entry->d_type == DT_REG || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = make_read_only(dirfd(dir), entry->d_name);
		if (r < 0 && r != -ENOTDIR) /* a file, on a file system that does not tell d_type */
			return r;
	}
	return errno || fchmod(dirfd(dir), 0555) < 0 ? -errno : 0;
}

static int finish_sums(struct transfer *t)
{
	int r = fflush(t->sums) != 0 || ferror(t->sums) ? -EIO : 0;

	if (fclose(TAKE_PTR(t->sums)) != 0)
		r = -EIO;
	return r;
}

/* One syncfs(2) for the whole tree: it reports write-back errors since the descriptor was opened (Linux 5.8). */
static int make_visible(struct transfer *t)
{
	if (syncfs(t->dir_fd) < 0 || fsync(t->dir_fd) < 0 ||
	    renameat2(t->staging_fd, t->hidden, t->staging_fd, t->name, RENAME_NOREPLACE) < 0)
		return -errno;
	t->is_committed = true;
	return fsync(t->staging_fd) < 0 ? -errno : 0;
}

int transfer_commit(struct transfer *t, const struct minisign_secret *key, int manifest_fd,
		    int receipt_text_fd, int receipt_html_fd, uint8_t ret_sum[static SHA256_LEN])
{
	int r = finish_sums(t);

	if (r == 0)
		r = put_document(t, "manifest.json", manifest_fd);
	if (r == 0)
		r = put_document(t, "receipt.txt", receipt_text_fd);
	if (r == 0)
		r = put_document(t, "receipt.html", receipt_html_fd);
	if (r == 0)
		r = sign_manifest(t, key, ret_sum);
	if (r == 0)
		r = make_read_only(t->dir_fd, ".");
	return r == 0 ? make_visible(t) : r;
}

struct transfer *transfer_free(struct transfer *t)
{
	int r;

	if (!t)
		return NULL;
	fclose_p(&t->sums);
	r = t->is_committed ? 0 : dir_remove_tree(t->staging_fd, t->hidden);
	if (r < 0)
		log_warning("%s: not removed: %s; the next start does it", t->hidden, strerror(-r));
	close_p(&t->files_fd);
	close_p(&t->dir_fd);
	hash_free(t->hash);
	free(t->block);
	free(t);
	return NULL;
}
