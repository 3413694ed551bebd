/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* FUSE mounts made by intake. The kernel wants /dev/fuse to have been opened in the user namespace in which the mount is
 * made: both happen here, and only the open descriptor goes to the unprivileged server. */
#include "intake/fusefd.h"

#include <fcntl.h>

#include "intake/fsapi.h"

static int set_number(int context_fd, const char *key, unsigned int value, bool is_octal)
{
	char option[64];

	(void)snprintf(option, sizeof(option), is_octal ? "%s=%o" : "%s=%u", key, value);
	return fsapi_set(context_fd, option);
}

static int set_options(int context_fd, int server_fd, bool is_file)
{
	int r = set_number(context_fd, "fd", (unsigned int)server_fd, false);

	if (r == 0)
		r = set_number(context_fd, "rootmode", is_file ? 0100444 : 040555, true);
	if (r == 0)
		r = set_number(context_fd, "user_id", geteuid(), false);
	if (r == 0)
		r = set_number(context_fd, "group_id", getegid(), false);
	/* Said by the server alone (FUSE_INIT) it does not hold: the kernel asks for up to a MiB, takes the shorter answer for the end of
	 * the file, and what is behind it for zeros. */
	if (r == 0)
		r = set_number(context_fd, "max_read", FUSEFD_READ_MAX, false);
	if (r == 0 && geteuid() == 0)
		r = fsapi_set(context_fd, "allow_other");
	if (r == 0)
		r = fsapi_set(context_fd, "ro");
	return r;
}

int fusefd_mount(bool is_file, int *ret_server_fd, int *ret_mount_fd, char *words, size_t words_size)
{
	_cleanup_close_ int server_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int context_fd = -EBADF;
	int r;

	if (server_fd < 0) {
		r = -errno;
		(void)snprintf(words, words_size,
			       "/dev/fuse cannot be opened: load the module fuse, or let this account use the device");
		return r;
	}
	context_fd = fsapi_open("fuse");
	if (context_fd < 0) {
		(void)snprintf(words, words_size, "the kernel has no FUSE: load the module fuse");
		return context_fd;
	}
	r = set_options(context_fd, server_fd, is_file);
	if (r == 0)
		r = fsapi_mount(context_fd, ret_mount_fd);
	if (r < 0) {
		fsapi_words(context_fd, words, words_size);
		return r;
	}
	*ret_server_fd = TAKE_FD(server_fd);
	return 0;
}
