/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Drivers that are programs of Debian's. Intake makes the mount and keeps it to itself; the program gets the window's
 * file, /dev/fuse in answer to its open, and nothing else (jail.h). Its output and what it serves are untrusted.
 *
 * None that shows files otherwise than as they are stored: grub-mount decompresses what it recognises as compressed, so
 * that a station would inspect and hand over files that are not on the medium. */
#include "intake/program.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "intake/fusefd.h"
#include "intake/jail.h"
#include "intake/look.h"
#include "intake/window.h"

#define ARGUMENTS_MAX 8

struct program {
	const char *fs; /* libblkid's name */
	const char *name; /* in the report */
	const char *file;
	const char *package;
	const char *const arguments[ARGUMENTS_MAX]; /* after the name */
};

static const struct program table[] = {
	{ "squashfs", "squashfuse", "squashfuse", "squashfuse", { "-f", "-s", JAIL_VOLUME, JAIL_MOUNTPOINT } },
	/* Read-only it replays no log, also of a volume that was not unmounted or is hibernated. */
	{ "ntfs", "ntfs-3g", "ntfs-3g", "ntfs-3g",
	  { "-o", "ro,no_detach,streams_interface=none", JAIL_VOLUME, JAIL_MOUNTPOINT } },
	/* -d: stay; there is no other way to say that. */
	{ "exfat", "exfat-fuse", "mount.exfat-fuse", "exfat-fuse",
	  { "-d", "-o", "ro", JAIL_VOLUME, JAIL_MOUNTPOINT } },
};

static const struct program *find(const char *fs)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].fs, fs) == 0)
			return &table[i];
	return NULL;
}

static int find_program(const struct program *p, char *ret, size_t ret_size)
{
	static const char *const places[] = { "/usr/bin", "/usr/sbin" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if ((size_t)snprintf(ret, ret_size, "%s/%s", places[i], p->file) < ret_size &&
		    access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

struct driver_task {
	const struct program *program;
	const char *path;
	struct driver_account account;
	int window_fd; /* detached mount */
	int words_fd; /* memfd for standard output and error */
};

static int no_input(void)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null_fd < 0 || dup2(null_fd, 0) < 0 ? -errno : 0;
}

/* Descriptors of a driver: nothing in, words out. */
static int arrange_descriptors(const struct driver_task *t)
{
	int r = no_input();

	if (r == 0 && (dup2(t->words_fd, 1) < 0 || dup2(t->words_fd, 2) < 0 ||
		       close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0))
		r = -errno;
	return r;
}

/* Confine, and tell intake where the program's request for /dev/fuse will arrive. */
static int confine(const struct driver_task *t, int sock, const char **ret_where)
{
	_cleanup_close_ int notify_fd = -EBADF;
	int r = jail_confine(t->account.uid, t->account.gid, &notify_fd, ret_where);

	return r < 0 ? r : child_send(sock, "n", 1, notify_fd);
}

static int driver_run(void *arg, int sock)
{
	const struct driver_task *t = arg;
	static const char *const environment[] = { "PATH=/usr/bin", "LC_ALL=C", NULL };
	const char *argv[ARGUMENTS_MAX + 2] = { t->path };
	const char *where = "driver's descriptors";
	int r = jail_build(t->path, t->window_fd, t->account.uid, &where);

	if (r == 0)
		r = arrange_descriptors(t);
	if (r == 0)
		r = confine(t, sock, &where);
	if (r == 0) {
		memcpy(argv + 1, t->program->arguments, sizeof(t->program->arguments));
		where = "start";
		(void)execve(t->path, (char *const *)argv, (char *const *)environment);
		r = -errno;
	}
	(void)dprintf(t->words_fd, "%s: %s", where, strerror(-r)); /* the parent reads it */
	return r;
}

/* The jail's notification descriptor comes first, then the program asks, then it serves. */
static int wait_until_served(struct child *program, int fuse_fd, int mount_fd)
{
	_cleanup_close_ int notify_fd = -EBADF;
	size_t size = 0;
	char word;
	int r = child_receive(program, DRIVER_TIME_MS, &word, 1, &size, &notify_fd);

	return r < 0 ? r : look_at_root(program, mount_fd, notify_fd, fuse_fd);
}

/* Fixed in size: a driver that talks without end gets an error from write, never fills memory, never blocks. */
static int words_open(void)
{
	int fd = memfd_create("words", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, DRIVER_WORDS_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0) {
		int r = -errno;

		close_p(&fd);
		return r;
	}
	return fd;
}

/* What the driver printed, on one line. */
static void tell_words(struct volume *v, const char *program, int words_fd, int error)
{
	char words[DRIVER_WORDS_MAX + 1] = "";
	ssize_t n = pread(words_fd, words, DRIVER_WORDS_MAX, 0);
	size_t size = n > 0 ? strnlen(words, (size_t)n) : 0;

	while (size > 0 && words[size - 1] == '\n')
		size--;
	words[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if (words[i] == '\n')
			words[i] = ' ';
	if (error == -ETIMEDOUT)
		volume_detail(v, "%s did not start in time", program);
	else if (size > 0)
		volume_detail(v, "%s: %s", program, words);
	else
		volume_detail(v, "%s ended without a word (%s)", program, strerror(-error));
}

static int start_program(struct driver_task *t, struct volume *v, struct driver *d, int *ret_root_fd)
{
	_cleanup_close_ int fuse_fd = -EBADF, mount_fd = -EBADF, words_fd = words_open();
	char words[VOLUME_DETAIL_MAX] = "";
	int r = words_fd;

	if (r >= 0)
		r = fusefd_mount(false, &fuse_fd, &mount_fd, words, sizeof(words));
	if (r < 0) {
		volume_detail(v, "%s", words[0] ? words : strerror(-r));
		return r;
	}
	t->words_fd = words_fd;
	r = child_start(&d->program, JAIL_NAMESPACES, driver_run, t);
	if (r == 0)
		r = wait_until_served(&d->program, fuse_fd, mount_fd);
	/* Only the driver holds /dev/fuse now: when it ends, whoever looks gets ENOTCONN instead of waiting. */
	close_p(&fuse_fd);
	if (r < 0) {
		child_end(&d->program);
		tell_words(v, t->program->name, words_fd, r);
		return r;
	}
	*ret_root_fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_root_fd < 0 ? -errno : 0;
}

static int open_with(const struct program *p, const char *path, struct volume *v, int source_fd,
		     const struct driver_account *account, struct driver *ret, int *ret_root_fd)
{
	struct driver_task task = { .program = p, .path = path, .account = *account };
	_cleanup_(driver_end) struct driver d = DRIVER_NONE;
	_cleanup_close_ int window_fd = -EBADF;
	char words[VOLUME_DETAIL_MAX] = "";
	int r = window_start(source_fd, v->offset, v->size, &d.window, &window_fd, words, sizeof(words));

	if (r < 0) {
		volume_detail(v, "%s", words[0] ? words : strerror(-r));
		return r;
	}
	task.window_fd = window_fd;
	r = start_program(&task, v, &d, ret_root_fd);
	if (r < 0)
		return r;
	(void)snprintf(v->driver, sizeof(v->driver), "user:%s", p->name);
	*ret = d;
	d = DRIVER_NONE;
	return 0;
}

int program_open(struct volume *v, int source_fd, const struct driver_account *account, struct driver *ret,
		 int *ret_root_fd)
{
	const struct program *p = find(v->fs);
	char path[64];

	if (!p) {
		volume_detail(v, "there is no user-space driver for %s", v->fs);
		return -ENODEV;
	}
	if (find_program(p, path, sizeof(path)) < 0) {
		volume_detail(v, "%s is not installed (package %s)", p->name, p->package);
		return -ENODEV;
	}
	return open_with(p, path, v, source_fd, account, ret, ret_root_fd);
}
