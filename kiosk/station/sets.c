/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* sets/current -> struct station_config. Written by `lazaret update`, and checked as the officer's own file is: what a station does
 * must be what its files say, and half of a set must not be taken for one. */
#include "station/sets.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "common/fd.h"
#include "common/finding.h"
#include "common/hash.h"
#include "common/trust.h"

#define FILES_MAX 1024 /* of one set */

static const char *file_in_use = SETS_CURRENT;

static const char *const kind_names[SET_KIND_COUNT_] = {
	[SET_DATABASE] = "database", [SET_RULES] = "rules",	    [SET_TYPES] = "types",
	[SET_YARA] = "yara",	     [SET_HASH_LIST] = "hash-list", [SET_SOFTWARE] = "software",
	[SET_APPLIANCE] = "appliance",
};

const char *station_set_kind_name(unsigned int kind)
{
	return kind < SET_KIND_COUNT_ ? kind_names[kind] : NULL;
}

void station_sets_use(const char *file)
{
	file_in_use = file;
}

static bool is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

bool station_group_ok(const char *name)
{
	return trust_name_valid(name) && strcmp(name, "any") != 0 && !is_hex(name, 16);
}

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int fail(char **ret_why, const char *fmt, ...) _printf_(2, 3);
static int fail(char **ret_why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return -EBADMSG;
}

/* -- form --------------------------------------------------------------------------------------------------------------- */

static bool is_component(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= NAME_MAX;
}

static bool files_valid(const json_t *files)
{
	json_t *f;
	size_t i;

	if (!json_is_array(files) || json_array_size(files) == 0 || json_array_size(files) > FILES_MAX)
		return false;
	json_array_foreach((json_t *)files, i, f) {
		const char *file, *sum;

		if (json_unpack(f, "{s:s,s:s!}", "file", &file, "sha256", &sum) < 0 || !is_component(file) || !is_hex(sum, SHA256_HEX_LEN))
			return false;
	}
	return true;
}

static bool set_valid(const json_t *set)
{
	const char *name, *pack, *directory;
	json_int_t applied, made, version;
	json_t *files;

	return json_unpack((json_t *)set, "{s:I,s:o,s:I,s:s,s:s,s:s,s:I!}", "applied_at", &applied, "files", &files, "made", &made, "name",
			   &name, "pack", &pack, "set", &directory, "version", &version) == 0 &&
	       applied >= 0 && made >= 0 && version > 0 && trust_name_valid(name) && is_hex(pack, SHA256_HEX_LEN) &&
	       is_component(directory) && files_valid(files);
}

static bool sets_valid(const json_t *sets)
{
	const char *kind;
	json_t *set;

	if (!json_is_object(sets))
		return false;
	json_object_foreach((json_t *)sets, kind, set) {
		unsigned int k = 0;

		while (k < SET_KIND_COUNT_ && strcmp(kind, kind_names[k]) != 0)
			k++;
		if (k == SET_KIND_COUNT_ || !set_valid(set))
			return false;
		if ((k == SET_RULES || k == SET_HASH_LIST) && json_array_size(json_object_get(set, "files")) != 1)
			return false;
	}
	return true;
}

static bool versions_valid(const json_t *versions)
{
	const char *name;
	json_t *v;

	if (!json_is_object(versions))
		return false;
	json_object_foreach((json_t *)versions, name, v)
		if (!trust_name_valid(name) || !json_is_integer(v) || json_integer_value(v) <= 0)
			return false;
	return true;
}

static bool keys_valid(const json_t *keys)
{
	json_t *name;
	size_t i;

	if (!json_is_array(keys))
		return false;
	json_array_foreach((json_t *)keys, i, name)
		if (!json_is_string(name) || !trust_name_valid(json_string_value(name)))
			return false;
	return true;
}

static bool state_valid(const json_t *o)
{
	return json_is_integer(json_object_get(o, "applied_at")) && json_is_string(json_object_get(o, "by")) &&
	       keys_valid(json_object_get(o, "keys")) && sets_valid(json_object_get(o, "sets")) &&
	       versions_valid(json_object_get(o, "versions"));
}

static bool root_valid(const json_t *root)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	const json_t *undo = json_object_get(root, "undo");

	return format && strcmp(format, SETS_FORMAT) == 0 && state_valid(root) && undo && (json_is_null(undo) || state_valid(undo));
}

static json_t *empty(void)
{
	return json_pack("{s:s,s:i,s:s,s:[],s:{},s:n,s:{}}", "format", SETS_FORMAT, "applied_at", 0, "by", "", "keys", "sets", "undo",
			 "versions");
}

int station_sets_load(int dir_fd, const char *file, json_t **ret, char **ret_why)
{
	_cleanup_(json_decref_p) json_t *root = NULL;
	_cleanup_free_ char *text = NULL;
	json_error_t error;
	size_t size;
	int r = dir_fd < 0 ? -ENOENT : file_read(dir_fd, file, SETS_FILE_MAX, &text, &size);

	*ret_why = NULL;
	if (r == -ENOENT && strcmp(file, SETS_CURRENT) == 0) {
		*ret = empty();
		return *ret ? 0 : -ENOMEM;
	}
	if (r < 0) {
		(void)fail(ret_why, "%s/%s: %s", SETS_DIRECTORY, file, strerror(-r));
		return r;
	}
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return fail(ret_why, "%s/%s:%d:%d: %s", SETS_DIRECTORY, file, error.line, error.column, error.text);
	if (!root_valid(root))
		return fail(ret_why, "%s/%s: not in the form of %s", SETS_DIRECTORY, file, SETS_FORMAT);
	*ret = TAKE_PTR(root);
	return 0;
}

/* -- into the configuration --------------------------------------------------------------------------------------------- */

struct taking {
	struct station_config *c;
	struct yaml_errors *errors;
	int dir_fd; /* sets/ */
};

static int replace(char **string, const char *fmt, ...) _printf_(2, 3);
static int replace(char **string, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	free(*string);
	*string = text;
	return 0;
}

static void files_free(struct station_database_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(files[i].file);
		free(files[i].sha256);
	}
	free(files);
}

static int take_files(const json_t *set, struct station_database_file **files, size_t *count)
{
	const json_t *list = json_object_get(set, "files");
	struct station_database_file *taken = calloc(json_array_size(list), sizeof(*taken));
	json_t *f;
	size_t i;

	if (!taken)
		return -ENOMEM;
	json_array_foreach((json_t *)list, i, f) {
		taken[i].file = strdup(json_string_value(json_object_get(f, "file")));
		taken[i].sha256 = strdup(json_string_value(json_object_get(f, "sha256")));
		if (!taken[i].file || !taken[i].sha256) {
			files_free(taken, i + 1);
			return -ENOMEM;
		}
	}
	files_free(*files, *count);
	*files = taken;
	*count = i;
	return 0;
}

/* The content that the pack had, and nothing else; those that have no pin of their own where they are loaded. */
static int compare_file(const struct taking *t, const char *path, const char *wanted)
{
	_cleanup_close_ int fd = openat(t->dir_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);

	if (r == 0)
		hex_encode(sum, sizeof(sum), hex);
	if (r == 0 && strcmp(hex, wanted) == 0)
		return 0;
	yaml_errors_add(t->errors, t->c->dir, 0, 0, "%s/%s: %s; `lazaret update undo` goes back to the set before", SETS_DIRECTORY, path,
			r < 0 ? strerror(-r) : "not as the update pack brought it");
	return -EINVAL;
}

static int compare_files(const struct taking *t, const char *directory, const char *kind, const json_t *set)
{
	json_t *f;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(set, "files"), i, f) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s/%s", directory, kind, json_string_value(json_object_get(f, "file"))) < 0)
			return -ENOMEM;
		r = yaml_worse(r, compare_file(t, path, json_string_value(json_object_get(f, "sha256"))));
	}
	return r;
}

static int put_in_place(const struct taking *t, enum station_set_kind kind, const char *directory, const json_t *set)
{
	struct station_config *c = t->c;
	char **place = kind == SET_DATABASE ? &c->database.dir : kind == SET_TYPES ? &c->types_dir : &c->yara.dir;
	int r = 0;

	if (kind == SET_SOFTWARE || kind == SET_APPLIANCE)
		return 0;
	if (kind == SET_RULES || kind == SET_TYPES || kind == SET_HASH_LIST)
		r = compare_files(t, directory, kind_names[kind], set);
	if (r < 0)
		return r;
	if (kind == SET_RULES)
		return replace(&c->rules_file, "%s/" SETS_DIRECTORY "/%s/%s/%s", c->dir, directory, kind_names[kind], SET_RULES_FILE);
	if (kind == SET_HASH_LIST)
		return replace(&c->hash_list, "%s/" SETS_DIRECTORY "/%s/%s/%s", c->dir, directory, kind_names[kind], SET_HASH_LIST_FILE);
	r = replace(place, "%s/" SETS_DIRECTORY "/%s/%s", c->dir, directory, kind_names[kind]);
	if (r == 0 && kind == SET_DATABASE)
		r = take_files(set, &c->database.files, &c->database.count);
	if (r == 0 && kind == SET_YARA) {
		r = take_files(set, &c->yara.files, &c->yara.count);
		c->checks |= CHECK_YARA;
	}
	return r;
}

static int take_set(const struct taking *t, enum station_set_kind kind, const json_t *set)
{
	struct station_set *s = &t->c->sets[t->c->set_count++];
	const char *directory, *name, *pack;
	json_int_t applied, made, version;

	if (json_unpack((json_t *)set, "{s:I,s:I,s:s,s:s,s:s,s:I}", "applied_at", &applied, "made", &made, "name", &name, "pack", &pack,
			"set", &directory, "version", &version) < 0)
		return -EINVAL; /* it was looked at */
	*s = (struct station_set){ kind, strdup(directory), strdup(name), strdup(pack), (uint64_t)version, made, applied };
	if (!s->set || !s->name || !s->pack)
		return -ENOMEM;
	return put_in_place(t, kind, directory, set);
}

static int take_all(const struct taking *t, const json_t *root)
{
	const char *trust = json_string_value(json_object_get(root, "trust"));
	int r = 0;

	for (unsigned int k = 0; k < SET_KIND_COUNT_ && r != -ENOMEM; k++) {
		const json_t *set = json_object_get(json_object_get(root, "sets"), kind_names[k]);

		if (set)
			r = yaml_worse(r, take_set(t, (enum station_set_kind)k, set));
	}
	if (r == 0 && trust && file_in_use[0] == '.' && trust[0] == '.' && is_component(trust + 1))
		r = replace(&t->c->trust_dir, "%s/" SETS_DIRECTORY "/%s", t->c->dir, trust);
	return r;
}

int config_take_sets(struct station_config *c, struct yaml_errors *errors)
{
	_cleanup_(json_decref_p) json_t *root = NULL;
	_cleanup_free_ char *path = NULL, *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct taking t = { c, errors, -EBADF };
	int r;

	if (!*file_in_use)
		return 0;
	if (asprintf(&path, "%s/" SETS_DIRECTORY, c->dir) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT) {
		yaml_errors_add(errors, path, 0, 0, "%s", strerror(errno));
		return -EINVAL;
	}
	r = station_sets_load(fd, file_in_use, &root, &why);
	if (r < 0 && r != -ENOMEM) {
		yaml_errors_add(errors, c->dir, 0, 0, "%s. What is in force cannot be told: restore the file, or remove it to go back to lazaret.yaml alone",
				why ? why : strerror(-r));
		return -EINVAL;
	}
	t.dir_fd = fd;
	return r < 0 ? r : take_all(&t, root);
}

void config_sets_done(struct station_config *c)
{
	for (size_t i = 0; i < c->set_count; i++) {
		free(c->sets[i].set);
		free(c->sets[i].name);
		free(c->sets[i].pack);
	}
	c->set_count = 0;
}
