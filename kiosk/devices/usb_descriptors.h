/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A USB device's descriptors (USB 2.0, section 9.6), as /sys gives them: the device descriptor, then each configuration
 * with all that belongs to it. Pure; hostile input. */
#ifndef LAZARET_DEVICES_USB_DESCRIPTORS_H
#define LAZARET_DEVICES_USB_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "devices/limits.h"

/* One interface in one alternate setting of one configuration. */
struct usb_interface {
	uint8_t configuration; /* bConfigurationValue */
	uint8_t number, alternate;
	uint8_t class, subclass, protocol;
};

struct usb_description {
	uint16_t vendor, product;
	uint8_t class; /* of the device; 0: each interface has its own */
	struct usb_interface interfaces[USB_INTERFACES_MAX];
	size_t count;
};

/* Take all of it in. Anything that does not fit together exactly is refused, also where the kernel would make something of
 * it: what is not understood here is not judged. Returns 0; -EBADMSG; -E2BIG for more than USB_INTERFACES_MAX. */
_must_check_ int usb_descriptors_parse(const uint8_t *raw, size_t size, struct usb_description *ret);

/* "08:06:50 03:01:01": each class once, as many as fit. */
void usb_description_print(const struct usb_description *d, char *out, size_t size);

#endif
