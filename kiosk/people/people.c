/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "people/people.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "common/fd.h"
#include "common/text.h"
#include "people/store.h"

#define FILE_MAX_BYTES (4u << 20) /* PEOPLE_MAX persons take some 400 bytes each */

static const char *const role_names[PERSON_ROLE_COUNT_] = { "operator", "officer", "auditor", "administrator" };

int people_fail(char **ret_why, int error, const char *fmt, ...)
{
	va_list ap;

	if (!ret_why)
		return error;
	free(*ret_why);
	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return error;
}

/* -- words ------------------------------------------------------------------------------------------------------ */

bool person_name_valid(const char *name)
{
	size_t size = strlen(name);

	return size >= 1 && size <= PERSON_NAME_MAX && strchr("._-@", name[0]) == NULL &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-@") == size;
}

bool person_full_name_valid(const char *text)
{
	size_t size = strlen(text);

	return size <= PERSON_FULL_NAME_MAX && text_clean(text, size);
}

const char *person_role_name(enum person_role role)
{
	return role < PERSON_ROLE_COUNT_ ? role_names[role] : NULL;
}

int person_role_by_name(const char *word)
{
	for (int k = 0; k < PERSON_ROLE_COUNT_; k++)
		if (strcmp(role_names[k], word) == 0)
			return k;
	return -1;
}

bool person_has_role(const struct person *p, enum person_role role)
{
	return p && role < PERSON_ROLE_COUNT_ && p->roles & 1u << role;
}

bool person_has_ended(const struct person *p, int64_t now)
{
	return p->until > 0 && now > p->until;
}

json_t *person_roles_json(unsigned int roles)
{
	json_t *list = json_array();

	for (int k = 0; list && k < PERSON_ROLE_COUNT_; k++)
		if (roles & 1u << k && json_array_append_new(list, json_string(role_names[k])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *person_json(const struct person *p)
{
	json_t *roles = person_roles_json(p->roles);

	return roles ? json_pack("{s:s,s:s,s:o}", "person", p->name, "full_name", p->full_name, "roles", roles) : NULL;
}

/* -- reading ---------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct person *)a)->name, ((const struct person *)b)->name);
}

const struct person *person_find(const struct people *p, const char *name)
{
	const struct person key = { .name = (char *)name };

	return p && name && p->count > 0 ? bsearch(&key, p->list, p->count, sizeof(key), by_name) : NULL;
}

struct people *people_free(struct people *p)
{
	for (size_t k = 0; p && k < p->count; k++) {
		free(p->list[k].name);
		free(p->list[k].full_name);
		free(p->list[k].by);
	}
	if (p)
		free(p->list);
	free(p);
	return NULL;
}

void people_freep(struct people **p)
{
	*p = people_free(*p);
}

/* 0: not a list of roles, each once. */
static unsigned int roles_of(const json_t *words)
{
	unsigned int roles = 0;
	json_t *word;
	size_t k;

	json_array_foreach((json_t *)words, k, word) {
		int role = json_is_string(word) ? person_role_by_name(json_string_value(word)) : -1;

		if (role < 0 || roles & 1u << role)
			return 0;
		roles |= 1u << role;
	}
	return roles;
}

static int person_decode(const char *name, const json_t *o, struct person *ret)
{
	json_t *added_at = json_object_get(o, "added_at"), *until = json_object_get(o, "until");
	const char *full_name = json_string_value(json_object_get(o, "full_name"));
	const char *by = json_string_value(json_object_get(o, "by"));
	unsigned int roles = roles_of(json_object_get(o, "roles"));

	if (!person_name_valid(name) || json_object_size(o) != 5 || !json_is_integer(added_at) || !json_is_integer(until) ||
	    json_integer_value(until) < 0 || !full_name || !person_full_name_valid(full_name) || !by || roles == 0)
		return -EUCLEAN;
	*ret = (struct person){ .name = strdup(name), .full_name = strdup(full_name), .by = strdup(by), .roles = roles,
				.added_at = json_integer_value(added_at), .until = json_integer_value(until) };
	return ret->name && ret->full_name && ret->by ? 0 : -ENOMEM;
}

static int people_decode(const json_t *all, struct people *ret, char **ret_why)
{
	const char *name;
	json_t *o;

	if (!json_is_object(all) || json_object_size(all) > PEOPLE_MAX)
		return people_fail(ret_why, -EUCLEAN, PEOPLE_DIR "/" PEOPLE_FILE ": not the people of a station");
	ret->list = calloc(json_object_size(all) + 1, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	json_object_foreach((json_t *)all, name, o) {
		int r = person_decode(name, o, &ret->list[ret->count++]);

		if (r < 0)
			return r == -ENOMEM ? r : people_fail(ret_why, r, PEOPLE_DIR "/" PEOPLE_FILE ": the entry of %s is not as it was written", name);
	}
	qsort(ret->list, ret->count, sizeof(*ret->list), by_name);
	return 0;
}

int people_load_at(int people_fd, struct people **ret, char **ret_why)
{
	_cleanup_(people_freep) struct people *p = calloc(1, sizeof(*p));
	_cleanup_free_ char *text = NULL;
	json_t *all;
	size_t size;
	int r = p ? file_read(people_fd, PEOPLE_FILE, FILE_MAX_BYTES, &text, &size) : -ENOMEM;

	if (r == -ENOENT) {
		*ret = TAKE_PTR(p);
		return 0;
	}
	if (r < 0)
		return people_fail(ret_why, r, PEOPLE_DIR "/" PEOPLE_FILE ": %s", strerror(-r));
	all = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	r = people_decode(all, p, ret_why);
	json_decref(all);
	if (r == 0)
		*ret = TAKE_PTR(p);
	return r;
}

int people_load(const char *station_dir, struct people **ret, char **ret_why)
{
	_cleanup_close_ int fd = -EBADF;
	int r = people_open(station_dir, false, &fd);

	if (r == -ENOENT) {
		*ret = calloc(1, sizeof(**ret));
		return *ret ? 0 : -ENOMEM;
	}
	return r < 0 ? people_fail(ret_why, r, "%s/" PEOPLE_DIR ": %s", station_dir, strerror(-r)) : people_load_at(fd, ret, ret_why);
}
