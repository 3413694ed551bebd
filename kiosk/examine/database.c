/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examine/database.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/hash.h"
#include "examine/limits.h"

static const char *const plain[] = { ".hdb", ".hsb", ".mdb", ".msb", ".ndb", ".ldb", ".cdb" };

static bool ends_with(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a > b && strcmp(s + a - b, end) == 0;
}

static bool is_component(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || strlen(name) > DATABASE_NAME_MAX)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return true;
}

/* libclamav decides by the first known extension anywhere at the end, in any case: one dot, lower case. */
static bool is_plain(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (ends_with(name, plain[i]) && strchr(name, '.') == strrchr(name, '.'))
			return true;
	return false;
}

bool database_is_signed(const struct database_file *f)
{
	return ends_with(f->name, ".cvd") && strchr(f->name, '.') == strrchr(f->name, '.');
}

int database_admit(const struct database_file *f, char ret_why[static WHY_MAX])
{
	uint8_t sum[SHA256_LEN];

	if (!is_component(f->name)) {
		(void)snprintf(ret_why, WHY_MAX,
			       "virus database: a file name may hold letters, digits, '.', '-' and '_' only; correct "
			       "the list of database files in the configuration");
		return -EINVAL;
	}
	if (!database_is_signed(f) && !is_plain(f->name)) {
		(void)snprintf(ret_why, WHY_MAX,
			       "virus database: %s is of a kind that is not loaded (only signed .cvd, and .hdb .hsb .mdb "
			       ".msb .ndb .ldb .cdb with a pinned SHA-256); take it out of the list of database files",
			       f->name);
		return -EPERM;
	}
	if (!database_is_signed(f) && f->sha256[0] == '\0') {
		(void)snprintf(ret_why, WHY_MAX,
			       "virus database: %s carries no signature of its own; pin its SHA-256 in the configuration "
			       "(sha256sum %s), or leave it out", f->name, f->name);
		return -EPERM;
	}
	if (f->sha256[0] != '\0' && hex_decode(f->sha256, sum, sizeof(sum)) < 0) {
		(void)snprintf(ret_why, WHY_MAX, "virus database: the SHA-256 pinned for %s is not 64 hex digits", f->name);
		return -EINVAL;
	}
	return 0;
}

static int explain(char *why, const char *name, int error)
{
	const char *next = error == -ENOENT	? "install or update the database" :
			   error == -ELOOP	? "put the file itself there, not a link" :
			   error == -ENODATA	? "it is empty; update the database" :
			   error == -EKEYREJECTED ? "its SHA-256 is not the pinned one; check where it comes from" :
			   error == -ENOSPC	? "free space in the private directory for engine files" :
						  "check the file and its permissions";

	(void)snprintf(why, WHY_MAX, "virus database: %s: %s (%s)", name, strerror(-error), next);
	return error;
}

static int copy_hashed(int from, int to, uint8_t ret_sum[static SHA256_LEN])
{
	struct hash *h = hash_new();
	_cleanup_free_ char *buffer = malloc(1 << 20);
	uint64_t total = 0;
	int r = h && buffer ? 0 : -ENOMEM;

	while (r == 0) {
		ssize_t n = read(from, buffer, 1 << 20);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : 0;
			break;
		}
		total += (uint64_t)n;
		r = total > DATABASE_FILE_MAX ? -EFBIG : hash_update(h, buffer, (size_t)n);
		if (r == 0)
			r = fd_write_all(to, buffer, (size_t)n);
	}
	if (r == 0 && total == 0)
		r = -ENODATA;
	if (r == 0)
		r = hash_final(h, ret_sum);
	hash_free(h);
	return r;
}

static int check_pin(const struct database_file *f, const uint8_t sum[static SHA256_LEN])
{
	uint8_t pinned[SHA256_LEN];

	if (f->sha256[0] == '\0')
		return 0;
	if (hex_decode(f->sha256, pinned, sizeof(pinned)) < 0)
		return -EINVAL;
	return memcmp(pinned, sum, sizeof(pinned)) == 0 ? 0 : -EKEYREJECTED;
}

static int open_regular(int dir_fd, const char *name, int *ret_fd)
{
	/* O_NONBLOCK: a FIFO must not hold the start up */
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int database_copy(int dir_fd, int private_fd, const struct database_file *f, uint8_t ret_sum[static SHA256_LEN], char ret_why[static WHY_MAX])
{
	_cleanup_close_ int from = -EBADF, to = -EBADF;
	int r = open_regular(dir_fd, f->name, &from);

	if (r < 0)
		return explain(ret_why, f->name, r);
	to = openat(private_fd, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (to < 0)
		return explain(ret_why, f->name, -errno);
	r = copy_hashed(from, to, ret_sum);
	if (r == 0)
		r = check_pin(f, ret_sum);
	if (r < 0) {
		(void)unlinkat(private_fd, f->name, 0); /* the private directory is removed in any case */
		return explain(ret_why, f->name, r);
	}
	return 0;
}
