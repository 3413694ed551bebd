/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `devices:`: what may be plugged in where. */
#include <string.h>

#include "station/config_parts.h"
#include "station/devices.h"

static const char *const device_sources[] = { "udev", "kernel", "none", NULL };

const struct yaml_field config_devices_fields[] = {
	YAML_FIELD(struct raw_devices, "source", ENUM, source, .choices = device_sources),
	YAML_FIELD(struct raw_devices, "usb-guard", BOOL, is_guarded),
	YAML_FIELD(struct raw_devices, "media-ports", STRINGS, media_ports),
	YAML_FIELD(struct raw_devices, "inputs", NODE, inputs),
	YAML_FIELD(struct raw_devices, "hubs", STRINGS, hubs),
	YAML_FIELD(struct raw_devices, "allow", STRINGS, allow),
	YAML_FIELD(struct raw_devices, "deny", STRINGS, deny),
	YAML_FIELD(struct raw_devices, "optical", BOOL, has_optical),
	YAML_FIELD(struct raw_devices, "loop", STRING, loop_dir, .max = 1000),
	YAML_FIELD(struct raw_devices, "at-once", UINT, at_once, .min = 1, .max = 16),
	YAML_FIELD(struct raw_devices, "unlock-tries", UINT, unlock_tries, .max = 100),
	YAML_FIELD(struct raw_devices, "unlock-time", DURATION, unlock_time_s, .min = 1, .max = DAY),
	YAML_FIELD_END,
};

/* Those that can be changed at the screen: maintenance.yaml. */
const struct yaml_field config_devices_lists[] = {
	YAML_FIELD(struct raw_devices, "media-ports", STRINGS, media_ports),
	YAML_FIELD(struct raw_devices, "inputs", NODE, inputs),
	YAML_FIELD(struct raw_devices, "hubs", STRINGS, hubs),
	YAML_FIELD_END,
};

bool device_port_valid(const char *port)
{
	size_t bus = strspn(port, "0123456789");

	/* "BUS-PORT.PORT...", as the kernel names it (Documentation/ABI/testing/sysfs-bus-usb) */
	return bus > 0 && port[bus] == '-' && strlen(port) < 64 && strspn(port + bus + 1, "0123456789.") == strlen(port + bus + 1) &&
	       port[bus + 1] >= '0' && port[bus + 1] <= '9';
}

static bool is_usb_id(const char *id, bool may_have_serial)
{
	for (size_t i = 0; i < 9; i++)
		if (i == 4 ? id[i] != ':' : !id[i] || !strchr("0123456789abcdef", id[i]))
			return false;
	return !id[9] || (may_have_serial && id[9] == ':' && id[10]);
}

static void string_error(struct loader *l, const struct yaml_string *s, const char *key, const char *must)
{
	yaml_errors_add(l->errors, l->doc->file, s->line, s->column, "%s: '%s' %s", key, s->value, must);
}

static void check_ports(struct loader *l, const struct yaml_strings *ports, const char *key, bool may_be_any)
{
	for (size_t i = 0; i < ports->count; i++)
		if (may_be_any && strcmp(ports->list[i].value, "any") == 0) {
			if (ports->count > 1)
				string_error(l, &ports->list[i], key, "makes the other ports have no effect");
		} else if (!device_port_valid(ports->list[i].value)) {
			string_error(l, &ports->list[i], key, "must be a USB port such as '1-2' or '1-2.3': `lazaret devices` tells");
		}
}

static void check_ids(struct loader *l, const struct yaml_strings *ids, const char *key)
{
	for (size_t i = 0; i < ids->count; i++)
		if (!is_usb_id(ids->list[i].value, true))
			string_error(l, &ids->list[i], key,
				     "must be VID:PID or VID:PID:SERIAL in lower-case hex digits, such as '0951:1666'");
}

static const struct yaml_field input_fields[] = {
	YAML_FIELD(struct station_input, "port", STRING, port, .is_required = true),
	YAML_FIELD(struct station_input, "id", STRING, id, .is_required = true),
	YAML_FIELD_END,
};

static int decode_input(const struct yaml_doc *doc, const struct yaml_node *node, struct yaml_errors *errors, struct station_input *ret)
{
	int r = yaml_decode(doc, node, input_fields, ret, errors);

	if (r == 0 && !device_port_valid(ret->port))
		yaml_node_error(doc, node, errors, "port: must be a USB port such as '1-2': `lazaret devices` tells");
	if (r == 0 && !is_usb_id(ret->id, false))
		yaml_node_error(doc, node, errors, "id: must be VID:PID in lower-case hex digits, such as '046d:c31c'");
	return r == -ENOMEM ? r : 0;
}

int devices_inputs_decode(const struct yaml_doc *doc, const struct yaml_node *node, struct yaml_errors *errors, struct station_input **ret,
			  size_t *ret_count)
{
	int r = 0;

	*ret = NULL;
	*ret_count = 0;
	if (!node)
		return 0;
	if (node->kind != YAML_KIND_LIST || node->count > STATION_DEVICE_LIST_MAX) {
		yaml_node_error(doc, node, errors, "inputs: must be a list of {port: , id: } maps");
		return 0;
	}
	*ret = calloc(node->count + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (; r == 0 && *ret_count < node->count; ++*ret_count)
		r = decode_input(doc, node->children[*ret_count], errors, &(*ret)[*ret_count]);
	return r;
}

void devices_inputs_free(struct station_input *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(inputs[i].port);
		free(inputs[i].id);
	}
	free(inputs);
}

static void check_devices(struct loader *l, struct raw_devices *d)
{
	const struct yaml_strings *lists[] = { &d->media_ports, &d->hubs, &d->allow, &d->deny };
	const struct yaml_node *devices = yaml_map_get(l->doc->root, "devices");

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (lists[i]->count > STATION_DEVICE_LIST_MAX)
			yaml_node_error(l->doc, devices, l->errors, "lists may have %d entries", STATION_DEVICE_LIST_MAX);
	check_ports(l, &d->media_ports, "media-ports", true);
	check_ports(l, &d->hubs, "hubs", false);
	check_ids(l, &d->allow, "allow");
	check_ids(l, &d->deny, "deny");
	if (d->unlock_tries == 0 && devices && yaml_map_get(devices, "unlock-time"))
		yaml_node_error(l->doc, devices, l->errors, "unlock-time: has no effect: with unlock-tries 0 nobody is asked");
}

int config_load_devices(struct loader *l, struct raw_devices *d)
{
	int r = devices_inputs_decode(l->doc, d->inputs, l->errors, &l->c->devices.inputs, &l->c->devices.input_count);

	check_devices(l, d);
	return r;
}

static struct yaml_strings take_strings(struct yaml_strings *from)
{
	struct yaml_strings taken = *from;

	*from = (struct yaml_strings){ 0 };
	return taken;
}

void config_take_lists(struct station_devices *to, struct raw_devices *from)
{
	yaml_strings_done(&to->media_ports);
	yaml_strings_done(&to->hubs);
	to->media_ports = take_strings(&from->media_ports);
	to->hubs = take_strings(&from->hubs);
}

void config_take_devices(struct station_devices *to, struct raw_devices *from)
{
	to->source = (enum station_device_source)from->source;
	to->is_guarded = from->is_guarded;
	to->media_ports = take_strings(&from->media_ports);
	to->hubs = take_strings(&from->hubs);
	to->allow = take_strings(&from->allow);
	to->deny = take_strings(&from->deny);
	to->has_optical = from->has_optical;
	to->at_once = from->at_once;
	to->unlock_tries = from->unlock_tries;
	to->unlock_time_s = from->unlock_time_s;
}
