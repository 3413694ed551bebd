/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Each medium from its arrival to its dismissal. First come, first served; what cannot begin says why. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/daemon.h"
#include "daemon/setup.h"
#include "daemon/monitor.h"

void device_done(struct device *v)
{
	char *strings[] = { v->key, v->node, v->kind, v->port, v->vendor, v->model, v->serial, v->usb_id };

	for (size_t k = 0; k < ARRAY_LEN(strings); k++)
		free(strings[k]);
	memset(v, 0, sizeof(*v));
}

static void medium_free(struct medium *m)
{
	child_done(m);
	fold_done(&m->fold);
	device_done(&m->device);
	free(m->operator_name);
	free(m->reason);
	free(m->owner);
	free(m->ticket);
	free(m);
}

void media_changed(struct medium *m)
{
	if (m->daemon->control)
		control_touch(m->daemon->control, CONTROL_MEDIUM + m->number);
}

static void forget(struct medium *m)
{
	struct daemon *d = m->daemon;

	for (size_t k = 0; k < d->media_count; k++)
		if (d->media[k] == m) {
			memmove(&d->media[k], &d->media[k + 1], (d->media_count - k - 1) * sizeof(struct medium *));
			d->media_count--;
			break;
		}
	if (d->control)
		control_touch(d->control, CONTROL_MEDIUM + m->number);
	medium_free(m);
}

struct medium *media_find(struct daemon *d, uint32_t number)
{
	for (size_t k = 0; k < d->media_count; k++)
		if (d->media[k]->number == number)
			return d->media[k];
	return NULL;
}

/* The present one of this key: an earlier inspection of it may be listed, too. */
static struct medium *find_key(struct daemon *d, const char *key)
{
	for (size_t k = d->media_count; k-- > 0;)
		if (d->media[k]->is_present && strcmp(d->media[k]->device.key, key) == 0)
			return d->media[k];
	return NULL;
}

size_t media_running(const struct daemon *d)
{
	size_t n = 0;

	for (size_t k = 0; k < d->media_count; k++)
		n += d->media[k]->pid > 0;
	return n;
}

static json_t *device_json(const struct medium *m)
{
	const struct device *v = &m->device;

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "kind", v->kind, "port", v->port, "vendor", v->vendor, "model",
			 v->model, "serial", v->serial, "usb_id", v->usb_id, "unit", (json_int_t)v->unit, "size",
			 (json_int_t)v->size);
}

/* -- the queue -------------------------------------------------------------------------------------------------- */

/* NULL: it may begin. */
static const char *waits_for(const struct daemon *d)
{
	if (!station_accepts(d) || trail_room(d) == TRAIL_FULL || selfcheck_is_pending(d) || selfcheck_holds(d))
		return "station";
	if (!station_has_room(d))
		return "staging-full";
	return media_running(d) >= d->station->config->devices.at_once ? "turn" : NULL;
}

static bool must_identify(const struct medium *m)
{
	const struct supervisor *s = m->daemon->station;

	return s && ((s->config->operators != STATION_OPERATORS_NONE && !*m->operator_name) ||
		     (s->config->operators == STATION_OPERATORS_AUTHENTICATED && !m->is_authenticated) ||
		     rules_missing(s->rules, m->owner, m->ticket, m->reason) != 0);
}

char *media_missing(const struct daemon *d, const char *owner, const char *ticket, const char *reason)
{
	return d->station ? rules_missing_text(rules_missing(d->station->rules, owner, ticket, reason)) : NULL;
}

static void begin(struct medium *m)
{
	int r = child_start(m);

	if (r < 0) {
		log_error("medium %u: %s", m->number, strerror(-r));
		fold_abandon(&m->fold, TROUBLE_INTERNAL, time(NULL));
		media_ended(m);
	} else {
		m->fold.state = MEDIUM_OPENING;
		media_changed(m);
	}
}

void media_schedule(struct daemon *d)
{
	for (size_t k = 0; k < d->media_count; k++) {
		struct medium *m = d->media[k];

		if (m->fold.state != MEDIUM_QUEUED && m->fold.state != MEDIUM_IDENTIFY)
			continue;
		m->fold.state = must_identify(m) ? MEDIUM_IDENTIFY : MEDIUM_QUEUED;
		if (m->fold.state == MEDIUM_QUEUED && !waits_for(d))
			begin(m);
		media_changed(m); /* its place may have changed, too */
	}
}

/* -- what happens to a medium ----------------------------------------------------------------------------------- */

/* Results that nobody dismissed make room, oldest first; what is plugged in or at work stays. */
static bool make_room(struct daemon *d)
{
	for (size_t k = 0; d->media_count == MEDIA_MAX && k < d->media_count; k++)
		if (d->media[k]->fold.state == MEDIUM_DONE && !d->media[k]->is_present) {
			forget(d->media[k]);
			break;
		}
	return d->media_count < MEDIA_MAX;
}

static struct medium *medium_new(struct daemon *d)
{
	struct medium *m = make_room(d) ? calloc(1, sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	*m = (struct medium){ .daemon = d, .answers_fd = -EBADF, .events_fd = -EBADF, .is_present = true };
	m->operator_name = strdup("");
	m->reason = strdup("");
	m->owner = strdup("");
	m->ticket = strdup("");
	if (!m->operator_name || !m->reason || !m->owner || !m->ticket || fold_init(&m->fold) < 0) {
		medium_free(m);
		return NULL;
	}
	m->number = ++d->next_medium;
	d->media[d->media_count++] = m;
	return m;
}

void media_arrived(struct daemon *d, struct device *device)
{
	struct medium *m = find_key(d, device->key) ? NULL : medium_new(d);

	if (!m) {
		log_error("/dev/%s: not taken: %s", device->node, find_key(d, device->key) ? "told twice" : "too many media");
		device_done(device);
		return;
	}
	m->device = *device;
	memset(device, 0, sizeof(*device));
	station_audit(d, "medium-arrived", device_json(m));
	media_schedule(d);
	media_changed(m);
}

void media_left(struct daemon *d, const char *key)
{
	struct medium *m = find_key(d, key);

	if (!m)
		return;
	m->is_present = false;
	m->fold.is_removable = m->fold.is_removable || m->pid == 0;
	station_audit(d, "medium-removed", device_json(m));
	if (m->pid > 0 && !m->fold.is_removable)
		child_signal(m, SIGUSR1);
	if (m->fold.state == MEDIUM_QUEUED || m->fold.state == MEDIUM_IDENTIFY || m->is_seen)
		forget(m); /* nothing was made of it, or it was told; the trail has its coming and going */
	else
		media_changed(m);
}

void media_lost_sight(struct daemon *d)
{
	for (size_t k = d->media_count; k-- > 0;) {
		struct medium *m = d->media[k];

		if (m->fold.state == MEDIUM_QUEUED || m->fold.state == MEDIUM_IDENTIFY) {
			forget(m); /* told again when the role is back, if it is there */
			continue;
		}
		m->is_present = false;
		if (m->pid > 0 && !m->fold.is_removable)
			child_signal(m, SIGUSR2); /* nobody could say that it is still the same */
		if (m->is_seen)
			forget(m); /* told again, too */
		else
			media_changed(m);
	}
}

void media_cancel(struct medium *m)
{
	if (m->pid > 0) {
		child_signal(m, SIGTERM);
	} else if (m->fold.state != MEDIUM_DONE) {
		fold_abandon(&m->fold, TROUBLE_CANCELLED, time(NULL));
		station_audit(m->daemon, "medium-declined", device_json(m));
		media_ended(m);
	}
}

void media_button(struct daemon *d, const char *key)
{
	struct medium *m = find_key(d, key);

	if (!m)
		return;
	m->has_button = true;
	if (m->fold.state == MEDIUM_DONE || m->fold.is_removable)
		child_eject(d, m->device.node);
	else
		media_cancel(m);
}

void media_ended(struct medium *m)
{
	struct daemon *d = m->daemon;

	if (m->has_button && m->is_present)
		child_eject(d, m->device.node);
	m->has_button = false;
	media_changed(m);
	sets_give_way(d);
	monitor_ended(d, m);
	media_schedule(d);
	setup_tick(d);
	if (d->control)
		control_touch(d->control, CONTROL_STATION);
	if (d->is_ending && media_running(d) == 0 && !review_is_running(d))
		(void)sd_event_exit(d->loop, 0); /* fails only when it is exiting already */
}

void media_dismiss(struct medium *m)
{
	m->is_seen = true;
	if (m->is_present)
		media_changed(m); /* "take it out" */
	else
		forget(m);
}

static bool copy(char **to, const char *from)
{
	*to = strdup(from);
	return *to;
}

bool media_again(struct medium *m)
{
	const struct device *v = &m->device;
	struct daemon *d = m->daemon;
	struct device w = { .major = v->major, .minor = v->minor, .unit = v->unit, .diskseq = v->diskseq, .size = v->size };

	if (!m->is_present || m->fold.state != MEDIUM_DONE)
		return false;
	if (!copy(&w.key, v->key) || !copy(&w.node, v->node) || !copy(&w.kind, v->kind) || !copy(&w.port, v->port) ||
	    !copy(&w.vendor, v->vendor) || !copy(&w.model, v->model) || !copy(&w.serial, v->serial) || !copy(&w.usb_id, v->usb_id)) {
		device_done(&w);
		return false;
	}
	forget(m); /* the history has it */
	media_arrived(d, &w);
	return true;
}

/* -- the object ------------------------------------------------------------------------------------------------- */

static json_t *queue_object(const struct medium *m)
{
	const char *why = waits_for(m->daemon);
	json_int_t position = 1;

	if (m->fold.state != MEDIUM_QUEUED)
		return json_null();
	for (size_t k = 0; m->daemon->media[k] != m; k++)
		position += m->daemon->media[k]->fold.state == MEDIUM_QUEUED;
	return json_pack("{s:I,s:s}", "position", position, "why", why ? why : "turn");
}

json_t *media_object(struct daemon *d, uint32_t number)
{
	struct medium *m = media_find(d, number);
	_cleanup_free_ char *operator_name = m ? text_escape(m->operator_name, strlen(m->operator_name)) : NULL;
	_cleanup_free_ char *reason = m ? text_escape(m->reason, strlen(m->reason)) : NULL;
	_cleanup_free_ char *owner = m ? text_escape(m->owner, strlen(m->owner)) : NULL;
	_cleanup_free_ char *ticket = m ? text_escape(m->ticket, strlen(m->ticket)) : NULL;
	json_t *o, *device;

	if (!m || !operator_name || !reason || !owner || !ticket)
		return NULL;
	device = device_json(m);
	o = json_pack("{s:s,s:I,s:o,s:b,s:b,s:s,s:s,s:s,s:s}", "event", "medium", "medium", (json_int_t)m->number, "queue", queue_object(m), "present",
		      m->is_present, "seen", m->is_seen, "operator", operator_name, "reason", reason, "owner", owner, "ticket", ticket);
	if (!o || !device || json_object_update(o, device) < 0 || fold_describe(&m->fold, o) < 0) {
		json_decref(o);
		o = NULL;
	}
	json_decref(device);
	return o;
}

void media_done(struct daemon *d)
{
	while (d->media_count > 0) {
		struct medium *m = d->media[d->media_count - 1];

		child_signal(m, SIGKILL);
		forget(m);
	}
}
