/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/usb_facts.h"

#include <stdio.h>
#include <string.h>

void usb_path(const char *name, char path[static SYSFS_PATH_MAX])
{
	(void)snprintf(path, SYSFS_PATH_MAX, SYSFS_USB_DEVICES "%s", name); /* names are shorter than USB_INTERFACE_NAME_MAX */
}

/* With nothing left behind the NUL of what was read. */
static void read_string(const char *path, const char *attribute, char out[static USB_STRING_MAX])
{
	(void)sysfs_text(path, attribute, out, USB_STRING_MAX); /* many have none */
	memset(out + strlen(out), 0, USB_STRING_MAX - strlen(out));
}

void usb_peer_read(const char *name, char ret[static USB_NAME_MAX])
{
	unsigned int bus, port;
	char path[SYSFS_PATH_MAX], link[64], peer[USB_NAME_MAX];
	int used = 0, r;

	ret[0] = '\0';
	if (sscanf(name, "%3u-%3u%n", &bus, &port, &used) != 2)
		return;
	r = snprintf(path, sizeof(path), SYSFS_USB_DEVICES "%u-0:1.0/usb%u-port%u", bus, bus, port);
	if (r < 0 || sysfs_link(path, "peer", link, sizeof(link)) < 0 || sscanf(link, "usb%3u-port%3u", &bus, &port) != 2)
		return;
	r = snprintf(peer, sizeof(peer), "%u-%u%s", bus, port, name + used);
	if (r > 0 && (size_t)r < sizeof(peer))
		memcpy(ret, peer, sizeof(peer));
}

int usb_facts_read(const char *name, struct usb_facts **ret)
{
	_cleanup_free_ struct usb_facts *f = calloc(1, sizeof(*f));
	char path[SYSFS_PATH_MAX];
	ssize_t n;

	if (!f)
		return -ENOMEM;
	usb_path(name, path);
	n = sysfs_read(path, "descriptors", f->raw, sizeof(f->raw));
	if (n == -ENOENT || n == -ENODEV)
		return -ENODEV;
	if (n < 0)
		memset(f->raw, 0, sizeof(f->raw));
	else
		f->size = (size_t)n;
	f->devnum = sysfs_number(path, "devnum", 10, 0);
	read_string(path, "manufacturer", f->vendor);
	read_string(path, "product", f->product);
	read_string(path, "serial", f->serial);
	*ret = TAKE_PTR(f);
	return 0;
}
