/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The first look at the root of a user-space file system: whoever looks waits until its server answers, or for ever. */
#ifndef LAZARET_INTAKE_LOOK_H
#define LAZARET_INTAKE_LOOK_H

#include "common/macros.h"
#include "intake/child.h"

/* List the root of `mount_fd` (borrowed) in a child, and wait until it has an answer, `server` ends or DRIVER_TIME_MS are
 * over. Meanwhile a program in a jail that asks for /dev/fuse through `notify_fd` gets `fuse_fd` (both borrowed;
 * jail_answer()); negative: nobody will ask. Returns 0, -ETIMEDOUT, -ECHILD, or what the listing met. */
_must_check_ int look_at_root(const struct child *server, int mount_fd, int notify_fd, int fuse_fd);

#endif
