/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Tree -> structs by table; sizes, durations and suggestions. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "common/yaml.h"

#define STRING_MAX_DEFAULT 4096 /* bytes: PATH_MAX, the longest thing a configuration holds */
#define SUGGESTION_WORD_MAX 64	/* longer words get no suggestion */

/* -- numbers --------------------------------------------------------------------------------------------- */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "kB", 1000 },
	{ "KB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "TB", 1000000000000 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
};

/* No bare number: "90" could mean seconds as well as days. */
static const struct unit duration_units[] = {
	{ "s", 1 },
	{ "m", 60 },
	{ "min", 60 },
	{ "h", 3600 },
	{ "d", 86400 },
};

static int number_parse(const char *text, const struct unit *units, size_t unit_count, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = text;

	if (!isdigit((unsigned char)*p) || (p[0] == '0' && isdigit((unsigned char)p[1])))
		return -EINVAL; /* empty, signed, or octal to other readers */
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	for (size_t i = 0; i < unit_count; i++) {
		if (strcmp(units[i].name, p) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &value))
			return -ERANGE;
		*ret = value;
		return 0;
	}
	return -EINVAL;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
	return number_parse(text, size_units, ARRAY_LEN(size_units), ret_bytes);
}

int duration_parse(const char *text, uint64_t *ret_s)
{
	return number_parse(text, duration_units, ARRAY_LEN(duration_units), ret_s);
}

static int uint_parse(const char *text, uint64_t *ret)
{
	return number_parse(text, size_units, 1, ret);
}

/* -- suggestions ----------------------------------------------------------------------------------------- */
/* Optimal string alignment: insert, delete, replace, swap of neighbours, each costs one. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[3][SUGGESTION_WORD_MAX + 1];

	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *cur = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, up[j] + 1);
			best = MIN(best, cur[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, up2[j - 2] + 1);
			cur[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *yaml_did_you_mean(const char *word, const char *const *names, size_t count)
{
	size_t length = strlen(word), best = SIZE_MAX;
	const char *ret = NULL;

	if (length == 0 || length > SUGGESTION_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t d;

		if (!names[i] || strlen(names[i]) > SUGGESTION_WORD_MAX)
			continue;
		d = distance(word, names[i]);
		if (d < best) {
			best = d;
			ret = names[i];
		}
	}
	return best <= MAX((size_t)1, length / 3) ? ret : NULL;
}

/* -- decoding -------------------------------------------------------------------------------------------- */
struct decoder {
	const struct yaml_doc *doc;
	struct yaml_errors *errors;
};

static const struct yaml_field *find_field(const struct yaml_field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static int unknown_key(struct decoder *d, const struct yaml_node *key, const struct yaml_field *fields)
{
	const char *names[64], *near;
	size_t count = 0;

	for (; fields->key && count < ARRAY_LEN(names); fields++)
		if (!fields->refused)
			names[count++] = fields->key;
	near = yaml_did_you_mean(key->value, names, count);
	if (near)
		yaml_node_error(d->doc, key, d->errors, "unknown key '%s'; did you mean '%s'?", key->value, near);
	else
		yaml_node_error(d->doc, key, d->errors, "unknown key '%s'", key->value);
	return -EINVAL;
}

static int decode_enum(struct decoder *d, const struct yaml_node *n, const struct yaml_field *f, int *out)
{
	char choices[512] = "";
	size_t used = 0;

	for (int i = 0; f->choices[i]; i++) {
		if (strcmp(f->choices[i], n->value) == 0) {
			*out = i;
			return 0;
		}
		used += (size_t)snprintf(choices + used, sizeof(choices) - used, "%s%s", i ? ", " : "",
					 f->choices[i]);
		used = MIN(used, sizeof(choices) - 1);
	}
	yaml_node_error(d->doc, n, d->errors, "%s: '%s' is not one of: %s", f->key, n->value, choices);
	return -EINVAL;
}

static int decode_bool(struct decoder *d, const struct yaml_node *n, const struct yaml_field *f, bool *out)
{
	if (n->is_plain && strcmp(n->value, "true") == 0)
		*out = true;
	else if (n->is_plain && strcmp(n->value, "false") == 0)
		*out = false;
	else {
		yaml_node_error(d->doc, n, d->errors, "%s: '%s' is not true or false", f->key, n->value);
		return -EINVAL;
	}
	return 0;
}

static int decode_number(struct decoder *d, const struct yaml_node *n, const struct yaml_field *f, uint64_t *out)
{
	static const char *const shapes[] = {
		[YAML_TYPE_UINT] = "a whole number, such as 100",
		[YAML_TYPE_SIZE] = "a size, such as 4096, 500MB or 2GiB",
		[YAML_TYPE_DURATION] = "a time with its unit, such as 120s, 15m, 12h or 7d",
	};
	uint64_t value = 0;
	int r = f->type == YAML_TYPE_SIZE     ? size_parse(n->value, &value) :
		f->type == YAML_TYPE_DURATION ? duration_parse(n->value, &value) :
						uint_parse(n->value, &value);

	if (r == -EINVAL) {
		yaml_node_error(d->doc, n, d->errors, "%s: '%s' is not %s", f->key, n->value, shapes[f->type]);
		return r;
	}
	if (r == 0 && value >= f->min && (f->max == 0 || value <= f->max)) {
		*out = value;
		return 0;
	}
	if (f->max == 0)
		yaml_node_error(d->doc, n, d->errors, "%s: %s is out of range (at least %" PRIu64 ")", f->key,
				n->value, f->min);
	else
		yaml_node_error(d->doc, n, d->errors,
				"%s: %s is out of range (%" PRIu64 " to %" PRIu64 "%s)", f->key, n->value,
				f->min, f->max,
				f->type == YAML_TYPE_SIZE     ? " bytes" :
				f->type == YAML_TYPE_DURATION ? " seconds" :
								"");
	return -EINVAL;
}

static int check_string(struct decoder *d, const struct yaml_node *n, const char *key, uint64_t max)
{
	if (n->value[0] == '\0') {
		yaml_node_error(d->doc, n, d->errors, "%s: must not be empty", key);
		return -EINVAL;
	}
	if (strlen(n->value) > max) {
		yaml_node_error(d->doc, n, d->errors, "%s: longer than %" PRIu64 " bytes", key, max);
		return -EINVAL;
	}
	for (const char *p = n->value; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			yaml_node_error(d->doc, n, d->errors, "%s: control characters are not allowed", key);
			return -EINVAL;
		}
	}
	return 0;
}

static int decode_string(struct decoder *d, const struct yaml_node *n, const struct yaml_field *f, char **out)
{
	char *copy;
	int r = check_string(d, n, f->key, f->max ? f->max : STRING_MAX_DEFAULT);

	if (r < 0)
		return r;
	copy = strdup(n->value);
	if (!copy)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

static int decode_field(struct decoder *d, const struct yaml_node *n, const struct yaml_field *f, void *out)
{
	if (f->type == YAML_TYPE_NODE) {
		*(const struct yaml_node **)out = n;
		return 0;
	}
	if (f->type == YAML_TYPE_STRINGS)
		return yaml_strings_decode(d->doc, n, out, d->errors);
	if (f->type == YAML_TYPE_MAP)
		return yaml_decode(d->doc, n, f->fields, out, d->errors);
	if (n->kind != YAML_KIND_SCALAR) {
		yaml_node_error(d->doc, n, d->errors, "%s: must be a single value", f->key);
		return -EINVAL;
	}
	switch (f->type) {
	case YAML_TYPE_STRING:
		return decode_string(d, n, f, out);
	case YAML_TYPE_ENUM:
		return decode_enum(d, n, f, out);
	case YAML_TYPE_BOOL:
		return decode_bool(d, n, f, out);
	default:
		return decode_number(d, n, f, out);
	}
}

static int check_required(struct decoder *d, const struct yaml_node *map, const struct yaml_field *fields)
{
	int ret = 0;

	for (; fields->key; fields++) {
		if (fields->is_required && !yaml_map_get(map, fields->key)) {
			yaml_node_error(d->doc, map, d->errors, "missing key '%s'", fields->key);
			ret = -EINVAL;
		}
	}
	return ret;
}

int yaml_decode(const struct yaml_doc *doc, const struct yaml_node *node, const struct yaml_field *fields,
		void *out, struct yaml_errors *errors)
{
	struct decoder d = { doc, errors };
	int ret;

	if (node->kind != YAML_KIND_MAP) {
		yaml_node_error(doc, node, errors, "must be a map of 'key: value' lines");
		return -EINVAL;
	}
	ret = check_required(&d, node, fields);
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		const struct yaml_node *key = node->children[i];
		const struct yaml_field *f = find_field(fields, key->value);
		int r;

		if (!f) {
			r = unknown_key(&d, key, fields);
		} else if (f->refused) {
			yaml_node_error(doc, key, errors, "%s: %s", key->value, f->refused);
			r = -EINVAL;
		} else {
			r = decode_field(&d, node->children[i + 1], f, (char *)out + f->offset);
		}
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			ret = r;
	}
	return ret;
}

/* -- lists of words --------------------------------------------------------------------------------------- */
static int strings_add(struct decoder *d, const struct yaml_node *n, struct yaml_strings *s)
{
	struct yaml_string *list;
	char *copy;

	if (n->kind != YAML_KIND_SCALAR) {
		yaml_node_error(d->doc, n, d->errors, "must be a single value");
		return -EINVAL;
	}
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->list[i].value, n->value) == 0) {
			yaml_node_error(d->doc, n, d->errors, "'%s' is in the list twice (first at line %u)",
					n->value, s->list[i].line);
			return -EINVAL;
		}
	}
	list = reallocarray(s->list, s->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->list = list;
	copy = strdup(n->value);
	if (!copy)
		return -ENOMEM;
	list[s->count++] = (struct yaml_string){ copy, n->line, n->column };
	return 0;
}

int yaml_strings_decode(const struct yaml_doc *doc, const struct yaml_node *node, struct yaml_strings *ret,
			struct yaml_errors *errors)
{
	struct decoder d = { doc, errors };
	int result = 0;

	yaml_strings_done(ret);
	if (node->kind == YAML_KIND_SCALAR)
		return strings_add(&d, node, ret);
	if (node->kind != YAML_KIND_LIST || node->count == 0) {
		yaml_node_error(doc, node, errors, "must be a value or a list that is not empty");
		return -EINVAL;
	}
	for (size_t i = 0; i < node->count; i++) {
		int r = strings_add(&d, node->children[i], ret);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			result = r;
	}
	return result;
}

void yaml_strings_done(struct yaml_strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i].value);
	free(s->list);
	memset(s, 0, sizeof(*s));
}

bool yaml_strings_has(const struct yaml_strings *s, const char *value)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i].value, value) == 0)
			return true;
	return false;
}
