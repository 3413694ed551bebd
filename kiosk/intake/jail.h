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

/* Build the root: an empty tmpfs with the program, the C library's directory, /dev/null, an empty mount point and the
 * window (`window_fd`: detached mount whose root is a file); everything read-only. /dev/fuse is there to be looked at, but
 * is another /dev/null; of /proc and /etc there are a few lines made up here. No /sys, no /home, no device that could be
 * read. For a child with JAIL_NAMESPACES and
 * mount privileges in its user namespace. `program`: absolute path; `uid`: of the driver. Returns 0, or a negative errno with the step in
 * `*ret_where` (static). */
_must_check_ int jail_build(const char *program, int window_fd, uid_t uid, const char **ret_where);

/* Drop to `uid` and `gid` for good: groups, all capabilities in all sets, no_new_privs, limits of ROLE_DRIVER, Landlock
 * (read and run, never write), system-call filter. Called in the finished root.
 *
 * The program believes that it mounts FUSE itself: openat(2) for reading and writing waits for an answer through the
 * descriptor that `*ret_notify_fd` (owned by the caller) gets, mount(2) does nothing and succeeds.
 * Returns as above. */
_must_check_ int jail_confine(uid_t uid, gid_t gid, int *ret_notify_fd, const char **ret_where);

/* The other end, in intake: answer one waiting openat() with `fuse_fd` (borrowed). The number is chosen by the kernel;
 * nothing of the program's memory is looked at, so that its /dev/null, opened to fill descriptors 0-2, is answered
 * alike: it closes that at once. Called when `notify_fd` is readable. Returns 0; -ECHILD when the
 * asker has gone; or another negative errno. */
_must_check_ int jail_answer(int notify_fd, int fuse_fd);

#endif
