/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/usb_policy.h"

#include <string.h>

/* bInterfaceClass (USB-IF, Defined Class Codes) and what a mass-storage interface says further. */
#define CLASS_PER_INTERFACE 0x00
#define CLASS_HID 0x03
#define CLASS_PRINTER 0x07
#define CLASS_STORAGE 0x08
#define CLASS_HUB 0x09
#define SUBCLASS_ATAPI 0x02 /* MMC: discs */
#define SUBCLASS_SFF8070I 0x05
#define SUBCLASS_SCSI 0x06
#define SUBCLASS_BOOT 0x01 /* HID 1.11, 4.2 and 4.3: what a BIOS can read */
#define PROTOCOL_KEYBOARD 0x01
#define PROTOCOL_BULK_ONLY 0x50
#define PROTOCOL_UAS 0x62

/* -- decoding ------------------------------------------------------------------------------------------------ */

bool usb_port_valid(const char *port)
{
	size_t n = strspn(port, "0123456789");
	const char *p = port + n;

	if (n == 0 || n > 3 || *p != '-' || strlen(port) >= USB_NAME_MAX)
		return false;
	do { /* '-' first, then '.' */
		n = strspn(++p, "0123456789");
		if (n == 0 || n > 3)
			return false;
		p += n;
	} while (*p == '.');
	return *p == '\0';
}

static bool parse_hex4(const char *text, uint16_t *ret)
{
	char digits[5];

	if (strspn(text, "0123456789abcdefABCDEF") < 4)
		return false;
	memcpy(digits, text, 4);
	digits[4] = '\0';
	*ret = (uint16_t)strtoul(digits, NULL, 16);
	return true;
}

static int parse_match(const char *text, bool has_serial, struct usb_match *ret)
{
	if (strlen(text) < 9 || !parse_hex4(text, &ret->vendor) || text[4] != ':' || !parse_hex4(text + 5, &ret->product))
		return -EINVAL;
	if (text[9] == '\0')
		return 0;
	if (text[9] != ':' || text[10] == '\0' || !has_serial)
		return -EINVAL;
	ret->serial = strdup(text + 10);
	return ret->serial ? 0 : -ENOMEM;
}

/* Room for a list's items, zeroed. */
static int decode_count(struct decoder *d, size_t item_size, void **ret, uint32_t *ret_count)
{
	*ret_count = decode_u32(d);
	if (d->error || *ret_count > POLICY_LIST_MAX)
		return -EPROTO;
	*ret = calloc(MAX(*ret_count, 1u), item_size);
	return *ret ? 0 : -ENOMEM;
}

static int decode_matches(struct decoder *d, struct usb_match **ret, size_t *ret_count)
{
	void *items = NULL;
	uint32_t count;
	int r = decode_count(d, sizeof(**ret), &items, &count);

	*ret = items;
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		_cleanup_free_ char *text = decode_str(d, USB_STRING_MAX + 10);

		r = text ? parse_match(text, true, &(*ret)[i]) : -EPROTO;
		*ret_count = i + 1;
	}
	return r;
}

static int decode_places(struct decoder *d, bool has_id, struct usb_place **ret, size_t *ret_count, bool *ret_any)
{
	void *items = NULL;
	uint32_t count;
	int r = decode_count(d, sizeof(**ret), &items, &count);

	*ret = items;
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		struct usb_place *place = &(*ret)[*ret_count];

		decode_str_into(d, place->port, sizeof(place->port));
		if (has_id) {
			char id[10];

			decode_str_into(d, id, sizeof(id));
			r = d->error ? -EPROTO : parse_match(id, false, &place->id);
		}
		if (r == 0 && d->error)
			r = -EPROTO;
		if (r == 0 && ret_any && strcmp(place->port, "any") == 0 && place->id.vendor == 0 && place->id.product == 0)
			*ret_any = true;
		else if (r == 0 && !usb_port_valid(place->port))
			r = -EINVAL;
		else
			++*ret_count;
	}
	return r;
}

int usb_policy_decode(struct decoder *d, struct usb_policy *ret)
{
	int r;

	*ret = (struct usb_policy){ .is_guarded = decode_u32(d) != 0 };
	r = decode_places(d, false, &ret->media_ports, &ret->media_port_count, &ret->any_port);
	if (r == 0)
		r = decode_places(d, true, &ret->inputs, &ret->input_count, &ret->any_keyboard);
	if (r == 0)
		r = decode_places(d, false, &ret->hubs, &ret->hub_count, NULL);
	if (r == 0)
		r = decode_matches(d, &ret->allow, &ret->allow_count);
	if (r == 0)
		r = decode_matches(d, &ret->deny, &ret->deny_count);
	if (r < 0)
		return r;
	ret->has_optical = decode_u32(d) != 0;
	decode_str_into(d, ret->loop_dir, sizeof(ret->loop_dir));
	return decoder_end(d);
}

static void free_matches(struct usb_match *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(items[i].serial);
	free(items);
}

void usb_policy_done(struct usb_policy *p)
{
	free(p->media_ports);
	free(p->inputs);
	free(p->hubs);
	free_matches(p->allow, p->allow_count);
	free_matches(p->deny, p->deny_count);
	*p = (struct usb_policy){ 0 };
}

/* -- judgement ------------------------------------------------------------------------------------------------ */

static bool has_place(const struct usb_place *places, size_t count, const char *port, const struct usb_description *d)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(places[i].port, port) == 0 &&
		    (!d || (places[i].id.vendor == d->vendor && places[i].id.product == d->product)))
			return true;
	return false;
}

/* Media and hubs come in both speeds, and with the other of them at the other port of the same socket. */
static bool has_socket(const struct usb_place *places, size_t count, const char *port, const char *peer)
{
	return has_place(places, count, port, NULL) || (*peer && has_place(places, count, peer, NULL));
}

static bool has_match(const struct usb_match *items, size_t count, const struct usb_description *d, const char *serial)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].vendor == d->vendor && items[i].product == d->product &&
		    (!items[i].serial || strcmp(items[i].serial, serial) == 0))
			return true;
	return false;
}

static bool is_storage(const struct usb_interface *f)
{
	return f->class == CLASS_STORAGE &&
	       (f->subclass == SUBCLASS_SCSI || f->subclass == SUBCLASS_ATAPI || f->subclass == SUBCLASS_SFF8070I) &&
	       (f->protocol == PROTOCOL_BULK_ONLY || f->protocol == PROTOCOL_UAS);
}

/* What its interfaces are: counts of all that it could ever be, not of the configuration that it starts with. */
struct census {
	size_t storage_class, storage, hid, keyboard, hub, printer;
	bool is_one; /* one interface number in every configuration */
};

static struct census count_interfaces(const struct usb_description *d)
{
	struct census c = { .is_one = true };

	for (size_t i = 0; i < d->count; i++) {
		const struct usb_interface *f = &d->interfaces[i];

		c.storage_class += f->class == CLASS_STORAGE;
		c.storage += is_storage(f);
		c.hid += f->class == CLASS_HID;
		c.keyboard += f->class == CLASS_HID && f->subclass == SUBCLASS_BOOT && f->protocol == PROTOCOL_KEYBOARD;
		c.hub += f->class == CLASS_HUB;
		c.printer += f->class == CLASS_PRINTER;
		c.is_one = c.is_one && f->number == d->interfaces[0].number;
	}
	return c;
}

static enum trouble judge_medium(const struct usb_policy *p, const struct usb_description *d, const char *port, const char *peer,
				 const char *serial)
{
	if (has_match(p->deny, p->deny_count, d, serial))
		return TROUBLE_USB_DENIED;
	if (!p->any_port && !has_socket(p->media_ports, p->media_port_count, port, peer))
		return TROUBLE_USB_PORT;
	if (p->allow_count > 0 && !has_match(p->allow, p->allow_count, d, serial))
		return TROUBLE_USB_NOT_ALLOWED;
	return TROUBLE_NONE;
}

/* Accepted is what is one of four things and nothing else besides; all the rest is only a question of words. */
static enum trouble judge(const struct usb_policy *p, const struct usb_description *d, const char *port, const char *peer, const char *serial,
			  enum usb_role *ret_role)
{
	struct census c = count_interfaces(d);
	bool is_plain = d->class == CLASS_PER_INTERFACE;

	if (d->count == 0)
		return TROUBLE_USB_CLASS;
	if (c.hub == d->count && (is_plain || d->class == CLASS_HUB)) {
		*ret_role = USB_HUB;
		return p->any_keyboard || has_socket(p->hubs, p->hub_count, port, peer) ? TROUBLE_NONE : TROUBLE_USB_CLASS;
	}
	if (c.hid == d->count && (is_plain || d->class == CLASS_HID)) {
		*ret_role = USB_INPUT;
		return (p->any_keyboard && c.keyboard > 0) || has_place(p->inputs, p->input_count, port, d) ? TROUBLE_NONE : TROUBLE_USB_KEYBOARD;
	}
	if (c.printer == d->count && is_plain) /* the station's own, for receipts */
		return has_place(p->inputs, p->input_count, port, d) ? TROUBLE_NONE : TROUBLE_USB_CLASS;
	if (c.storage == d->count && c.is_one && (is_plain || d->class == CLASS_STORAGE)) {
		*ret_role = USB_MEDIUM;
		return judge_medium(p, d, port, peer, serial);
	}
	if (c.storage_class > 0)
		return c.storage_class < d->count || !c.is_one ? TROUBLE_USB_COMPOSITE : TROUBLE_USB_CLASS;
	return c.hid > 0 ? TROUBLE_USB_KEYBOARD : TROUBLE_USB_CLASS;
}

enum trouble usb_policy_judge(const struct usb_policy *p, const struct usb_description *d, const char *port, const char *peer,
			      const char *serial, enum usb_role *ret_role)
{
	enum trouble t = TROUBLE_USB_CLASS;

	*ret_role = USB_OTHER;
	if (d)
		t = judge(p, d, port, peer, serial, ret_role);
	return p->is_guarded ? t : TROUBLE_NONE;
}
