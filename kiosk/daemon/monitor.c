/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One timer: every 15 s, or a little after something has changed, the records role counts what is new in the history (archive.c),
 * then the file is written. Counters that the history gives live on when lazaretd is restarted; what is told never goes back
 * while it runs, also when somebody makes the history anew meanwhile.
 */
#include "daemon/monitor.h"

#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/log.h"
#include "monitor/journal.h"
#include "monitor/metrics.h"

#define PERIOD_US (15 * UINT64_C(1000000))
#define SOON_US 200000u /* changes come in groups */
#define BETWEEN_US 1000000u /* two writes */

struct monitor {
	char *file; /* NULL: none is configured, or that could not be read */
	sd_event_source *timer;
	uint64_t written_us; /* CLOCK_MONOTONIC; 0: never */
	struct metrics_live live;
	struct history_totals totals, counting; /* told; being counted */
	bool has_totals, is_asked; /* a question is under way */
	int write_error; /* told once */
	enum trouble trouble; /* told to the journal */
	uint64_t waiting[CONTROL_CLIENTS_MAX]; /* tokens */
	size_t waiting_count;
};

/* -- what is told ----------------------------------------------------------------------------------------------- */

static json_t *all_media(struct daemon *d)
{
	json_t *list = json_array();

	for (size_t k = 0; k < d->media_count; k++)
		(void)json_array_append_new(list, json_pack("{s:s}", "state", medium_state_name(d->media[k]->fold.state))); /* a count is lost */
	return list;
}

static int make(struct daemon *d, const json_t *station, char **ret, size_t *ret_size)
{
	struct monitor *o = d->monitor;
	json_t *media = all_media(d);
	struct facts facts = { 0 };
	const struct metrics m = {
		.station = station,
		.media = media,
		.config = d->station ? d->station->config : NULL,
		.totals = o->has_totals ? &o->totals : NULL,
		.facts = d->station ? &facts : NULL,
		.live = &o->live,
		.now = time(NULL),
	};
	int r;

	if (d->station)
		facts_look(d->station->config, &facts);
	r = metrics_write(&m, ret, ret_size);
	json_decref(media);
	return r;
}

static void answer_waiting(struct daemon *d, const char *text)
{
	struct monitor *o = d->monitor;

	for (size_t k = 0; k < o->waiting_count; k++)
		control_answer(d->control, o->waiting[k], json_pack("{s:s}", "text", text));
	o->waiting_count = 0;
}

/* Once when it begins, once when it ends: a collector's directory may not be there yet. */
static void note_write(struct monitor *o, int r)
{
	if (r < 0 && r != o->write_error)
		log_warning("%s: the metrics cannot be written: %s (metrics.file in lazaret.yaml; the unit needs ReadWritePaths= for it)", o->file,
			    strerror(-r));
	else if (r == 0 && o->write_error < 0)
		log_info("%s: the metrics are written again", o->file);
	o->write_error = r;
}

static void tell(struct daemon *d)
{
	struct monitor *o = d->monitor;
	_cleanup_free_ char *text = NULL;
	json_t *station;
	size_t size;
	int r;

	if (!o->file && o->waiting_count == 0)
		return;
	station = station_object(d);
	r = make(d, station, &text, &size);
	json_decref(station);
	if (r == 0 && o->file)
		r = metrics_replace(o->file, text, size);
	if (o->file)
		note_write(o, r);
	if (text)
		answer_waiting(d, text);
	(void)sd_event_now(d->loop, CLOCK_MONOTONIC, &o->written_us); /* fails before the loop runs: then it is 0 */
}

/* -- counting --------------------------------------------------------------------------------------------------- */

static uint64_t sum(const struct history_totals *t)
{
	uint64_t n = 0;

	for (size_t k = 0; k < OUTCOME_COUNT_; k++)
		n += t->inspections[k];
	return n;
}

static void take_totals(struct daemon *d, const json_t *answer);

static void ask_totals(struct daemon *d)
{
	struct monitor *o = d->monitor;
	json_t *counting = history_totals_encode(&o->counting), *question = json_pack("{s:s,s:o?}", "request", "totals", "totals", counting);

	o->is_asked = question && d->station && !d->is_ending;
	if (o->is_asked)
		archive_count(d, question, take_totals);
	json_decref(question);
	if (!o->is_asked)
		tell(d);
}

/* `answer`: NULL when there is none; then what was counted before is told. */
static void take_totals(struct daemon *d, const json_t *answer)
{
	struct monitor *o = d->monitor;

	if (!o || !o->is_asked)
		return;
	o->is_asked = false;
	if (history_totals_decode(json_object_get(answer, "totals"), &o->counting) == 0) {
		if (json_is_true(json_object_get(answer, "more"))) {
			ask_totals(d);
			return;
		}
		if (sum(&o->counting) >= sum(&o->totals)) { /* not half of a history that is being made anew */
			o->totals = o->counting;
			o->has_totals = true;
		}
	}
	tell(d);
}

/* -- trouble ---------------------------------------------------------------------------------------------------- */

static void tell_trouble(struct daemon *d)
{
	struct monitor *o = d->monitor;
	json_t *station = station_object(d), *trouble = json_object_get(station, "trouble"), *fields;
	enum trouble now = trouble_find(json_string_value(json_object_get(trouble, "code")));

	if (now != o->trouble) {
		fields = json_pack("{s:s,s:s*,s:s*}", "trouble", trouble_code(now != TROUBLE_NONE ? now : o->trouble), "detail",
				   json_string_value(json_object_get(trouble, "detail")), "next", json_string_value(json_object_get(trouble, "next")));
		if (now == TROUBLE_NONE)
			journal_send(JOURNAL_TROUBLE_OVER, LOG_NOTICE, "the station's trouble is over", fields);
		else
			journal_send(JOURNAL_TROUBLE, LOG_ERR, trouble_text(now), fields);
		json_decref(fields);
		o->trouble = now;
	}
	json_decref(station);
}

/* -- the clock -------------------------------------------------------------------------------------------------- */

static void set_timer(struct daemon *d, uint64_t at)
{
	if (sd_event_source_set_time(d->monitor->timer, at) < 0 || sd_event_source_set_enabled(d->monitor->timer, SD_EVENT_ONESHOT) < 0)
		log_error("no timer: the metrics are not written any more");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;
	uint64_t now;

	if (sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0)
		now = usec;
	set_timer(d, now + PERIOD_US);
	tell_trouble(d);
	if ((d->monitor->file || d->monitor->waiting_count > 0) && !d->monitor->is_asked)
		ask_totals(d);
	return 0;
}

void monitor_touch(struct daemon *d)
{
	struct monitor *o = d->monitor;
	uint64_t now, at, set;

	if (!o || sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0)
		return;
	at = MAX(now + SOON_US, o->written_us > 0 ? o->written_us + BETWEEN_US : 0);
	if (sd_event_source_get_time(o->timer, &set) < 0 || set > at)
		set_timer(d, at);
}

/* -- what happens ----------------------------------------------------------------------------------------------- */

/* The file is named by the configuration; one that cannot be read now leaves the file that was written before. */
static void find_file(struct daemon *d)
{
	_cleanup_(station_config_freep) struct station_config *mine = NULL;
	const struct station_config *c = d->station ? d->station->config : NULL;
	struct yaml_errors errors = { 0 };

	if (!c && station_config_load(d->dir, &errors, &mine) == 0)
		c = mine;
	yaml_errors_done(&errors); /* told when the station is loaded */
	if (!c)
		return;
	free(d->monitor->file);
	d->monitor->file = c->metrics_file ? strdup(c->metrics_file) : NULL;
}

int monitor_start(struct daemon *d)
{
	uint64_t now;
	int r = sd_event_now(d->loop, CLOCK_MONOTONIC, &now);

	d->monitor = r < 0 ? NULL : calloc(1, sizeof(*d->monitor));
	if (!d->monitor)
		return r < 0 ? r : -ENOMEM;
	d->monitor->live.started = time(NULL);
	r = sd_event_add_time(d->loop, &d->monitor->timer, CLOCK_MONOTONIC, now + SOON_US, 0, on_timer, d);
	if (r >= 0)
		find_file(d);
	return MIN(r, 0);
}

void monitor_ended(struct daemon *d, const struct medium *m)
{
	json_t *o, *counts;

	if (!d->monitor)
		return;
	d->monitor->live.members += (uint64_t)MAX(m->fold.members_examined, 0);
	d->monitor->live.inspections_lost += m->is_lost;
	o = media_object(d, m->number);
	counts = json_object_get(o, "counts");
	if (o && json_is_string(json_object_get(o, "transfer"))) { /* one that never began has no end */
		_cleanup_free_ char *medium = NULL;
		const char *trouble = trouble_code(m->fold.trouble);
		json_t *fields = json_pack("{s:O,s:O,s:O,s:O,s:O,s:O?,s:O?,s:s*}", "transfer", json_object_get(o, "transfer"), "outcome",
					   json_object_get(o, "outcome"), "operator", json_object_get(o, "operator"), "reason",
					   json_object_get(o, "reason"), "port", json_object_get(o, "port"), "started",
					   json_object_get(o, "started"), "finished", json_object_get(o, "finished"), "trouble", trouble);

		if (fields && asprintf(&medium, "%s %s %s", m->device.kind, m->device.vendor, m->device.model) >= 0 &&
		    json_object_set_new(fields, "medium", json_string(medium)) == 0 &&
		    json_object_set_new(fields, "serial", json_string(m->device.serial)) == 0 &&
		    (!json_is_object(counts) || json_object_update(fields, counts) == 0))
			journal_inspection(fields);
		json_decref(fields);
	}
	json_decref(o);
	monitor_touch(d);
}

void monitor_recorded(struct daemon *d, const char *type, const json_t *body)
{
	struct metrics_live *live = d->monitor ? &d->monitor->live : NULL;
	enum journal_kind kind = journal_kind_of(type);

	journal_record(type, body);
	if (!live)
		return;
	live->devices_refused += kind == JOURNAL_DEVICE;
	live->login_failures += strcmp(type, "login-failed") == 0;
	live->devices_lost += strcmp(type, "devices-lost") == 0;
	if (strcmp(type, "station-ready") == 0 || strcmp(type, "station-reloaded") == 0)
		find_file(d);
	monitor_touch(d);
}

void monitor_lost_examiners(struct daemon *d)
{
	if (d->monitor)
		d->monitor->live.examiners_lost++;
}

void monitor_ask(struct daemon *d, uint64_t token)
{
	struct monitor *o = d->monitor;

	if (o->waiting_count == ARRAY_LEN(o->waiting)) { /* as many as may be connected; one that left was not answered */
		control_refuse(d->control, token, "unavailable", "others wait for them, too");
		return;
	}
	o->waiting[o->waiting_count++] = token;
	if (!o->is_asked)
		ask_totals(d);
}

void monitor_done(struct daemon *d)
{
	struct monitor *o = d->monitor;

	if (!o)
		return;
	o->waiting_count = 0; /* they have gone */
	d->is_ending = true;
	tell(d);
	o->timer = sd_event_source_disable_unref(o->timer);
	free(o->file);
	free(o);
	d->monitor = NULL;
}
