/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Type tables: loading and look-up. Trusted input (the officer's); pure but for memory. */
#include "judge/types.h"

#include <string.h>
#include <strings.h>

#define ANY_EXTENSION "*"

bool types_mime_valid(const char *mime)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._*?";
	size_t main = strspn(mime, letters), sub;

	if (main == 0 || mime[main] != '/')
		return false;
	sub = strspn(mime + main + 1, letters);
	return sub > 0 && mime[main + 1 + sub] == '\0' && strlen(mime) <= GLOB_MAX;
}

/* -- loading --------------------------------------------------------------------------------------------- */
static void place_error(const struct yaml_doc *doc, const struct yaml_string *s, struct yaml_errors *errors,
			const char *what)
{
	yaml_errors_add(errors, doc->file, s->line, s->column, "'%s' %s", s->value, what);
}

/* MIME patterns of `node` are added to `l`: libmagic writes some in capitals, so case never counts. */
static int decode_mimes(const struct yaml_doc *doc, const struct yaml_node *node, struct glob_list *l,
			struct yaml_errors *errors)
{
	struct yaml_strings words = { 0 };
	int ret = yaml_strings_decode(doc, node, &words, errors);

	for (size_t i = 0; ret == 0 && i < words.count; i++) {
		if (types_mime_valid(words.list[i].value)) {
			ret = glob_list_add(l, words.list[i].value, true, false);
		} else {
			place_error(doc, &words.list[i], errors, "is not a MIME type such as text/plain or image/*");
			ret = -EINVAL;
		}
	}
	yaml_strings_done(&words);
	return ret;
}

/* Extensions: lower case, without dot. */
static int check_extensions(const struct yaml_doc *doc, const struct yaml_strings *words, struct yaml_errors *errors)
{
	int ret = 0;

	for (size_t i = 0; i < words->count; i++) {
		const char *w = words->list[i].value;

		if (strcmp(w, ANY_EXTENSION) == 0)
			continue;
		if (w[0] == '.' || strpbrk(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ/*? ")) {
			place_error(doc, &words->list[i], errors,
				    "is not an extension: write it in lower case, without a dot in front");
			ret = -EINVAL;
		}
	}
	return ret;
}

static int check_mimes(const struct yaml_doc *doc, const struct yaml_strings *words, struct yaml_errors *errors)
{
	int ret = 0;

	for (size_t i = 0; i < words->count; i++) {
		if (!types_mime_valid(words->list[i].value) || strpbrk(words->list[i].value, "*?")) {
			place_error(doc, &words->list[i], errors, "is not a MIME type such as text/plain");
			ret = -EINVAL;
		}
	}
	return ret;
}


static int add_row(struct type_rows *rows, const struct yaml_doc *doc, const struct yaml_node *key,
		   const struct yaml_node *value,
		   int (*check)(const struct yaml_doc *, const struct yaml_strings *, struct yaml_errors *),
		   struct yaml_errors *errors)
{
	struct type_row *list, *row;
	int r;

	if (!types_mime_valid(key->value)) {
		yaml_node_error(doc, key, errors, "'%s' is not a MIME type such as text/plain or text/*", key->value);
		return -EINVAL;
	}
	list = reallocarray(rows->list, rows->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	rows->list = list;
	row = &list[rows->count];
	memset(row, 0, sizeof(*row));
	rows->count++; /* from here on types_done() frees it */
	r = glob_list_add(&row->mime, key->value, true, false);
	if (r == 0)
		r = yaml_strings_decode(doc, value, &row->words, errors);
	return r == 0 ? check(doc, &row->words, errors) : r;
}

static int add_rows(struct type_rows *rows, const struct yaml_doc *doc, const struct yaml_node *map,
		    int (*check)(const struct yaml_doc *, const struct yaml_strings *, struct yaml_errors *),
		    struct yaml_errors *errors)
{
	int ret = 0;

	if (map->kind != YAML_KIND_MAP) {
		yaml_node_error(doc, map, errors, "must be a map of 'MIME: [...]' lines");
		return -EINVAL;
	}
	for (size_t i = 0; i + 1 < map->count; i += 2) {
		int r = add_row(rows, doc, map->children[i], map->children[i + 1], check, errors);

		if (r == -ENOMEM)
			return r;
		ret = ret ? ret : r;
	}
	return ret;
}

static int add_group(struct type_tables *t, const struct yaml_doc *doc, const struct yaml_node *key,
		     const struct yaml_node *value, bool is_site, struct yaml_errors *errors)
{
	struct type_group *list, *g;

	if (strpbrk(key->value, "/*? ") || !*key->value) {
		yaml_node_error(doc, key, errors, "'%s' cannot be a group's name: no '/', '*', '?' or space", key->value);
		return -EINVAL;
	}
	if (strcmp(key->value, TYPE_WITHIN_NOTHING) == 0 || strcmp(key->value, TYPE_WITHIN_ANYTHING) == 0) {
		yaml_node_error(doc, key, errors, "'%s' is a word of 'within', and cannot be a group's name", key->value);
		return -EINVAL;
	}
	if (types_group(t, key->value)) {
		yaml_node_error(doc, key, errors, "there is a type group '%s' already", key->value);
		return -EINVAL;
	}
	list = reallocarray(t->groups, t->group_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	t->groups = list;
	g = &list[t->group_count];
	*g = (struct type_group){ .name = strdup(key->value), .is_used = !is_site };
	if (!g->name)
		return -ENOMEM;
	g->line = is_site ? key->line : 0;
	g->column = is_site ? key->column : 0;
	t->group_count++;
	return decode_mimes(doc, value, &g->types, errors);
}

int types_add_groups(struct type_tables *t, const struct yaml_doc *doc, const struct yaml_node *map, bool is_site,
		     struct yaml_errors *errors)
{
	int ret = 0;

	if (map->kind != YAML_KIND_MAP) {
		yaml_node_error(doc, map, errors, "must be a map of 'group: [MIME...]' lines");
		return -EINVAL;
	}
	for (size_t i = 0; i + 1 < map->count; i += 2) {
		int r = add_group(t, doc, map->children[i], map->children[i + 1], is_site, errors);

		if (r == -ENOMEM)
			return r;
		ret = ret ? ret : r;
	}
	return ret;
}

struct table_file {
	int format;
	const struct yaml_node *groups, *extensions, *implies, *nameless, *active_types, *active_extensions;
};

static const char *const formats[] = { "lazaret.types/1", NULL };

static const struct yaml_field table_fields[] = {
	YAML_FIELD(struct table_file, "format", ENUM, format, .is_required = true, .choices = formats),
	YAML_FIELD(struct table_file, "groups", NODE, groups),
	YAML_FIELD(struct table_file, "extensions", NODE, extensions),
	YAML_FIELD(struct table_file, "implies", NODE, implies),
	YAML_FIELD(struct table_file, "nameless-members", NODE, nameless),
	YAML_FIELD(struct table_file, "active-types", NODE, active_types),
	YAML_FIELD(struct table_file, "active-extensions", NODE, active_extensions),
	YAML_FIELD_END,
};

/* Several files may each list active extensions. */
static int add_active_extensions(struct type_tables *t, const struct yaml_doc *doc, const struct yaml_node *node,
				 struct yaml_errors *errors)
{
	struct yaml_strings words = { 0 };
	struct yaml_string *list;
	int r = yaml_strings_decode(doc, node, &words, errors);

	if (r == 0)
		r = check_extensions(doc, &words, errors);
	if (r < 0) {
		yaml_strings_done(&words);
		return r;
	}
	list = reallocarray(t->active_extensions.list, t->active_extensions.count + words.count, sizeof(*list));
	if (!list) {
		yaml_strings_done(&words);
		return -ENOMEM;
	}
	memcpy(list + t->active_extensions.count, words.list, words.count * sizeof(*list));
	t->active_extensions.list = list;
	t->active_extensions.count += words.count;
	free(words.list); /* its strings have moved */
	return 0;
}

int types_add(struct type_tables *t, const struct yaml_doc *doc, struct yaml_errors *errors)
{
	struct table_file f = { 0 };
	int ret = yaml_decode(doc, doc->root, table_fields, &f, errors);

	if (ret < 0)
		return ret;
	if (f.groups)
		ret = types_add_groups(t, doc, f.groups, false, errors);
	if (f.extensions && ret != -ENOMEM)
		ret = yaml_worse(ret, add_rows(&t->extensions, doc, f.extensions, check_extensions, errors));
	if (f.implies && ret != -ENOMEM)
		ret = yaml_worse(ret, add_rows(&t->implies, doc, f.implies, check_mimes, errors));
	if (f.nameless && ret != -ENOMEM)
		ret = yaml_worse(ret, decode_mimes(doc, f.nameless, &t->nameless, errors));
	if (f.active_types && ret != -ENOMEM)
		ret = yaml_worse(ret, decode_mimes(doc, f.active_types, &t->active_types, errors));
	if (f.active_extensions && ret != -ENOMEM)
		ret = yaml_worse(ret, add_active_extensions(t, doc, f.active_extensions, errors));
	return ret;
}

static void rows_done(struct type_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		glob_list_done(&rows->list[i].mime);
		yaml_strings_done(&rows->list[i].words);
	}
	free(rows->list);
}

void types_done(struct type_tables *t)
{
	for (size_t i = 0; i < t->group_count; i++) {
		free(t->groups[i].name);
		glob_list_done(&t->groups[i].types);
	}
	free(t->groups);
	rows_done(&t->extensions);
	rows_done(&t->implies);
	glob_list_done(&t->nameless);
	glob_list_done(&t->active_types);
	yaml_strings_done(&t->active_extensions);
	memset(t, 0, sizeof(*t));
}

/* -- look-up --------------------------------------------------------------------------------------------- */
struct type_group *types_group(const struct type_tables *t, const char *name)
{
	for (size_t i = 0; i < t->group_count; i++)
		if (strcmp(t->groups[i].name, name) == 0)
			return &t->groups[i];
	return NULL;
}

bool types_is_known(const struct type_tables *t, const struct glob *mime, const char **ret_near)
{
	_cleanup_free_ const char **names = calloc(t->extensions.count + 1, sizeof(*names));
	size_t count = 0;

	*ret_near = NULL;
	for (size_t i = 0; i < t->extensions.count; i++) {
		const struct glob *row = &t->extensions.list[i].mime.list[0];

		if (!glob_is_literal(row))
			continue; /* a row for all of "text" must not make text/pdf a type */
		if (glob_match(mime, row->pattern))
			return true;
		if (names)
			names[count++] = row->pattern;
	}
	if (strcasecmp(mime->pattern, TYPE_OCTET_STREAM) == 0)
		return true;
	if (names)
		*ret_near = yaml_did_you_mean(mime->pattern, names, count);
	return false;
}

/* ld.so(8): a shared library stands there under its version, libssl.so.3 or libfoo.so.1.2.3. */
static bool is_versioned_library(const char *name)
{
	for (const char *p = strstr(name, ".so."); p; p = strstr(p + 1, ".so."))
		if (p[4] && p[4 + strspn(p + 4, "0123456789.")] == '\0')
			return true;
	return false;
}

/* Last component of a path: looked at once, compared with every extension of the tables. */
struct last_name {
	const char *text;
	size_t length;
	bool has_dot, is_library;
};

static struct last_name last_name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *text = slash ? slash + 1 : path;

	return (struct last_name){ text, strlen(text), strchr(text, '.') != NULL, is_versioned_library(text) };
}

static bool has_extension(const struct last_name *n, const char *extension)
{
	size_t e = strlen(extension);

	if (strcmp(extension, ANY_EXTENSION) == 0)
		return true;
	if (e == 0)
		return !n->has_dot;
	if (n->is_library && strcmp(extension, "so") == 0)
		return true;
	return n->length > e && n->text[n->length - e - 1] == '.' && strcasecmp(n->text + n->length - e, extension) == 0;
}

static bool has_any_extension(const struct last_name *n, const struct yaml_strings *extensions, const char **ret)
{
	for (size_t i = 0; i < extensions->count; i++) {
		if (has_extension(n, extensions->list[i].value)) {
			*ret = extensions->list[i].value;
			return true;
		}
	}
	return false;
}

/* A number may be a manual's section, and as well a version (lua5.4) or a part: it claims nothing. */
static bool is_claim(const char *extension)
{
	return extension[strspn(extension, "0123456789")] != '\0' && strcmp(extension, ANY_EXTENSION) != 0;
}

/* Does the name claim to be something: has it an extension that the tables give to some type? */
static bool has_known_extension(const struct type_tables *t, const struct last_name *n)
{
	for (size_t i = 0; i < t->extensions.count; i++) {
		const struct yaml_strings *words = &t->extensions.list[i].words;

		for (size_t j = 0; j < words->count; j++)
			if (has_extension(n, words->list[j].value) && is_claim(words->list[j].value))
				return true;
	}
	return false;
}

bool types_has_extensions(const struct type_tables *t, const char *mime)
{
	for (size_t i = 0; i < t->extensions.count; i++)
		if (glob_match(&t->extensions.list[i].mime.list[0], mime))
			return true;
	return false;
}

enum type_agreement types_extension(const struct type_tables *t, const char *mime, const char *path)
{
	struct last_name name = last_name_of(path);
	bool has_row = false;
	const char *unused;

	for (size_t i = 0; i < t->extensions.count; i++) {
		const struct type_row *row = &t->extensions.list[i];

		if (!glob_match(&row->mime.list[0], mime))
			continue;
		if (has_any_extension(&name, &row->words, &unused))
			return TYPE_AGREES;
		has_row = true;
	}
	return has_row && has_known_extension(t, &name) ? TYPE_DISAGREES : TYPE_UNKNOWN_NAME;
}

static bool word_possible(const char *word, const struct glob *name)
{
	char pattern[GLOB_MAX + 1];
	struct glob g = { pattern, true, true };

	if (word[0] == '\0' || strcmp(word, ANY_EXTENSION) == 0)
		return true; /* "no dot" is no pattern: give the rule the benefit of the doubt */
	if (snprintf(pattern, sizeof(pattern), "*.%s", word) >= (int)sizeof(pattern))
		return true;
	return glob_meets(&g, name);
}

bool types_extension_possible(const struct type_tables *t, const struct glob *mime, const struct glob *name)
{
	for (size_t i = 0; i < t->extensions.count; i++) {
		const struct type_row *row = &t->extensions.list[i];

		if (!glob_meets(&row->mime.list[0], mime))
			continue;
		for (size_t j = 0; j < row->words.count; j++)
			if (!name || word_possible(row->words.list[j].value, name))
				return true;
	}
	return false;
}

bool types_is_implied(const struct type_tables *t, const char *mime, const char *further)
{
	for (size_t i = 0; i < t->implies.count; i++) {
		const struct type_row *row = &t->implies.list[i];

		for (size_t j = 0; glob_match(&row->mime.list[0], mime) && j < row->words.count; j++)
			if (strcasecmp(row->words.list[j].value, further) == 0)
				return true;
	}
	return false;
}

bool types_is_nameless(const struct type_tables *t, const char *container)
{
	return glob_list_match(&t->nameless, container);
}

bool types_is_active(const struct type_tables *t, const char *mime)
{
	return glob_list_match(&t->active_types, mime);
}

const char *types_active_extension(const struct type_tables *t, const char *path)
{
	struct last_name name = last_name_of(path);
	const char *ret = NULL;

	return has_any_extension(&name, &t->active_extensions, &ret) ? ret : NULL;
}
