/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/ports_change.h"

#include <stdlib.h>
#include <string.h>

#include "station/config.h"
#include "station/devices.h"

#define BOOT_KEYBOARD "03:01:01" /* HID 1.11, 4.2 and 4.3; as kiosk/devices tells interfaces */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

enum ports_action ports_action(const char *name)
{
	static const char *const names[PORTS_ACTIONS] = { "media", "no-media", "keyboard", "no-keyboard", "hub", "no-hub" };
	unsigned int k = 0;

	while (k < PORTS_ACTIONS && strcmp(names[k], name) != 0)
		k++;
	return (enum ports_action)k;
}

/* Role "input" is of devices all of whose interfaces are HID (devices/usb_policy.c). */
bool ports_is_keyboard(const json_t *device)
{
	return strcmp(text_of(device, "role"), "input") == 0 && strstr(text_of(device, "interfaces"), BOOT_KEYBOARD);
}

/* -- lists -------------------------------------------------------------------------------------------------------------- */

/* Where this string is in a list; SIZE_MAX: nowhere. */
static size_t find(const json_t *list, const char *text)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)list, k, o)
		if (json_is_string(o) && strcmp(json_string_value(o), text) == 0)
			return k;
	return SIZE_MAX;
}

static size_t find_input(const json_t *inputs, const char *port, const char *id)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)inputs, k, o)
		if (strcmp(text_of(o, "port"), port) == 0 && strcmp(text_of(o, "id"), id) == 0)
			return k;
	return SIZE_MAX;
}

static const char *append(json_t *list, json_t *item)
{
	if (json_array_size(list) >= STATION_DEVICE_LIST_MAX) {
		json_decref(item);
		return "the list is full";
	}
	return json_array_append_new(list, item) < 0 ? "no memory is left" : NULL;
}

static const char *take_away(json_t *list, size_t at)
{
	return json_array_remove(list, at) < 0 ? "no memory is left" : NULL;
}

static bool is_behind(const char *port, const char *hub)
{
	size_t size = strlen(hub);

	return strncmp(port, hub, size) == 0 && port[size] == '.';
}

/* Of 1-4.1.2: 1-4 and 1-4.1. Root hubs have no port. */
static const char *append_hubs(json_t *hubs, const char *port)
{
	const char *why = NULL;

	for (const char *dot = strchr(port, '.'); dot && !why; dot = strchr(dot + 1, '.')) {
		_cleanup_free_ char *hub = strndup(port, (size_t)(dot - port));

		if (!hub)
			why = "no memory is left";
		else if (find(hubs, hub) == SIZE_MAX)
			why = append(hubs, json_string(hub));
	}
	return why;
}

/* -- actions ------------------------------------------------------------------------------------------------------------ */

struct change {
	json_t *media, *inputs, *hubs;
	const json_t *usb;
	const json_t *device; /* what is plugged in there, when it is what was shown; NULL */
	const char *port, *id;
};

static const json_t *device_at(const json_t *usb, const char *port, const char *id)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)usb, k, o)
		if (strcmp(text_of(o, "port"), port) == 0)
			return strcmp(text_of(o, "id"), id) == 0 ? o : NULL;
	return NULL;
}

/* And its port is not in the list: the other port of its socket is, that of the other speed (devices/usb_policy.c). */
static bool is_accepted_as(const json_t *device, const char *role)
{
	return strcmp(text_of(device, "role"), role) == 0 && json_is_true(json_object_get(device, "accepted"));
}

static const char *to_media(const struct change *c)
{
	const char *why;

	if (find(c->media, "any") != SIZE_MAX)
		return "every port is for media here (media-ports: any)";
	if (find(c->media, c->port) != SIZE_MAX)
		return "this port is for media already";
	if (!c->device)
		return "what was shown is not plugged in there any more";
	if (is_accepted_as(c->device, "medium"))
		return "this socket is for media already, by the name of its other port: change that one";
	if (strcmp(text_of(c->device, "role"), "hub") == 0)
		return "there is a hub at this port: choose one of the ports behind it";
	why = append(c->media, json_string(c->port));
	return why ? why : append_hubs(c->hubs, c->port);
}

static const char *from_media(const struct change *c)
{
	size_t at = find(c->media, c->port);

	if (find(c->media, "any") != SIZE_MAX)
		return "every port is for media here (media-ports: any)";
	return at == SIZE_MAX ? "this port is not for media" : take_away(c->media, at);
}

static const char *to_keyboard(const struct change *c)
{
	const char *why;

	if (find_input(c->inputs, c->port, c->id) != SIZE_MAX)
		return "this keyboard is bound to this port already";
	if (!c->device)
		return "what was shown is not plugged in there any more";
	if (!ports_is_keyboard(c->device))
		return "this is no keyboard that speaks the boot protocol, or it is something else besides";
	why = append(c->inputs, json_pack("{s:s,s:s}", "port", c->port, "id", c->id));
	return why ? why : append_hubs(c->hubs, c->port);
}

/* Does another keyboard than this one type? Which one he types on nobody can say: the kernel puts all of them into one terminal. */
static bool has_another(const struct change *c)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)c->usb, k, o)
		if (strcmp(text_of(o, "port"), c->port) != 0 && ports_is_keyboard(o) && json_is_true(json_object_get(o, "accepted")))
			return true;
	return false;
}

static const char *from_keyboard(const struct change *c)
{
	size_t at = find_input(c->inputs, c->port, c->id);

	if (at == SIZE_MAX)
		return "it is not bound to this port";
	if (c->device && ports_is_keyboard(c->device) && json_is_true(json_object_get(c->device, "accepted")) && !has_another(c))
		return "this is the last keyboard that types here: plug another one in and bind it first";
	return take_away(c->inputs, at);
}

static const char *to_hub(const struct change *c)
{
	const char *why;

	if (find(c->hubs, c->port) != SIZE_MAX)
		return "this hub is the station's own already";
	if (!c->device || strcmp(text_of(c->device, "role"), "hub") != 0)
		return c->device ? "this is no hub" : "what was shown is not plugged in there any more";
	if (is_accepted_as(c->device, "hub"))
		return "this hub is the station's own already, by the name of its socket's other port: change that one";
	why = append(c->hubs, json_string(c->port));
	return why ? why : append_hubs(c->hubs, c->port);
}

static const char *from_hub(const struct change *c)
{
	size_t at = find(c->hubs, c->port), k;
	json_t *o;

	if (at == SIZE_MAX)
		return "this hub is not the station's own";
	json_array_foreach(c->media, k, o)
		if (is_behind(json_string_value(o), c->port))
			return "a port for media is behind this hub: take that away first";
	json_array_foreach(c->inputs, k, o)
		if (is_behind(text_of(o, "port"), c->port))
			return "a keyboard is behind this hub: take that away first";
	json_array_foreach(c->hubs, k, o)
		if (is_behind(json_string_value(o), c->port))
			return "another hub is behind this one: take that away first";
	return take_away(c->hubs, at);
}

static bool is_id(const char *id)
{
	return strlen(id) == 9 && id[4] == ':' && strspn(id, "0123456789abcdef") == 4 && strspn(id + 5, "0123456789abcdef") == 4;
}

const char *ports_change(json_t *lists, const json_t *usb, enum ports_action action, const char *port, const char *id)
{
	static const char *(*const acts[PORTS_ACTIONS])(const struct change *c) = {
		[PORTS_MEDIA] = to_media, [PORTS_NO_MEDIA] = from_media, [PORTS_KEYBOARD] = to_keyboard, [PORTS_NO_KEYBOARD] = from_keyboard,
		[PORTS_HUB] = to_hub,	  [PORTS_NO_HUB] = from_hub,
	};
	const struct change c = { .media = json_object_get(lists, "media-ports"), .inputs = json_object_get(lists, "inputs"),
				  .hubs = json_object_get(lists, "hubs"), .usb = usb, .device = device_at(usb, port, id), .port = port, .id = id };

	if (action >= PORTS_ACTIONS)
		return "action: media, no-media, keyboard, no-keyboard, hub or no-hub";
	if (*id && !is_id(id))
		return "device: VID:PID, or nothing";
	return device_port_valid(port) ? acts[action](&c) : "port: a USB port such as 1-2 or 1-2.3";
}
