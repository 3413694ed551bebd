/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The USB devices that are plugged in: each is judged by its descriptors while it is off, and switched on by the guard only
 * as far as the policy says (usb_policy.h).
 *
 * One order to the guard at a time, whose answer is waited for in the poll loop: a device that does not answer while the
 * kernel configures it holds up other USB devices, but not the monitor, and no medium that is there already.
 */
#ifndef LAZARET_DEVICES_USB_H
#define LAZARET_DEVICES_USB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "devices/usb_policy.h"
#include "ipc/codec.h"
#include "ipc/message.h"

struct usb_bus;

/* Where what has been found goes. Returns 0 or a negative errno, which ends the role. */
struct teller {
	void *context;
	int (*tell)(void *context, enum message_type type, const struct encoder *e);
};

/* `policy` is borrowed and may change before usb_bus_policy(); `guard_fd` borrowed, -1 when nothing is guarded; `own_ports`
 * (borrowed, may be NULL): names of devices that hold the running system, NULL after the last: they are left alone. */
_must_check_ int usb_bus_new(const struct usb_policy *policy, int guard_fd, char *const *own_ports, const struct teller *teller,
			     struct usb_bus **ret);
struct usb_bus *usb_bus_free(struct usb_bus *b);

/* Close every root hub there is, and wait for it: before READY. Returns 0 (also where there is no USB) or a negative errno. */
_must_check_ int usb_bus_close_hubs(struct usb_bus *b);

/* A device ("1-2", or a root hub "usb1") was added, has changed, or was found: look at it. */
_must_check_ int usb_bus_seen(struct usb_bus *b, const char *name);
/* It has gone. */
_must_check_ int usb_bus_gone(struct usb_bus *b, const char *name);
/* Its interface "1-2:1.0" got a driver, or lost it. */
_must_check_ int usb_bus_bound(struct usb_bus *b, const char *interface);
/* Events were lost: what is not there any more has gone. What is new comes by usb_bus_seen(). */
_must_check_ int usb_bus_prune(struct usb_bus *b);
/* The policy is another one: judge everything anew, root hubs first. */
_must_check_ int usb_bus_policy(struct usb_bus *b);
/* The guard has answered. */
_must_check_ int usb_bus_answered(struct usb_bus *b);
/* Time has passed. */
_must_check_ int usb_bus_tick(struct usb_bus *b);

/* When usb_bus_tick() is wanted (now_ms()); INT64_MAX: not. */
int64_t usb_bus_deadline(const struct usb_bus *b);
/* Has everything that is plugged in been judged and told? */
bool usb_bus_settled(const struct usb_bus *b);

/* May media of this device be read? */
_must_check_ bool usb_bus_medium(const struct usb_bus *b, const char *name);
/* What changes whenever the answer to usb_bus_medium() may have changed for any device. */
uint64_t usb_bus_generation(const struct usb_bus *b);

/* "VID:PID" and the raw strings of the device; false when it is not known. */
_must_check_ bool usb_bus_identity(const struct usb_bus *b, const char *name, char ret_id[static 10],
				   const char **ret_vendor, const char **ret_product, const char **ret_serial);

#endif
