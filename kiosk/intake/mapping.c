/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ioctls of /dev/mapper/control (linux/dm-ioctl.h), without libdevmapper: no udev cookie, no node made, no name given by
 * others. Runs in intake with its privileges; of the medium it handles what table_check() let pass. */
#include "intake/mapping.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/fd.h"

#define CONTROL "/dev/mapper/control"
#define BUFFER_SIZE 16384 /* struct dm_ioctl and TABLE_TARGETS_MAX targets of at most 560 bytes */

/* libdevmapper.h, DM_UDEV_*: without the rules for disks, subsystems and others, udev neither probes nor links it. */
#define UDEV_LEAVE_ALONE ((0x2u | 0x4u | 0x8u) << 16)

union request {
	struct dm_ioctl head;
	uint8_t bytes[BUFFER_SIZE];
};

static void request_init(union request *q, const char *name, uint32_t flags)
{
	memset(q, 0, sizeof(*q));
	q->head.version[0] = DM_VERSION_MAJOR;
	q->head.data_size = sizeof(*q);
	q->head.data_start = sizeof(q->head);
	q->head.flags = flags;
	if (name)
		(void)snprintf(q->head.name, sizeof(q->head.name), "%s", name);
}

static int control_open(void)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == EPERM || errno == EACCES ? -EPERM : -ENODEV; /* no node, or a node without a driver */
}

int mapping_available(void)
{
	_cleanup_close_ int fd = control_open();
	union request q;

	if (fd < 0)
		return fd;
	request_init(&q, NULL, 0);
	return ioctl(fd, DM_VERSION, &q) < 0 ? (errno == EPERM || errno == EACCES ? -EPERM : -ENODEV) : 0;
}

static int put_targets(union request *q, const struct table *t)
{
	size_t at = q->head.data_start;

	for (size_t i = 0; i < t->count; i++) {
		struct dm_target_spec spec = { .sector_start = t->targets[i].start, .length = t->targets[i].size };
		size_t size = strlen(t->targets[i].params) + 1;
		size_t next = (at + sizeof(spec) + size + 7) & ~(size_t)7;

		if (next > sizeof(*q))
			return -E2BIG;
		spec.next = (uint32_t)(next - at);
		(void)snprintf(spec.target_type, sizeof(spec.target_type), "%s", t->targets[i].type);
		memcpy(q->bytes + at, &spec, sizeof(spec));
		memcpy(q->bytes + at + sizeof(spec), t->targets[i].params, size);
		at = next;
	}
	q->head.target_count = (uint32_t)t->count;
	return 0;
}

static int load(int control_fd, const char *name, const struct table *t)
{
	union request q;
	int r;

	request_init(&q, name, DM_READONLY_FLAG | DM_SECURE_DATA_FLAG);
	r = put_targets(&q, t);
	if (r == 0 && ioctl(control_fd, DM_TABLE_LOAD, &q) < 0)
		r = -errno;
	explicit_bzero(&q, sizeof(q));
	return r;
}

static int resume(int control_fd, const char *name)
{
	union request q;

	request_init(&q, name, DM_READONLY_FLAG);
	q.head.event_nr = UDEV_LEAVE_ALONE;
	return ioctl(control_fd, DM_DEV_SUSPEND, &q) < 0 ? -errno : 0;
}

/* `how`: 0, or DM_DEFERRED_REMOVE: when nobody has it open any more. */
static int drop(int control_fd, const char *name, uint32_t how)
{
	union request q;

	request_init(&q, name, how);
	q.head.event_nr = UDEV_LEAVE_ALONE;
	return ioctl(control_fd, DM_DEV_REMOVE, &q) < 0 ? -errno : 0;
}

static int make_name(char name[static DM_NAME_LEN])
{
	uint8_t raw[8];
	size_t at = (size_t)snprintf(name, DM_NAME_LEN, "lazaret-");

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return -EIO;
	for (size_t i = 0; i < sizeof(raw); i++)
		at += (size_t)snprintf(name + at, DM_NAME_LEN - at, "%02x", raw[i]);
	return 0;
}

/* -- after it has been made: the kernel's own words --------------------------------------------------------------- */

/* The one entry of slaves/ is the loop device. */
static int check_beneath(dev_t mapped, dev_t loop)
{
	char path[PATH_MAX], text[32];
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct dirent *entry;
	unsigned int found = 0;

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(mapped), minor(mapped));
	(void)snprintf(text, sizeof(text), "%u:%u\n", major(loop), minor(loop));
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *number = NULL;
		char file[PATH_MAX + NAME_MAX + 8];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s/dev", path, entry->d_name);
		if (file_read(AT_FDCWD, file, 4096, &number, NULL) < 0 || strcmp(number, text) != 0)
			return -EXDEV;
		found++;
	}
	return found == 1 ? 0 : -EXDEV;
}

static int check_made(int fd, dev_t wanted, dev_t loop, uint64_t sectors)
{
	int is_read_only = 0, one = 1;
	uint64_t size = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) || st.st_rdev != wanted)
		return -ENXIO;
	if (ioctl(fd, BLKROGET, &is_read_only) < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		return -errno;
	if (!is_read_only || size != sectors * 512)
		return -EACCES;
	/* Said by the table already; said again, since a table can be replaced and this flag stays. */
	if (ioctl(fd, BLKROSET, &one) < 0)
		return -errno;
	return check_beneath(wanted, loop);
}

static int ask_status(int control_fd, const char *name, struct dm_ioctl *ret)
{
	union request q;

	request_init(&q, name, 0);
	if (ioctl(control_fd, DM_DEV_STATUS, &q) < 0)
		return -errno;
	*ret = q.head;
	return 0;
}

/* linux/kdev_t.h, new_encode_dev() */
static dev_t decode_dev(uint64_t dev)
{
	return makedev((unsigned int)(dev >> 8 & 0xfff), (unsigned int)((dev & 0xff) | (dev >> 12 & 0xfff00)));
}

/* Nobody else opens it by name meanwhile: names are random, and udev leaves it alone. */
static int open_made(int control_fd, const char *name, dev_t *ret_dev, int *ret_fd)
{
	struct dm_ioctl status;
	char path[64];
	int r = ask_status(control_fd, name, &status);

	if (r < 0)
		return r;
	*ret_dev = decode_dev(status.dev);
	(void)snprintf(path, sizeof(path), "/dev/dm-%u", minor(*ret_dev));
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* Opened and marked for removal before it holds anything: whenever intake is killed, it goes. */
static int make(int control_fd, const char *name, struct table *t, uint64_t sectors, dev_t loop, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	struct dm_ioctl status;
	dev_t dev = 0;
	int r = load(control_fd, name, t);

	if (r == 0)
		r = open_made(control_fd, name, &dev, &fd);
	if (r == 0)
		r = drop(control_fd, name, DM_DEFERRED_REMOVE);
	if (r == 0)
		r = resume(control_fd, name);
	if (r == 0)
		r = ask_status(control_fd, name, &status);
	if (r == 0 && (!(status.flags & DM_READONLY_FLAG) || status.target_count != t->count || decode_dev(status.dev) != dev))
		r = -EACCES;
	if (r == 0)
		r = check_made(fd, dev, loop, sectors);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int mapping_make(struct table *t, uint64_t sectors, int loop_fd, int *ret_fd, char *words, size_t words_size)
{
	_cleanup_close_ int control_fd = control_open();
	char name[DM_NAME_LEN];
	union request q;
	struct stat st;
	int r = control_fd < 0 ? control_fd : fstat(loop_fd, &st) < 0 ? -errno : make_name(name);

	if (r == 0) {
		request_init(&q, name, DM_READONLY_FLAG);
		r = ioctl(control_fd, DM_DEV_CREATE, &q) < 0 ? -errno : 0;
		if (r == 0) {
			r = make(control_fd, name, t, sectors, st.st_rdev, ret_fd);
			if (r < 0)
				(void)drop(control_fd, name, DM_DEFERRED_REMOVE); /* nothing else can be done about it */
		}
	}
	table_wipe(t);
	if (r < 0)
		(void)snprintf(words, words_size, "%s", r == -EINVAL || r == -ENOENT ? "this kernel cannot map it (a cipher or dm-crypt is missing)" :
			       r == -ENODEV ? "this kernel has no device mapper" :
			       r == -EXDEV || r == -EACCES || r == -ENXIO ? "its mapping is not what was asked for" : strerror(-r));
	return r;
}
