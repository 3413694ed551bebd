/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an administrator does at the machine: screen_maintenance.c (clock, self-check, restart, power off), screen_people.c, screen_ports.c (and the name). Requests and
 * answers are in maintenance.c. What is not offered here is merely not offered: lazaretd says who may. */
#ifndef LAZARET_CONSOLE_MAINTENANCE_H
#define LAZARET_CONSOLE_MAINTENANCE_H

#include <jansson.h>
#include <stdbool.h>

#include "console/field.h"
#include "console/talk.h"

#define ROLES 4

enum maintenance_ask { /* generation of an ASK_MAINTENANCE */
	MAINTENANCE_MODE, /* entered, left */
	MAINTENANCE_MACHINE,
	MAINTENANCE_SELFCHECK,
	MAINTENANCE_PEOPLE,
	MAINTENANCE_PERSON,
	MAINTENANCE_UPDATE, /* of an officer, screen_offers.c */
	MAINTENANCE_PORTS,
	MAINTENANCE_PORT, /* one of them is changed */
	MAINTENANCE_NAME,
};

enum port_change {
	PORT_MEDIA,
	PORT_NO_MEDIA,
	PORT_KEYBOARD,
	PORT_NO_KEYBOARD,
	PORT_HUB,
	PORT_NO_HUB,
};

enum person_form {
	FORM_ADD,
	FORM_ROLES,
	FORM_PASSWORD,
	FORM_REMOVE,
	FORMS
};

struct maintenance {
	bool is_wanted;	 /* opened when the log-in was good */
	bool is_sending; /* a change: until it is answered, keys of its form mean nothing */
	bool is_looking; /* the self-check, or the list of people: keys go on meaning what they mean */
	char said[SAID_MAX];
	struct list menu;
	/* clock and time zone */
	struct entry clock, zone;
	int field;
	bool is_power_off; /* what is asked about: power off, or restart */
	/* ports, keyboards, hubs */
	json_t *ports; /* owned, the answer to `ports`; NULL: not known */
	struct list ports_list;
	struct {
		enum port_change change;
		char port[64], id[16], what[SAID_MAX]; /* as shown when it was chosen */
		bool is_last; /* port for media */
	} port;
	/* self-check */
	json_t *selfcheck; /* owned, the whole result; NULL: not known */
	struct list checks;
	/* people */
	json_t *people; /* owned, array; NULL: not known */
	bool has_more;
	struct list list;
	enum person_form form;
	json_t *subject; /* owned, whom the form is about: the list under it may change meanwhile; NULL: somebody new */
	bool roles[ROLES];
	struct entry name, full_name, secret, again;
};

/* May be offered: to whoever is logged in as an administrator, and, on an appliance, to whoever is not logged in. */
bool maintenance_is_offered(const struct console *c);
/* By its key: opens it, or the log-in before it. */
void maintenance_open(struct console *c);
/* Somebody has logged in. */
void maintenance_logged_in(struct console *c);

void maintenance_ask(struct console *c, enum maintenance_ask what, const char *name, json_t *fields);
void maintenance_answer(struct console *c, const struct ask *a, json_t *answer);
/* "administrator", ...: names of roles, in the order of `roles`; and in words. */
extern const char *const maintenance_roles[ROLES];

#endif
