/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Loop devices. Runs in intake with real root privileges. */
#include "intake/loop.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "intake/limits.h"

static int configure(int loop_fd, int source_fd, uint64_t offset, uint64_t size)
{
	struct loop_config config = {
		.fd = (unsigned int)source_fd,
		.info = {
			.lo_offset = offset,
			.lo_sizelimit = size,
			.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
		},
	};

	if (ioctl(loop_fd, LOOP_CONFIGURE, &config) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* Direct I/O needs an offset aligned to the medium's sectors and a file system that can do it. */
	config.info.lo_flags &= ~(unsigned int)LO_FLAGS_DIRECT_IO;
	return ioctl(loop_fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

/* Trust the kernel's answer, not our request: read-only, and exactly as long as the volume. */
static int verify(int loop_fd, uint64_t size)
{
	int is_read_only = 0;
	uint64_t got = 0;

	if (ioctl(loop_fd, BLKROGET, &is_read_only) < 0 || ioctl(loop_fd, BLKGETSIZE64, &got) < 0)
		return -errno;
	if (!is_read_only)
		return -EACCES;
	return got == size / 512 * 512 ? 0 : -ENXIO;
}

static int open_number(int number, char path[static LOOP_PATH_MAX])
{
	int fd;

	(void)snprintf(path, LOOP_PATH_MAX, "/dev/loop%d", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int loop_open(int source_fd, uint64_t offset, uint64_t size, int *ret_fd, char ret_path[static LOOP_PATH_MAX])
{
	_cleanup_close_ int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int r = -EBUSY;

	if (control_fd < 0)
		return -errno;
	for (int i = 0; i < LOOP_TRIES && r == -EBUSY; i++) {
		_cleanup_close_ int fd = -EBADF;
		int number = ioctl(control_fd, LOOP_CTL_GET_FREE);

		if (number < 0)
			return -errno;
		fd = open_number(number, ret_path);
		if (fd < 0)
			return fd;
		r = configure(fd, source_fd, offset, size);
		if (r == 0)
			r = verify(fd, size);
		if (r == 0)
			*ret_fd = TAKE_FD(fd);
	}
	return r;
}
