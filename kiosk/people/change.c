/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "people/change.h"

#include <string.h>
#include <time.h>

#include "people/lockout.h"
#include "people/store.h"

static const struct {
	const char *word, *record;
} kinds[PEOPLE_CHANGES] = {
	[PEOPLE_ADD] = { "add", "person-added" },	    [PEOPLE_ALTER] = { "change", "person-changed" },
	[PEOPLE_REMOVE] = { "remove", "person-removed" },   [PEOPLE_PASSWORD] = { "password", "person-password" },
	[PEOPLE_UNLOCK] = { "unlock", "person-unlocked" },
};

enum people_change_kind people_change_kind(const char *word)
{
	int k = 0;

	while (k < PEOPLE_CHANGES && strcmp(kinds[k].word, word) != 0)
		k++;
	return (enum people_change_kind)k;
}

static bool counts(const struct person *p)
{
	return person_has_role(p, PERSON_ADMINISTRATOR) && !person_has_ended(p, time(NULL));
}

bool people_have_administrator(const struct people *p)
{
	for (size_t k = 0; k < p->count; k++)
		if (counts(&p->list[k]))
			return true;
	return false;
}

bool people_lose_administrator(const struct people *before, const char *name, const struct person *after)
{
	bool stays = after && counts(after);

	for (size_t k = 0; !stays && k < before->count; k++)
		stays = strcmp(before->list[k].name, name) != 0 && counts(&before->list[k]);
	return !stays && people_have_administrator(before);
}

static int no(const char **ret_why, int error, const char *why)
{
	*ret_why = why;
	return error;
}

int people_change_check(struct people_change *h, const char **ret_why)
{
	const struct person *old;
	int r = people_open(h->dir, true, &h->people_fd);

	if (r == 0)
		r = people_load_at(h->people_fd, &h->people, NULL);
	if (r < 0)
		return no(ret_why, r, strerror(-r));
	old = person_find(h->people, h->name);
	if (h->kind == PEOPLE_ADD ? old != NULL : old == NULL)
		return h->kind == PEOPLE_ADD ? no(ret_why, -EEXIST, "this name is taken") : no(ret_why, -ENOENT, "nobody of this name is known here");
	if (h->full_name && !person_full_name_valid(h->full_name))
		return no(ret_why, -EINVAL, "the full name must be text in one line, at most 128 bytes");
	if (h->kind == PEOPLE_ADD && h->people->count >= PEOPLE_MAX)
		return no(ret_why, -ENOSPC, "a station has at most 1000 people");
	h->person = old ? *old : (struct person){ .name = (char *)h->name, .full_name = (char *)"", .by = (char *)h->by, .added_at = time(NULL) };
	h->person.roles = h->roles ? h->roles : h->person.roles;
	h->person.full_name = h->full_name ? (char *)h->full_name : h->person.full_name;
	h->person.until = h->until >= 0 ? h->until : h->person.until;
	if ((h->kind == PEOPLE_ALTER && people_lose_administrator(h->people, h->name, &h->person)) ||
	    (h->kind == PEOPLE_REMOVE && people_lose_administrator(h->people, h->name, NULL)))
		return no(ret_why, -EPERM, "this is the last administrator: make somebody else one first");
	return 0;
}

const char *people_change_record(const struct people_change *h)
{
	return kinds[h->kind].record;
}

json_t *people_change_body(const struct people_change *h)
{
	json_t *body;

	if (h->kind == PEOPLE_REMOVE)
		return json_pack("{s:s,s:s}", "person", h->name, "reason", h->reason ? h->reason : "");
	if (h->kind == PEOPLE_PASSWORD || h->kind == PEOPLE_UNLOCK)
		return json_pack("{s:s}", "person", h->name);
	body = person_json(&h->person);
	if (body && json_object_set_new(body, "until", json_integer((json_int_t)h->person.until)) < 0) {
		json_decref(body);
		return NULL;
	}
	return body;
}

static int put(struct people_change *h)
{
	int r = people_put(h->people, &h->person);

	return r == 0 ? people_save(h->people_fd, h->people) : r;
}

static int take(struct people_change *h)
{
	int r = people_take(h->people, h->name);

	return r == 0 ? people_save(h->people_fd, h->people) : r; /* what he may do goes first */
}

int people_change_make(struct people_change *h)
{
	int r = 0;

	if (h->kind == PEOPLE_REMOVE)
		r = take(h);
	if (r == 0 && (h->kind == PEOPLE_ADD || h->kind == PEOPLE_PASSWORD || h->kind == PEOPLE_REMOVE))
		r = passwd_set(h->people_fd, h->name, h->kind == PEOPLE_REMOVE ? NULL : h->hash);
	if (r == 0 && (h->kind == PEOPLE_ADD || h->kind == PEOPLE_ALTER))
		r = put(h);
	close_p(&h->people_fd); /* the tries have the same lock */
	/* failed tries of a name that nobody had are not his */
	if (r == 0 && (h->kind == PEOPLE_ADD || h->kind == PEOPLE_UNLOCK))
		r = lockout_good(h->dir, h->name);
	return r;
}

void people_change_done(struct people_change **p)
{
	struct people_change *h = *p;

	close_p(&h->people_fd);
	h->people = people_free(h->people);
	if (h->hash)
		explicit_bzero(h->hash, strlen(h->hash));
	free(h->hash);
	h->hash = NULL;
}
