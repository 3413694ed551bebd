/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/sysfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"

#define NAMES_MAX 4096 /* in one directory: devices and interfaces of all buses, disks */

static int join(char out[static SYSFS_PATH_MAX], const char *syspath, const char *name)
{
	int n = snprintf(out, SYSFS_PATH_MAX, "%s/%s", syspath, name);

	return n < 0 || n >= SYSFS_PATH_MAX ? -ENAMETOOLONG : 0;
}

ssize_t sysfs_read(const char *syspath, const char *attribute, void *buffer, size_t size)
{
	char path[SYSFS_PATH_MAX];
	_cleanup_close_ int fd = -EBADF;
	size_t at = 0;
	int r = join(path, syspath, attribute);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		char more;
		bool is_full = at == size;
		ssize_t n = is_full ? read(fd, &more, 1) : read(fd, (char *)buffer + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return (ssize_t)at;
		if (is_full)
			return -EFBIG;
		at += (size_t)n;
	}
}

int sysfs_text(const char *syspath, const char *attribute, char *out, size_t size)
{
	ssize_t n = sysfs_read(syspath, attribute, out, size);

	if (n > 0 && out[n - 1] == '\n')
		n--;
	else if (n == (ssize_t)size)
		n = -EFBIG;
	out[MAX(n, 0)] = '\0';
	return n < 0 ? (int)n : 0;
}

uint64_t sysfs_number(const char *syspath, const char *attribute, int base, uint64_t fallback)
{
	char text[64], *end;
	unsigned long long value;

	if (sysfs_text(syspath, attribute, text, sizeof(text)) < 0)
		return fallback;
	errno = 0;
	value = strtoull(text, &end, base);
	return errno || end == text || *end ? fallback : value;
}

int sysfs_link(const char *syspath, const char *link, char *out, size_t size)
{
	char path[SYSFS_PATH_MAX], target[SYSFS_PATH_MAX];
	const char *name;
	ssize_t n;
	int r = join(path, syspath, link);

	out[0] = '\0';
	if (r < 0)
		return r;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strlen(name) >= size)
		return -ENAMETOOLONG;
	memcpy(out, name, strlen(name) + 1);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(const char *dir, char *names[static NAMES_MAX], size_t *ret_count)
{
	_cleanup_(closedir_p) DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (*ret_count == NAMES_MAX)
			return -E2BIG;
		names[*ret_count] = strdup(entry->d_name);
		if (!names[*ret_count])
			return -ENOMEM;
		++*ret_count;
	}
	return 0;
}

int sysfs_list(const char *dir, int (*each)(void *context, const char *name), void *context)
{
	char *names[NAMES_MAX];
	size_t count = 0;
	int r = read_names(dir, names, &count);

	qsort(names, count, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (r == 0)
			r = each(context, names[i]);
		free(names[i]);
	}
	return r;
}

int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
