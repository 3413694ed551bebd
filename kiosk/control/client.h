/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The clients' end of the control protocol (docs/control.md). No thread, no blocking but where it says so. */
#ifndef LAZARET_CONTROL_CLIENT_H
#define LAZARET_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "common/macros.h"

struct control_client;

/* Connect to the socket at `path`. Returns 0; -ENOENT or -ECONNREFUSED when no daemon is there, -EACCES, or another
 * negative errno. */
_must_check_ int control_client_new(const char *path, struct control_client **ret);
struct control_client *control_client_free(struct control_client *c);

/* For the caller's poll loop. Borrowed. */
int control_client_fd(const struct control_client *c);
/* POLLIN, and POLLOUT while something waits to be sent. */
short control_client_events(const struct control_client *c);

/* Queue a request; `fields` (taken over, NULL: none) get `id` and `request`. What it held is wiped when it has been sent.
 * Returns its id (> 0) or a negative errno. */
_must_check_ int64_t control_client_request(struct control_client *c, const char *name, json_t *fields);

/* Send what waits and read what is there; never blocks. Returns 0; -ENOTCONN when the daemon has gone, -EACCES when it does
 * not want us, -EUSERS when too many are connected (what it said before can still be taken); -EPROTO when it
 * sends what is no line of the protocol. */
_must_check_ int control_client_serve(struct control_client *c);

/* The next object that was read (event or answer), a new reference; NULL when there is none. */
json_t *control_client_next(struct control_client *c);

/* For commands: send one request and block until its answer, at most `timeout_ms`; events in between are dropped.
 * Returns 0 with the answer (a new reference, "ok" may be false), -ETIMEDOUT, or as above. */
_must_check_ int control_client_ask(struct control_client *c, const char *name, json_t *fields, int timeout_ms,
				    json_t **ret);

/* jansson then wipes all memory that it frees, for processes in which passphrases pass through JSON objects. Before the
 * first use of jansson. */
void control_wipe_json(void);

#endif
