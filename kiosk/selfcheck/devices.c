/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Write protection and USB guard, tried. The dummy is a loop device over memory (memfd_create(2)): nothing of it is on a disk, and
 * nothing is left of it when this process ends, however it ends. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common/fd.h"
#include "common/write_block.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

#define DUMMY_SIZE 65536
#define WRITE_SIZE 4096
#define LOOP_TRIES 16 /* others take free numbers, too */

struct dummy {
	int memory_fd, write_fd; /* the bytes beneath; the device, opened before it was protected */
	char path[PATH_MAX];
};

static void dummy_done(struct dummy *d)
{
	int zero = 0;

	if (d->write_fd >= 0) { /* the flag stays with the number, and that belongs to another file tomorrow */
		(void)ioctl(d->write_fd, BLKROSET, &zero);
		(void)ioctl(d->write_fd, LOOP_CLR_FD, 0);
	}
	close_p(&d->write_fd);
	close_p(&d->memory_fd);
}

static int attach(const struct system *sys, int control_fd, struct dummy *d)
{
	struct loop_config config = { .fd = (unsigned int)d->memory_fd, .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
	int number = ioctl(control_fd, LOOP_CTL_GET_FREE), zero = 0, r;

	if (number < 0)
		return -errno;
	(void)snprintf(d->path, sizeof(d->path), "%s/loop%d", sys->dev, number);
	d->write_fd = open(d->path, O_RDWR | O_CLOEXEC);
	if (d->write_fd < 0)
		return -errno;
	r = ioctl(d->write_fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
	if (r == 0 && ioctl(d->write_fd, BLKROSET, &zero) < 0) /* as somebody left it */
		r = -errno;
	if (r < 0) {
		if (r != -EBUSY)
			(void)ioctl(d->write_fd, LOOP_CLR_FD, 0);
		close_p(&d->write_fd); /* it is somebody else's, or goes now */
	}
	return r;
}

static int dummy_make(const struct system *sys, struct dummy *d)
{
	_cleanup_close_ int control_fd = -EBADF;
	char path[PATH_MAX];
	int r = -EBUSY;

	(void)snprintf(path, sizeof(path), "%s/loop-control", sys->dev);
	control_fd = open(path, O_RDWR | O_CLOEXEC);
	if (control_fd < 0)
		return -errno;
	d->memory_fd = memfd_create("lazaret-selfcheck", MFD_CLOEXEC);
	if (d->memory_fd < 0 || ftruncate(d->memory_fd, DUMMY_SIZE) < 0)
		return -errno;
	for (unsigned int k = 0; k < LOOP_TRIES && r == -EBUSY; k++)
		r = attach(sys, control_fd, d);
	return r;
}

/* 0 when all of it went to the device. Buffered writes are told to be done before they are: synced. */
static int put(int fd, char what)
{
	char block[WRITE_SIZE];
	ssize_t n;

	memset(block, what, sizeof(block));
	n = pwrite(fd, block, sizeof(block), 0);
	if (n != (ssize_t)sizeof(block))
		return n < 0 ? -errno : -EIO;
	return fdatasync(fd) < 0 ? -errno : 0;
}

/* What the memory beneath has, which no cache of the device can hide. */
static bool has(const struct dummy *d, char what)
{
	char block[WRITE_SIZE];

	if (pread(d->memory_fd, block, sizeof(block), 0) != (ssize_t)sizeof(block))
		return false;
	for (size_t i = 0; i < sizeof(block); i++)
		if (block[i] != what)
			return false;
	return true;
}

static void attempt(struct dummy *d, struct said *said)
{
	_cleanup_close_ int read_fd = open(d->path, O_RDONLY | O_CLOEXEC), again_fd = -EBADF;
	int r = put(d->write_fd, 'a'), old, new;

	if (read_fd < 0 || r < 0 || !has(d, 'a')) { /* a check that cannot fail is none */
		say_none(said, "the dummy %s cannot be written before it is protected: %s", d->path, strerror(r < 0 ? -r : EIO));
		return;
	}
	r = write_block_set(read_fd);
	if (r < 0) {
		say_wrong(said, "%s cannot be set read-only: %s", d->path, strerror(-r));
		return;
	}
	old = put(d->write_fd, 'b');
	again_fd = open(d->path, O_RDWR | O_CLOEXEC);
	new = again_fd < 0 ? -errno : put(again_fd, 'c');
	if (old == 0 || new == 0 || !has(d, 'a'))
		say_wrong(said, "%s was set read-only, and was written %s", d->path,
			  new == 0 ? "when opened anew" : old == 0 ? "by who had opened it before" : "all the same");
	else
		say_ok(said, "a write to %s was refused: %s; opened before: %s", d->path, strerror(-new), strerror(-old));
}

void check_WRITE_BLOCK(const struct system *sys, struct said *said)
{
	struct dummy d = { .memory_fd = -EBADF, .write_fd = -EBADF };
	int r = dummy_make(sys, &d);

	if (r == 0)
		attempt(&d, said);
	else if (geteuid() != 0)
		say_none(said, "only root can make a dummy to try it on; media that an ordinary user inspects are his");
	else if (r == -ENOENT || r == -EPERM || r == -EACCES || r == -ENXIO || r == -ENODEV)
		say_none(said, "no loop device to try it on: %s", strerror(-r));
	else
		say_wrong(said, "no dummy can be made: %s", strerror(-r));
	dummy_done(&d);
}

/* -- USB ---------------------------------------------------------------------------------------------------------- */

/* Root hubs are usb1, usb2, ...: for each, what becomes of a device that is plugged in. */
void check_USB_GUARD(const struct system *sys, struct said *said)
{
	const struct station_devices *c = &sys->config->devices;
	char path[PATH_MAX], value[16];
	_cleanup_(closedir_p) DIR *dir = NULL;
	size_t hubs = 0;

	if (!c->is_guarded || c->source == STATION_DEVICES_NONE) {
		say_none(said, "%s", c->is_guarded ? "this station waits for no media (devices.source)" : "switched off by devices.usb-guard");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/bus/usb/devices", sys->sys);
	dir = opendir(path);
	if (!dir) {
		say_none(said, "this machine has no USB");
		return;
	}
	if (!sys->is_by_daemon && sys->machine != SELFCHECK_APPLIANCE) {
		say_none(said, "lazaretd does not run, and the guard is a part of it");
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		int r;

		if (strncmp(e->d_name, "usb", 3) != 0)
			continue;
		hubs++;
		(void)snprintf(path, sizeof(path), "bus/usb/devices/%s/authorized_default", e->d_name);
		r = read_line(sys->sys, path, value, sizeof(value));
		if (r < 0 || strcmp(value, "0") != 0) {
			say_wrong(said, "%s: authorized_default is %s: a device that is plugged in there is on at once", e->d_name,
				  r < 0 ? strerror(-r) : value);
			return;
		}
	}
	if (hubs == 0)
		say_none(said, "this machine has no USB host controller");
	else
		say_ok(said, "%zu root hubs, on none of them a new device is on", hubs);
}
