/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One client of the control socket: its lines, what it still has to be told, and what it may cost. Inside kiosk/control.
 *
 * Nothing is written, and no connection freed, but from the event loop: so a request's handler may answer, refuse and
 * touch topics at will.
 */
#ifndef LAZARET_CONTROL_CONNECTION_H
#define LAZARET_CONTROL_CONNECTION_H

#include "control/server.h"

struct connection;

/* STALL_USEC; tests cannot wait for a minute. */
extern uint64_t control_stall_usec;

struct connections {
	sd_event *loop;			      /* borrowed */
	struct control_handler handler;
	struct connection *all[CONTROL_CLIENTS_MAX]; /* NULL: free */
	uint64_t last_token, last_client;
	uint64_t log_at_usec; /* no further line about clients before */
	unsigned int unlogged;
};

/* Take over `fd` (also on error) into the free slot `slot`. Returns 0 or a negative errno. */
_must_check_ int connection_new(struct connections *in, size_t slot, int fd, const struct control_peer *peer);
struct connection *connection_free(struct connection *c);

const struct control_peer *connection_peer(const struct connection *c);
uint64_t connection_number(const struct connection *c);
/* Does its client wait for the answer to this request? */
bool connection_awaits(const struct connection *c, uint64_t token);
/* Send {"answer": ..., "ok": ..., members of `fields`}; `fields` is borrowed and changed. */
void connection_answer(struct connection *c, json_t *fields, bool ok);
void connection_touch(struct connection *c, uint64_t topic);

/* Log what became of a client; at most a line a second, or clients could fill the log. */
void control_log_client(struct connections *in, const struct control_peer *peer, const char *text);

/* {"event": "error", "error": {"code":, "text":}} as a line into `out`; its length. */
size_t control_error_line(char *out, size_t size, const char *code, const char *text);

#endif
