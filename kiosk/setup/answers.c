/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "setup/answers.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/text.h"
#include "station/devices.h"

#define NAME_MAX_BYTES 64 /* as of lazaret.yaml */

static const char *const profiles[] = { "strict", "updates", "documents", NULL };

/* As it is written. */
struct raw {
	char *name, *time_zone, *clock;
	int profile;
	struct yaml_strings media_ports, hubs, stations;
	const struct yaml_node *inputs, *persons;
};

static const struct yaml_field fields[] = {
	YAML_FIELD(struct raw, "name", STRING, name, .max = NAME_MAX_BYTES),
	YAML_FIELD(struct raw, "profile", ENUM, profile, .choices = profiles),
	YAML_FIELD(struct raw, "time-zone", STRING, time_zone, .max = 64),
	YAML_FIELD(struct raw, "clock", STRING, clock, .max = 32),
	YAML_FIELD(struct raw, "for", STRINGS, stations),
	YAML_FIELD(struct raw, "media-ports", STRINGS, media_ports),
	YAML_FIELD(struct raw, "inputs", NODE, inputs),
	YAML_FIELD(struct raw, "hubs", STRINGS, hubs),
	YAML_FIELD(struct raw, "persons", NODE, persons),
	YAML_FIELD_END,
};

static const struct yaml_field person_fields[] = {
	YAML_FIELD(struct answers_person, "name", STRING, name, .is_required = true, .max = PERSON_NAME_MAX),
	YAML_FIELD(struct answers_person, "full-name", STRING, full_name, .max = PERSON_FULL_NAME_MAX),
	YAML_FIELD(struct answers_person, "roles", STRINGS, role_names, .is_required = true),
	YAML_FIELD(struct answers_person, "hash", STRING, hash, .max = 256),
	YAML_FIELD_END,
};

struct taking {
	const struct yaml_doc *doc;
	struct yaml_errors *errors;
	struct answers *a;
};

static void error_at(const struct taking *t, const char *key, const char *words)
{
	const struct yaml_node *node = yaml_map_get(t->doc->root, key);

	yaml_node_error(t->doc, node ? node : t->doc->root, t->errors, "%s: %s", key, words);
}

/* -- persons ----------------------------------------------------------------------------------------------------- */

/* A hash of crypt(5) as yescrypt, SHA-512 and their like look; PAM says whether it is one. What would break passwd's lines is refused. */
static bool is_hash(const char *text)
{
	size_t size = strlen(text);

	return size >= 20 && text[0] == '$' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./$=,") == size;
}

static bool is_taken(const struct answers *a, const char *name)
{
	for (size_t k = 0; k + 1 < a->person_count; k++)
		if (a->persons[k].name && strcmp(a->persons[k].name, name) == 0)
			return true;
	return false;
}

static int take_person(struct taking *t, const struct yaml_node *node)
{
	struct answers_person *p = &t->a->persons[t->a->person_count++];
	int r = yaml_decode(t->doc, node, person_fields, p, t->errors);

	if (r < 0)
		return r;
	if (!p->full_name)
		p->full_name = strdup("");
	if (!p->hash)
		p->hash = strdup("");
	if (!p->full_name || !p->hash)
		return -ENOMEM;
	if (!person_name_valid(p->name))
		yaml_node_error(t->doc, node, t->errors, "name: 1 to %d of a-z 0-9 . _ - @, a letter or digit first", PERSON_NAME_MAX);
	else if (is_taken(t->a, p->name))
		yaml_node_error(t->doc, node, t->errors, "name: %s is there twice", p->name);
	if (!person_full_name_valid(p->full_name))
		yaml_node_error(t->doc, node, t->errors, "full-name: text in one line");
	if (*p->hash && !is_hash(p->hash))
		yaml_node_error(t->doc, node, t->errors, "hash: not a hash of crypt(5): `mkpasswd -m yescrypt` makes one");
	for (size_t k = 0; k < p->role_names.count; k++) {
		int role = person_role_by_name(p->role_names.list[k].value);

		if (role < 0)
			yaml_node_error(t->doc, node, t->errors, "roles: operator, officer, auditor, administrator");
		else
			p->roles |= 1u << role;
	}
	if (p->role_names.count == 0)
		yaml_node_error(t->doc, node, t->errors, "roles: at least one");
	return 0;
}

static int take_persons(struct taking *t, const struct yaml_node *node)
{
	bool has_administrator = false;
	int r = 0;

	if (!node)
		return 0;
	if (node->kind != YAML_KIND_LIST || node->count == 0 || node->count > ANSWERS_PERSONS_MAX) {
		error_at(t, "persons", "must be a list of 1 to 100 {name: , roles: [...]} maps");
		return 0;
	}
	t->a->persons = calloc(node->count, sizeof(*t->a->persons));
	if (!t->a->persons)
		return -ENOMEM;
	for (size_t k = 0; k < node->count && r != -ENOMEM; k++)
		r = take_person(t, node->children[k]);
	for (size_t k = 0; k < t->a->person_count; k++) {
		const struct answers_person *p = &t->a->persons[k];

		has_administrator = has_administrator || (p->roles & 1u << PERSON_ADMINISTRATOR && p->hash && *p->hash);
	}
	/* From the first person on every change takes an administrator: without one nobody could ever be let in. */
	if (!has_administrator)
		error_at(t, "persons", "one of them must be an administrator with a hash, or nobody could let the others in");
	return r == -ENOMEM ? r : 0;
}

/* -- the rest ---------------------------------------------------------------------------------------------------- */

bool time_zone_valid(const char *zone)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
	_cleanup_free_ char *path = NULL;
	char magic[4] = "";
	FILE *f;
	bool is_zone;

	if (*zone < 'A' || *zone > 'Z' || strspn(zone, letters) != strlen(zone) || strlen(zone) > 64 ||
	    asprintf(&path, ZONES_DIRECTORY "/%s", zone) < 0)
		return false;
	f = fopen(path, "re");
	is_zone = f && fread(magic, 1, sizeof(magic), f) == sizeof(magic) && memcmp(magic, "TZif", sizeof(magic)) == 0; /* RFC 8536, 3.1 */
	if (f)
		(void)fclose(f); /* was only read */
	return is_zone;
}

static bool take_clock(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, as_given;
	const char *end = strptime(text, "%Y-%m-%dT%H:%MZ", &tm);
	time_t t;

	as_given = tm;
	t = timegm(&tm);
	*ret = (int64_t)t;
	return end && *end == '\0' && t > 0 && tm.tm_mday == as_given.tm_mday;
}

static void check_stations(const struct taking *t)
{
	for (size_t k = 0; k < t->a->stations.count; k++) {
		const char *id = t->a->stations.list[k].value;

		if (strcmp(id, "any") != 0 && (strlen(id) != 16 || strspn(id, "0123456789abcdef") != 16))
			error_at(t, "for", "the number of a machine (16 of 0-9 a-f, as its screen shows it), or any");
	}
}

static void check_ports(const struct taking *t)
{
	for (size_t k = 0; k < t->a->media_ports.count; k++)
		if (!device_port_valid(t->a->media_ports.list[k].value))
			error_at(t, "media-ports", "each must be a USB port such as 1-2 or 1-2.3; any is for trying, not for a station");
	for (size_t k = 0; k < t->a->hubs.count; k++)
		if (!device_port_valid(t->a->hubs.list[k].value))
			error_at(t, "hubs", "each must be a USB port such as 1-2 or 1-2.3");
}

static int take(struct taking *t, struct raw *raw)
{
	struct answers *a = t->a;
	int r;

	a->name = TAKE_PTR(raw->name);
	a->time_zone = TAKE_PTR(raw->time_zone);
	a->profile = raw->profile;
	a->media_ports = raw->media_ports;
	a->hubs = raw->hubs;
	a->stations = raw->stations;
	if (a->name && (!*a->name || !text_utf8_valid(a->name, strlen(a->name)) || strpbrk(a->name, "\n\r\t")))
		error_at(t, "name", "must be text in one line");
	if (a->time_zone && !time_zone_valid(a->time_zone))
		error_at(t, "time-zone", "there is no such zone; a name such as Europe/Berlin, or UTC");
	if (raw->clock && !take_clock(raw->clock, &a->clock))
		error_at(t, "clock", "a time in UTC such as 2026-11-23T06:30Z, which has passed when it is read");
	check_stations(t);
	check_ports(t);
	r = devices_inputs_decode(t->doc, raw->inputs, t->errors, &a->inputs, &a->input_count);
	return r == 0 ? take_persons(t, raw->persons) : r;
}

int answers_parse(const char *file, const void *data, size_t size, struct yaml_errors *errors, struct answers **ret)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	_cleanup_(answers_freep) struct answers *a = calloc(1, sizeof(*a));
	struct taking t = { .errors = errors, .a = a };
	struct raw raw = { 0 };
	int r = a ? yaml_doc_parse(file, data, size, errors, &doc) : -ENOMEM;

	if (r < 0)
		return r;
	t.doc = doc;
	r = yaml_decode(doc, doc->root, fields, &raw, errors);
	if (r != -ENOMEM && doc->root->kind == YAML_KIND_MAP)
		r = yaml_worse(r, take(&t, &raw));
	free(raw.clock);
	if (r == 0 && yaml_errors_any(errors))
		r = -EINVAL;
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

struct answers *answers_free(struct answers *a)
{
	if (!a)
		return NULL;
	for (size_t k = 0; k < a->person_count; k++) {
		struct answers_person *p = &a->persons[k];

		free(p->name);
		free(p->full_name);
		free(p->hash);
		yaml_strings_done(&p->role_names);
	}
	free(a->persons);
	devices_inputs_free(a->inputs, a->input_count);
	yaml_strings_done(&a->media_ports);
	yaml_strings_done(&a->hubs);
	yaml_strings_done(&a->stations);
	free(a->name);
	free(a->time_zone);
	free(a);
	return NULL;
}

void answers_freep(struct answers **a)
{
	*a = answers_free(*a);
}

/* -- what follows from them --------------------------------------------------------------------------------------- */

bool answers_are_for(const struct answers *a, const char *id)
{
	return a->stations.count == 0 || yaml_strings_has(&a->stations, "any") || yaml_strings_has(&a->stations, id);
}

const char *answers_profile(const struct answers *a)
{
	return profiles[a->profile];
}

static void put_list(FILE *out, const char *key, const struct yaml_strings *s)
{
	if (s->count == 0)
		return;
	fprintf(out, "  %s: [", key);
	for (size_t k = 0; k < s->count; k++)
		fprintf(out, "%s'%s'", k > 0 ? ", " : "", s->list[k].value); /* ports: digits, - and . */
	fprintf(out, "]\n");
}

char *answers_devices(const struct answers *a)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "  source: udev\n"); /* a section must not be empty */
	put_list(out, "media-ports", &a->media_ports);
	put_list(out, "hubs", &a->hubs);
	if (a->input_count > 0)
		fprintf(out, "  inputs:\n");
	for (size_t k = 0; k < a->input_count; k++)
		fprintf(out, "    - {port: '%s', id: '%s'}\n", a->inputs[k].port, a->inputs[k].id);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
