/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Block devices in which a medium can be read: whole disks of USB devices that were accepted, discs, loop devices. */
#ifndef LAZARET_DEVICES_MEDIA_H
#define LAZARET_DEVICES_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "devices/own.h"
#include "devices/usb.h"

struct media;

/* Where udevd keeps what it has found out about each device. */
#define UDEV_DATA "/run/udev/data"

/* All borrowed. `udev_data`: UDEV_DATA when events come from udevd, which is then waited for; NULL when they come from the kernel.
 * Discs are told only with udevd: the kernel alone does not know whether a disc is in a drive that nobody has opened. */
_must_check_ int media_new(const char *udev_data, const struct usb_policy *policy, const struct usb_bus *bus,
			   const struct own *own, const struct teller *teller, struct media **ret);
struct media *media_free(struct media *m);

/* The disk of this name ("sdb") was added, has changed, or was found: look at it. What is no medium any more is told as gone
 * at once; a new one when it has been quiet for QUIET_MS. */
_must_check_ int media_seen(struct media *m, const char *name);
/* It has gone. */
_must_check_ int media_gone(struct media *m, const char *name);
/* Its button was pressed. */
_must_check_ int media_button(struct media *m, const char *name);
/* Policy or USB devices have changed, or events were lost: look at every disk there is. */
_must_check_ int media_look_at_all(struct media *m);
/* Time has passed. */
_must_check_ int media_tick(struct media *m);

/* When media_tick() is wanted (now_ms()); INT64_MAX: not. */
int64_t media_deadline(const struct media *m);

#endif
