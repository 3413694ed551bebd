/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by test_devices_*.c: descriptors as devices send them, and policies. Include after <cmocka.h>. */
#ifndef LAZARET_TESTS_DEVICES_FIXTURE_H
#define LAZARET_TESTS_DEVICES_FIXTURE_H

#include <string.h>

#include "common/macros.h"
#include "devices/usb_policy.h"
#include "ipc/codec.h"

struct descriptors {
	uint8_t raw[4096];
	size_t size;
	size_t configuration; /* where the present one begins */
};

static void put(struct descriptors *d, const uint8_t *bytes, size_t size)
{
	assert_true(d->size + size <= sizeof(d->raw));
	memcpy(d->raw + d->size, bytes, size);
	d->size += size;
	if (d->configuration) {
		size_t total = d->size - d->configuration;

		d->raw[d->configuration + 2] = (uint8_t)total;
		d->raw[d->configuration + 3] = (uint8_t)(total >> 8);
	}
}

static void put_device(struct descriptors *d, uint8_t class, uint16_t vendor, uint16_t product, uint8_t configurations)
{
	const uint8_t raw[18] = { 18, 1, 0, 2, class, 0, 0, 64, (uint8_t)vendor, (uint8_t)(vendor >> 8), (uint8_t)product,
				  (uint8_t)(product >> 8), 0, 1, 1, 2, 3, configurations };

	*d = (struct descriptors){ 0 };
	put(d, raw, sizeof(raw));
}

static void put_configuration(struct descriptors *d, uint8_t value, uint8_t interfaces)
{
	const uint8_t raw[9] = { 9, 2, 9, 0, interfaces, value, 0, 0x80, 50 };

	d->configuration = d->size;
	put(d, raw, sizeof(raw));
}

/* With two endpoints, as bulk interfaces have. */
static void put_interface(struct descriptors *d, uint8_t number, uint8_t alternate, uint8_t class, uint8_t subclass,
			  uint8_t protocol)
{
	const uint8_t raw[9 + 7 + 7] = { 9, 4, number, alternate, 2, class, subclass, protocol, 0,
					 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 0x02, 2, 0, 2, 0 };

	put(d, raw, sizeof(raw));
}

/* A memory stick. */
_unused_ static void make_stick(struct descriptors *d)
{
	put_device(d, 0, 0x0951, 0x1666, 1);
	put_configuration(d, 1, 1);
	put_interface(d, 0, 0, 8, 6, 0x50);
}

_unused_ static void make_keyboard(struct descriptors *d)
{
	static const uint8_t hid[9] = { 9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0 };

	put_device(d, 0, 0x046d, 0xc31c, 1);
	put_configuration(d, 1, 2);
	put_interface(d, 0, 0, 3, 1, 1);
	put(d, hid, sizeof(hid));
	put_interface(d, 1, 0, 3, 0, 0);
	put(d, hid, sizeof(hid));
}

_unused_ static void make_hub(struct descriptors *d)
{
	put_device(d, 9, 0x05e3, 0x0608, 1);
	put_configuration(d, 1, 1);
	put_interface(d, 0, 0, 9, 0, 1);
	put_interface(d, 0, 1, 9, 0, 2); /* one translator a port, as an alternate setting */
}

/* Lists of a policy as lazaret.yaml has them, NULL after the last. */
struct lists {
	bool is_unguarded;
	const char *ports[4], *inputs[8] /* port, id */, *hubs[4], *allow[4], *deny[4];
	bool no_optical;
	const char *loop_dir;
};

static void encode_list(struct encoder *e, const char *const *items, size_t max, size_t each)
{
	size_t place = encode_reserve_u32(e), n = 0;

	for (; n < max && items[n]; n++)
		encode_str(e, items[n]);
	encode_patch_u32(e, place, (uint32_t)(n / each));
}

_unused_ static int make_policy(const struct lists *l, struct usb_policy *ret)
{
	static struct encoder e;
	struct decoder d;

	encoder_init(&e);
	encode_u32(&e, !l->is_unguarded);
	encode_list(&e, l->ports, ARRAY_LEN(l->ports), 1);
	encode_list(&e, l->inputs, ARRAY_LEN(l->inputs), 2);
	encode_list(&e, l->hubs, ARRAY_LEN(l->hubs), 1);
	encode_list(&e, l->allow, ARRAY_LEN(l->allow), 1);
	encode_list(&e, l->deny, ARRAY_LEN(l->deny), 1);
	encode_u32(&e, !l->no_optical);
	encode_str(&e, l->loop_dir);
	assert_int_equal(e.error, 0);
	decoder_init(&d, e.data, e.size);
	return usb_policy_decode(&d, ret);
}

#endif
