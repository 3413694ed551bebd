/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reading /sys. By paths of our own: libudev 257 (Debian 13) finds no device where there is no /proc, as in our sandbox; it is used
 * for events alone. */
#ifndef LAZARET_DEVICES_SYSFS_H
#define LAZARET_DEVICES_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/macros.h"

#define SYSFS_USB_DEVICES "/sys/bus/usb/devices/"
#define SYSFS_PATH_MAX 1024

/* The bytes of an attribute: how many, -EFBIG when it has more than `size`, or another negative errno. */
_must_check_ ssize_t sysfs_read(const char *syspath, const char *attribute, void *buffer, size_t size);

/* A line of text without its newline, raw; "" and a negative errno when it cannot be had whole. */
int sysfs_text(const char *syspath, const char *attribute, char *out, size_t size);

/* A number; `fallback` when there is none. */
uint64_t sysfs_number(const char *syspath, const char *attribute, int base, uint64_t fallback);

/* The last component of what a link points to; "" and a negative errno when there is none. */
int sysfs_link(const char *syspath, const char *link, char *out, size_t size);

/* Call `each` for every name in the directory, in order; stops at the first that returns other than 0 and returns that. A directory
 * that is not there has no names. */
_must_check_ int sysfs_list(const char *dir, int (*each)(void *context, const char *name), void *context);

/* CLOCK_BOOTTIME in ms: a machine that slept has waited. */
int64_t now_ms(void);

#endif
