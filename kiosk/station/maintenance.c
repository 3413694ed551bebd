/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "station/maintenance.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/text.h"
#include "station/config_parts.h"
#include "station/devices.h"
#include "station/path.h"

#define FORMAT "lazaret.maintenance/1"

bool station_name_valid(const char *name)
{
	size_t size = strlen(name);

	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return strspn(name, " ") < size && size <= STATION_NAME_MAX && text_utf8_valid(name, size);
}

/* -- reading ------------------------------------------------------------------------------------------------------------ */

struct raw_file {
	char *format, *by, *name;
	uint64_t at;
	const struct yaml_node *devices;
};

static const struct yaml_field file_fields[] = {
	YAML_FIELD(struct raw_file, "format", STRING, format, .is_required = true),
	YAML_FIELD(struct raw_file, "by", STRING, by, .is_required = true),
	YAML_FIELD(struct raw_file, "at", UINT, at, .is_required = true),
	YAML_FIELD(struct raw_file, "name", STRING, name, .max = STATION_NAME_MAX),
	YAML_FIELD(struct raw_file, "devices", NODE, devices),
	YAML_FIELD_END,
};

static int take_devices(struct loader *l, const struct yaml_node *node)
{
	struct station_devices *to = &l->c->devices;
	struct raw_devices raw = { 0 };
	int r = yaml_decode(l->doc, node, config_devices_lists, &raw, l->errors);

	if (r == 0) {
		devices_inputs_free(to->inputs, to->input_count);
		to->inputs = NULL;
		to->input_count = 0;
		r = config_load_devices(l, &raw);
	}
	if (r == 0 && !yaml_errors_any(l->errors)) {
		config_take_lists(to, &raw);
		l->c->has_kept_devices = true;
	}
	yaml_strings_done(&raw.media_ports);
	yaml_strings_done(&raw.hubs);
	return r;
}

static int take(struct loader *l)
{
	struct raw_file raw = { 0 };
	int r = yaml_decode(l->doc, l->doc->root, file_fields, &raw, l->errors);

	if (r == 0 && strcmp(raw.format, FORMAT) != 0)
		yaml_node_error(l->doc, l->doc->root, l->errors, "format: not " FORMAT);
	if (r == 0 && raw.name && !station_name_valid(raw.name))
		yaml_node_error(l->doc, l->doc->root, l->errors, "name: 1 to %d bytes of text in one line", STATION_NAME_MAX);
	if (r == 0 && raw.devices)
		r = take_devices(l, raw.devices);
	if (r == 0 && raw.name && !yaml_errors_any(l->errors)) {
		free(l->c->name);
		l->c->name = TAKE_PTR(raw.name);
		l->c->has_kept_name = true;
	}
	free(raw.format);
	free(raw.by);
	free(raw.name);
	return r == 0 && yaml_errors_any(l->errors) ? -EINVAL : r;
}

int config_take_maintenance(struct station_config *c, struct yaml_errors *errors)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	_cleanup_free_ char *file = path_resolve(c->dir, MAINTENANCE_FILE);
	struct loader l = { .errors = errors, .c = c };
	struct stat st;
	int r;

	if (!file)
		return -ENOMEM;
	if (lstat(file, &st) < 0 && errno == ENOENT)
		return 0;
	r = yaml_doc_load(file, errors, &doc);
	if (r == 0) {
		l.doc = doc;
		r = take(&l);
	}
	if (r < 0 && r != -ENOMEM)
		yaml_errors_add(errors, file, 0, 0, "it takes the place of what lazaret.yaml says: put it right, or remove it for lazaret.yaml alone to count");
	return r;
}

/* -- writing ------------------------------------------------------------------------------------------------------------ */

static json_t *strings(const struct yaml_strings *list)
{
	json_t *all = json_array();

	for (size_t k = 0; all && k < list->count; k++)
		if (json_array_append_new(all, json_string(list->list[k].value)) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}

static json_t *inputs(const struct station_devices *d)
{
	json_t *all = json_array();

	for (size_t k = 0; all && k < d->input_count; k++)
		if (json_array_append_new(all, json_pack("{s:s,s:s}", "port", d->inputs[k].port, "id", d->inputs[k].id)) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}

json_t *maintenance_devices(const struct station_config *c)
{
	return json_pack("{s:o,s:o,s:o}", "media-ports", strings(&c->devices.media_ports), "inputs", inputs(&c->devices), "hubs",
			 strings(&c->devices.hubs));
}

/* In YAML a list that is empty is a slip: what is not there is empty here. */
static void drop_empty(json_t *lists)
{
	const char *key;
	json_t *list;
	void *next;

	json_object_foreach_safe(lists, next, key, list)
		if (json_array_size(list) == 0)
			(void)json_object_del(lists, key); /* it is there */
}

int maintenance_keep(const struct station_config *c, const char *by, const json_t *devices, const char *name)
{
	_cleanup_close_ int fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_t *o = json_pack("{s:s,s:s,s:I}", "format", FORMAT, "by", by, "at", (json_int_t)time(NULL));
	json_t *lists = devices ? json_deep_copy(devices) : c->has_kept_devices ? maintenance_devices(c) : NULL;
	_cleanup_free_ char *text = NULL;
	int r = fd < 0 ? -errno : o && (lists || !(devices || c->has_kept_devices)) ? 0 : -ENOMEM;

	drop_empty(lists);
	if (r == 0 && lists && json_object_set(o, "devices", lists) < 0)
		r = -ENOMEM;
	if (r == 0 && (name || c->has_kept_name) && json_object_set_new(o, "name", json_string(name ? name : c->name)) < 0)
		r = -ENOMEM;
	if (r == 0 && !(text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS))) /* without ENSURE_ASCII: YAML knows no surrogates */
		r = -ENOMEM;
	if (r == 0) /* readable as lazaret.yaml is: nothing in it is secret */
		r = file_replace(fd, MAINTENANCE_FILE, text, strlen(text), 0644);
	json_decref(lists);
	json_decref(o);
	return r;
}

/* -- changing ----------------------------------------------------------------------------------------------------------- */

#define SWAP(a, b)                        \
	do {                              \
		__typeof__(a) swap_ = a; \
		a = b;                    \
		b = swap_;                \
	} while (0)

void maintenance_swap(struct station_config *to, struct station_config *from)
{
	SWAP(to->name, from->name);
	SWAP(to->devices.media_ports, from->devices.media_ports);
	SWAP(to->devices.inputs, from->devices.inputs);
	SWAP(to->devices.input_count, from->devices.input_count);
	SWAP(to->devices.hubs, from->devices.hubs);
	SWAP(to->has_kept_devices, from->has_kept_devices);
	SWAP(to->has_kept_name, from->has_kept_name);
}
