/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What sessions.c (who is logged in) and login.c (finding it out) share; for these two alone. */
#ifndef LAZARET_DAEMON_SESSIONS_H
#define LAZARET_DAEMON_SESSIONS_H

#include "daemon/daemon.h"
#include "people/attempt.h"

/* Attempts under way of all connections: each is a process. */
#define LOGINS_MAX 8
#define LOGINS_OF_ONE 3   /* account: whoever opens many connections keeps nobody else out, */
#define LOGINS_RESERVED 2 /* and root not at all */

struct login;

/* A connection of which we know something. */
struct visitor {
	uint64_t client; /* 0: free */
	struct control_peer peer;
	struct session session; /* `person` NULL: nobody is logged in */
	sd_event_source *expiry;
	char note[LOGIN_TEXT_MAX]; /* what PAM says besides: "touch the key" */
	struct login *login;	   /* an attempt under way */
};

struct sessions {
	struct visitor visitors[CONTROL_CLIENTS_MAX];
	/* refused tries of names that nobody has, or that are locked: a client could fill the trail with them */
	int64_t minute;
	uint64_t recorded, unrecorded;
};

struct login_wish {
	const char *person, *secret; /* borrowed; as they came */
	const char *what;	     /* static */
	void (*done)(struct daemon *d, uint64_t token, const struct person *who, void *data);
	void (*drop)(void *data);
	void *data;
};

/* Begin; the request `token` will be answered. The station is loaded. */
void login_begin(struct daemon *d, struct visitor *v, uint64_t token, const struct login_wish *wish);
/* The answer to what was asked; `token` is the request that waits now. */
void login_reply(struct login *l, uint64_t token, const char *secret);
/* It is over: cancelled, replaced, or its connection has gone. A request of it that still waits is refused. */
void login_break(struct login *l);

/* Record in the trail. False: it could not be written. `body` is taken over. */
_must_check_ bool sessions_record(struct daemon *d, const char *type, json_t *body);

#endif
