/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where a user-space file system driver lives: a program that is not ours, fed with untrusted bytes. */
#ifndef LAZARET_INTAKE_JAIL_H
#define LAZARET_INTAKE_JAIL_H

#include <sys/types.h>

#include "common/macros.h"

/* The namespaces that child_start() has to give it. */
#define JAIL_NAMESPACES                                                                                            \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* Where the window's file and the (never used) mount point are in the jail. */
#define JAIL_VOLUME "/volume"
#define JAIL_MOUNTPOINT "/mnt"

/* Build the root: an empty tmpfs with the program, the C library's directory, `helper` as fusermount, /dev/null, an
 * empty mount point and the window (`window_fd`: detached mount whose root is a file); everything read-only. No
 * /proc, /sys, /etc, /home, no device that could be read. For a child with JAIL_NAMESPACES and mount privileges in its
 * user namespace. `program`, `helper`: absolute paths. Returns 0, or a negative errno with the step in `*ret_where` (static). */
_must_check_ int jail_build(const char *program, const char *helper, int window_fd,
			    const char **ret_where);

/* Drop to `uid` and `gid` for good: groups, all capabilities in all sets, no_new_privs, limits of ROLE_DRIVER, Landlock
 * (read and run, never write), system-call filter. Called in the finished root. Returns as above. */
_must_check_ int jail_confine(uid_t uid, gid_t gid, const char **ret_where);

#endif
