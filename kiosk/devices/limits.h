/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Limits of devices, each with its unit and reason. */
#ifndef LAZARET_DEVICES_LIMITS_H
#define LAZARET_DEVICES_LIMITS_H

/* Bytes of a device's descriptors: a stick has some 50, a camera with many alternate settings a few thousand. */
#define USB_DESCRIPTORS_MAX 16384
/* Interfaces with all alternate settings of all configurations. */
#define USB_INTERFACES_MAX 256
/* Bytes of a USB string: 126 UTF-16 units, at most 3 bytes of UTF-8 each, and a NUL (USB 2.0, 9.6.7). */
#define USB_STRING_MAX 384
/* Bytes of a device's name with NUL: "1-" and at most 7 ports ("usb15", "1-2.3.4.5.6.7.8"). */
#define USB_NAME_MAX 32
/* Bytes of an interface's name with NUL: the device's, ":255.255". */
#define USB_INTERFACE_NAME_MAX (USB_NAME_MAX + 9)
/* Entries of a list of the policy: what lazaret.yaml allows. */
#define POLICY_LIST_MAX 256

/* A driver may have to be loaded before it binds; after so long it is not coming. */
#define BIND_MS 10000
/* Between two looks whether it has. */
#define BIND_POLL_MS 200
/* A disk's "add" is often followed by a "change" or two (partitions read, first poll for media): wait until it has been quiet so
 * long, but not longer in all than the second. What comes later and changes what was told of the disk makes it another medium, which costs
 * the inspection that had begun, not the truth of it; and each operator waits for this with each stick. Tried with loop devices and QEMU's USB
 * disks and drives, not with card readers. */
#define QUIET_MS 150
#define QUIET_TOTAL_MS 3000
/* A device that does not answer while it is switched on holds the guard up for as long as the kernel tries; what is there
 * otherwise is told as complete after so long. */
#define SETTLE_MS 20000
/* Bytes of the monitor's buffer: plugging in a hub full of readers makes some hundred events of about 1 KiB. */
#define MONITOR_BUFFER (4 << 20)

#endif
