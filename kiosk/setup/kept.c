/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "setup/kept.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

static int open_kept(const char *station_dir, int *ret_fd)
{
	_cleanup_close_ int station_fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return station_fd < 0 ? -errno : dir_open_make(station_fd, KEPT_DIRECTORY, 0700, ret_fd);
}

static int put_line(int fd, const char *name, const char *text)
{
	char line[KEPT_LINE_MAX + 2];
	int n = snprintf(line, sizeof(line), "%.*s\n", KEPT_LINE_MAX, text);

	return file_replace(fd, name, line, (size_t)n, 0600);
}

int kept_answers(const char *station_dir, const void *data, size_t size, const char *by)
{
	_cleanup_close_ int fd = -EBADF;
	int r = open_kept(station_dir, &fd);

	if (r == 0 && faccessat(fd, "by", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (r == 0)
		r = file_replace(fd, "answers", data, size, 0600);
	if (r == 0)
		r = put_line(fd, "by", by);
	if (r == 0 && unlinkat(fd, "refused", 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int kept_refusal(const char *station_dir, const char *why)
{
	_cleanup_close_ int fd = -EBADF;
	int r = open_kept(station_dir, &fd);

	return r == 0 ? put_line(fd, "refused", why) : r;
}

char *kept_line(const char *station_dir, const char *name)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t size = 0;

	if (asprintf(&path, "%s/" KEPT_DIRECTORY "/%s", station_dir, name) < 0) {
		path = NULL;
		return NULL;
	}
	if (file_read(AT_FDCWD, path, KEPT_LINE_MAX + 2, &text, &size) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return TAKE_PTR(text);
}
