/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* USB descriptors, honest and lying, and what the policy makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "devices_fixture.h"

#define INTERFACE_AT 27 /* of a stick: device 18, configuration 9 */

static struct usb_description description;

static enum trouble judge_at(const uint8_t *raw, size_t size, const struct lists *l, const char *port, const char *peer, const char *serial,
			     enum usb_role *ret_role)
{
	struct usb_policy p;
	enum trouble t;
	int r;

	assert_int_equal(make_policy(l, &p), 0);
	r = usb_descriptors_parse(raw, size, &description);
	t = usb_policy_judge(&p, r == 0 ? &description : NULL, port, peer, serial, ret_role);
	usb_policy_done(&p);
	return t;
}

static enum trouble judge_raw(const uint8_t *raw, size_t size, const struct lists *l, const char *port, const char *serial,
			      enum usb_role *ret_role)
{
	return judge_at(raw, size, l, port, "", serial, ret_role);
}

static void check(const struct descriptors *d, const struct lists *l, const char *port, const char *serial,
		  enum trouble wanted, enum usb_role wanted_role)
{
	enum usb_role role;

	assert_string_equal(trouble_code(judge_raw(d->raw, d->size, l, port, serial, &role)) ?: "",
			    trouble_code(wanted) ?: "");
	assert_int_equal(role, wanted_role);
}

static const struct lists anywhere = { .ports = { "any" } };

/* -- what is accepted ------------------------------------------------------------------------------------------- */

static void test_stick(void **state)
{
	static const struct lists ports = { .ports = { "2-1", "1-2.3" } };
	char printed[64];
	struct descriptors d;

	make_stick(&d);
	check(&d, &anywhere, "1-2", "", TROUBLE_NONE, USB_MEDIUM);
	check(&d, &ports, "1-2.3", "", TROUBLE_NONE, USB_MEDIUM);
	check(&d, &ports, "2-1", "", TROUBLE_NONE, USB_MEDIUM);
	assert_int_equal(description.vendor, 0x0951);
	assert_int_equal(description.product, 0x1666);
	usb_description_print(&description, printed, sizeof(printed));
	assert_string_equal(printed, "08:06:50");
}

/* A stick of USB 3 in the socket that lazaret.yaml names by its port of USB 2, and the other way round. */
static void test_both_speeds_of_a_socket(void **state)
{
	static const struct lists ports = { .ports = { "1-2", "1-4.1" }, .hubs = { "1-4" }, .inputs = { "1-3", "046d:c31c" } };
	struct descriptors d;
	enum usb_role role;

	make_stick(&d);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-2", "1-2", "", &role), TROUBLE_NONE);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-4.1", "1-4.1", "", &role), TROUBLE_NONE);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-2", "1-3", "", &role), TROUBLE_USB_PORT);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-2", "", "", &role), TROUBLE_USB_PORT);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-2.1", "1-2.1", "", &role), TROUBLE_USB_PORT);
	make_hub(&d);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-4", "1-4", "", &role), TROUBLE_NONE);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-3", "1-3", "", &role), TROUBLE_USB_CLASS);
	make_keyboard(&d); /* named with the port that it is in */
	assert_int_equal(judge_at(d.raw, d.size, &ports, "1-3", "2-3", "", &role), TROUBLE_NONE);
	assert_int_equal(judge_at(d.raw, d.size, &ports, "2-3", "1-3", "", &role), TROUBLE_USB_KEYBOARD);
}

static void test_uas_is_an_alternate_setting(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x174c, 0x55aa, 1);
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 8, 6, 0x50);
	put_interface(&d, 0, 1, 8, 6, 0x62);
	check(&d, &anywhere, "2-1", "", TROUBLE_NONE, USB_MEDIUM);
}

static void test_disc_drive(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x0e8d, 0x1806, 1);
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 8, 2, 0x50);
	check(&d, &anywhere, "1-1", "", TROUBLE_NONE, USB_MEDIUM);
}

static void test_own_keyboard_at_its_port_only(void **state)
{
	static const struct lists own = { .ports = { "any" }, .inputs = { "1-4", "046d:c31c" } };
	static const struct lists other = { .ports = { "any" }, .inputs = { "1-4", "046d:c31d" } };
	struct descriptors d, stick;

	make_keyboard(&d);
	make_stick(&stick);
	check(&d, &own, "1-4", "", TROUBLE_NONE, USB_INPUT);
	check(&d, &own, "1-5", "", TROUBLE_USB_KEYBOARD, USB_INPUT);
	check(&d, &own, "1-4.1", "", TROUBLE_USB_KEYBOARD, USB_INPUT);
	check(&d, &other, "1-4", "", TROUBLE_USB_KEYBOARD, USB_INPUT);
	check(&d, &anywhere, "1-4", "", TROUBLE_USB_KEYBOARD, USB_INPUT);
}

/* Its place and its numbers do not make a keyboard of what says that it is more. */
static void test_keyboard_with_something_else(void **state)
{
	static const struct lists own = { .ports = { "any" }, .inputs = { "1-4", "046d:c31c" } };
	struct descriptors d;

	put_device(&d, 0, 0x046d, 0xc31c, 1);
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 3, 1, 1);
	put_interface(&d, 1, 0, 2, 6, 0);
	check(&d, &own, "1-4", "", TROUBLE_USB_KEYBOARD, USB_OTHER);
}

/* For receipts; one that says that it is more, as those with a memory card do, is none. */
static void test_own_printer_at_its_port_only(void **state)
{
	static const struct lists own = { .ports = { "any" }, .inputs = { "1-3", "04b8:0202" } };
	struct descriptors d;

	put_device(&d, 0, 0x04b8, 0x0202, 1);
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 7, 1, 2);
	check(&d, &own, "1-3", "", TROUBLE_NONE, USB_OTHER);
	check(&d, &own, "1-4", "", TROUBLE_USB_CLASS, USB_OTHER);
	check(&d, &anywhere, "1-3", "", TROUBLE_USB_CLASS, USB_OTHER);
	put_device(&d, 0, 0x04b8, 0x0202, 1);
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 7, 1, 2);
	put_interface(&d, 1, 0, 3, 1, 1);
	check(&d, &own, "1-3", "", TROUBLE_USB_KEYBOARD, USB_OTHER);
	put_device(&d, 0, 0x04b8, 0x0202, 1);
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 7, 1, 2);
	put_interface(&d, 1, 0, 8, 6, 0x50);
	check(&d, &own, "1-3", "", TROUBLE_USB_COMPOSITE, USB_OTHER);
}

static void test_hub_at_its_port_only(void **state)
{
	static const struct lists own = { .ports = { "any" }, .hubs = { "1-2" } };
	struct descriptors d;

	make_hub(&d);
	check(&d, &own, "1-2", "", TROUBLE_NONE, USB_HUB);
	check(&d, &own, "1-3", "", TROUBLE_USB_CLASS, USB_HUB);
	check(&d, &anywhere, "1-2", "", TROUBLE_USB_CLASS, USB_HUB);
}

static void test_nothing_is_refused_without_guard(void **state)
{
	static const struct lists off = { .is_unguarded = true };
	struct descriptors d;

	make_keyboard(&d);
	check(&d, &off, "1-4", "", TROUBLE_NONE, USB_INPUT);
	check(&(struct descriptors){ .raw = { 1 }, .size = 1 }, &off, "1-4", "", TROUBLE_NONE, USB_OTHER);
}

/* -- what is refused --------------------------------------------------------------------------------------------- */

static void test_stick_with_a_keyboard(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x0951, 0x1666, 1);
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 8, 6, 0x50);
	put_interface(&d, 1, 0, 3, 1, 1);
	check(&d, &anywhere, "1-2", "", TROUBLE_USB_COMPOSITE, USB_OTHER);
}

/* The keyboard behind it is what a SetConfiguration would bring forth. */
static void test_second_configuration_hides_a_keyboard(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x0951, 0x1666, 2);
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 8, 6, 0x50);
	put_configuration(&d, 2, 1);
	put_interface(&d, 0, 0, 3, 1, 1);
	check(&d, &anywhere, "1-2", "", TROUBLE_USB_COMPOSITE, USB_OTHER);
}

static void test_alternate_setting_hides_a_keyboard(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x0951, 0x1666, 1);
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 8, 6, 0x50);
	put_interface(&d, 0, 1, 3, 1, 1);
	check(&d, &anywhere, "1-2", "", TROUBLE_USB_COMPOSITE, USB_OTHER);
}

static void test_two_storage_interfaces(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x0951, 0x1666, 1);
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 8, 6, 0x50);
	put_interface(&d, 1, 0, 8, 6, 0x50);
	check(&d, &anywhere, "1-2", "", TROUBLE_USB_COMPOSITE, USB_OTHER);
}

static void test_device_class_disagrees(void **state)
{
	static const uint8_t classes[] = { 0x02, 0x03, 0x09, 0xe0, 0xef, 0xff };
	struct descriptors d;

	make_stick(&d);
	d.raw[4] = 8;
	check(&d, &anywhere, "1-2", "", TROUBLE_NONE, USB_MEDIUM);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		d.raw[4] = classes[i];
		check(&d, &anywhere, "1-2", "", TROUBLE_USB_CLASS, USB_OTHER);
	}
}

static void test_other_kinds(void **state)
{
	static const uint8_t kinds[][3] = { { 1, 1, 0 },	/* sound */
					    { 2, 6, 0 },	/* network (CDC ECM) */
					    { 2, 2, 1 },	/* modem */
					    { 6, 1, 1 },	/* camera, telephone */
					    { 7, 1, 2 },	/* printer */
					    { 0x0b, 0, 0 },	/* chip card */
					    { 0x0e, 1, 0 },	/* video */
					    { 0xe0, 1, 1 },	/* radio */
					    { 0xff, 0xff, 0 },	/* vendor's own */
					    { 8, 6, 0 },	/* storage, but by a protocol of before */
					    { 8, 4, 0x50 }, { 8, 0, 0x50 }, { 8, 0xff, 0x50 }, { 8, 6, 0xff } };
	struct descriptors d;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		put_device(&d, 0, 0x1234, 0x5678, 1);
		put_configuration(&d, 1, 1);
		put_interface(&d, 0, 0, kinds[i][0], kinds[i][1], kinds[i][2]);
		check(&d, &anywhere, "1-2", "", TROUBLE_USB_CLASS, USB_OTHER);
	}
}

static void test_network_card(void **state)
{
	struct descriptors d;
	char printed[64], shorter[12];

	put_device(&d, 2, 0x0bda, 0x8153, 2);
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 0xff, 0xff, 0);
	put_configuration(&d, 2, 2);
	put_interface(&d, 0, 0, 2, 6, 0);
	put_interface(&d, 1, 0, 0x0a, 0, 0);
	put_interface(&d, 1, 1, 0x0a, 0, 0);
	check(&d, &anywhere, "1-2", "", TROUBLE_USB_CLASS, USB_OTHER);
	usb_description_print(&description, printed, sizeof(printed));
	assert_string_equal(printed, "ff:ff:00 02:06:00 0a:00:00");
	usb_description_print(&description, shorter, sizeof(shorter));
	assert_string_equal(shorter, "ff:ff:00");
}

static void test_ports(void **state)
{
	static const struct lists ports = { .ports = { "1-2" } }, none = { .ports = { NULL } };
	struct descriptors d;

	make_stick(&d);
	check(&d, &ports, "1-3", "", TROUBLE_USB_PORT, USB_MEDIUM);
	check(&d, &ports, "1-2.1", "", TROUBLE_USB_PORT, USB_MEDIUM);
	check(&d, &ports, "11-2", "", TROUBLE_USB_PORT, USB_MEDIUM);
	check(&d, &none, "1-2", "", TROUBLE_USB_PORT, USB_MEDIUM);
}

static void test_allowed_and_denied(void **state)
{
	static const struct lists by_serial = { .ports = { "any" }, .allow = { "0951:1666:A1", "ffff:ffff" } },
				  by_id = { .ports = { "any" }, .allow = { "0951:1666" } },
				  denied = { .ports = { "any" }, .allow = { "0951:1666" }, .deny = { "0951:1666:A1" } },
				  denied_all = { .ports = { "any" }, .deny = { "0951:1666" } };
	struct descriptors d;

	make_stick(&d);
	check(&d, &by_serial, "1-2", "A1", TROUBLE_NONE, USB_MEDIUM);
	check(&d, &by_serial, "1-2", "A12", TROUBLE_USB_NOT_ALLOWED, USB_MEDIUM);
	check(&d, &by_serial, "1-2", "a1", TROUBLE_USB_NOT_ALLOWED, USB_MEDIUM);
	check(&d, &by_serial, "1-2", "", TROUBLE_USB_NOT_ALLOWED, USB_MEDIUM);
	check(&d, &by_id, "1-2", "", TROUBLE_NONE, USB_MEDIUM);
	check(&d, &denied, "1-2", "A1", TROUBLE_USB_DENIED, USB_MEDIUM);
	check(&d, &denied, "1-2", "A2", TROUBLE_NONE, USB_MEDIUM);
	check(&d, &denied_all, "1-2", "A2", TROUBLE_USB_DENIED, USB_MEDIUM);
}

/* -- lying descriptors --------------------------------------------------------------------------------------------- */

static void check_malformed(const struct descriptors *d)
{
	enum usb_role role;

	assert_int_equal(usb_descriptors_parse(d->raw, d->size, &description), -EBADMSG);
	assert_int_equal(judge_raw(d->raw, d->size, &anywhere, "1-2", "", &role), TROUBLE_USB_CLASS);
}

static void test_every_truncation_is_refused(void **state)
{
	struct descriptors d;

	make_keyboard(&d);
	assert_int_equal(usb_descriptors_parse(d.raw, d.size, &description), 0);
	make_stick(&d);
	assert_int_equal(usb_descriptors_parse(d.raw, d.size, &description), 0);
	while (d.size-- > 0)
		check_malformed(&d);
}

static void test_lengths_that_lie(void **state)
{
	struct descriptors d;

	make_stick(&d);
	d.raw[d.size++] = 0; /* something behind it all */
	check_malformed(&d);
	make_stick(&d);
	d.raw[INTERFACE_AT] = 0; /* a descriptor of no length: a walker would stand still */
	check_malformed(&d);
	make_stick(&d);
	d.raw[INTERFACE_AT] = 8;
	check_malformed(&d);
	make_stick(&d);
	d.raw[18] = (uint8_t)(d.size - 18); /* the configuration swallows its interface */
	check_malformed(&d);
	make_stick(&d);
	d.raw[17] = 0; /* no configuration */
	check_malformed(&d);
	make_stick(&d);
	d.raw[17] = 2; /* one that is not there */
	check_malformed(&d);
	make_stick(&d);
	d.raw[22] = 2; /* an interface that is not there */
	check_malformed(&d);
	make_stick(&d);
	d.raw[23] = 0; /* the value that means "not configured" */
	check_malformed(&d);
}

static void test_configurations_of_one_value(void **state)
{
	struct descriptors d;

	put_device(&d, 0, 0x0951, 0x1666, 2);
	for (int i = 0; i < 2; i++) {
		put_configuration(&d, 1, 1);
		put_interface(&d, 0, 0, 8, 6, 0x50);
	}
	check_malformed(&d);
}

static void test_a_configuration_within_one(void **state)
{
	static const uint8_t inner[9] = { 9, 2, 9, 0, 1, 2, 0, 0x80, 50 };
	struct descriptors d;

	make_stick(&d);
	put(&d, inner, sizeof(inner));
	check_malformed(&d);
}

static void test_too_many_interfaces(void **state)
{
	static uint8_t raw[27 + 9 * (USB_INTERFACES_MAX + 1)] = { 18, 1, 0, 2, 0, 0, 0, 64, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1,
								   9,  2, 0, 0, 1, 1, 0, 0x80 };
	size_t total = sizeof(raw) - 18;
	enum usb_role role;

	raw[20] = (uint8_t)total;
	raw[21] = (uint8_t)(total >> 8);
	for (size_t at = 27; at < sizeof(raw); at += 9)
		memcpy(raw + at, (const uint8_t[9]){ 9, 4, 0, 0, 0, 8, 6, 0x50, 0 }, 9);
	assert_int_equal(usb_descriptors_parse(raw, sizeof(raw), &description), -E2BIG);
	assert_int_equal(judge_raw(raw, sizeof(raw), &anywhere, "1-2", "", &role), TROUBLE_USB_CLASS);
}

/* Every byte to every value: whatever is accepted says "mass storage, and nothing else" where it matters. */
static void test_every_byte_changed(void **state)
{
	static const struct lists registered = { .ports = { "any" }, .allow = { "0951:1666" } };
	struct descriptors d;
	size_t accepted = 0;

	make_stick(&d);
	for (size_t at = 0; at < d.size; at++) {
		uint8_t was = d.raw[at];

		for (unsigned int value = 0; value < 256; value++) {
			enum usb_role role;

			d.raw[at] = (uint8_t)value;
			if (judge_raw(d.raw, d.size, &registered, "1-2", "", &role) != TROUBLE_NONE)
				continue;
			accepted++;
			assert_true(d.raw[4] == 0 || d.raw[4] == 8);
			assert_memory_equal(d.raw + 8, ((uint8_t[]){ 0x51, 0x09, 0x66, 0x16 }), 4);
			assert_int_equal(d.raw[17], 1);
			assert_int_equal(d.raw[INTERFACE_AT + 5], 8);
			assert_true(d.raw[INTERFACE_AT + 6] == 6 || d.raw[INTERFACE_AT + 6] == 2 || d.raw[INTERFACE_AT + 6] == 5);
			assert_true(d.raw[INTERFACE_AT + 7] == 0x50 || d.raw[INTERFACE_AT + 7] == 0x62);
		}
		d.raw[at] = was;
	}
	assert_true(accepted > d.size); /* the test would see nothing if all were refused */
}

/* Several bytes at once, many times: no crash (this is what AddressSanitizer is for), and no keyboard that is a stick. */
static void test_many_bytes_changed(void **state)
{
	uint32_t random = 0x2545f491;
	struct descriptors d;

	for (unsigned int i = 0; i < 200000; i++) {
		enum usb_role role;

		if (i & 1)
			make_keyboard(&d);
		else
			make_hub(&d);
		for (unsigned int k = 0; k < 1 + i % 5; k++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			d.raw[random % d.size] = (uint8_t)(random >> 24);
		}
		if (usb_descriptors_parse(d.raw, d.size, &description) < 0)
			continue;
		assert_true(description.count <= USB_INTERFACES_MAX);
		if (judge_raw(d.raw, d.size, &anywhere, "1-2", "", &role) == TROUBLE_NONE)
			for (size_t k = 0; k < description.count; k++)
				assert_int_equal(description.interfaces[k].class, 8);
	}
}

/* -- the policy ------------------------------------------------------------------------------------------------------ */

static void test_ports_are_names(void **state)
{
	static const char *const valid[] = { "1-1", "12-3", "1-2.3.4.5.6.7" }, *const others[] = {
		"", "1", "1-", "-1", "1-1.", "1-.1", "1-1..2", "usb1", "1-1:1.0", "1-1/..", "../1-1", "1-1 ", "a-1", "1234-1", "1-1234",
		"1-1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"
	};

	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		assert_true(usb_port_valid(valid[i]));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(usb_port_valid(others[i]));
}

/* Until the machine has been set up: keyboards that are nothing else, and hubs before them. */
static void test_any_keyboard_while_set_up(void **state)
{
	static const struct lists awaiting = { .ports = { "any" }, .inputs = { "any", "0000:0000" } };
	struct descriptors d;

	make_keyboard(&d);
	check(&d, &awaiting, "1-4", "", TROUBLE_NONE, USB_INPUT);
	check(&d, &awaiting, "1-2.3", "", TROUBLE_NONE, USB_INPUT);
	make_hub(&d);
	check(&d, &awaiting, "1-2", "", TROUBLE_NONE, USB_HUB);
	make_stick(&d);
	check(&d, &awaiting, "1-1", "", TROUBLE_NONE, USB_MEDIUM);
	put_device(&d, 0, 0x046d, 0xc077, 1); /* a mouse */
	put_configuration(&d, 1, 1);
	put_interface(&d, 0, 0, 3, 1, 2);
	check(&d, &awaiting, "1-4", "", TROUBLE_USB_KEYBOARD, USB_INPUT);
	put_device(&d, 0, 0x046d, 0xc31c, 1); /* a keyboard with a memory */
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 3, 1, 1);
	put_interface(&d, 1, 0, 8, 6, 0x50);
	check(&d, &awaiting, "1-4", "", TROUBLE_USB_COMPOSITE, USB_OTHER);
	put_device(&d, 0, 0x046d, 0xc31c, 1); /* and with a network card */
	put_configuration(&d, 1, 2);
	put_interface(&d, 0, 0, 3, 1, 1);
	put_interface(&d, 1, 0, 2, 6, 0);
	check(&d, &awaiting, "1-4", "", TROUBLE_USB_KEYBOARD, USB_OTHER);
}

static void test_a_policy_with_errors_is_none(void **state)
{
	static const struct lists bad[] = {
		{ .ports = { "1-2:1.0" } },   { .hubs = { "any" } },	    { .inputs = { "any", "046d:c31c" } },
		{ .hubs = { "1-2", "any" } },
		{ .inputs = { "1-2", "046d" } }, { .allow = { "046d:c31" } }, { .allow = { "046d:c31c:" } },
		{ .deny = { "046g:c31c" } },	{ .deny = { "046d-c31c" } },  { .inputs = { "1-2", "046d:c31c:A" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct usb_policy p;

		assert_true(make_policy(&bad[i], &p) < 0);
		usb_policy_done(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stick),
		cmocka_unit_test(test_both_speeds_of_a_socket),
		cmocka_unit_test(test_uas_is_an_alternate_setting),
		cmocka_unit_test(test_disc_drive),
		cmocka_unit_test(test_own_keyboard_at_its_port_only),
		cmocka_unit_test(test_own_printer_at_its_port_only),
		cmocka_unit_test(test_keyboard_with_something_else),
		cmocka_unit_test(test_hub_at_its_port_only),
		cmocka_unit_test(test_nothing_is_refused_without_guard),
		cmocka_unit_test(test_stick_with_a_keyboard),
		cmocka_unit_test(test_second_configuration_hides_a_keyboard),
		cmocka_unit_test(test_alternate_setting_hides_a_keyboard),
		cmocka_unit_test(test_two_storage_interfaces),
		cmocka_unit_test(test_device_class_disagrees),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_network_card),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_allowed_and_denied),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_configurations_of_one_value),
		cmocka_unit_test(test_a_configuration_within_one),
		cmocka_unit_test(test_too_many_interfaces),
		cmocka_unit_test(test_every_byte_changed),
		cmocka_unit_test(test_many_bytes_changed),
		cmocka_unit_test(test_ports_are_names),
		cmocka_unit_test(test_any_keyboard_while_set_up),
		cmocka_unit_test(test_a_policy_with_errors_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
