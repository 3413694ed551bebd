/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/write_block.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

int write_block_is_set(int fd)
{
	int now = 0;

	return ioctl(fd, BLKROGET, &now) < 0 ? -errno : now != 0;
}

int write_block_set(int fd)
{
	int one = 1, now = write_block_is_set(fd);

	if (now < 0)
		return now;
	if (!now && ioctl(fd, BLKROSET, &one) < 0)
		return errno == EACCES ? -EPERM : -errno;
	now = write_block_is_set(fd);
	return now < 0 ? now : now ? 0 : -EIO;
}
