/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an administrator may change of ports, keyboards and hubs; and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/ports_change.h"

#define KEYBOARD "046d:c31c"
#define STICK "0781:5581"
#define HUB "05e3:0608"

static json_t *device(const char *port, const char *id, const char *role, const char *interfaces, bool is_accepted)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:b}", "port", port, "id", id, "role", role, "interfaces", interfaces, "accepted", is_accepted);
}

/* A keyboard that types at 1-1, a stick at 1-2, a hub at 1-4 with a hub, a keyboard and a stick behind it. */
static json_t *plugged(void)
{
	return json_pack("[o,o,o,o,o,o,o]", device("1-1", KEYBOARD, "input", "03:01:01 03:00:00", true), device("1-2", STICK, "medium", "08:06:50", true),
			 device("1-4", HUB, "hub", "09:00:00", false), device("1-4.1", HUB, "hub", "09:00:00", false),
			 device("1-4.1.3", KEYBOARD, "input", "03:01:01", false), device("1-4.2", STICK, "medium", "08:06:50", false),
			 device("1-5", "1234:5678", "input", "03:00:00 03:01:02", false));
}

struct state {
	json_t *lists, *usb;
};

static int setup(void **state)
{
	static struct state s;

	s.usb = plugged();
	s.lists = json_pack("{s:[s],s:[{s:s,s:s}],s:[]}", "media-ports", "1-2", "inputs", "port", "1-1", "id", KEYBOARD, "hubs");
	*state = &s;
	return s.usb && s.lists ? 0 : -1;
}

static int teardown(void **state)
{
	struct state *s = *state;

	json_decref(s->usb);
	json_decref(s->lists);
	return 0;
}

static const char *change(void **state, const char *action, const char *port, const char *id)
{
	struct state *s = *state;

	return ports_change(s->lists, s->usb, ports_action(action), port, id);
}

static void lists_are(void **state, const char *wanted)
{
	struct state *s = *state;
	char *is = json_dumps(s->lists, JSON_SORT_KEYS | JSON_COMPACT);

	assert_string_equal(is, wanted);
	free(is);
}

static void refused(void **state, const char *action, const char *port, const char *id, const char *words)
{
	struct state *s = *state;
	json_t *before = json_deep_copy(s->lists);
	const char *why = change(state, action, port, id);

	assert_non_null(why);
	assert_non_null(strstr(why, words));
	assert_true(json_equal(before, s->lists));
	json_decref(before);
}

#define AS_IT_WAS "{\"hubs\":[],\"inputs\":[{\"id\":\"046d:c31c\",\"port\":\"1-1\"}],\"media-ports\":[\"1-2\"]}"

static void a_port_is_for_media_and_no_longer(void **state)
{
	assert_null(change(state, "media", "1-4.2", STICK));
	lists_are(state, "{\"hubs\":[\"1-4\"],\"inputs\":[{\"id\":\"046d:c31c\",\"port\":\"1-1\"}],\"media-ports\":[\"1-2\",\"1-4.2\"]}");
	refused(state, "media", "1-4.2", STICK, "for media already");
	refused(state, "no-hub", "1-4", HUB, "a port for media is behind");
	assert_null(change(state, "no-media", "1-4.2", ""));
	assert_null(change(state, "no-hub", "1-4", HUB));
	lists_are(state, AS_IT_WAS);
	refused(state, "no-media", "1-4.2", STICK, "not for media");
}

static void what_was_swapped_meanwhile_is_refused(void **state)
{
	refused(state, "media", "1-4.2", KEYBOARD, "not plugged in there any more");
	refused(state, "media", "1-9", STICK, "not plugged in there any more");
	refused(state, "keyboard", "1-4.2", KEYBOARD, "not plugged in there any more");
	refused(state, "hub", "1-3", HUB, "not plugged in there any more");
	refused(state, "media", "1-4", HUB, "there is a hub at this port");
	refused(state, "hub", "1-4.2", STICK, "no hub");
}

static void a_keyboard_is_bound_with_the_hubs_before_it(void **state)
{
	assert_null(change(state, "keyboard", "1-4.1.3", KEYBOARD));
	lists_are(state, "{\"hubs\":[\"1-4\",\"1-4.1\"],\"inputs\":[{\"id\":\"046d:c31c\",\"port\":\"1-1\"},{\"id\":\"046d:c31c\",\"port\":\"1-4.1.3\"}],\"media-ports\":[\"1-2\"]}");
	refused(state, "keyboard", "1-4.1.3", KEYBOARD, "bound to this port already");
	refused(state, "no-hub", "1-4.1", HUB, "a keyboard is behind");
	refused(state, "no-hub", "1-4", HUB, "a keyboard is behind");
}

static void what_is_no_keyboard_is_not_bound(void **state)
{
	struct state *s = *state;

	refused(state, "keyboard", "1-5", "1234:5678", "no keyboard that speaks the boot protocol");
	refused(state, "keyboard", "1-2", STICK, "no keyboard that speaks the boot protocol");
	/* a stick that types as well: the guard calls it "other" */
	assert_int_equal(json_array_append_new(s->usb, device("1-6", "1111:2222", "other", "08:06:50 03:01:01", false)), 0);
	refused(state, "keyboard", "1-6", "1111:2222", "no keyboard that speaks the boot protocol");
}

/* Nobody may lock himself out. */
static void the_last_keyboard_stays(void **state)
{
	struct state *s = *state;

	refused(state, "no-keyboard", "1-1", KEYBOARD, "the last keyboard that types here");
	/* bound, but it does not type yet: the guard has not switched it on */
	assert_null(change(state, "keyboard", "1-4.1.3", KEYBOARD));
	refused(state, "no-keyboard", "1-1", KEYBOARD, "the last keyboard that types here");
	(void)json_object_set_new(json_array_get(s->usb, 4), "accepted", json_true());
	assert_null(change(state, "no-keyboard", "1-1", KEYBOARD));
	lists_are(state, "{\"hubs\":[\"1-4\",\"1-4.1\"],\"inputs\":[{\"id\":\"046d:c31c\",\"port\":\"1-4.1.3\"}],\"media-ports\":[\"1-2\"]}");
}

/* It died, and was taken out. */
static void a_keyboard_that_is_not_there_can_go(void **state)
{
	struct state *s = *state;

	(void)json_array_remove(s->usb, 0);
	assert_null(change(state, "no-keyboard", "1-1", KEYBOARD));
	refused(state, "no-keyboard", "1-1", KEYBOARD, "not bound to this port");
}

/* A socket of USB 3 is two ports: the guard accepts at 2-2 what lazaret.yaml has as 1-2. */
static void the_other_port_of_a_socket_is_not_added(void **state)
{
	struct state *s = *state;

	assert_int_equal(json_array_append_new(s->usb, device("2-2", STICK, "medium", "08:06:50 08:06:62", true)), 0);
	assert_int_equal(json_array_append_new(s->usb, device("2-4", HUB, "hub", "09:00:00", true)), 0);
	refused(state, "media", "2-2", STICK, "by the name of its other port");
	refused(state, "hub", "2-4", HUB, "by the name of its socket's other port");
}

static void any_port_is_not_changed_here(void **state)
{
	struct state *s = *state;

	(void)json_object_set_new(s->lists, "media-ports", json_pack("[s]", "any"));
	refused(state, "media", "1-4.2", STICK, "every port is for media");
	refused(state, "no-media", "1-2", STICK, "every port is for media");
}

static void nonsense_is_refused(void **state)
{
	refused(state, "open", "1-2", STICK, "action:");
	refused(state, "media", "../../etc", STICK, "port:");
	refused(state, "media", "usb1", STICK, "port:");
	refused(state, "no-media", "1-2", "\033[2J", "device:");
	refused(state, "no-media", "1-2", "0781:5581:X", "device:");
	assert_int_equal(ports_action(""), PORTS_ACTIONS);
}

static void a_full_list_takes_no_more(void **state)
{
	struct state *s = *state;
	json_t *full = json_array();

	for (unsigned int k = 0; k < 256; k++) {
		char port[16];

		(void)snprintf(port, sizeof(port), "2-%u", k);
		assert_int_equal(json_array_append_new(full, json_string(port)), 0);
	}
	(void)json_object_set_new(s->lists, "media-ports", full);
	refused(state, "media", "1-4.2", STICK, "full");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_port_is_for_media_and_no_longer), TEST(what_was_swapped_meanwhile_is_refused), TEST(a_keyboard_is_bound_with_the_hubs_before_it),
		TEST(what_is_no_keyboard_is_not_bound),	 TEST(the_last_keyboard_stays),		      TEST(a_keyboard_that_is_not_there_can_go),
		TEST(any_port_is_not_changed_here),	 TEST(nonsense_is_refused),		      TEST(a_full_list_takes_no_more),
		TEST(the_other_port_of_a_socket_is_not_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
