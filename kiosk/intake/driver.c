/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* User-space drivers: a reader of intake's own where there is one (userfs.h), else a program in a jail (program.h). */
#include "intake/driver.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#include "intake/fusefd.h"
#include "intake/look.h"
#include "intake/program.h"
#include "intake/userfs.h"
#include "sandbox/role.h"

int driver_account_get(struct driver_account *ret)
{
	const char *name = role_get(ROLE_DRIVER)->account;
	struct passwd *pw;

	if (geteuid() != 0) {
		*ret = (struct driver_account){ geteuid(), getegid() };
		return 0;
	}
	pw = getpwnam(name);
	if (!pw || pw->pw_uid == 0)
		return -ESRCH;
	*ret = (struct driver_account){ pw->pw_uid, pw->pw_gid };
	return 0;
}

/* Mount, start the reader, look. What it says stays in the detail: on success it is a remark. */
static int start_reader(const struct userfs *fs, struct volume *v, int source_fd, struct child *ret, int *ret_root_fd)
{
	_cleanup_close_ int fuse_fd = -EBADF, mount_fd = -EBADF;
	char words[VOLUME_DETAIL_MAX / 2] = "";
	int r = fusefd_mount(false, &fuse_fd, &mount_fd, words, sizeof(words));

	if (r == 0)
		r = userfs_start(fs, source_fd, v, fuse_fd, ret, words, sizeof(words));
	/* Only the reader holds /dev/fuse now: when it ends, whoever looks gets ENOTCONN instead of waiting. */
	close_p(&fuse_fd);
	if (r == 0)
		r = look_at_root(ret, mount_fd, -EBADF, -EBADF);
	if (r == 0) {
		*ret_root_fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = *ret_root_fd < 0 ? -errno : 0;
	}
	if (r < 0)
		volume_detail(v, "%s", words[0] ? words : strerror(-r));
	else if (words[0])
		volume_detail(v, "%s", words);
	return r;
}

static int open_reader(const struct userfs *fs, struct volume *v, int source_fd, struct driver *ret, int *ret_root_fd)
{
	_cleanup_(driver_end) struct driver d = DRIVER_NONE;
	int r = start_reader(fs, v, source_fd, &d.program, ret_root_fd);

	if (r < 0)
		return r;
	(void)snprintf(v->driver, sizeof(v->driver), "user:%s", fs->name);
	*ret = d;
	d = DRIVER_NONE;
	return 0;
}

int driver_open(struct volume *v, int source_fd, const struct driver_account *account, struct driver *ret,
		int *ret_root_fd)
{
	const struct userfs *fs = userfs_find(v->fs);

	return fs ? open_reader(fs, v, source_fd, ret, ret_root_fd) :
		    program_open(v, source_fd, account, ret, ret_root_fd);
}

void driver_end(struct driver *d)
{
	child_end(&d->program);
	child_end(&d->window);
}
