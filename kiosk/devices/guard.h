/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The guard: the one process that writes to /sys, a child of lazaret-devices in a sandbox of its own (ROLE_GUARD). It takes
 * one of five orders and a name of a fixed shape, writes, and answers with an errno. It reads nothing that a device has said.
 *
 * On the socket (SOCK_SEQPACKET): one byte, enum guard_order, and the name without NUL; the answer is a u8 errno, 0 when it
 * was done. One order at a time.
 */
#ifndef LAZARET_DEVICES_GUARD_H
#define LAZARET_DEVICES_GUARD_H

#include <stdint.h>
#include <sys/types.h>

#include "common/macros.h"

enum guard_order {
	GUARD_HUB_CLOSE = 1, /* a root hub, "usb1": nothing that is plugged in is used by itself from now on */
	GUARD_HUB_OPEN,	     /* everything is */
	GUARD_DEVICE_ON,     /* "1-2": the device gets its configuration, its interfaces stay off */
	GUARD_DEVICE_OFF,    /* it loses configuration and drivers */
	GUARD_INTERFACE_ON,  /* "1-2:1.0": a driver may have it, and is looked for */
};

/* Fork the guard. `ret_fd`: its socket, the caller's; closing it ends the guard. Returns 0 once it is in its sandbox, or a
 * negative errno with `ret_where` (static). The caller must have no thread. */
_must_check_ int guard_start(int *ret_fd, const char **ret_where);

/* Give an order; does not wait for what comes of it. Returns 0 or a negative errno (-EPIPE: the guard has gone). */
_must_check_ int guard_order(int fd, enum guard_order order, const char *name);

/* Take the answer to the last order; blocks until it is there. Returns 0 with `ret_error` 0 or a negative errno;
 * -EPIPE when the guard has gone. */
_must_check_ int guard_answer(int fd, int *ret_error);

/* The guard's loop: until the other end is closed. For guard_start() and tests. */
_must_check_ int guard_serve(int fd);

/* Carry one order out. For guard_serve() and tests. Returns 0, -EINVAL for what is no order, or a negative errno. */
_must_check_ int guard_obey(enum guard_order order, const char *name);

#endif
