/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is typed at a machine that has not been set up (screen_setup.c): kept until it is sent, then wiped. */
#ifndef LAZARET_CONSOLE_SETUP_H
#define LAZARET_CONSOLE_SETUP_H

#include <jansson.h>
#include <stdbool.h>

#include "console/field.h"
#include "console/talk.h"

enum setup_page {
	SETUP_STATION,
	SETUP_ADMINISTRATOR,
	SETUP_OFFICER,
	SETUP_PORTS,
	SETUP_LAST,
	SETUP_PAGES
};

struct setup_person {
	struct entry name, secret, again;
};

struct setup {
	enum setup_page page;
	int field, profile;
	struct entry name, zone, clock;
	struct setup_person persons[2]; /* administrator, officer */
	json_t *ports;	 /* owned, array of text: where a stick was seen; NULL: nowhere */
	bool is_sending; /* clock or answers */
	char said[SAID_MAX];
};

/* The station waits to be set up. */
bool setup_is_awaited(const struct console *c);
void setup_answer(struct console *c, const struct ask *a, json_t *answer);

#endif
