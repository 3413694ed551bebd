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

/* What counts at `now`: a clock that was set back since must not make a lock last longer than its time, nor end one. */
static struct lockout standing(const json_t *o, const struct lockout_rule *rule, int64_t now, int64_t *ret_last)
{
	struct lockout l = { .failed = (uint64_t)json_integer_value(json_object_get(o, "failed")) };
	int64_t last = json_integer_value(json_object_get(o, "last")), end;

	*ret_last = MIN(last, now);
	end = *ret_last + (int64_t)rule->time_s;
	if (now >= end)
		return (struct lockout){ 0 };
	if (l.failed >= rule->tries)
		l.until = end;
	return l;
}

static int set(struct tries *t, const char *name, uint64_t failed, int64_t last)
{
	json_t *o = json_pack("{s:I,s:I}", "failed", (json_int_t)failed, "last", (json_int_t)last);

	return json_object_set_new(t->all, name, o) < 0 ? -ENOMEM : 0;
}

/* What has ended is forgotten, whoever's it was; what a clock that was set back left in the future lasts from here. `*ret_next`: when
 * the next of the others ends (s since 1970). */
static int forget_ended(struct tries *t, const struct lockout_rule *rule, int64_t now, int64_t *ret_next)
{
	const char *name;
	void *next;
	json_t *o;

	*ret_next = now + (int64_t)rule->time_s;
	json_object_foreach_safe(t->all, next, name, o) {
		int64_t last;
		struct lockout l = standing(o, rule, now, &last);

		if (l.failed == 0)
			(void)json_object_del(t->all, name); /* it is there */
		else if (last != json_integer_value(json_object_get(o, "last")) && json_object_set_new(o, "last", json_integer(last)) < 0)
			return -ENOMEM;
		else
			*ret_next = MIN(*ret_next, last + (int64_t)rule->time_s);
	}
	return 0;
}

static int begin(struct tries *t, const char *name, const struct lockout_rule *rule, int64_t now, struct lockout *ret)
{
	const json_t *o;
	int64_t last, next;
	int r = forget_ended(t, rule, now, &next);

	if (r < 0)
		return r;
	o = json_object_get(t->all, name);
	*ret = o ? standing(o, rule, now, &last) : (struct lockout){ 0 };
	if (!o && json_object_size(t->all) >= TRIES_NAMES_MAX)
		*ret = (struct lockout){ .until = next };
	else if (ret->until == 0) {
		ret->failed++;
		ret->until = ret->failed >= rule->tries ? now + (int64_t)rule->time_s : 0;
		r = set(t, name, ret->failed, now);
		return r < 0 ? r : tries_save(t);
	}
	r = tries_save(t); /* the clock may have been set back: the lock lasts from here, and that must be on disk */
	return r < 0 ? r : -EBUSY;
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
	r = failed > 1 ? set(&t, name, (uint64_t)failed - 1, json_integer_value(json_object_get(o, "last"))) : json_object_del(t.all, name);
	return r < 0 ? -ENOMEM : tries_save(&t);
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
