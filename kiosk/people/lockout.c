/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "people/lockout.h"

#include <jansson.h>
#include <string.h>

#include "common/fd.h"
#include "people/store.h"

#define TRIES_BYTES_MAX (1u << 20)

struct tries {
	int fd; /* of the directory, locked */
	json_t *all;
};

static void tries_done(struct tries *t)
{
	json_decref(t->all);
	close_p(&t->fd);
}

static bool is_count(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_sound(const json_t *all)
{
	const char *name;
	json_t *o;

	if (!json_is_object(all))
		return false;
	json_object_foreach((json_t *)all, name, o)
		if (!person_name_valid(name) || json_object_size(o) != 2 || !is_count(o, "failed") || !is_count(o, "last"))
			return false;
	return true;
}

static int tries_open(const char *station_dir, struct tries *t)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = people_open(station_dir, true, &t->fd);

	if (r == 0)
		r = file_read(t->fd, TRIES_FILE, TRIES_BYTES_MAX, &text, &size);
	if (r == -ENOENT) {
		t->all = json_object();
		return t->all ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r;
	t->all = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	return is_sound(t->all) ? 0 : -EUCLEAN;
}

static int tries_save(const struct tries *t)
{
	_cleanup_free_ char *text = json_dumps(t->all, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? file_replace(t->fd, TRIES_FILE, text, strlen(text), 0600) : -ENOMEM;
}

/* The oldest of the names that nobody has, when there are too many; NULL: there are not. */
static const char *superfluous(const struct tries *t, const struct people *people)
{
	const char *name, *oldest = NULL;
	json_int_t last = 0;
	size_t count = 0;
	json_t *o;

	json_object_foreach(t->all, name, o) {
		json_int_t at = json_integer_value(json_object_get(o, "last"));

		if (person_find(people, name))
			continue;
		count++;
		if (!oldest || at < last) {
			oldest = name;
			last = at;
		}
	}
	return count > TRIES_OF_NOBODY_MAX ? oldest : NULL;
}

static int forget_superfluous(struct tries *t)
{
	_cleanup_(people_freep) struct people *people = NULL;
	int r = people_load_at(t->fd, &people, NULL);
	const char *name;

	while (r == 0 && (name = superfluous(t, people)))
		(void)json_object_del(t->all, name); /* it is there */
	return r;
}

/* What counts at `now`: a clock that was set back since must not make a lock last longer than its time, nor end one. */
static struct lockout standing(const json_t *o, const struct lockout_rule *rule, int64_t now, int64_t *ret_last)
{
	struct lockout l = { .failed = (uint64_t)json_integer_value(json_object_get(o, "failed")) };
	int64_t last = json_integer_value(json_object_get(o, "last"));

	*ret_last = MIN(last, now);
	if (l.failed < rule->tries)
		return l;
	l.until = *ret_last + (int64_t)rule->time_s;
	if (now >= l.until)
		l = (struct lockout){ 0 };
	return l;
}

static int note(struct tries *t, const char *name, uint64_t failed, int64_t last)
{
	json_t *o = json_pack("{s:I,s:I}", "failed", (json_int_t)failed, "last", (json_int_t)last);
	int r = json_object_set_new(t->all, name, o) < 0 ? -ENOMEM : forget_superfluous(t);

	return r < 0 ? r : tries_save(t);
}

static int begin(struct tries *t, const char *name, const struct lockout_rule *rule, int64_t now, struct lockout *ret)
{
	const json_t *o = json_object_get(t->all, name);
	int64_t last = now;
	struct lockout l = o ? standing(o, rule, now, &last) : (struct lockout){ 0 };
	int r;

	if (l.until > 0) {
		/* The clock was set back: the lock now lasts from here, and that must be on disk. */
		r = last != json_integer_value(json_object_get(o, "last")) ? note(t, name, l.failed, last) : 0;
		*ret = l;
		return r < 0 ? r : -EBUSY;
	}
	r = note(t, name, l.failed + 1, now);
	if (r == 0)
		*ret = (struct lockout){ .failed = l.failed + 1,
					 .until = l.failed + 1 >= rule->tries ? now + (int64_t)rule->time_s : 0 };
	return r;
}

int lockout_begin(const char *station_dir, const char *name, const struct lockout_rule *rule, int64_t now, struct lockout *ret)
{
	_cleanup_(tries_done) struct tries t = { .fd = -EBADF };
	int r = tries_open(station_dir, &t);

	return r < 0 ? r : begin(&t, name, rule, now, ret);
}

int lockout_good(const char *station_dir, const char *name)
{
	_cleanup_(tries_done) struct tries t = { .fd = -EBADF };
	int r = tries_open(station_dir, &t);

	if (r < 0 || json_object_del(t.all, name) < 0) /* nothing to be forgotten */
		return r;
	return tries_save(&t);
}

int lockout_take_back(const char *station_dir, const char *name)
{
	_cleanup_(tries_done) struct tries t = { .fd = -EBADF };
	int r = tries_open(station_dir, &t);
	const json_t *o = r < 0 ? NULL : json_object_get(t.all, name);
	json_int_t failed = json_integer_value(json_object_get(o, "failed"));

	if (r < 0 || failed < 1)
		return r;
	return note(&t, name, (uint64_t)failed - 1, json_integer_value(json_object_get(o, "last")));
}

int lockout_get(const char *station_dir, const char *name, const struct lockout_rule *rule, int64_t now, struct lockout *ret)
{
	_cleanup_(tries_done) struct tries t = { .fd = -EBADF };
	int r = tries_open(station_dir, &t);
	const json_t *o = r < 0 ? NULL : json_object_get(t.all, name);
	int64_t last;

	if (r == 0)
		*ret = o ? standing(o, rule, now, &last) : (struct lockout){ 0 };
	return r;
}
