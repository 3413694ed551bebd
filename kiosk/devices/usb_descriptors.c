/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/usb_descriptors.h"

#include <stdbool.h>
#include <string.h>

/* bDescriptorType (USB 2.0, table 9-5) and the lengths of what is read of them. */
#define TYPE_DEVICE 1
#define TYPE_CONFIGURATION 2
#define TYPE_INTERFACE 4
#define DEVICE_LEN 18
#define CONFIGURATION_LEN 9
#define INTERFACE_LEN 9

/* What a configuration has said so far. */
struct configuration {
	uint8_t value, interfaces_told;
	bool seen[256]; /* by bInterfaceNumber */
	size_t interfaces;
};

static uint16_t le16(const uint8_t *raw)
{
	return (uint16_t)(raw[0] | raw[1] << 8);
}

static int add_interface(const uint8_t *raw, struct configuration *c, struct usb_description *d)
{
	if (d->count == USB_INTERFACES_MAX)
		return -E2BIG;
	d->interfaces[d->count++] = (struct usb_interface){
		.configuration = c->value, .number = raw[2], .alternate = raw[3],
		.class = raw[5], .subclass = raw[6], .protocol = raw[7],
	};
	if (!c->seen[raw[2]]) {
		c->seen[raw[2]] = true;
		c->interfaces++;
	}
	return 0;
}

/* What follows the configuration descriptor within its wTotalLength. */
static int parse_members(const uint8_t *raw, size_t size, struct configuration *c, struct usb_description *d)
{
	for (size_t at = 0; at < size; at += raw[at]) {
		int r = 0;

		if (size - at < 2 || raw[at] < 2 || raw[at] > size - at)
			return -EBADMSG;
		if (raw[at + 1] == TYPE_DEVICE || raw[at + 1] == TYPE_CONFIGURATION)
			return -EBADMSG;
		if (raw[at + 1] == TYPE_INTERFACE)
			r = raw[at] < INTERFACE_LEN ? -EBADMSG : add_interface(raw + at, c, d);
		if (r < 0)
			return r;
	}
	return c->interfaces == c->interfaces_told ? 0 : -EBADMSG;
}

/* One configuration; how many bytes it took in `ret_taken`. */
static int parse_configuration(const uint8_t *raw, size_t size, struct usb_description *d, bool values[static 256],
			       size_t *ret_taken)
{
	struct configuration c = { 0 };
	size_t total;

	if (size < CONFIGURATION_LEN || raw[0] < CONFIGURATION_LEN || raw[1] != TYPE_CONFIGURATION)
		return -EBADMSG;
	total = le16(raw + 2);
	if (total < raw[0] || total > size)
		return -EBADMSG;
	c.interfaces_told = raw[4];
	c.value = raw[5];
	/* 0 means "not configured" (9.4.7), and two of the same value could not be told apart. */
	if (c.value == 0 || values[c.value])
		return -EBADMSG;
	values[c.value] = true;
	*ret_taken = total;
	return parse_members(raw + raw[0], total - raw[0], &c, d);
}

int usb_descriptors_parse(const uint8_t *raw, size_t size, struct usb_description *ret)
{
	bool values[256] = { false };
	struct usb_description d = { 0 };
	size_t at = DEVICE_LEN;

	if (size < DEVICE_LEN || raw[0] != DEVICE_LEN || raw[1] != TYPE_DEVICE || raw[17] == 0)
		return -EBADMSG;
	d.class = raw[4];
	d.vendor = le16(raw + 8);
	d.product = le16(raw + 10);
	for (unsigned int i = 0; i < raw[17]; i++) {
		size_t taken;
		int r = parse_configuration(raw + at, size - at, &d, values, &taken);

		if (r < 0)
			return r;
		at += taken;
	}
	if (at != size)
		return -EBADMSG;
	*ret = d;
	return 0;
}

static bool is_told_before(const struct usb_description *d, size_t at)
{
	const struct usb_interface *a = &d->interfaces[at];

	for (size_t i = 0; i < at; i++) {
		const struct usb_interface *b = &d->interfaces[i];

		if (a->class == b->class && a->subclass == b->subclass && a->protocol == b->protocol)
			return true;
	}
	return false;
}

void usb_description_print(const struct usb_description *d, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < d->count && size - at > sizeof(" 08:06:50"); i++) {
		const struct usb_interface *f = &d->interfaces[i];

		if (!is_told_before(d, i))
			at += (size_t)snprintf(out + at, size - at, "%s%02x:%02x:%02x", at ? " " : "", f->class, f->subclass,
					       f->protocol);
	}
}
