/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/monitor.h"

#include <string.h>

#include "common/log.h"
#include "devices/limits.h"
#include "devices/sysfs.h"

#define UDEVD_CONTROL "/run/udev/control" /* systemd-udevd.socket */

int monitor_open(const char *source, struct monitor *ret)
{
	struct monitor m = { .has_udev = strcmp(source, "udev") == 0 };

	if (!m.has_udev && strcmp(source, "kernel") != 0)
		return -EINVAL;
	if (m.has_udev && access(UDEVD_CONTROL, F_OK) < 0)
		return -ESRCH; /* libudev would give a monitor that stays silent */
	m.udev = udev_new();
	m.events = m.udev ? udev_monitor_new_from_netlink(m.udev, source) : NULL;
	if (!m.events || udev_monitor_filter_add_match_subsystem_devtype(m.events, "block", "disk") < 0 ||
	    udev_monitor_filter_add_match_subsystem_devtype(m.events, "usb", "usb_device") < 0 ||
	    udev_monitor_filter_add_match_subsystem_devtype(m.events, "usb", "usb_interface") < 0) {
		monitor_close(&m);
		return -ENOMEM;
	}
	(void)udev_monitor_set_receive_buffer_size(m.events, MONITOR_BUFFER); /* smaller: events may be lost, which is noticed */
	if (udev_monitor_enable_receiving(m.events) < 0) {
		monitor_close(&m);
		return -EIO;
	}
	*ret = m;
	return 0;
}

void monitor_close(struct monitor *m)
{
	udev_monitor_unref(m->events);
	udev_unref(m->udev);
	*m = (struct monitor){ 0 };
}

int monitor_fd(const struct monitor *m)
{
	return udev_monitor_get_fd(m->events);
}

static int block_event(struct media *media, struct udev_device *d, bool is_removed)
{
	const char *name = udev_device_get_sysname(d), *eject = udev_device_get_property_value(d, "DISK_EJECT_REQUEST");

	if (is_removed)
		return media_gone(media, name);
	/* udev's 60-cdrom_id.rules passes over this event, so that its record says nothing of the disc: the tray is shut all the
	 * same, and a disc that goes has an event of its own. */
	if (eject && *eject)
		return media_button(media, name);
	return media_seen(media, name);
}

static int dispatch(struct udev_device *d, struct usb_bus *bus, struct media *media)
{
	const char *subsystem = udev_device_get_subsystem(d), *type = udev_device_get_devtype(d);
	const char *action = udev_device_get_action(d), *name = udev_device_get_sysname(d);
	bool is_removed = action && strcmp(action, "remove") == 0;

	if (!subsystem || !type || !name)
		return 0;
	if (strcmp(subsystem, "block") == 0)
		return strcmp(type, "disk") == 0 ? block_event(media, d, is_removed) : 0;
	if (strcmp(subsystem, "usb") != 0)
		return 0;
	if (strcmp(type, "usb_interface") == 0)
		return is_removed ? 0 : usb_bus_bound(bus, name);
	return is_removed ? usb_bus_gone(bus, name) : usb_bus_seen(bus, name);
}

int monitor_serve(struct monitor *m, struct usb_bus *bus, struct media *media)
{
	struct udev_device *d;
	int r = 0;

	while (r == 0) {
		errno = 0;
		d = udev_monitor_receive_device(m->events);
		if (!d)
			break;
		r = dispatch(d, bus, media);
		udev_device_unref(d);
	}
	if (r == 0 && errno == ENOBUFS) {
		log_warning("events were lost: looking at everything anew");
		r = usb_bus_prune(bus);
		if (r == 0)
			r = monitor_find_all(bus, media);
	}
	return r;
}

static int found_usb(void *context, const char *name)
{
	return strchr(name, ':') ? 0 : usb_bus_seen(context, name); /* interfaces follow from their devices */
}

int monitor_find_all(struct usb_bus *bus, struct media *media)
{
	/* In the order of their names a hub comes before what is plugged into it. */
	int r = sysfs_list(SYSFS_USB_DEVICES, found_usb, bus);

	return r < 0 ? r : media_look_at_all(media);
}
