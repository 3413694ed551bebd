/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What may be plugged in where: the policy of DEVICES_START and DEVICES_POLICY, and the judgement, a pure function. */
#ifndef LAZARET_DEVICES_USB_POLICY_H
#define LAZARET_DEVICES_USB_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "control/trouble.h"
#include "devices/usb_descriptors.h"
#include "ipc/codec.h"

enum usb_role {
	USB_OTHER,
	USB_MEDIUM,
	USB_INPUT,
	USB_HUB,
};

/* "VID:PID" or "VID:PID:SERIAL". */
struct usb_match {
	uint16_t vendor, product;
	char *serial; /* NULL: any */
};

struct usb_place {
	char port[USB_NAME_MAX];
	struct usb_match id; /* inputs only */
};

struct usb_policy {
	bool is_guarded;
	bool any_port; /* media may be at every port */
	bool any_keyboard; /* and keyboards, with hubs before them: until the machine has been set up */
	struct usb_place *media_ports, *inputs, *hubs;
	size_t media_port_count, input_count, hub_count;
	struct usb_match *allow, *deny;
	size_t allow_count, deny_count;
	bool has_optical;
	char loop_dir[1024]; /* loop devices whose file is beneath it are media; "": none is */
};

/* The fields of DEVICES_POLICY. Returns 0, -EPROTO, -EINVAL (a port or id that is none), or -ENOMEM; release with
 * usb_policy_done() also after an error. */
_must_check_ int usb_policy_decode(struct decoder *d, struct usb_policy *ret);
void usb_policy_done(struct usb_policy *p);

/* Is this "1-2" or "1-2.3...", as in /sys/bus/usb/devices? */
_must_check_ bool usb_port_valid(const char *port);

/* What is to become of this device. `d`: NULL when its descriptors could not be understood. `peer`: what its port is called on the other of
 * the two buses of its socket (usb_peer_read()), "" when it has none: who names a port for media means the socket. `serial`: "" when it has none.
 * Returns TROUBLE_NONE when it is accepted, otherwise why not; `ret_role`: what it is, or would be. Without a guard
 * everything is accepted. */
_must_check_ enum trouble usb_policy_judge(const struct usb_policy *p, const struct usb_description *d, const char *port, const char *peer,
					   const char *serial, enum usb_role *ret_role);

#endif
