/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Volumes through user-space file system drivers, each in a sandbox of its own. */
#ifndef LAZARET_INTAKE_DRIVER_H
#define LAZARET_INTAKE_DRIVER_H

#include <sys/types.h>

#include "common/macros.h"
#include "intake/child.h"
#include "intake/volume.h"

/* The account of drivers: looked up before the sandbox, where the user database can still be read. */
struct driver_account {
	uid_t uid;
	gid_t gid;
};

/* As root the account of ROLE_DRIVER, else one's own. Returns 0 or -ESRCH. */
_must_check_ int driver_account_get(struct driver_account *ret);

/* A running driver; and the window of one that is a program. */
struct driver {
	struct child window;
	struct child program;
};

#define DRIVER_NONE ((struct driver){ CHILD_NONE, CHILD_NONE })

/* Start the driver for `v->fs` and wait until it shows its root. Blocks, at most twice DRIVER_TIME_MS. On success
 * `*ret_root_fd` (owned by the caller) is the root, `v->driver` is "user:NAME", and `v->detail` may have a remark. Returns
 * 0; -ENODEV when there is no driver for it or no FUSE; -EACCES or -EPERM when /dev/fuse is out of reach; or another
 * negative errno; `v->detail` then says why and what helps. */
_must_check_ int driver_open(struct volume *v, int source_fd, const struct driver_account *account,
			     struct driver *ret, int *ret_root_fd);

/* End driver and window; the volume's files are unreadable afterwards (ENOTCONN). */
void driver_end(struct driver *d);

#endif
