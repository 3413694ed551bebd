/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A rule set from its files. The only file of this folder that does I/O; run before any medium is looked at. */
#include "judge/rules.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "common/fd.h"
#include "judge/rule.h"

struct rule_set *rules_free(struct rule_set *set)
{
	if (!set)
		return NULL;
	for (size_t i = 0; i < set->count; i++)
		rule_done(&set->rules[i]);
	free(set->rules);
	types_done(&set->types);
	free(set->file);
	free(set->title);
	free(set);
	return NULL;
}

void rules_freep(struct rule_set **set)
{
	*set = rules_free(*set);
}

static void hash_freep(struct hash **h)
{
	*h = hash_free(*h);
}

/* Names and lengths go into the hash as well, so that no two policies share one by shifting bytes between files. */
static int hash_file(struct hash *h, const char *path, const char *data, size_t size)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	uint8_t length[8];
	int r;

	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)size >> (8 * i));
	r = hash_update(h, name, strlen(name) + 1);
	if (r == 0)
		r = hash_update(h, length, sizeof(length));
	return r == 0 ? hash_update(h, data, size) : r;
}

/* Read and hash the same bytes that are parsed. */
static int load_doc(const char *path, struct hash *h, struct yaml_errors *errors, struct yaml_doc **ret)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r = file_read(AT_FDCWD, path, YAML_INPUT_MAX, &data, &size);

	if (r < 0) {
		yaml_errors_add(errors, path, 0, 0, "cannot be read: %s",
				r == -EFBIG ? "larger than 1 MiB" : strerror(-r));
		return r;
	}
	r = hash_file(h, path, data, size);
	return r == 0 ? yaml_doc_parse(path, data, size, errors, ret) : r;
}

static int is_table(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not strcoll: the policy's hash must not depend on a locale */
}

static int load_table(struct rule_set *set, const char *dir, const char *name, struct hash *h,
		      struct yaml_errors *errors)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = load_doc(path, h, errors, &doc);
	return r == 0 ? types_add(&set->types, doc, errors) : r;
}

static int load_tables(struct rule_set *set, const char *dir, struct hash *h, struct yaml_errors *errors)
{
	struct dirent **list = NULL;
	int count = scandir(dir, &list, is_table, by_bytes), ret = 0;

	if (count < 0) {
		ret = -errno;
		yaml_errors_add(errors, dir, 0, 0, "type tables cannot be read: %s", strerror(-ret));
		return ret;
	}
	for (int i = 0; i < count; i++) {
		int r = load_table(set, dir, list[i]->d_name, h, errors);

		ret = ret ? ret : r;
		free(list[i]);
	}
	free(list);
	if (count == 0) {
		yaml_errors_add(errors, dir, 0, 0, "no type tables (*.yaml) are there; copy the shipped ones");
		ret = -ENOENT;
	}
	return ret;
}

static int load_all(struct rule_set *set, const char *path, const char *types_dir,
		    const struct rules_context *context, struct yaml_errors *errors)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	_cleanup_(hash_freep) struct hash *h = hash_new();
	int tables, r;

	if (!h)
		return -ENOMEM;
	tables = load_tables(set, types_dir, h, errors);
	r = load_doc(path, h, errors, &doc);
	if (r < 0)
		return r;
	/* Without tables every type would be called unknown: those errors would hide the real one. */
	if (tables < 0)
		return tables;
	r = rule_set_decode(set, doc, context, errors);
	if (r < 0)
		return r;
	rule_set_check(set, doc, errors);
	if (yaml_errors_any(errors))
		return -EINVAL;
	return hash_final(h, set->sha256);
}

int rules_load(const char *path, const char *types_dir, const struct rules_context *context,
	       struct yaml_errors *errors, struct rule_set **ret)
{
	_cleanup_(rules_freep) struct rule_set *set = calloc(1, sizeof(*set));
	int r = -ENOMEM;

	if (set && (set->file = strdup(path)))
		r = load_all(set, path, types_dir, context, errors);
	if (r < 0 && !yaml_errors_any(errors))
		yaml_errors_add(errors, path, 0, 0, "%s", strerror(-r));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(set);
	return 0;
}

const char *rules_title(const struct rule_set *set)
{
	return set->title;
}

size_t rules_count(const struct rule_set *set)
{
	return set->count;
}

const char *rules_name(const struct rule_set *set, size_t index)
{
	return index < set->count ? set->rules[index].name : NULL;
}

const char *rules_why(const struct rule_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->rules[i].name, name) == 0)
			return set->rules[i].why;
	return NULL;
}

const uint8_t *rules_sha256(const struct rule_set *set)
{
	return set->sha256;
}
