/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The loop of a FUSE server (libfuse3, single-threaded) on a descriptor that intake has mounted. */
#ifndef LAZARET_INTAKE_FUSESERVE_H
#define LAZARET_INTAKE_FUSESERVE_H

#define FUSE_USE_VERSION 312

#include <fuse3/fuse_lowlevel.h>
#include <stddef.h>

#include "common/macros.h"
#include "intake/fusefd.h"

/* A medium does not change while it is inspected: the kernel may keep all it was told. */
#define FUSESERVE_CACHE_SECONDS 86400.0

/* The `init` of servers: agrees on FUSEFD_READ_MAX. */
void fuseserve_init(void *userdata, struct fuse_conn_info *conn);

/* Serve `server_fd` (borrowed) until the mount has gone. For a child in its sandbox. Returns 0 or a negative errno. */
_must_check_ int fuseserve(int server_fd, const struct fuse_lowlevel_ops *operations, size_t operations_size,
			   void *userdata);

#endif
