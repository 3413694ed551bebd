/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/usb_facts.h"

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
