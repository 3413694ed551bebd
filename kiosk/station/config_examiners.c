/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `yara:` and `plugins:`: examiners of the site. */
#include <limits.h>
#include <string.h>

#include "common/hash.h"
#include "station/config_parts.h"
#include "station/path.h"

#define YARA_FILES_MAX 256 /* yararules/limits.h */

static bool is_sha256(const char *text)
{
	return strlen(text) == SHA256_HEX_LEN && strspn(text, "0123456789abcdef") == SHA256_HEX_LEN;
}

/* -- yara --------------------------------------------------------------------------------------------------------------- */

struct raw_yara {
	char *dir;
	const struct yaml_node *files;
};

static const struct yaml_field yara_fields[] = {
	YAML_FIELD(struct raw_yara, "directory", STRING, dir, .is_required = true),
	YAML_FIELD(struct raw_yara, "files", NODE, files, .is_required = true),
	YAML_FIELD_END,
};

static const struct yaml_field rule_file_fields[] = {
	YAML_FIELD(struct station_database_file, "file", STRING, file, .is_required = true, .max = NAME_MAX),
	YAML_FIELD(struct station_database_file, "sha256", STRING, sha256, .is_required = true, .max = SHA256_HEX_LEN),
	YAML_FIELD_END,
};

static bool is_component(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static int load_rule_file(struct loader *l, const struct yaml_node *node)
{
	struct station_yara *y = &l->c->yara;
	struct station_database_file *f = &y->files[y->count];
	int r = yaml_decode(l->doc, node, rule_file_fields, f, l->errors);

	if (r == 0 && !is_component(f->file))
		yaml_node_error(l->doc, node, l->errors, "file: must be the name of a file in 'directory'");
	if (r == 0 && !is_sha256(f->sha256))
		yaml_node_error(l->doc, node, l->errors, "sha256: must be %d lower-case hex digits (sha256sum %s)", SHA256_HEX_LEN, f->file);
	for (size_t i = 0; r == 0 && i < y->count; i++)
		if (y->files[i].file && strcmp(y->files[i].file, f->file) == 0)
			yaml_node_error(l->doc, node, l->errors, "'%s' is in the list twice", f->file);
	y->count++;
	return r == -ENOMEM ? r : 0;
}

static int load_rule_files(struct loader *l, const struct yaml_node *list)
{
	struct station_yara *y = &l->c->yara;
	int r = 0;

	if (!list)
		return 0;
	if (list->kind != YAML_KIND_LIST || list->count == 0 || list->count > YARA_FILES_MAX) {
		yaml_node_error(l->doc, list, l->errors, "files: must be a list of 1 to %d rule files", YARA_FILES_MAX);
		return 0;
	}
	y->files = calloc(list->count, sizeof(*y->files));
	if (!y->files)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = load_rule_file(l, list->children[i]);
	return r;
}

int config_load_yara(struct loader *l, const struct yaml_node *yara)
{
	struct raw_yara raw = { 0 };
	int r;

	if (!yara)
		return 0;
	r = yaml_decode(l->doc, yara, yara_fields, &raw, l->errors);
	if (r != -ENOMEM)
		r = load_rule_files(l, raw.files);
	if (r == 0 && raw.dir) {
		l->c->yara.dir = path_resolve(l->c->dir, raw.dir);
		r = l->c->yara.dir ? 0 : -ENOMEM;
	}
	free(raw.dir);
	return r;
}

/* -- plug-ins ----------------------------------------------------------------------------------------------------------- */

static const struct yaml_field plugin_fields[] = {
	YAML_FIELD(struct station_plugin, "name", STRING, name, .is_required = true, .max = 32),
	YAML_FIELD(struct station_plugin, "program", STRING, program, .is_required = true, .max = 1000),
	YAML_FIELD(struct station_plugin, "sha256", STRING, sha256, .is_required = true, .max = SHA256_HEX_LEN),
	YAML_FIELD(struct station_plugin, "time", DURATION, time_s, .min = 1, .max = DAY),
	YAML_FIELD(struct station_plugin, "types", STRINGS, types),
	YAML_FIELD(struct station_plugin, "required", BOOL, is_required),
	YAML_FIELD_END,
};

#define PLUGIN_TIME_S 120 /* as scan-time */

static void check_plugin(struct loader *l, const struct yaml_node *node, const struct station_plugin *p)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (!*p->name || strspn(p->name, letters) != strlen(p->name))
		yaml_node_error(l->doc, node, l->errors, "name: must be lower-case letters, digits and '-'");
	if (*p->program != '/' || p->program[strlen(p->program) - 1] == '/')
		yaml_node_error(l->doc, node, l->errors, "program: must be an absolute path of a file");
	if (!is_sha256(p->sha256))
		yaml_node_error(l->doc, node, l->errors, "sha256: must be %d lower-case hex digits (sha256sum %s)", SHA256_HEX_LEN,
				p->program);
	for (const struct station_plugin *other = l->c->plugins; other < p; other++)
		if (other->name && strcmp(other->name, p->name) == 0)
			yaml_node_error(l->doc, node, l->errors, "name: '%s' is in the list twice", p->name);
}

int config_load_plugins(struct loader *l, const struct yaml_node *plugins)
{
	if (!plugins)
		return 0;
	if (plugins->kind != YAML_KIND_LIST || plugins->count > STATION_PLUGINS_MAX) {
		yaml_node_error(l->doc, plugins, l->errors, "plugins: must be a list of at most %d {name: , program: , sha256: } maps",
				STATION_PLUGINS_MAX);
		return 0;
	}
	for (size_t i = 0; i < plugins->count; i++) {
		struct station_plugin *p = &l->c->plugins[l->c->plugin_count++];
		int r;

		*p = (struct station_plugin){ .time_s = PLUGIN_TIME_S, .is_required = true };
		r = yaml_decode(l->doc, plugins->children[i], plugin_fields, p, l->errors);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			check_plugin(l, plugins->children[i], p);
	}
	return 0;
}

void config_examiners_done(struct station_config *c)
{
	for (size_t i = 0; i < c->yara.count; i++) {
		free(c->yara.files[i].file);
		free(c->yara.files[i].sha256);
	}
	free(c->yara.files);
	free(c->yara.dir);
	for (size_t i = 0; i < c->plugin_count; i++) {
		free(c->plugins[i].name);
		free(c->plugins[i].program);
		free(c->plugins[i].sha256);
		yaml_strings_done(&c->plugins[i].types);
	}
}
