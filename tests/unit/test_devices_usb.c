/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* USB devices in a /sys of umockdev: which orders the guard gets for them, and what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "devices_fixture.h"

#include "devices_testbed.h"

#define STICK "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium "

static const struct lists guarded = { .ports = { "any" }, .inputs = { "1-4", "046d:c31c" }, .hubs = { "1-3" } };

static char *read_attribute(const char *device, const char *attribute)
{
	static char text[64];
	char path[128];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", device, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	(void)close(fd);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void test_stick_is_switched_on_step_by_step(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_nothing(&t);
	assert_string_equal(read_attribute("1-2", "authorized"), "1");
	assert_string_equal(read_attribute("1-2:1.0", "authorized"), "1");
	assert_true(usb_bus_medium(t.bus, "1-2") && usb_bus_settled(t.bus));
	seen(&t, "1-2"); /* "bind", "change": nothing new */
	expect_orders(&t, "");
	expect_nothing(&t);
	unplug(&t, "1-2");
	assert_int_equal(usb_bus_gone(t.bus, "1-2"), 0);
	expect(&t, MESSAGE_DEVICES_USB_GONE, "1-2");
	assert_false(usb_bus_medium(t.bus, "1-2"));
	testbed_close(&t);
}

static void test_uas(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	t.behaviour.driver = "uas";
	make_stick(&d);
	put_interface(&d, 0, 1, 8, 6, 0x62);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, "); /* one interface, whatever its settings */
	expect(&t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50 08:06:62] medium accepted");
	testbed_close(&t);
}

static void test_refused_ones_stay_off(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	d.raw[22] = 2;
	put_interface(&d, 1, 0, 3, 1, 1);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	make_keyboard(&d);
	g_free(plug(&t, "1-5", "6", &d, "\n", false));
	make_stick(&d);
	d.size--;
	g_free(plug(&t, "1-6", "7", &d, "\n", false));
	seen(&t, "1-2");
	seen(&t, "1-5");
	seen(&t, "1-6");
	expect_orders(&t, "");
	expect(&t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50 03:01:01] other usb-composite");
	expect(&t, MESSAGE_DEVICES_USB, "1-5 046d:c31c Kingston|DataTraveler| [03:01:01 03:00:00] input usb-keyboard");
	expect(&t, MESSAGE_DEVICES_USB, "1-6 0951:1666 Kingston|DataTraveler| [] other usb-class");
	assert_string_equal(read_attribute("1-2", "authorized"), "0");
	assert_false(usb_bus_medium(t.bus, "1-2") || usb_bus_medium(t.bus, "1-5") || usb_bus_medium(t.bus, "1-6"));
	testbed_close(&t);
}

/* Plugged in before the guard was there. */
static void test_what_was_on_is_switched_off(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_keyboard(&d);
	g_free(plug(&t, "1-5", "6", &d, "\n", true));
	seen(&t, "1-5");
	expect_orders(&t, "OFF 1-5, ");
	expect(&t, MESSAGE_DEVICES_USB, "1-5 046d:c31c Kingston|DataTraveler| [03:01:01 03:00:00] input usb-keyboard");
	assert_string_equal(read_attribute("1-5", "authorized"), "0");
	testbed_close(&t);
}

static void test_own_keyboard_stays_as_it_is(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_keyboard(&d);
	g_free(plug(&t, "1-4", "6", &d, "\n", true));
	add_interfaces(&t, "1-4", true);
	seen(&t, "1-4");
	expect_orders(&t, "");
	expect(&t, MESSAGE_DEVICES_USB, "1-4 046d:c31c Kingston|DataTraveler| [03:01:01 03:00:00] input accepted");
	assert_false(usb_bus_medium(t.bus, "1-4"));
	unplug(&t, "1-4");
	assert_int_equal(usb_bus_gone(t.bus, "1-4"), 0);
	expect(&t, MESSAGE_DEVICES_USB_GONE, "1-4");
	g_free(plug(&t, "1-4", "7", &d, "\n", false)); /* and comes back while the root hub is closed */
	seen(&t, "1-4");
	expect_orders(&t, "ON 1-4, INTERFACE 1-4:1.0, INTERFACE 1-4:1.1, ");
	expect(&t, MESSAGE_DEVICES_USB, "1-4 046d:c31c Kingston|DataTraveler| [03:01:01 03:00:00] input accepted");
	testbed_close(&t);
}

static void test_own_hub(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_hub(&d);
	g_free(plug(&t, "1-3", "6", &d, "\n", false));
	g_free(plug(&t, "1-7", "7", &d, "\n", false));
	seen(&t, "1-3");
	seen(&t, "1-7");
	expect_orders(&t, "ON 1-3, INTERFACE 1-3:1.0, ");
	expect(&t, MESSAGE_DEVICES_USB, "1-3 05e3:0608 Kingston|DataTraveler| [09:00:01 09:00:02] hub accepted");
	expect(&t, MESSAGE_DEVICES_USB, "1-7 05e3:0608 Kingston|DataTraveler| [09:00:01 09:00:02] hub usb-class");
	assert_false(usb_bus_medium(t.bus, "1-3"));
	testbed_close(&t);
}

static void test_root_hubs_are_closed_first_and_opened_last(void **state)
{
	static const struct lists unguarded = { .is_unguarded = true };
	struct testbed t;

	testbed_open(&t, &unguarded, NULL);
	assert_int_equal(usb_bus_close_hubs(t.bus), 0); /* nothing to be done yet: no answer is waited for */
	assert_string_equal(read_attribute("usb1", "authorized_default"), "1");
	usb_policy_done(&t.policy);
	assert_int_equal(make_policy(&guarded, &t.policy), 0);
	assert_int_equal(send(t.orders_fd, "", 1, 0), 1); /* the answer to come: the role waits for it */
	assert_int_equal(usb_bus_policy(t.bus), 0);
	assert_int_equal(recv(t.orders_fd, t.orders, sizeof(t.orders), 0), 5);
	assert_memory_equal(t.orders, "\1usb1", 5);
	assert_int_equal(guard_obey(GUARD_HUB_CLOSE, "usb1"), 0);
	assert_string_equal(read_attribute("usb1", "authorized_default"), "0");
	assert_string_equal(read_attribute("usb1", "interface_authorized_default"), "0");
	usb_policy_done(&t.policy);
	assert_int_equal(make_policy(&unguarded, &t.policy), 0);
	assert_int_equal(send(t.orders_fd, "", 1, 0), 1);
	assert_int_equal(usb_bus_policy(t.bus), 0);
	assert_int_equal(recv(t.orders_fd, t.orders, sizeof(t.orders), 0), 5);
	assert_memory_equal(t.orders, "\2usb1", 5);
	expect_nothing(&t);
	testbed_close(&t);
}

/* A hub that was closed by somebody else (usbcore.authorized_default=0) is not opened by us. */
static void test_a_root_hub_that_was_closed_stays_closed(void **state)
{
	static const struct lists unguarded = { .is_unguarded = true };
	struct testbed t;

	testbed_open(&t, &guarded, NULL);
	set_text(&t, "usb1", "authorized_default", "0\n");
	assert_int_equal(send(t.orders_fd, "", 1, 0), 1);
	assert_int_equal(usb_bus_close_hubs(t.bus), 0);
	assert_int_equal(recv(t.orders_fd, t.orders, sizeof(t.orders), 0), 5);
	t.orders[0] = '\0';
	set_policy(&t, &unguarded);
	expect_orders(&t, "");
	testbed_close(&t);
}

/* A root hub that cannot be closed is no guard. */
static void test_a_root_hub_that_cannot_be_closed_is_an_error(void **state)
{
	struct testbed t;
	uint8_t answer = EACCES;

	testbed_open(&t, &guarded, NULL);
	assert_int_equal(send(t.orders_fd, &answer, 1, 0), 1);
	assert_int_equal(usb_bus_close_hubs(t.bus), -EACCES);
	testbed_close(&t);
}

static void test_it_turns_into_a_keyboard_when_switched_on(void **state)
{
	struct testbed t;
	struct descriptors d, other;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	make_keyboard(&other);
	t.behaviour.turns_into = &other;
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_orders(&t, "ON 1-2, OFF 1-2, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-changed");
	assert_string_equal(read_attribute("1-2", "authorized"), "0");
	set_policy(&t, &guarded); /* judged anew it stays what it is */
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-changed");
	expect_orders(&t, "");
	testbed_close(&t);
}

static void test_it_turns_into_something_else_later(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, ");
	set_text(&t, "1-2", "serial", "B2\n");
	seen(&t, "1-2");
	assert_false(usb_bus_medium(t.bus, "1-2"));
	expect_orders(&t, "OFF 1-2, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-changed");
	testbed_close(&t);
}

static void test_swapped_at_the_same_port(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, ");
	unplug(&t, "1-2");
	g_free(plug(&t, "1-2", "6", &d, "A1\n", false)); /* the very same stick; its "remove" was lost */
	seen(&t, "1-2");
	expect(&t, MESSAGE_DEVICES_USB_GONE, "1-2");
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, ");
	expect_nothing(&t);
	testbed_close(&t);
}

static void test_it_cannot_be_switched_on(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	t.behaviour.error = -ETIMEDOUT;
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_orders(&t, "ON 1-2, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-failed");
	testbed_close(&t);
}

/* A driver that knows it by its numbers and makes a network card of it. */
static void test_another_driver_takes_it(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	t.behaviour.driver = "option";
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, OFF 1-2, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-failed");
	testbed_close(&t);
}

static void test_the_driver_comes_late(void **state)
{
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	t.behaviour.driver = NULL;
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_nothing(&t);
	assert_false(usb_bus_settled(t.bus) || usb_bus_medium(t.bus, "1-2"));
	assert_true(usb_bus_deadline(t.bus) < INT64_MAX);
	bind_driver(&t, "1-2:1.0", "usb-storage");
	assert_int_equal(usb_bus_bound(t.bus, "1-22:1.0"), 0); /* another's */
	expect_nothing(&t);
	assert_int_equal(usb_bus_bound(t.bus, "1-2:1.0"), 0);
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	testbed_close(&t);
}

/* While one device keeps the guard waiting, policy and removal go on, and late answers concern nobody else. */
static void test_answers_that_come_late(void **state)
{
	static const struct lists denied = { .ports = { "any" }, .deny = { "0951:1666" } };
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	t.behaviour.is_silent = true;
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect_nothing(&t);
	set_policy(&t, &denied); /* its order is under way: judged when the answer is there */
	expect_nothing(&t);
	t.behaviour.is_silent = false;
	run_guard(&t);
	expect_orders(&t, "ON 1-2, OFF 1-2, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-denied");
	assert_string_equal(read_attribute("1-2", "authorized"), "0");

	set_policy(&t, &guarded);
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, ");
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	t.behaviour.is_silent = true;
	g_free(plug(&t, "1-9", "6", &d, "C3\n", false));
	seen(&t, "1-9");
	assert_int_equal(usb_bus_gone(t.bus, "1-9"), 0);
	t.behaviour.is_silent = false;
	run_guard(&t);
	expect_orders(&t, "ON 1-9, ");
	expect_nothing(&t); /* it was never told, so it has not gone either */
	assert_true(usb_bus_medium(t.bus, "1-2") && usb_bus_settled(t.bus));
	testbed_close(&t);
}

static void test_policy_judges_anew(void **state)
{
	static const struct lists port = { .ports = { "1-7" } }, unguarded = { .is_unguarded = true };
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", false));
	seen(&t, "1-2");
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_orders(&t, "ON 1-2, INTERFACE 1-2:1.0, ");
	set_policy(&t, &guarded);
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_orders(&t, ""); /* an inspection that runs is not disturbed */
	set_policy(&t, &port);
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-port");
	expect_orders(&t, "OFF 1-2, ");
	assert_false(usb_bus_medium(t.bus, "1-2"));
	set_policy(&t, &unguarded);
	expect(&t, MESSAGE_DEVICES_USB, STICK "accepted");
	expect_orders(&t, "");
	assert_true(usb_bus_medium(t.bus, "1-2"));
	testbed_close(&t);
}

/* The station runs from it: neither switched off nor a medium. But what only sits at that port is not it. */
static void test_own_disk_is_left_alone(void **state)
{
	static const struct lists port = { .ports = { "1-7" } };
	char name[] = "1-2", *own[] = { name, NULL };
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &port, own);
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", true));
	seen(&t, "1-2");
	expect_orders(&t, "");
	expect(&t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] other accepted");
	assert_false(usb_bus_medium(t.bus, "1-2"));
	unplug(&t, "1-2");
	assert_int_equal(usb_bus_gone(t.bus, "1-2"), 0);
	expect(&t, MESSAGE_DEVICES_USB_GONE, "1-2");
	g_free(plug(&t, "1-2", "6", &d, "A1\n", false));
	seen(&t, "1-2");
	expect(&t, MESSAGE_DEVICES_USB, STICK "usb-port");
	testbed_close(&t);
}

static void test_names_that_are_none(void **state)
{
	static const char *const names[] = { "", "1-2:1.0", "../usb1", "1-2/..", "loop0" };
	struct testbed t;

	testbed_open(&t, &guarded, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		seen(&t, names[i]);
	expect_orders(&t, "");
	expect_nothing(&t);
	testbed_close(&t);
}

/* The guard believes no name and knows five orders. */
static void test_guard_obeys_nothing_else(void **state)
{
	static const struct {
		enum guard_order order;
		const char *name;
	} refused[] = { { GUARD_HUB_CLOSE, "1-2" },	   { GUARD_HUB_CLOSE, "usb" },	     { GUARD_HUB_CLOSE, "usb1/../1-2" },
			{ GUARD_HUB_OPEN, "usb1234" },	   { GUARD_DEVICE_ON, "usb1" },	     { GUARD_DEVICE_ON, "../../../block" },
			{ GUARD_DEVICE_ON, "1-2:1.0" },	   { GUARD_DEVICE_ON, "" },	     { GUARD_DEVICE_OFF, "1-2/power" },
			{ GUARD_INTERFACE_ON, "1-2" },	   { GUARD_INTERFACE_ON, "1-2:1" },  { GUARD_INTERFACE_ON, "1-2:1.0/x" },
			{ GUARD_INTERFACE_ON, "1-2:1.0.0" }, { GUARD_INTERFACE_ON, ":1.0" }, { GUARD_INTERFACE_ON, "1-2:.0" },
			{ GUARD_INTERFACE_ON, "1-2:1234.0" }, { 0, "1-2" },		     { 6, "1-2" } };
	struct testbed t;
	struct descriptors d;

	testbed_open(&t, &guarded, NULL);
	make_stick(&d);
	g_free(plug(&t, "1-2", "5", &d, "A1\n", true));
	add_interfaces(&t, "1-2", false);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(guard_obey(refused[i].order, refused[i].name), -EINVAL);
	assert_string_equal(read_attribute("1-2", "authorized"), "1");
	assert_string_equal(read_attribute("1-2:1.0", "authorized"), "0");
	assert_int_equal(guard_obey(GUARD_INTERFACE_ON, "1-2:1.0"), 0);
	assert_string_equal(read_attribute("1-2:1.0", "authorized"), "1");
	assert_int_equal(guard_obey(GUARD_DEVICE_ON, "1-3"), -ENOENT);
	testbed_close(&t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stick_is_switched_on_step_by_step),
		cmocka_unit_test(test_uas),
		cmocka_unit_test(test_refused_ones_stay_off),
		cmocka_unit_test(test_what_was_on_is_switched_off),
		cmocka_unit_test(test_own_keyboard_stays_as_it_is),
		cmocka_unit_test(test_own_hub),
		cmocka_unit_test(test_root_hubs_are_closed_first_and_opened_last),
		cmocka_unit_test(test_a_root_hub_that_was_closed_stays_closed),
		cmocka_unit_test(test_a_root_hub_that_cannot_be_closed_is_an_error),
		cmocka_unit_test(test_it_turns_into_a_keyboard_when_switched_on),
		cmocka_unit_test(test_it_turns_into_something_else_later),
		cmocka_unit_test(test_swapped_at_the_same_port),
		cmocka_unit_test(test_it_cannot_be_switched_on),
		cmocka_unit_test(test_another_driver_takes_it),
		cmocka_unit_test(test_the_driver_comes_late),
		cmocka_unit_test(test_answers_that_come_late),
		cmocka_unit_test(test_policy_judges_anew),
		cmocka_unit_test(test_own_disk_is_left_alone),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_guard_obeys_nothing_else),
	};

	testbed_exec(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
