/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* fsopen, fsconfig, fsmount. Runs in intake and its children, with mount privileges; data from the medium reaches the
 * kernel's driver only in fsapi_mount(). */
#include "intake/fsapi.h"

#include <string.h>

#define OPTION_MAX 256

int fsapi_open(const char *type)
{
	int fd = fsopen(type, FSOPEN_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int fsapi_set(int context_fd, const char *option)
{
	char key[OPTION_MAX];
	char *value;
	int r;

	if ((size_t)snprintf(key, sizeof(key), "%s", option) >= sizeof(key))
		return -E2BIG;
	value = strchr(key, '=');
	if (value)
		*value++ = '\0';
	if (value)
		r = fsconfig(context_fd, FSCONFIG_SET_STRING, key, value, 0);
	else
		r = fsconfig(context_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
	return r < 0 ? -errno : 0;
}

int fsapi_mount(int context_fd, int *ret_mount_fd)
{
	int fd;

	if (fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(context_fd, FSMOUNT_CLOEXEC, FSAPI_ATTRIBUTES);
	if (fd < 0)
		return -errno;
	*ret_mount_fd = fd;
	return 0;
}

void fsapi_words(int context_fd, char *out, size_t out_size)
{
	char line[256];
	size_t at = 0;
	ssize_t n;

	out[0] = '\0';
	/* One message each: "e squashfs: Unknown parameter 'x'" (e, w or i); -ENODATA ends. */
	while (at + 1 < out_size && (n = read(context_fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		at += (size_t)snprintf(out + at, out_size - at, "%s%s", at > 0 ? "; " : "",
				       n > 2 && line[1] == ' ' ? line + 2 : line);
	}
}
