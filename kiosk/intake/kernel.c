/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The kernel's drivers, each in a child of its own: a mount that hangs on a dying medium cannot be interrupted, and
 * must not hang intake. The child has intake's privileges; the medium's data is parsed by the kernel alone. */
#include "intake/kernel.h"

#include <string.h>

#include "intake/child.h"
#include "intake/fsapi.h"
#include "intake/loop.h"

#define OPTIONS_MAX 8

struct kernel_fs {
	const char *fs;	  /* libblkid's name */
	const char *type; /* the kernel's */
	const char *const options[OPTIONS_MAX];
	const char *const fallback[OPTIONS_MAX]; /* tried when the first are refused; empty: none */
};

/* Names in UTF-8; modes that let the reader's account in where the file system has none of its own; never a journal
 * replayed: ext4 noload, xfs norecovery, btrfs rescue=nologreplay (ntfs3 does not replay on a read-only device).
 * ISO 9660: the kernel prefers Rock Ridge to Joliet to plain names; permissions of the disc are overridden; zisofs is not
 * unpacked, because what is inspected has to be what is on the disc. The
 * fallbacks are for kernels without the default code page or NLS table. */
static const struct kernel_fs table[] = {
	{ "vfat", "vfat", { "utf8", "fmask=0222", "dmask=0222" },
	  { "utf8", "codepage=850", "iocharset=ascii", "fmask=0222", "dmask=0222" } },
	{ "exfat", "exfat", { "iocharset=utf8", "fmask=0222", "dmask=0222" }, { NULL } },
	{ "ntfs", "ntfs3", { "iocharset=utf8", "fmask=0222", "dmask=0222" }, { "fmask=0222", "dmask=0222" } },
	{ "ext2", "ext4", { "noload" }, { NULL } },
	{ "ext3", "ext4", { "noload" }, { NULL } },
	{ "ext4", "ext4", { "noload" }, { NULL } },
	{ "xfs", "xfs", { "norecovery", "nouuid" }, { NULL } },
	{ "btrfs", "btrfs", { "rescue=nologreplay" }, { NULL } },
	{ "iso9660", "iso9660", { "nocompress", "overriderockperm", "mode=0444", "dmode=0555", "iocharset=utf8" },
	  { "nocompress", "overriderockperm", "mode=0444", "dmode=0555", "utf8" } },
	{ "udf", "udf", { "mode=0444", "dmode=0555", "iocharset=utf8" }, { "mode=0444", "dmode=0555", "utf8" } },
	{ "squashfs", "squashfs", { NULL }, { NULL } },
	{ "erofs", "erofs", { NULL }, { NULL } },
};

static const struct kernel_fs *find(const char *fs)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].fs, fs) == 0)
			return &table[i];
	return NULL;
}

struct mount_task {
	const struct kernel_fs *fs;
	const char *const *options;
	const char *device;
	uint32_t session_block; /* volume.h; through a loop device the driver cannot ask for it itself */
};

struct mount_answer {
	int error;
	char words[VOLUME_DETAIL_MAX];
};

static int try_mount(const struct mount_task *task, int *ret_fd, char *words, size_t words_size)
{
	_cleanup_close_ int context_fd = fsapi_open(task->fs->type);
	char source[LOOP_PATH_MAX + 8];
	int r;

	words[0] = '\0';
	if (context_fd < 0)
		return context_fd;
	(void)snprintf(source, sizeof(source), "source=%s", task->device);
	r = fsapi_set(context_fd, source);
	if (r == 0)
		r = fsapi_set(context_fd, "ro");
	if (r == 0 && task->session_block > 0 && strcmp(task->fs->type, "iso9660") == 0) {
		char session[32];

		(void)snprintf(session, sizeof(session), "sbsector=%u", task->session_block);
		r = fsapi_set(context_fd, session);
	}
	for (size_t i = 0; r == 0 && i < OPTIONS_MAX && task->options[i]; i++)
		r = fsapi_set(context_fd, task->options[i]);
	if (r == 0)
		r = fsapi_mount(context_fd, ret_fd);
	if (r < 0)
		fsapi_words(context_fd, words, words_size);
	return r;
}

static int mount_run(void *arg, int sock)
{
	struct mount_answer answer = { 0 };
	int fd = -EBADF;

	answer.error = try_mount(arg, &fd, answer.words, sizeof(answer.words));
	return child_send(sock, &answer, sizeof(answer), fd);
}

static int mount_once(const struct mount_task *task, int *ret_fd, char *words, size_t words_size)
{
	_cleanup_(child_end) struct child child = CHILD_NONE;
	struct mount_answer answer = { 0 };
	_cleanup_close_ int fd = -EBADF;
	size_t size = 0;
	int r = child_start(&child, 0, mount_run, (void *)task);

	if (r == 0)
		r = child_receive(&child, MOUNT_TIME_MS, &answer, sizeof(answer), &size, &fd);
	if (r == -ETIMEDOUT)
		(void)snprintf(words, words_size, "the medium did not answer in time");
	if (r < 0)
		return r;
	if (size != sizeof(answer) || (answer.error == 0 && fd < 0))
		return -EPROTO;
	answer.words[sizeof(answer.words) - 1] = '\0';
	(void)snprintf(words, words_size, "%s", answer.words);
	if (answer.error == 0)
		*ret_fd = TAKE_FD(fd);
	return answer.error;
}

/* Is the driver there at all? Asked before a loop device is made. */
static int is_available(const struct kernel_fs *fs)
{
	int fd = fsapi_open(fs->type);

	if (fd < 0)
		return fd;
	close_p(&fd);
	return 0;
}

int kernel_mount(struct volume *v, int source_fd, int *ret_root_fd)
{
	const struct kernel_fs *fs = find(v->fs);
	_cleanup_close_ int loop_fd = -EBADF;
	char device[LOOP_PATH_MAX], words[VOLUME_DETAIL_MAX] = "";
	struct mount_task task;
	int r;

	if (!fs)
		return -ENODEV;
	if (geteuid() != 0)
		return -EPERM;
	r = is_available(fs);
	if (r < 0)
		return r;
	r = loop_open(source_fd, v->offset, v->size, &loop_fd, device);
	if (r < 0) {
		volume_detail(v, "no loop device");
		return r;
	}
	task = (struct mount_task){ .fs = fs, .options = fs->options, .device = device,
				     .session_block = v->session_block };
	r = mount_once(&task, ret_root_fd, words, sizeof(words));
	if (r < 0 && r != -ETIMEDOUT && fs->fallback[0]) {
		task.options = fs->fallback;
		r = mount_once(&task, ret_root_fd, words, sizeof(words));
	}
	if (r < 0)
		volume_detail(v, "kernel: %s", words[0] ? words : strerror(-r));
	else
		(void)snprintf(v->driver, sizeof(v->driver), "kernel:%s", fs->type);
	return r;
}
