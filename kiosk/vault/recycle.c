/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "vault/recycle.h"

#include <fcntl.h>
#include <sys/stat.h>

bool recycle_find(const struct recycle *r, uint64_t id, uint64_t *ret_name)
{
	bool is_another = false; /* the file that was made for this copy is another one's, or nobody's */

	for (size_t k = 0; k < r->count; k++) {
		if (r->files[k].id == id && !r->files[k].is_free) {
			*ret_name = r->files[k].name;
			return true;
		}
		is_another |= r->files[k].name == id;
	}
	*ret_name = id;
	return !is_another;
}

static size_t place_of(const struct recycle *r, uint64_t name)
{
	size_t k = 0;

	while (k < r->count && r->files[k].name != name)
		k++;
	return k;
}

static void drop(struct recycle *r, size_t k)
{
	r->files[k] = r->files[--r->count];
}

void recycle_drop(struct recycle *r, uint64_t name)
{
	size_t k = place_of(r, name);

	if (k < r->count)
		drop(r, k);
}

bool recycle_put(struct recycle *r, uint64_t id, uint64_t name, uint64_t size)
{
	size_t k = place_of(r, name);

	if (size > RECYCLED_BYTES_MAX) {
		if (k < r->count)
			drop(r, k);
		return false;
	}
	if (k == RECYCLED_MAX)
		return false;
	r->files[k].name = name;
	r->files[k].id = id;
	r->files[k].is_free = true;
	r->count = MAX(r->count, k + 1);
	return true;
}

/* A descriptor for writing, or a negative errno: then somebody has it. */
static int take(int dir_fd, const char *name)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int writer;

	if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0 || fcntl(fd, F_SETLEASE, F_UNLCK) < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	/* nobody but this process can open it: the directory is the vault's */
	writer = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	return writer < 0 ? -errno : writer;
}

int recycle_take(struct recycle *r, int dir_fd, uint64_t id, void (*format_name)(uint64_t name, char text[static 24]), uint64_t *ret_name)
{
	for (size_t k = r->count; k-- > 0;) {
		char name[24];
		int fd;

		if (!r->files[k].is_free)
			continue;
		format_name(r->files[k].name, name);
		fd = take(dir_fd, name);
		if (fd >= 0) {
			r->files[k].is_free = false;
			r->files[k].id = id;
			*ret_name = r->files[k].name;
			return fd;
		}
		(void)unlinkat(dir_fd, name, 0); /* the whole spool goes with the transfer anyway */
		drop(r, k);
	}
	return -ENOENT;
}
