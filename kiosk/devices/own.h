/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the running system itself lives on: disks that are mounted, swapped to, or beneath a mapping that is, when devices
 * starts. They are never media and their USB devices are never switched off, whatever the policy says. (Intake mounts media
 * without showing them in any namespace but its own, so a medium is not found here after a restart.) */
#ifndef LAZARET_DEVICES_OWN_H
#define LAZARET_DEVICES_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define OWN_MAX 64

struct own_disk {
	char name[32];	  /* "sda" */
	uint64_t diskseq; /* another disk may get the name later */
};

struct own {
	struct own_disk disks[OWN_MAX];
	size_t count;
	char *ports[OWN_MAX + 1]; /* of USB devices that hold them; NULL after the last */
};

/* Before the sandbox: reads /proc and /sys. Returns 0 or a negative errno (-E2BIG: more than OWN_MAX). */
_must_check_ int own_find(struct own *ret);
void own_done(struct own *o);

_must_check_ bool own_has(const struct own *o, const char *name, uint64_t diskseq);

#endif
