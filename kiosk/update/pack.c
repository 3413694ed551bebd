/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* pack.json. What is read must be, byte for byte, what would have been written: there is one way to say each thing, and no room for
 * another. */
#include "update/pack.h"

#include <stdarg.h>
#include <string.h>

#include "station/config.h"
#include "station/sets.h"

static const struct {
	const char *name, *directory;
} kinds[PACK_KIND_COUNT_] = {
	[PACK_DATABASE] = { "database", "database" },	 [PACK_RULES] = { "rules", "rules" }, [PACK_TYPES] = { "types", "types" },
	[PACK_YARA] = { "yara", "yara" },		 [PACK_HASH_LIST] = { "hash-list", "hash-list" },
	[PACK_KEY] = { "key", "keys" },		 [PACK_SOFTWARE] = { "software", "software" },
	[PACK_APPLIANCE] = { "appliance", "appliance" },
};

const char *pack_kind_name(unsigned int kind)
{
	return kind < PACK_KIND_COUNT_ ? kinds[kind].name : NULL;
}

const char *pack_kind_directory(unsigned int kind)
{
	return kind < PACK_KIND_COUNT_ ? kinds[kind].directory : NULL;
}

int pack_fail(char **ret_why, int error, const char *fmt, ...)
{
	va_list ap;

	free(*ret_why);
	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return error;
}

static bool is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

bool pack_station_ok(const char *word)
{
	return strcmp(word, "any") == 0 || is_hex(word, 16) || station_group_ok(word);
}

static bool ends_with(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a > b && strcmp(s + a - b, end) == 0;
}

static bool is_appliance_file(const char *file)
{
	static const char *const files[PACK_APPLIANCE_COUNT] = PACK_APPLIANCE_FILES;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(file, files[i]) == 0)
			return true;
	return false;
}

size_t pack_appliance_files(const struct pack *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->member_count; i++)
		n += p->members[i].kind == PACK_APPLIANCE; /* no path is there twice */
	return n;
}

bool pack_file_ok(enum pack_kind kind, const char *file, const char **ret_why)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+~";
	size_t size = strlen(file);

	*ret_why = "its name is not letters, digits and . _ - + ~, or begins with a dot, or is too long";
	if (size == 0 || *file == '.' || strspn(file, letters) != size || strlen(kinds[kind].directory) + 1 + size > PACK_PATH_MAX)
		return false;
	switch (kind) {
	case PACK_DATABASE:
		return station_database_file_ok(file, ret_why);
	case PACK_RULES:
		*ret_why = "rules are called " SET_RULES_FILE " in a pack";
		return strcmp(file, SET_RULES_FILE) == 0;
	case PACK_TYPES:
		*ret_why = "a table of types is called NAME.yaml";
		return ends_with(file, ".yaml");
	case PACK_HASH_LIST:
		*ret_why = "a list of digests is called " SET_HASH_LIST_FILE " in a pack";
		return strcmp(file, SET_HASH_LIST_FILE) == 0;
	case PACK_KEY:
		*ret_why = "a key is called NAME.pub in a pack";
		return ends_with(file, ".pub");
	case PACK_SOFTWARE:
		*ret_why = "software is a Debian package, NAME.deb";
		return ends_with(file, ".deb");
	case PACK_APPLIANCE:
		*ret_why = "an appliance is root.squashfs, root.verity and lazaret.efi";
		return is_appliance_file(file);
	default:
		return true;
	}
}

bool pack_is_for(const struct pack *p, const char *id, const char *const *groups, size_t group_count)
{
	for (size_t i = 0; i < p->station_count; i++) {
		if (strcmp(p->stations[i], "any") == 0 || strcmp(p->stations[i], id) == 0)
			return true;
		for (size_t g = 0; g < group_count; g++)
			if (strcmp(p->stations[i], groups[g]) == 0)
				return true;
	}
	return false;
}

struct pack *pack_free(struct pack *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->station_count; i++)
		free(p->stations[i]);
	for (size_t i = 0; i < p->member_count; i++) {
		free(p->members[i].path);
		free(p->members[i].name);
	}
	free(p->stations);
	free(p->members);
	free(p->name);
	free(p);
	return NULL;
}

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* -- writing ------------------------------------------------------------------------------------------------------------ */

static json_t *purposes_json(unsigned int mask)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < PURPOSE_COUNT_; i++)
		if (mask & 1u << i && json_array_append_new(list, json_string(trust_purpose_name(i))) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *member_json(const struct pack_member *m)
{
	if (m->kind == PACK_KEY)
		return json_pack("{s:s,s:s,s:s,s:o,s:s,s:I,s:I}", "kind", kinds[m->kind].name, "path", m->path, "name", m->name, "for",
				 purposes_json(m->purposes), "sha256", m->sha256, "size", (json_int_t)m->size, "time",
				 (json_int_t)m->time);
	return json_pack("{s:s,s:s,s:s,s:I,s:I}", "kind", kinds[m->kind].name, "path", m->path, "sha256", m->sha256, "size",
			 (json_int_t)m->size, "time", (json_int_t)m->time);
}

char *pack_text(const struct pack *p)
{
	_cleanup_(json_decref_p) json_t *root = NULL;
	json_t *stations = json_array(), *members = json_array();
	char *text, *line = NULL;
	int r = 0;

	for (size_t i = 0; i < p->station_count; i++)
		r |= json_array_append_new(stations, json_string(p->stations[i]));
	for (size_t i = 0; i < p->member_count; i++)
		r |= json_array_append_new(members, member_json(&p->members[i]));
	root = json_pack("{s:s,s:I,s:o,s:s,s:o,s:I}", "format", PACK_FORMAT, "made", (json_int_t)p->made, "members", members, "name",
			 p->name, "stations", stations, "version", (json_int_t)p->version);
	text = root && r == 0 ? json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

/* -- reading ------------------------------------------------------------------------------------------------------------ */

static int take_purposes(const json_t *list, struct pack_member *m, char **ret_why)
{
	json_t *word;
	size_t i;

	json_array_foreach((json_t *)list, i, word) {
		int purpose = json_is_string(word) ? trust_purpose_by_name(json_string_value(word)) : -EINVAL;

		if (purpose == PURPOSE_UPDATE)
			return pack_fail(ret_why, -EBADMSG, "%s: a pack cannot bring a key for updates: whoever signs packs would decide who does. "
					 "Use `lazaret key trust` at the station", m->path);
		if (purpose < 0)
			return pack_fail(ret_why, -EBADMSG, "%s: a purpose that keys cannot have", m->path);
		m->purposes |= 1u << purpose;
	}
	return m->purposes ? 0 : pack_fail(ret_why, -EBADMSG, "%s: a key for nothing", m->path);
}

static int take_key(const json_t *o, struct pack_member *m, char **ret_why)
{
	const char *name = json_string_value(json_object_get(o, "name"));

	if (!name || !trust_name_valid(name))
		return pack_fail(ret_why, -EBADMSG, "%s: a key without a proper name", m->path);
	m->name = strdup(name);
	return m->name ? take_purposes(json_object_get(o, "for"), m, ret_why) : -ENOMEM;
}

static int kind_by_name(const char *name)
{
	for (int k = 0; k < PACK_KIND_COUNT_; k++)
		if (strcmp(kinds[k].name, name) == 0)
			return k;
	return -EINVAL;
}

/* Nothing but the kind's own directory and one proper name in it. */
static bool path_ok(enum pack_kind kind, const char *path, const char **ret_why)
{
	size_t n = strlen(kinds[kind].directory);

	*ret_why = "not where a member of its kind has to be";
	return strncmp(path, kinds[kind].directory, n) == 0 && path[n] == '/' && pack_file_ok(kind, path + n + 1, ret_why);
}

static int take_member(const json_t *o, struct pack_member *m, char **ret_why)
{
	const char *kind, *path, *sum, *why;
	json_int_t size, time;
	int k;

	if (json_unpack((json_t *)o, "{s:s,s:s,s:s,s:I,s:I}", "kind", &kind, "path", &path, "sha256", &sum, "size", &size, "time",
			&time) < 0)
		return pack_fail(ret_why, -EBADMSG, "a member is not described as it has to be");
	k = kind_by_name(kind);
	if (k < 0 || size < 0 || (uint64_t)size > PACK_MEMBER_BYTES_MAX || time < 0 || !is_hex(sum, SHA256_HEX_LEN))
		return pack_fail(ret_why, -EBADMSG, "a member is not described as it has to be");
	if (!path_ok((enum pack_kind)k, path, &why))
		return pack_fail(ret_why, -EBADMSG, "the path of a member of kind %s: %s", kind, why);
	m->kind = (enum pack_kind)k;
	m->size = (uint64_t)size;
	m->time = time;
	memcpy(m->sha256, sum, sizeof(m->sha256));
	m->path = strdup(path);
	if (!m->path)
		return -ENOMEM;
	return m->kind == PACK_KEY ? take_key(o, m, ret_why) : 0;
}

static int take_members(const json_t *list, struct pack *p, char **ret_why)
{
	uint64_t bytes = 0;
	json_t *o;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > PACK_MEMBERS_MAX)
		return pack_fail(ret_why, -EBADMSG, "not 1 to %d members", PACK_MEMBERS_MAX);
	p->members = calloc(json_array_size(list), sizeof(*p->members));
	if (!p->members)
		return -ENOMEM;
	json_array_foreach((json_t *)list, i, o) {
		int r = take_member(o, &p->members[p->member_count++], ret_why);

		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (strcmp(p->members[k].path, p->members[i].path) == 0)
				return pack_fail(ret_why, -EBADMSG, "%s: twice", p->members[i].path);
		bytes += p->members[i].size;
		if (bytes > PACK_BYTES_MAX)
			return pack_fail(ret_why, -EBADMSG, "larger than %llu bytes", (unsigned long long)PACK_BYTES_MAX);
	}
	if (pack_appliance_files(p) != 0 && pack_appliance_files(p) != PACK_APPLIANCE_COUNT)
		return pack_fail(ret_why, -EBADMSG, "a part of an appliance: root.squashfs, root.verity and lazaret.efi belong together");
	return 0;
}

static int take_stations(const json_t *list, struct pack *p, char **ret_why)
{
	json_t *word;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > PACK_STATIONS_MAX)
		return pack_fail(ret_why, -EBADMSG, "not for 1 to %d stations or groups", PACK_STATIONS_MAX);
	p->stations = calloc(json_array_size(list), sizeof(*p->stations));
	if (!p->stations)
		return -ENOMEM;
	json_array_foreach((json_t *)list, i, word) {
		const char *text = json_string_value(word);

		if (!text || !pack_station_ok(text))
			return pack_fail(ret_why, -EBADMSG, "for a station or group whose name cannot be one");
		p->stations[i] = strdup(text);
		if (!p->stations[i])
			return -ENOMEM;
		p->station_count++;
	}
	return 0;
}

static int take(const json_t *root, struct pack *p, char **ret_why)
{
	const char *format, *name;
	json_int_t made, version;
	json_t *members, *stations;
	int r;

	if (json_unpack((json_t *)root, "{s:s,s:I,s:o,s:s,s:o,s:I!}", "format", &format, "made", &made, "members", &members, "name", &name,
			"stations", &stations, "version", &version) < 0 || strcmp(format, PACK_FORMAT) != 0)
		return pack_fail(ret_why, -EBADMSG, "not in the form of %s", PACK_FORMAT);
	if (!trust_name_valid(name) || version < 1 || (uint64_t)version > PACK_VERSION_MAX || made < 0)
		return pack_fail(ret_why, -EBADMSG, "name, version or time of making is out of bounds");
	p->version = (uint64_t)version;
	p->made = made;
	p->name = strdup(name);
	r = p->name ? take_stations(stations, p, ret_why) : -ENOMEM;
	return r < 0 ? r : take_members(members, p, ret_why);
}

int pack_parse(const char *raw, size_t size, struct pack **ret, char **ret_why)
{
	_cleanup_(pack_freep) struct pack *p = calloc(1, sizeof(*p));
	_cleanup_(json_decref_p) json_t *root = NULL;
	_cleanup_free_ char *text = NULL;
	json_error_t error;
	int r;

	*ret_why = NULL;
	if (!p)
		return -ENOMEM;
	root = size <= PACK_MANIFEST_MAX ? json_loadb(raw, size, JSON_REJECT_DUPLICATES, &error) : NULL;
	if (!root)
		return pack_fail(ret_why, -EBADMSG, PACK_MANIFEST ": no JSON");
	r = take(root, p, ret_why);
	if (r == 0 && !(text = pack_text(p)))
		r = -ENOMEM;
	if (r == 0 && (strlen(text) != size || memcmp(text, raw, size) != 0))
		r = pack_fail(ret_why, -EBADMSG, PACK_MANIFEST ": not as `lazaret pack make` writes it");
	if (r == 0)
		*ret = TAKE_PTR(p);
	return r;
}
