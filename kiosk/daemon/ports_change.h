/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an administrator may change of ports, keyboards and hubs at a station that runs. Pure: lists in, lists or words out. */
#ifndef LAZARET_DAEMON_PORTS_CHANGE_H
#define LAZARET_DAEMON_PORTS_CHANGE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/macros.h"

enum ports_action {
	PORTS_MEDIA,	   /* the port of what is plugged in is one for media */
	PORTS_NO_MEDIA,
	PORTS_KEYBOARD,	   /* this keyboard types at this port */
	PORTS_NO_KEYBOARD, /* also of what else is in `inputs` */
	PORTS_HUB,	   /* this hub is the station's own: what is behind it is looked at */
	PORTS_NO_HUB,
	PORTS_ACTIONS
};

/* "media", "no-media", "keyboard", ...; PORTS_ACTIONS: none of them. */
enum ports_action ports_action(const char *name);

/* Is this device (of docs/control.md, `usb`) a keyboard, by the rule of set-up: it speaks the boot protocol, and is nothing else? */
_must_check_ bool ports_is_keyboard(const json_t *device);

/* Change `lists` (station/maintenance.h, changed in place). `usb`: what is plugged in. `id`: "VID:PID" of what was shown at `port`, "" when nothing was. The hubs
 * before a port that is to be used become the station's own with it. NULL: done; else why not, in words (static), and `lists` may be changed in part. */
_must_check_ const char *ports_change(json_t *lists, const json_t *usb, enum ports_action action, const char *port, const char *id);

#endif
