/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/ports.h"

#include <string.h>

#include "common/text.h"
#include "daemon/daemon.h"
#include "daemon/machine.h"
#include "daemon/ports_change.h"
#include "daemon/sessions.h"
#include "station/maintenance.h"

#define LISTS_BYTES_MAX 12288 /* twice so much goes into a record: some hundred ports, where a kiosk has a dozen */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

struct call {
	struct daemon *d;
	const struct control_request *q;
	const char *by;
};

static void refuse(const struct call *c, const char *code, const char *words)
{
	control_refuse(c->d->control, c->q->token, code, "%s", words);
}

/* `body` is taken over. False: refused, since what cannot be recorded is not done. */
static bool record(const struct call *c, const char *type, json_t *body)
{
	if (body && sessions_record(c->d, type, body))
		return true;
	refuse(c, "unavailable", "the audit trail cannot be written: nothing was changed");
	return false;
}

static void on_ports(struct call *c)
{
	const struct station_config *config = c->d->station->config;
	json_t *lists = maintenance_devices(config);

	control_answer(c->d->control, c->q->token,
		       json_pack("{s:o,s:b,s:s,s:s}", "configured", lists, "guard", config->devices.is_guarded, "file",
				 config->has_kept_devices ? MAINTENANCE_FILE : STATION_FILE, "name_file", config->has_kept_name ? MAINTENANCE_FILE : STATION_FILE));
}

/* Recorded before: keep it, and let it come into force. */
static void make(struct call *c, const char *type, const json_t *devices, const char *name)
{
	int r = maintenance_keep(c->d->station->config, c->by, devices, name);
	const char *what = "it could not be kept";

	if (r == 0) {
		r = station_retake(c->d);
		what = "kept, and not yet in force";
	}
	if (r == 0) {
		control_answer(c->d->control, c->q->token, NULL);
		return;
	}
	station_audit(c->d, type, json_pack("{s:s,s:s}", "by", c->by, "failed", strerror(-r)));
	control_refuse(c->d->control, c->q->token, "unavailable", "%s: %s", what, strerror(-r));
}

static void on_port(struct call *c)
{
	const char *port = control_text(c->q, "port"), *id = control_text(c->q, "device"), *action = control_text(c->q, "action");
	const struct station_config *config = c->d->station->config;
	_cleanup_(json_decref_p) json_t *before = maintenance_devices(config), *after = json_deep_copy(before);
	const char *why;

	if (!config->devices.is_guarded) {
		refuse(c, "not-now", "usb-guard is off: which device may do what is not lazaretd's to say here");
		return;
	}
	if (ports_action(action) == PORTS_ACTIONS) {
		refuse(c, "bad-request", "action: media, no-media, keyboard, no-keyboard, hub or no-hub");
		return;
	}
	why = after ? ports_change(after, c->d->usb, ports_action(action), port, id) : "no memory is left";
	if (!why && json_dumpb(after, NULL, 0, JSON_COMPACT) > LISTS_BYTES_MAX)
		why = "the lists are too long to be changed here";
	if (why)
		refuse(c, "not-now", why);
	else if (record(c, "devices-changed", json_pack("{s:s,s:s,s:s,s:s,s:O,s:O}", "by", c->by, "action", action, "port", port, "device", id, "before", before, "after", after)))
		make(c, "devices-changed", after, NULL);
}

static void on_name(struct call *c)
{
	const char *name = control_text(c->q, "name"), *was = c->d->station->config->name;

	if (!station_name_valid(name))
		control_refuse(c->d->control, c->q->token, "bad-request", "a name has 1 to %d bytes, in one line", STATION_NAME_MAX);
	else if (strcmp(name, was) == 0)
		refuse(c, "not-now", "the station is called so already");
	else if (record(c, "station-renamed", json_pack("{s:s,s:s,s:s}", "by", c->by, "before", was, "after", name)))
		make(c, "station-renamed", NULL, name);
}

static const struct {
	const char *name;
	void (*handle)(struct call *c);
} calls[] = {
	{ "ports", on_ports },
	{ "port", on_port },
	{ "station-name", on_name },
};

bool ports_request(struct daemon *d, const struct control_request *q)
{
	struct call c = { .d = d, .q = q };
	const struct session *s;

	for (size_t k = 0; k < ARRAY_LEN(calls); k++) {
		if (strcmp(calls[k].name, q->name) != 0)
			continue;
		if (!session_has_role(d, q->token, PERSON_ADMINISTRATOR))
			return true;
		s = session_of(d, q->token);
		if (!s) {
			refuse(&c, "not-permitted", "log in first: the session has ended");
		} else if (!machine_is_there(d) || !d->station) {
			refuse(&c, "not-now", "that is in lazaret.yaml here: change it, and `lazaret reload`");
		} else {
			c.by = s->person;
			calls[k].handle(&c);
		}
		return true;
	}
	return false;
}
