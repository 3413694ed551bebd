/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The connection to lazaretd, which comes back by itself. Never blocks. */
#ifndef LAZARET_CONSOLE_LINK_H
#define LAZARET_CONSOLE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "control/client.h"

struct link {
	const char *path;		/* borrowed */
	struct control_client *client;	/* NULL: no connection */
	int64_t retry_ms;		/* when to try again */
	int error;			/* why there is none: a negative errno */
};

void link_init(struct link *l, const char *path);
void link_done(struct link *l);

static inline bool link_is_up(const struct link *l)
{
	return l->client != NULL;
}

/* Try to connect if it is time to. True when the connection is new: nothing is known of what was before. */
bool link_renew(struct link *l, int64_t now_ms);
/* Milliseconds until link_renew() is worth a call; -1: it is up. */
int link_wait(const struct link *l, int64_t now_ms);

/* As control_client_request(); -ENOTCONN when it is down. */
_must_check_ int64_t link_request(struct link *l, const char *name, json_t *fields);
/* Send and read. False when the connection is lost: link_drop() after what was still read has been taken. */
bool link_serve(struct link *l);
/* The next object, a new reference; NULL: none. */
json_t *link_next(struct link *l);
void link_drop(struct link *l, int64_t now_ms);

#endif
