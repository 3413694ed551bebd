/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What update packs brought, for those who ask; and `database: {at-once: 1}`: for stations whose memory holds one database, and not a
 * second one beside it. Such a station lets the inspections that run end, gives the database up, and loads the new one then.
 *
 * While `lazaret update` tries a set, it has the station rest without a database (request `rest`): the lock in sets/, which an update
 * holds as long as it lives, says when that is over.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "common/log.h"
#include "daemon/daemon.h"
#include "station/sets.h"
#include "update/offers.h"

json_t *sets_json(const struct station_config *c)
{
	json_t *list = json_array();
	int64_t now = time(NULL);

	for (size_t k = 0; list && k < c->set_count; k++) {
		const struct station_set *s = &c->sets[k];
		int64_t age = MAX((int64_t)0, now - s->made);
		/* rules and lists are as good as on the day when they were written */
		const char *state = s->kind != SET_DATABASE		      ? "ok" :
				    age >= (int64_t)c->database.stop_age_s ? "stop" :
				    age >= (int64_t)c->database.warn_age_s ? "warn" :
									     "ok";

		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:I,s:s}", "kind", station_set_kind_name(s->kind), "name",
							    s->name, "version", (json_int_t)s->version, "time", (json_int_t)s->made,
							    "age_s", (json_int_t)age, "state", state)); /* told, not relied on */
	}
	return list;
}

json_t *sets_offers(const struct daemon *d)
{
	const struct station_config *c = d->station->config;
	json_t *versions = json_object(), *offers;

	for (size_t k = 0; k < c->set_count; k++)
		(void)json_object_set_new(versions, c->sets[k].name, json_integer((json_int_t)c->sets[k].version)); /* told, not relied on */
	offers = offers_json(c->dir, versions);
	json_decref(versions);
	return offers;
}

bool sets_one_at_once(const struct daemon *d)
{
	return d->station && d->station->config->database.at_once == 1;
}

/* Nobody uses it any more: it ends at once, and its memory is free when this returns. */
static void give_up(struct daemon *d)
{
	for (size_t k = 0; k < d->station->examiner_count; k++)
		(void)process_end(&d->station->examiners[k].process); /* holds nothing that must be kept */
	d->has_given_way = true;
}

static void answer_rest(struct daemon *d)
{
	if (d->rest_token != 0)
		control_answer(d->control, d->rest_token, NULL);
	d->rest_token = 0;
}

/* With the database gone: who waits for that goes on. */
static void given_way(struct daemon *d)
{
	d->is_giving_way = false;
	if (d->is_resting)
		answer_rest(d);
	else
		station_load(d);
}

void sets_give_way(struct daemon *d)
{
	if (!d->is_giving_way || media_running(d) > 0)
		return;
	station_unwatch(d);
	give_up(d);
	given_way(d);
}

bool sets_must_give_way(struct daemon *d)
{
	if (!sets_one_at_once(d) || d->has_given_way)
		return false;
	d->is_giving_way = true;
	return true;
}

/* Does an update hold the lock? When nobody can say, the station goes on. */
bool sets_are_updated(const struct daemon *d)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;

	if (asprintf(&path, "%s/" SETS_DIRECTORY "/" SETS_LOCK, d->dir) < 0)
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void sets_rest(struct daemon *d, uint64_t token)
{
	if (!sets_one_at_once(d)) {
		control_answer(d->control, token, NULL); /* two fit */
		return;
	}
	if (d->next || d->is_resting || !sets_are_updated(d)) {
		control_refuse(d->control, token, "not-now", "%s", d->next || d->is_resting ? "databases are being loaded" : "no update is under way");
		return;
	}
	d->is_resting = true;
	d->rest_token = token;
	if (sets_must_give_way(d))
		sets_give_way(d);
	else
		answer_rest(d);
	control_touch(d->control, CONTROL_STATION);
}

void sets_wake(struct daemon *d)
{
	if (!d->is_resting)
		return;
	d->is_resting = d->is_giving_way = false;
	answer_rest(d);
}

void sets_tick(struct daemon *d)
{
	if (!d->is_resting || sets_are_updated(d))
		return;
	log_warning("an update ended without a word; databases are loaded again");
	sets_wake(d);
	station_load(d);
}
