/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "common/log.h"
#include "common/minisign.h"
#include "daemon/daemon.h"
#include "daemon/machine.h"
#include "daemon/setup.h"
#include "daemon/monitor.h"
#include "station/maintenance.h"
#include "supervisor/engine.h"
#include "update/undo.h"

#define RETRY_US (30 * UINT64_C(1000000)) /* a station that could not start tries again: a disk may be there later */
/* Official databases load in 6 to 19 s on one core; a slow disk and a busy machine times ten, and some. */
#define LOAD_MS 300000

static void changed(struct daemon *d)
{
	if (d->control)
		control_touch(d->control, CONTROL_STATION);
	monitor_touch(d);
}

bool station_accepts(const struct daemon *d)
{
	return d->station && !d->is_engine_lost && !d->is_trail_lost && !d->is_ending && !d->is_giving_way && !d->has_given_way &&
	       !d->restarting.is_leaving;
}

static uint64_t room_in(const char *dir)
{
	struct statvfs fs;

	return statvfs(dir, &fs) < 0 ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize;
}

bool station_has_room(const struct daemon *d)
{
	return d->station && room_in(d->station->config->staging_dir) > d->station->config->staging_min_free;
}

void station_audit(struct daemon *d, const char *type, json_t *body)
{
	char hash[65];
	uint64_t seq;

	if (d->station && !d->is_trail_lost && (!body || supervisor_audit(d->station, type, body, &seq, hash) < 0)) {
		d->is_trail_lost = true;
		changed(d);
	} else if (d->station && !d->is_trail_lost) {
		monitor_recorded(d, type, body);
	}
	json_decref(body);
}

/* -- loading ---------------------------------------------------------------------------------------------------- */

static void forget_words(struct daemon *d)
{
	json_decref(d->words);
	d->words = NULL;
	d->words_trouble = TROUBLE_NONE;
}

static void note_reload(struct daemon *d, bool is_good, const char *text)
{
	json_t *o = json_pack("{s:I,s:b,s:s}", "at", (json_int_t)time(NULL), "ok", is_good, "text", text);

	json_decref(d->reload);
	d->reload = o;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *context)
{
	station_load(context);
	return 0;
}

static void retry_later(struct daemon *d)
{
	uint64_t now;

	d->retry = sd_event_source_disable_unref(d->retry);
	if (sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0 ||
	    sd_event_add_time(d->loop, &d->retry, CLOCK_MONOTONIC, now + RETRY_US, 0, on_retry, d) < 0)
		log_error("no timer: the station does not try again by itself; reload it");
}

static void forget_sources(sd_event_source *sources[static EXAMINERS_MAX])
{
	for (size_t k = 0; k < EXAMINERS_MAX; k++)
		sources[k] = sd_event_source_disable_unref(sources[k]);
}

/* What was in force stays so: but a station without any, or whose examiners or trail have gone, accepts nothing. */
static void load_failed(struct daemon *d)
{
	const char *words = json_string_value(d->words);

	forget_sources(d->next_io);
	d->next = supervisor_free(d->next);
	note_reload(d, false, words ? words : "see the log");
	if (!station_accepts(d))
		retry_later(d);
	else
		station_audit(d, "reload-failed", json_pack("{s:s}", "why", words ? words : ""));
	changed(d);
	if (d->is_reload_wanted)
		station_load(d); /* what was put right meanwhile */
}

static int on_engine(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	/* Nothing comes on it unasked but its end. */
	forget_sources(d->engine_io);
	log_error("an examiners' parent has died; all are started anew");
	d->is_engine_lost = true;
	monitor_lost_examiners(d);
	station_load(d);
	return 0;
}

static void retire(struct daemon *d, struct supervisor *old)
{
	if (!old)
		return;
	for (size_t k = 0; k < old->examiner_count; k++) /* each ends when the last inspection that uses it does */
		child_reap(d, process_release(&old->examiners[k].process));
	supervisor_free(old);
}

static const char *policy_hash(const struct supervisor *s, char out[static SHA256_HEX_LEN + 1])
{
	hex_encode(rules_sha256(s->rules), SHA256_LEN, out);
	return out;
}

void station_unwatch(struct daemon *d)
{
	forget_sources(d->engine_io);
}

static int watch_all(struct daemon *d, struct supervisor *s, sd_event_source *ret[static EXAMINERS_MAX], uint32_t events,
		     sd_event_io_handler_t handler)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < s->examiner_count; k++)
		r = sd_event_add_io(d->loop, &ret[k], s->examiners[k].process.channel.fd, events, handler, d);
	return MIN(r, 0);
}

static void come_into_force(struct daemon *d)
{
	struct supervisor *old = d->station;
	bool is_first = !old;
	char hash[SHA256_HEX_LEN + 1];

	forget_sources(d->next_io);
	d->retry = sd_event_source_disable_unref(d->retry);
	forget_sources(d->engine_io);
	d->station = TAKE_PTR(d->next);
	d->is_engine_lost = d->is_trail_lost = d->is_giving_way = d->has_given_way = false;
	retire(d, old);
	if (watch_all(d, d->station, d->engine_io, POLLHUP, on_engine) < 0)
		log_error("the examiners cannot be watched; an inspection will find out when they have died");
	if (!is_first || d->reload)
		note_reload(d, true, "");
	station_audit(d, is_first ? "station-ready" : "station-reloaded",
		      json_pack("{s:s,s:s,s:O,s:o}", "policy", rules_title(d->station->rules), "policy_sha256",
				policy_hash(d->station, hash), "engines", d->station->engines, "sets",
				sets_json(d->station->config)));
	(void)sd_notify(0, "READY=1\nSTATUS=waiting for media"); /* nothing to be done about a manager that does not listen */
	review_count(d);
	archive_done(d); /* its directories may be others now */
	devices_apply(d);
	if (d->station->config->devices.source == STATION_DEVICES_NONE)
		selfcheck_begin(d); /* else when the devices role has told what is there */
	if (!is_first)
		selfcheck_again(d);
	media_schedule(d);
	changed(d);
	if (d->is_reload_wanted)
		station_load(d);
}

static int on_loading(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;
	size_t which = 0;
	int r;

	while (d->next_io[which] != source)
		which++;
	r = engine_continue(d->next, which);
	if (d->next->examiners[which].is_ready) /* nothing comes on it unasked but its end, which is seen when it is used */
		d->next_io[which] = sd_event_source_disable_unref(d->next_io[which]);
	if (r < 0)
		load_failed(d);
	else if (r > 0)
		come_into_force(d);
	return 0;
}

void station_load(struct daemon *d)
{
	int r;

	d->is_reload_wanted = d->next != NULL; /* one at a time; what was changed meanwhile is loaded after it */
	if (d->next || d->is_ending || d->is_resting || d->is_giving_way)
		return;
	d->retry = sd_event_source_disable_unref(d->retry);
	forget_words(d);
	/* what cannot be loaded must not cost the station the database that it has */
	if (sets_one_at_once(d) && !d->has_given_way && supervisor_check(d->dir, d->events) < 0) {
		load_failed(d);
		return;
	}
	if (sets_must_give_way(d)) {
		changed(d);
		sets_give_way(d);
		return;
	}
	d->next_deadline_ms = monotonic_ms() + LOAD_MS;
	r = supervisor_begin(d->dir, d->events, -1, &d->next);
	if (r == 0)
		r = watch_all(d, d->next, d->next_io, POLLIN, on_loading);
	if (r < 0)
		load_failed(d);
	changed(d);
}

int station_retake(struct daemon *d)
{
	struct supervisor *all[] = { d->station, d->next }; /* what is loading has read the file before */
	int r = 0;

	for (size_t k = 0; k < ARRAY_LEN(all) && r == 0; k++) {
		_cleanup_(station_config_freep) struct station_config *c = NULL;
		struct yaml_errors errors = { 0 };

		if (!all[k])
			continue;
		r = station_config_load(d->dir, &errors, &c);
		if (r < 0)
			yaml_errors_print(&errors, stderr);
		else
			maintenance_swap(all[k]->config, c);
		yaml_errors_done(&errors);
	}
	if (r == 0)
		devices_apply(d);
	changed(d);
	return r;
}

void station_tick(struct daemon *d)
{
	if (!d->next || monotonic_ms() < d->next_deadline_ms)
		return;
	events_trouble(d->events, TROUBLE_DATABASE_MISSING, "the virus databases did not load within %d s", LOAD_MS / 1000);
	for (size_t k = 0; k < d->next->examiner_count; k++)
		if (!d->next->examiners[k].is_ready)
			process_kill(&d->next->examiners[k].process); /* it would not listen to its end */
	load_failed(d);
	if (d->is_reload_wanted)
		station_load(d);
}

void station_done(struct daemon *d)
{
	sd_event_source **sources[] = { &d->retry, &d->tick };

	for (size_t k = 0; k < ARRAY_LEN(sources); k++)
		*sources[k] = sd_event_source_disable_unref(*sources[k]);
	forget_sources(d->engine_io);
	forget_sources(d->next_io);
	d->next = supervisor_free(d->next);
	d->station = supervisor_free(d->station);
	json_decref(d->words);
	json_decref(d->reload);
	d->words = d->reload = NULL;
}

/* -- the object ------------------------------------------------------------------------------------------------- */

static enum trouble trouble_now(const struct daemon *d)
{
	if (d->is_trail_lost)
		return TROUBLE_TRAIL;
	if (d->is_engine_lost)
		return TROUBLE_DATABASE_MISSING;
	if (!d->station)
		return d->next ? TROUBLE_NONE : d->words_trouble != TROUBLE_NONE ? d->words_trouble : TROUBLE_CONFIGURATION;
	if (d->has_given_way && !d->next && !d->is_resting)
		return d->words_trouble != TROUBLE_NONE ? d->words_trouble : TROUBLE_CONFIGURATION;
	if (trail_room(d) == TRAIL_FULL)
		return TROUBLE_TRAIL;
	if (d->is_blind)
		return TROUBLE_INTERNAL;
	if (selfcheck_holds(d))
		return TROUBLE_SELF_CHECK;
	if (d->station->is_database_stale)
		return TROUBLE_DATABASE_STALE;
	return station_has_room(d) ? TROUBLE_NONE : TROUBLE_STAGING_FULL;
}

static const char *state_now(const struct daemon *d)
{
	if (d->is_ending || d->restarting.is_leaving)
		return "ending";
	if (station_accepts(d))
		return d->is_blind || selfcheck_holds(d) ? "stopped" : selfcheck_is_pending(d) ? "starting" : "ready";
	return d->next || d->is_giving_way || d->is_resting ? "starting" : "stopped";
}

static json_t *trouble_object(const struct daemon *d)
{
	enum trouble t = trouble_now(d);
	const char *words = json_string_value(d->words);

	if (t == TROUBLE_NONE)
		return json_null();
	return json_pack("{s:s,s:s,s:s,s:s}", "code", trouble_code(t), "text", trouble_text(t), "next", trouble_next(t),
			 "detail", words && !station_accepts(d) ? words :
				   t == TROUBLE_SELF_CHECK	? selfcheck_detail(d) :
				   t == TROUBLE_INTERNAL	? "what is plugged in cannot be seen" :
				   t == TROUBLE_TRAIL && !d->is_trail_lost ? "there is hardly any room left for records" :
								  "");
}

static json_t *databases(const struct supervisor *s)
{
	json_t *list = json_array(), *engine;
	size_t k;

	json_array_foreach(s->engines, k, engine) {
		if (json_integer_value(json_object_get(engine, "signatures")) == 0)
			continue;
		(void)json_array_append_new(list, json_pack("{s:O,s:O,s:O,s:O,s:O}", "name", json_object_get(engine, "name"), "version",
							    json_object_get(engine, "database_version"), "time",
							    json_object_get(engine, "database_time"), "age_s",
							    json_object_get(engine, "database_age_s"), "signatures",
							    json_object_get(engine, "signatures"))); /* told, not relied on */
	}
	return list;
}

/* For those who fetch transfers: on a machine without a command line this is where they get it from. */
static json_t *manifest_public(const struct station_config *c)
{
	char text[MINISIGN_PUBLIC_TEXT_LEN + 1];
	struct minisign_public key;

	if (minisign_public_beside(c->manifest_key, &key) < 0)
		return json_null();
	minisign_public_base64(&key, text);
	return json_string(text);
}

static int describe(const struct daemon *d, json_t *o)
{
	struct supervisor *s = d->station;
	const struct station_config *c = s->config;
	int64_t age = engine_age(s);
	uint64_t staging_free = room_in(c->staging_dir);
	struct stat st;
	char hash[SHA256_HEX_LEN + 1];
	bool is_old = age >= (int64_t)c->database.warn_age_s;
	json_t *more;
	int r;

	more = json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:I,s:I,s:I,s:I,s:s,s:I}", "held", review_station(d), "name", c->name, "id", c->id, "policy",
			 rules_title(s->rules), "policy_sha256", policy_hash(s, hash), "operators",
			 station_operators_name(c->operators), "databases", databases(s), "database_state",
			 s->is_database_stale ? "stop" : is_old ? "warn" : "ok", "database_age_s", (json_int_t)age, "rules_time",
			 (json_int_t)(stat(c->rules_file, &st) < 0 ? 0 : st.st_mtim.tv_sec), "spool_free",
			 (json_int_t)room_in(c->spool_dir), "staging_free", (json_int_t)staging_free, "staging_state",
			 staging_free > c->staging_min_free ? "ok" : "full", "at_once", (json_int_t)c->devices.at_once);
	if (more)
		(void)json_object_set_new(more, "sets", sets_json(c)); /* told, not relied on */
	if (more && json_object_set_new(more, "trail", trail_object(d)) < 0) {
		json_decref(more);
		return -1;
	}
	if (more)
		(void)json_object_set_new(more, "offers", sets_offers(d)); /* as above */
	if (more)
		(void)json_object_set_new(more, "undo", undo_json(d->dir)); /* as above */
	if (more && (json_object_set_new(more, "slots", slots_object(d)) < 0 || json_object_set_new(more, "restart", restart_object(d)) < 0)) {
		json_decref(more);
		return -1;
	}
	if (more && (json_object_set_new(more, "set_up", setup_object(d)) < 0 || json_object_set_new(more, "machine", json_boolean(machine_is_there(d))) < 0)) {
		json_decref(more);
		return -1;
	}
	if (more && json_object_set_new(more, "manifest_key", manifest_public(c)) < 0) {
		json_decref(more);
		return -1;
	}
	if (more && json_object_set_new(more, "selfcheck", selfcheck_object(d)) < 0) {
		json_decref(more);
		return -1;
	}
	r = more ? json_object_update(o, more) : -1;
	json_decref(more);
	if (r == 0)
		r = json_object_set_new(o, "questions", rules_questions(s->rules));
	return r;
}

json_t *station_object(struct daemon *d)
{
	json_t *o;

	if (d->station)
		(void)engine_age(d->station); /* its trouble is of now */
	o = json_pack("{s:s,s:s,s:s,s:s,s:o,s:O?,s:I}", "event", "station", "protocol", CONTROL_PROTOCOL, "version",
		      LAZARET_VERSION, "state", state_now(d), "trouble", trouble_object(d), "reload", d->reload, "now",
		      (json_int_t)time(NULL));

	if (o && d->station && describe(d, o) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
