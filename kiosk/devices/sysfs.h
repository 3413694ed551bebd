/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reading attributes in /sys. Paths are absolute and come from libudev, or are made of names that were checked. */
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

/* CLOCK_BOOTTIME in ms: a machine that slept has waited. */
int64_t now_ms(void);

#endif
