/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in intake with its privileges. Everything read from sysfs beneath the device is text that the device chose. */
#include "intake/medium.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "common/fd.h"
#include "common/write_block.h"
#include "intake/optical.h"

#define SYSFS_TEXT_MAX 4096 /* one attribute is at most a page */
#define SCSI_TYPE_OPTICAL "5"

#ifndef BLKGETDISKSEQ /* headers before Linux 5.15 */
#define BLKGETDISKSEQ _IOR(0x12, 128, uint64_t)
#endif

#ifndef UDF_SUPER_MAGIC
#define UDF_SUPER_MAGIC 0x15013346
#endif

static void read_text(const char *dir, const char *name, char *out, size_t out_size)
{
	char path[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	size_t size = 0, start = 0;

	out[0] = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
	    file_read(AT_FDCWD, path, SYSFS_TEXT_MAX, &text, &size) < 0)
		return;
	size = strnlen(text, size);
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' '))
		size--;
	while (start < size && text[start] == ' ')
		start++;
	size = MIN(size - start, out_size - 1);
	memcpy(out, text + start, size);
	out[size] = '\0';
}

static void read_if_empty(const char *dir, const char *name, char *out, size_t out_size)
{
	if (!out[0])
		read_text(dir, name, out, out_size);
}

/* The USB device above a disk has the manufacturer's strings; its serial number is the one on the label. */
static void read_usb(struct medium *m, char *path)
{
	char id[MEDIUM_TEXT_MAX + 1];
	char *slash;

	while ((slash = strrchr(path, '/')) && slash != path) {
		read_text(path, "idVendor", id, sizeof(id));
		if (id[0])
			break;
		*slash = '\0';
	}
	if (!slash || slash == path)
		return;
	read_if_empty(path, "serial", m->serial, sizeof(m->serial));
	read_if_empty(path, "manufacturer", m->vendor, sizeof(m->vendor));
	read_if_empty(path, "product", m->model, sizeof(m->model));
}

static void describe(struct medium *m)
{
	char device[PATH_MAX], real[PATH_MAX], type[8];

	(void)snprintf(device, sizeof(device), "%s/device", m->sysfs);
	if (!realpath(device, real)) {
		(void)snprintf(device, sizeof(device), "%s/../device", m->sysfs); /* a partition: its disk's */
		if (!realpath(device, real))
			return;
	}
	read_text(real, "vendor", m->vendor, sizeof(m->vendor));
	read_text(real, "model", m->model, sizeof(m->model));
	read_text(real, "type", type, sizeof(type));
	if (strcmp(type, SCSI_TYPE_OPTICAL) == 0)
		m->kind = "optical";
	read_text(real, "serial", m->serial, sizeof(m->serial));
	read_if_empty(m->sysfs, "serial", m->serial, sizeof(m->serial)); /* virtio */
	read_usb(m, real);
}

/* `ret_all`: were they, before this? May be NULL.
 *
 * Partitions have a flag of their own, which the disk's does not cover. Nodes are missing where nothing can open them
 * either (a container without udev): then there is nothing to protect. */
static int protect_partitions(const struct medium *m, bool *ret_all)
{
	DIR *dir = opendir(m->sysfs);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return 0;
	while (r == 0 && (entry = readdir(dir))) {
		char path[PATH_MAX];
		_cleanup_close_ int fd = -EBADF;

		(void)snprintf(path, sizeof(path), "%s/%s/partition", m->sysfs, entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && ret_all && write_block_is_set(fd) != 1)
			*ret_all = false;
		if (fd >= 0)
			r = write_block_set(fd);
		else if (errno != ENOENT)
			r = -errno;
	}
	(void)closedir(dir);
	return r;
}

/* A second, exclusive opening: fails while the device or a partition of it is mounted or claimed, and keeps others from
 * mounting it while it is inspected. */
static int claim(int source_fd)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", source_fd);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_device(struct medium *m, const struct stat *st, char *words, size_t words_size)
{
	int was_read_only = 1;
	int r;

	m->kind = "device";
	(void)snprintf(m->sysfs, sizeof(m->sysfs), "/sys/dev/block/%u:%u", major(st->st_rdev), minor(st->st_rdev));
	r = claim(m->fd);
	if (r < 0) {
		(void)snprintf(words, words_size, "%s",
			       r == -EBUSY ? "the device is in use, perhaps mounted: unmount it and try again" :
					     "the device cannot be claimed");
		return r;
	}
	m->claim_fd = r;
	m->is_lent = major(st->st_rdev) == LOOP_MAJOR && ioctl(m->fd, BLKROGET, &was_read_only) == 0 && !was_read_only;
	r = write_block_set(m->fd);
	if (r == 0)
		r = protect_partitions(m, NULL);
	if (r < 0) {
		(void)snprintf(words, words_size, "%s",
			       r == -EPERM ? "the device is not write-protected, and only root can protect it: run as "
					     "root, or use the medium's write-protect switch" :
					     "the device cannot be set read-only");
		return r;
	}
	m->is_write_protected = true;
	if (ioctl(m->fd, BLKGETSIZE64, &m->size) < 0)
		return -errno;
	describe(m);
	if (strcmp(m->kind, "optical") == 0)
		m->lock_fd = optical_lock(m->fd); /* a negative one: audio, blank, or a drive without lock */
	if (ioctl(m->fd, BLKGETDISKSEQ, &m->diskseq) < 0)
		m->diskseq = 0;
	return 0;
}

static int open_directory(struct medium *m)
{
	struct statvfs fs;

	m->kind = "directory";
	m->is_write_protected = fstatvfs(m->fd, &fs) == 0 && fs.f_flag & ST_RDONLY;
	return 0;
}

/* Our only descriptor of an image cannot write, and the loop device made of it is read-only. */
static int open_image(struct medium *m, const struct stat *st)
{
	m->kind = "image";
	m->size = (uint64_t)st->st_size;
	m->is_write_protected = true;
	return 0;
}

int medium_open(struct medium *ret, int source_fd, const char *kind, char *words, size_t words_size)
{
	struct medium m = { .fd = source_fd, .claim_fd = -EBADF, .lock_fd = -EBADF };
	int flags = fcntl(source_fd, F_GETFL);
	struct stat st;
	int r;

	(void)snprintf(words, words_size, "the source is not what it was said to be");
	if (flags < 0 || fstat(source_fd, &st) < 0)
		return -errno;
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (S_ISBLK(st.st_mode) && strcmp(kind, "device") == 0)
		r = open_device(&m, &st, words, words_size);
	else if (S_ISREG(st.st_mode) && strcmp(kind, "image") == 0)
		r = open_image(&m, &st);
	else if (S_ISDIR(st.st_mode) && strcmp(kind, "directory") == 0)
		r = open_directory(&m);
	else
		r = -EINVAL;
	if (r < 0)
		medium_close(&m);
	else
		*ret = m;
	return r;
}

uint64_t medium_sectors_written(const struct medium *m)
{
	char text[256];
	unsigned long long sectors = 0;

	if (!m->sysfs[0])
		return 0;
	read_text(m->sysfs, "stat", text, sizeof(text));
	if (sscanf(text, "%*u %*u %*u %*u %*u %*u %llu", &sectors) != 1)
		return 0;
	return sectors;
}

void medium_fs_name(const struct medium *m, char *out, size_t out_size)
{
	static const struct {
		unsigned int magic;
		const char *name;
	} known[] = {
		{ EXT4_SUPER_MAGIC, "ext4" },	{ XFS_SUPER_MAGIC, "xfs" },	    { BTRFS_SUPER_MAGIC, "btrfs" },
		{ TMPFS_MAGIC, "tmpfs" },	{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { MSDOS_SUPER_MAGIC, "vfat" },
		{ 0x2011bab0, "exfat" },	{ 0x7366746e, "ntfs" },		    { FUSE_SUPER_MAGIC, "fuse" },
		{ ISOFS_SUPER_MAGIC, "iso9660" }, { UDF_SUPER_MAGIC, "udf" },	    { SQUASHFS_MAGIC, "squashfs" },
		{ EROFS_SUPER_MAGIC_V1, "erofs" }, { NFS_SUPER_MAGIC, "nfs" },	    { V9FS_MAGIC, "9p" },
	};
	struct statfs fs;

	out[0] = '\0';
	if (fstatfs(m->fd, &fs) < 0)
		return;
	(void)snprintf(out, out_size, "0x%x", (unsigned int)fs.f_type);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].magic == (unsigned int)fs.f_type)
			(void)snprintf(out, out_size, "%s", known[i].name);
}

bool medium_was_protected(const struct medium *m)
{
	bool all;

	if (!m->sysfs[0])
		return m->is_write_protected;
	all = write_block_is_set(m->fd) == 1;
	return protect_partitions(m, &all) == 0 && all;
}

/* The descriptor has the number of the device that was opened, sysfs that of the one which now has its place. */
static bool is_same_disk(const struct medium *m)
{
	char text[32];

	if (m->diskseq == 0)
		return true;
	read_text(m->sysfs, "diskseq", text, sizeof(text));
	if (!text[0]) {
		char disk[sizeof(m->sysfs) + 4];

		(void)snprintf(disk, sizeof(disk), "%s/..", m->sysfs); /* a partition: its disk's */
		read_text(disk, "diskseq", text, sizeof(text));
	}
	return strtoull(text, NULL, 10) == m->diskseq;
}

bool medium_is_present(const struct medium *m)
{
	char size[32];

	if (!m->sysfs[0])
		return true;
	if (strcmp(m->kind, "optical") == 0 && !optical_has_disc(m->fd))
		return false;
	read_text(m->sysfs, "size", size, sizeof(size)); /* gone with the device, 0 with an ejected disc */
	return size[0] && strcmp(size, "0") != 0 && is_same_disk(m);
}

void medium_close(struct medium *m)
{
	int zero = 0;

	if (m->is_lent)
		(void)ioctl(m->fd, BLKROSET, &zero); /* it is gone, or stays protected: neither does harm */
	m->is_lent = false;
	if (strcmp(m->kind ? m->kind : "", "optical") == 0)
		optical_release(m->fd);
	close_p(&m->lock_fd);
	close_p(&m->claim_fd);
}
