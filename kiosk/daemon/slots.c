/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* An appliance that has written its next version restarts by itself, when nobody is at work (docs/appliance.md). lazaretd cannot restart a
 * machine; it says when that may be, on the screen first, and begins nothing any more from then on.
 *
 * At work is: a medium that is in, an inspection or release that has not ended, somebody who has logged in, an update, databases that load.
 */
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "daemon/daemon.h"
#include "update/slots.h"

#define QUIET_MS 60000	  /* that nothing of it may be before a restart; who reads the screen sees it coming */
#define LEAVING_MS 180000 /* after it was said that a restart may be: one that has not come by then does not come */

json_t *slots_object(const struct daemon *d)
{
	json_t *o = slots_load(d->dir);

	if (!o)
		return json_null();
	(void)json_object_del(o, "format"); /* they are there in what was loaded */
	(void)json_object_del(o, "bad");
	return o;
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* The checks that are bad: now, when it was written; what was found then, when it has been tried. */
static json_t *bad_before(const struct daemon *d, const char *state)
{
	json_t *from = strcmp(state, "written") == 0 ? selfcheck_object(d) : slots_load(d->dir);
	json_t *bad = strcmp(state, "written") == 0 ? slots_bad_checks(from) : json_incref(json_object_get(from, "bad"));

	json_decref(from);
	return bad ? bad : json_array();
}

void slots_note(struct daemon *d, uint64_t token, const json_t *fields)
{
	const char *state = text_of(fields, "state");
	json_t *slots;
	char type[64];
	int r;

	if (strcmp(state, "written") == 0 && selfcheck_is_pending(d)) { /* what is bad before it is not known yet */
		control_refuse(d->control, token, "not-now", "the first self-check has not ended");
		return;
	}
	slots = slots_make(state, text_of(fields, "version"), text_of(fields, "root"), text_of(fields, "slot"), text_of(fields, "reason"),
			   bad_before(d, state));
	if (!slots) {
		control_refuse(d->control, token, "bad-request", "not what `lazaret update slot` takes");
		return;
	}
	(void)snprintf(type, sizeof(type), "update-%s", state); /* it is that short: it was looked at */
	if (d->station)
		station_audit(d, type, slots_record(slots));
	r = d->station && !d->is_trail_lost ? slots_save(d->dir, slots) : -EAGAIN;
	json_decref(slots);
	if (r == 0)
		control_answer(d->control, token, NULL);
	else
		control_refuse(d->control, token, "unavailable", "%s", r == -EAGAIN ? "the audit trail cannot be written now" : strerror(-r));
	control_touch(d->control, CONTROL_STATION);
}

json_t *restart_object(const struct daemon *d)
{
	const struct restarting *r = &d->restarting;

	if (r->token == 0 && !r->is_leaving)
		return json_null();
	return json_pack("{s:s,s:o}", "version", r->version, "at", r->quiet_since_ms != 0 ? json_integer((json_int_t)r->at) : json_null());
}

static bool is_at_work(const struct daemon *d)
{
	if (d->next || d->is_giving_way || d->has_given_way || d->is_resting || d->is_blind || media_running(d) > 0 || review_is_running(d) ||
	    sessions_are_any(d) || sets_are_updated(d))
		return true;
	for (size_t k = 0; k < d->media_count; k++)
		if (d->media[k]->is_present)
			return true;
	return false;
}

void restart_ask(struct daemon *d, uint64_t token, const char *version)
{
	struct restarting *r = &d->restarting;

	if (r->token != 0) /* of one who has gone, or does not know what he wants */
		control_refuse(d->control, r->token, "not-now", "another one asks");
	*r = (struct restarting){ .token = token };
	(void)snprintf(r->version, sizeof(r->version), "%s", version); /* it is that short */
	restart_tick(d);
}

static void leave(struct daemon *d)
{
	struct restarting *r = &d->restarting;

	log_info("nobody is at work: the station may restart into %s", r->version);
	r->is_leaving = true;
	r->quiet_since_ms = monotonic_ms();
	control_answer(d->control, r->token, NULL);
	r->token = 0;
}

void restart_tick(struct daemon *d)
{
	struct restarting *r = &d->restarting;

	if (r->is_leaving && monotonic_ms() - r->quiet_since_ms >= LEAVING_MS) {
		log_warning("the restart that was asked for did not come: media are taken again");
		*r = (struct restarting){ 0 };
		media_schedule(d);
	}
	if (r->token == 0)
		return;
	if (control_client(d->control, r->token, NULL) == 0) { /* who asked has gone */
		*r = (struct restarting){ 0 };
	} else if (is_at_work(d)) {
		r->quiet_since_ms = 0;
	} else if (r->quiet_since_ms == 0) {
		r->quiet_since_ms = monotonic_ms();
		r->at = time(NULL) + QUIET_MS / 1000;
	} else if (monotonic_ms() - r->quiet_since_ms >= QUIET_MS) {
		leave(d);
	}
	control_touch(d->control, CONTROL_STATION);
}
