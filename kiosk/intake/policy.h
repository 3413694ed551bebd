/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which file systems may be opened, by whose drivers: the configuration's `filesystems:`. */
#ifndef LAZARET_INTAKE_POLICY_H
#define LAZARET_INTAKE_POLICY_H

#include <stddef.h>

#include "common/macros.h"
#include "intake/volume.h"
#include "ipc/codec.h"

#define POLICY_MAX 32 /* lines; there are about a dozen file systems */

enum policy_driver {
	DRIVER_END = 0,
	DRIVER_KERNEL,
	DRIVER_USER,
};

struct policy_line {
	char fs[VOLUME_FS_MAX + 1]; /* libblkid's name, or "ext" for ext2, ext3 and ext4 */
	enum policy_driver drivers[3]; /* in order, up to DRIVER_END; none: denied */
};

struct policy {
	struct policy_line lines[POLICY_MAX];
	size_t count;
};

/* [n x str fs, str drivers]: "kernel,user" in order of preference, "" denies. Returns 0, or -EINVAL for an unknown
 * driver or too many lines (a sticky error of the decoder is found by its owner). */
_must_check_ int policy_decode(struct policy *ret, struct decoder *d);

/* What is said of `fs`: the exact name first, then "ext"; NULL when nothing is, which denies. Borrowed. */
const struct policy_line *policy_find(const struct policy *p, const char *fs);

#endif
