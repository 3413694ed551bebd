/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/maintenance.h"

#include <string.h>

#include "console/intent.h"

const char *const maintenance_roles[ROLES] = { "operator", "officer", "auditor", "administrator" };

bool maintenance_is_offered(const struct console *c)
{
	return session_has(c, "administrator") || (!session_is(&c->session) && member_true(c->state.station, "machine"));
}

void maintenance_open(struct console *c)
{
	if (session_has(c, "administrator")) {
		console_open(c, &screen_maintenance);
		maintenance_ask(c, MAINTENANCE_MODE, "maintenance", json_pack("{ss}", "action", "enter"));
	} else {
		c->maintenance.is_wanted = true;
		console_open(c, &screen_login);
	}
}

void maintenance_logged_in(struct console *c)
{
	bool is_wanted = c->maintenance.is_wanted;

	c->maintenance.is_wanted = false;
	if (is_wanted && session_has(c, "administrator"))
		maintenance_open(c);
	else if (is_wanted)
		console_notice(c, "%s", _("Maintenance takes an administrator. You are logged in for what you may do."));
}

/* What is up until it is answered; NULL: nothing waits for that. */
static bool *awaited(struct console *c, enum maintenance_ask what)
{
	switch (what) {
	case MAINTENANCE_MACHINE:
	case MAINTENANCE_PERSON:
	case MAINTENANCE_UPDATE:
	case MAINTENANCE_PORT:
	case MAINTENANCE_NAME:
		return &c->maintenance.is_sending;
	case MAINTENANCE_SELFCHECK:
	case MAINTENANCE_PEOPLE:
	case MAINTENANCE_PORTS:
		return &c->maintenance.is_looking;
	case MAINTENANCE_MODE:
		break;
	}
	return NULL;
}

void maintenance_ask(struct console *c, enum maintenance_ask what, const char *name, json_t *fields)
{
	c->maintenance.said[0] = '\0';
	if (!intent_ask(c, ASK_MAINTENANCE, what, name, fields))
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
	else if (awaited(c, what))
		*awaited(c, what) = true;
}

static void replace(json_t **kept, json_t *new)
{
	json_incref(new);
	json_decref(*kept);
	*kept = new;
}

/* The cursor stays on its person, whoever came or went above him. */
static void replace_people(struct maintenance *m, json_t *people)
{
	const char *name = member_text(json_array_get(m->people, (size_t)m->list.at), "person");
	json_t *o;
	size_t k;

	json_array_foreach(people, k, o)
		if (*name && strcmp(member_text(o, "person"), name) == 0)
			m->list.at = (int64_t)k;
	replace(&m->people, people);
}

/* What was done is seen on the screen before. */
static void leave_form(struct console *c, const struct screen *form, const char *words)
{
	if (c->shown == form)
		console_back(c);
	console_notice(c, "%s", words);
}

static void done(struct console *c, enum maintenance_ask what, json_t *answer)
{
	struct maintenance *m = &c->maintenance;

	if (what == MAINTENANCE_SELFCHECK) {
		replace(&m->selfcheck, json_object_get(answer, "selfcheck"));
	} else if (what == MAINTENANCE_PEOPLE) {
		replace_people(m, json_object_get(answer, "people"));
		m->has_more = member_true(answer, "more");
	} else if (what == MAINTENANCE_PERSON) {
		leave_form(c, &screen_person, _("Done. It is in the audit trail."));
		maintenance_ask(c, MAINTENANCE_PEOPLE, "people", NULL);
	} else if (what == MAINTENANCE_PORTS) {
		replace(&m->ports, answer);
	} else if (what == MAINTENANCE_PORT) {
		leave_form(c, &screen_port, _("Done. It is in the audit trail."));
		maintenance_ask(c, MAINTENANCE_PORTS, "ports", NULL);
	} else if (what == MAINTENANCE_NAME) {
		leave_form(c, &screen_name, _("Done. It is in the audit trail."));
	} else if (what == MAINTENANCE_UPDATE) {
		console_notice(c, "%s", _("Passed on. It is in the audit trail."));
	} else if (what == MAINTENANCE_MACHINE && c->shown == &screen_power) {
		(void)snprintf(m->said, sizeof(m->said), "%s", m->is_power_off ? _("THE MACHINE IS SWITCHED OFF.") : _("THE MACHINE RESTARTS."));
	} else if (what == MAINTENANCE_MACHINE) {
		entry_wipe(&m->clock);
		entry_wipe(&m->zone);
		console_notice(c, "%s", _("Done. It is in the audit trail."));
	}
}

void maintenance_answer(struct console *c, const struct ask *a, json_t *answer)
{
	struct maintenance *m = &c->maintenance;

	if (awaited(c, (enum maintenance_ask)a->generation))
		*awaited(c, (enum maintenance_ask)a->generation) = false;
	if (member_true(answer, "ok"))
		done(c, (enum maintenance_ask)a->generation, answer);
	else if (a->generation == MAINTENANCE_MODE || a->generation == MAINTENANCE_UPDATE || c->depth == 0)
		intent_refusal(c, answer);
	else
		(void)snprintf(m->said, sizeof(m->said), "%s", member_text(member(answer, "error"), "text"));
}
