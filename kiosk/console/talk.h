/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A person says who he is: name, secret, and whatever else the site's PAM stack asks for; to log in, or as the second person
 * who confirms. One conversation at a time, as lazaretd has it (docs/control.md). Secrets are never drawn, not even how long
 * they are, and wiped as soon as they have been sent. And the session that comes of it: it belongs to the connection. */
#ifndef LAZARET_CONSOLE_TALK_H
#define LAZARET_CONSOLE_TALK_H

#include <jansson.h>
#include <stdbool.h>

#include "console/field.h"
#include "console/layout.h"

struct console;
struct pen;
struct bar;
struct press;
struct ask;

enum talk_for {
	TALK_LOGIN,
	TALK_CONFIRM, /* the proposal of desk.decide */
	TALK_UNDO,    /* of what the last update pack brought: desk.undo */
};

#define SAID_MAX 512

struct talk {
	enum talk_for what;
	bool is_waiting; /* for the station */
	bool is_prompt;	 /* PAM wants more: `prompt`, answered by `secret` */
	bool is_echo;	 /* and what is typed may be seen */
	unsigned int generation; /* answers to what was left are not ours */
	struct entry person, secret;
	int field; /* 0: person */
	char prompt[SAID_MAX];
	char note[SAID_MAX]; /* what PAM says while it waits: "touch the key" */
	char said[SAID_MAX], more[SAID_MAX]; /* why it was refused, and in the station's own words */
};

struct session {
	json_t *object; /* owned, `session`; NULL: nobody is logged in */
	int64_t length_s; /* it ends so long after the last request; 0: unknown */
	int64_t ends;	  /* s since 1970; 0: unknown */
	bool is_passing;  /* an operator's, for one medium alone */
};

/* Begin anew, with empty fields. */
void talk_begin(struct console *c, enum talk_for what);
/* The screen is left: wipe; what is under way with the station is called off. */
void talk_leave(struct console *c);
void talk_draw(struct console *c, struct pen *p);
/* False when the key meant nothing: Escape when there is nothing to be called off. */
bool talk_press(struct console *c, const struct press *press);
void talk_keys(struct console *c, struct bar *b, const char *last_words);
/* An answer, cleaned. */
void talk_answer(struct console *c, const struct ask *a, json_t *answer);

/* Has whoever is logged in that role? */
bool session_has(const struct console *c, const char *role);
static inline bool session_is(const struct session *s)
{
	return s->object != NULL;
}
/* Who, as he is called; "": nobody. Borrowed. */
const char *session_name(const struct session *s);
/* When it ends if nothing more is pressed, s since 1970; 0: unknown. */
int64_t session_until(const struct console *c);
/* "Anna Weber until 06:40", for every screen, so that nobody works in another's name; "": nobody is logged in. */
void session_words(const struct console *c, char out[static LAYOUT_LINE]);
void session_begin(struct console *c, json_t *object); /* the answer to `login`, cleaned; kept */
void session_logout(struct console *c);
/* The event `session`, cleaned. */
void session_event(struct console *c, json_t *event);
/* The station answered a request: the session's time begins anew. */
void session_extend(struct console *c);
/* Nobody has pressed a key for as long as a session lasts: then it is ended from here, since the console's own requests would
 * keep it alive. */
void session_tick(struct console *c);
/* The connection is lost. */
void session_lost(struct console *c);

#endif
