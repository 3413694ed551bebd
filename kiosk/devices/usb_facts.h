/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a USB device says of itself, as /sys has it. */
#ifndef LAZARET_DEVICES_USB_FACTS_H
#define LAZARET_DEVICES_USB_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "devices/limits.h"
#include "devices/sysfs.h"

/* What a device says of itself. Compared as a whole: nothing of it may change once it was judged. */
struct usb_facts {
	uint64_t devnum; /* the kernel's, another at each enumeration */
	char vendor[USB_STRING_MAX], product[USB_STRING_MAX], serial[USB_STRING_MAX];
	size_t size;
	uint8_t raw[USB_DESCRIPTORS_MAX];
};

/* Where /sys has the device or interface of this name. */
void usb_path(const char *name, char path[static SYSFS_PATH_MAX]);

/* Read it: the caller frees it. Equal facts are equal bytes. What cannot be read is as good as garbled: `size` is 0 then.
 * Returns 0; -ENODEV when the device has gone meanwhile; -ENOMEM. */
_must_check_ int usb_facts_read(const char *name, struct usb_facts **ret);

/* What a device in the same socket is called when it is of the other speed: a socket of USB 3 has a port on each of two buses, 1-2 and
 * 2-2, which the kernel links as peers (Documentation/ABI/testing/sysfs-bus-usb, `peer`). Of a device behind hubs it is told by the socket of
 * the first hub, since hubs number both halves alike (USB 3.2, 10.1; drivers/usb/core/port.c does the same). "" when there is none. */
void usb_peer_read(const char *name, char ret[static USB_NAME_MAX]);

#endif
