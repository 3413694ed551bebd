/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Events of the kernel or of udevd, and what is there already, brought to usb.h and media.h. */
#ifndef LAZARET_DEVICES_MONITOR_H
#define LAZARET_DEVICES_MONITOR_H

#include <libudev.h>
#include <stdbool.h>

#include "common/macros.h"
#include "devices/media.h"
#include "devices/usb.h"

struct monitor {
	struct udev *udev;
	struct udev_monitor *events;
	bool has_udev;
};

/* Before the sandbox: the socket stays in the machine's network namespace. `source`: "udev" or "kernel". Returns 0, -EINVAL,
 * -ESRCH when there is no udevd, or another negative errno. */
_must_check_ int monitor_open(const char *source, struct monitor *ret);
void monitor_close(struct monitor *m);
int monitor_fd(const struct monitor *m); /* borrowed */

/* Take what has come; never blocks. Returns 0 or a negative errno. */
_must_check_ int monitor_serve(struct monitor *m, struct usb_bus *bus, struct media *media);

/* Look at everything that is there. */
_must_check_ int monitor_find_all(struct usb_bus *bus, struct media *media);

#endif
