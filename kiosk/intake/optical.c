/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ioctls of linux/cdrom.h. Runs in intake; optical_last_session() in the probe, too. */
#include "intake/optical.h"

#include <fcntl.h>
#include <limits.h> /* CDSL_CURRENT is INT_MAX */
#include <linux/cdrom.h>
#include <string.h>
#include <sys/ioctl.h>

#define DISC_STATUS_MASK 3 /* MMC-6, 6.22.3.1.3: disc status */
#define DISC_STATUS_EMPTY 0

/* READ DISC INFORMATION (MMC-6, 6.22): one of the commands that the kernel lets a read-only descriptor send. A blank disc has
 * no table of contents, and the capacity that the kernel then makes up is 1 GiB. */
static bool is_blank(int fd)
{
	unsigned char answer[34] = { 0 };
	struct cdrom_generic_command command = {
		.cmd = { GPCMD_READ_DISC_INFO, 0, 0, 0, 0, 0, 0, 0, sizeof(answer), 0 },
		.buffer = answer,
		.buflen = sizeof(answer),
		.data_direction = CGC_DATA_READ,
		.quiet = 1,
	};

	if (ioctl(fd, CDROM_SEND_PACKET, &command) < 0 || (answer[0] << 8 | answer[1]) < 2)
		return false;
	return (answer[2] & DISC_STATUS_MASK) == DISC_STATUS_EMPTY;
}

uint32_t optical_last_session(int fd)
{
	struct cdrom_multisession session = { .addr_format = CDROM_LBA };

	if (ioctl(fd, CDROMMULTISESSION, &session) < 0 || session.addr.lba < 0)
		return 0;
	return (uint32_t)session.addr.lba; /* 0, where only xa_flag is of interest */
}

void optical_look(int fd, struct optical *ret)
{
	int status = ioctl(fd, CDROM_DISC_STATUS, CDSL_CURRENT);

	*ret = (struct optical){ .has_data = true };
	ret->has_audio = status == CDS_AUDIO || status == CDS_MIXED;
	ret->has_data = status != CDS_AUDIO;
	ret->is_blank = status != CDS_AUDIO && status != CDS_MIXED && is_blank(fd);
	if (ret->has_data && !ret->is_blank)
		ret->session_block = optical_last_session(fd);
}

bool optical_has_disc(int fd)
{
	int status = ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT);

	return status != CDS_NO_DISC && status != CDS_TRAY_OPEN;
}

int optical_lock(int fd)
{
	char path[64];
	int lock_fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	lock_fd = open(path, O_RDONLY | O_CLOEXEC);
	return lock_fd < 0 ? -errno : lock_fd;
}

/* Others still have it open (a reader's mount): their turn is over. Drives that cannot do it have nothing locked. */
void optical_release(int fd)
{
	(void)ioctl(fd, CDROM_LOCKDOOR, 0);
}
