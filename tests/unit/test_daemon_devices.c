/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The `devices` object of docs/control.md, whatever devices say of themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/daemon.h"

#define SHARE 24576 /* of a line: what `state` leaves to the station and the devices (requests.c) */

/* Its strings as long as USB allows, and escaped: 126 characters of three bytes (USB 2.0, 9.6.7). */
static json_t *device(unsigned int port, bool is_accepted)
{
	char worst[126 * 12 + 1], name[16];

	for (size_t k = 0; k < 126; k++)
		memcpy(worst + 12 * k, "\\xe2\\x80\\xae", 12);
	worst[sizeof(worst) - 1] = '\0';
	(void)snprintf(name, sizeof(name), "1-%u", port);
	return json_pack("{s:s,s:s,s:s,s:s,s:b}", "port", name, "vendor", worst, "product", worst, "serial", worst, "accepted", is_accepted);
}

static void worst_devices_fit_in_a_line(void **state)
{
	struct daemon d = { .usb = json_array() };
	json_t *o, *usb;

	for (unsigned int k = 0; k < 100; k++)
		assert_int_equal(json_array_append_new(d.usb, device(k, k != 7)), 0);
	o = devices_object(&d);
	assert_non_null(o);
	assert_true(json_dumpb(o, NULL, 0, JSON_COMPACT) < SHARE);
	usb = json_object_get(o, "usb");
	assert_true(json_array_size(usb) > 3);
	/* the newest are shown, in their order, and what was refused is, however long ago */
	assert_string_equal(json_string_value(json_object_get(json_array_get(usb, json_array_size(usb) - 1), "port")), "1-99");
	assert_string_equal(json_string_value(json_object_get(json_array_get(usb, json_array_size(usb) - 2), "port")), "1-98");
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "refused"), "port")), "1-7");
	json_decref(o);
	json_decref(d.usb);
}

static void nothing_refused_is_null(void **state)
{
	struct daemon d = { .usb = json_array() };
	json_t *o;

	assert_int_equal(json_array_append_new(d.usb, device(1, true)), 0);
	o = devices_object(&d);
	assert_true(json_is_null(json_object_get(o, "refused")));
	assert_int_equal(json_array_size(json_object_get(o, "usb")), 1);
	json_decref(o);
	json_decref(d.usb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worst_devices_fit_in_a_line),
		cmocka_unit_test(nothing_refused_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
