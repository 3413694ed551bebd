/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* fusermount for drivers. Runs inside a driver's sandbox, as unprivileged as the driver that starts it.
 *
 * With the option auto_unmount libfuse asks fusermount first, without a mount(2) of its own: it starts
 * "fusermount -o OPTIONS -- MOUNTPOINT" with the number of a socket in _FUSE_COMMFD, and expects one byte with the
 * descriptor (libfuse lib/mount.c, receive_fd). Unmounting ("-u") is nothing to do: intake owns the mount.
 */
#include "intake/fusermount.h"

#include <string.h>

#include "intake/child.h"

bool fusermount_is(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	const char *name = slash ? slash + 1 : argv0;

	return name && (strcmp(name, "fusermount") == 0 || strcmp(name, "fusermount3") == 0);
}

static int socket_number(void)
{
	const char *text = getenv("_FUSE_COMMFD");
	char *end;
	long n;

	if (!text)
		return -EINVAL;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end || end == text || n < 0 || n > 1024 ? -EINVAL : (int)n;
}

int fusermount_main(int argc, char **argv)
{
	int sock = socket_number();

	if (argc > 1 && strcmp(argv[1], "-u") == 0)
		return 0;
	return sock < 0 || child_send(sock, "", 1, DRIVER_FUSE_FD) < 0;
}
