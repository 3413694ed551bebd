/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The kernel's mount interface (fsopen(2) and kin), so far as intake uses it. */
#ifndef LAZARET_INTAKE_FSAPI_H
#define LAZARET_INTAKE_FSAPI_H

#include <stddef.h>
#include <sys/mount.h>

#include "common/macros.h"

/* What every mount of a medium has: nothing on it can be written, run, be a device, raise privileges, lead elsewhere,
 * or have its times changed. */
#define FSAPI_ATTRIBUTES                                                                                          \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW |  \
	 MOUNT_ATTR_NOATIME)

/* Open a context for file system `type`. -ENODEV: the kernel does not have it. Owned by the caller. */
_must_check_ int fsapi_open(const char *type);

/* Set "key=value", or the flag "key". */
_must_check_ int fsapi_set(int context_fd, const char *option);

/* Create the super block and mount it detached with FSAPI_ATTRIBUTES. The mount descriptor is owned by the caller. */
_must_check_ int fsapi_mount(int context_fd, int *ret_mount_fd);

/* The kernel's own words on what went wrong, joined by "; "; "" when it has none. */
void fsapi_words(int context_fd, char *out, size_t out_size);

#endif
