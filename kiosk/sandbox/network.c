/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The root of a role that may connect: what it connects to, what it verifies the other side with, nothing else. */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/fd.h"
#include "sandbox/layers.h"
#include "sandbox/sandbox.h"

#define HARMLESS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int place_ca(const struct sandbox_network *n)
{
	_cleanup_close_ int fd = -EBADF;

	if (!n->ca)
		return 0;
	fd = open(&SANDBOX_CA_FILE[1], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
	return fd < 0 ? -errno : fd_write_all(fd, n->ca, n->ca_size);
}

static int place_socket(int socket_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

	if (socket_fd < 0)
		return 0;
	if (mkdir(&SANDBOX_SOCKET_DIR[1], 0755) < 0 ||
	    mount_setattr(socket_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ||
	    move_mount(socket_fd, "", AT_FDCWD, &SANDBOX_SOCKET_DIR[1], MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int root_enter_network(const struct sandbox_network *n, int socket_fd)
{
	int r;

	if (mount("none", "/tmp", "tmpfs", HARMLESS, "size=512k,nr_inodes=16,mode=0755") < 0 || chdir("/tmp") < 0)
		return -errno;
	r = place_ca(n);
	if (r == 0)
		r = place_socket(socket_fd);
	if (r < 0)
		return r;
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | HARMLESS, NULL) < 0)
		return -errno;
	return 0;
}
