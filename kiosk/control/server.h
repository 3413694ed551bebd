/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The daemon's end of the control protocol (docs/control.md): connections, credentials, lines, limits. What requests mean
 * is the daemon's business.
 *
 * State is sent as objects that replace each other, each under a topic. The server keeps no copy: it notes per client
 * which topics have changed, and asks for the object when that client has room. So a client that does not read costs
 * one line of memory, whatever happens meanwhile.
 */
#ifndef LAZARET_CONTROL_SERVER_H
#define LAZARET_CONTROL_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/macros.h"

#define CONTROL_PROTOCOL "lazaret.control/1"
#define CONTROL_LINE_MAX 65536 /* with newline */
#define CONTROL_CLIENTS_MAX 32

/* Topics: the station, the devices, and one a medium. */
#define CONTROL_STATION 1u
#define CONTROL_DEVICES 2u
#define CONTROL_RELEASE 3u
#define CONTROL_MEDIUM 16u /* + the medium's number */
/* Topics of one connection: + its number (control_request.client). Such an object is told to that connection alone. */
#define CONTROL_CLIENT (UINT64_C(1) << 40)

struct control_server;

struct control_peer {
	uid_t uid;
	pid_t pid;
	bool is_admin; /* root, or the account that the daemon runs as */
};

/* One request that waits for its answer. `token` names it in control_answer(); a client that has gone meanwhile makes the
 * answer fall on the floor. */
struct control_request {
	uint64_t token;
	uint64_t client; /* the connection's number; never used again */
	const struct control_peer *peer; /* borrowed for the call */
	const char *name;
	const json_t *fields; /* borrowed for the call */
};

/* A text among the request's fields; "" when there is none. Borrowed for the call. */
const char *control_text(const struct control_request *q, const char *key);

struct control_handler {
	void *context;
	/* The object of a topic now, `event` included; a new reference. NULL: there is none any more (a medium: the server
	 * then sends `medium-gone`). */
	json_t *(*object)(void *context, uint64_t topic);
	/* Topics that exist now, for a client that begins to watch: fills at most `max`, returns how many. */
	size_t (*topics)(void *context, uint64_t *topics, size_t max);
	/* A request other than `watch`. Answered by control_answer() or control_refuse(), during the call or later. */
	void (*request)(void *context, const struct control_request *request);
	/* A connection has ended. NULL: nothing is kept of connections, and there are no objects of them. */
	void (*gone)(void *context, uint64_t client);
};

/* Serve `listen_fd` (taken over, also on error), a listening, non-blocking stream socket, in `loop`. `group`: members may
 * connect besides root and our own account; (gid_t)-1: nobody. `handler` is copied. Returns 0 or a negative errno. */
_must_check_ int control_server_new(sd_event *loop, int listen_fd, gid_t group, const struct control_handler *handler,
				    struct control_server **ret);
struct control_server *control_server_free(struct control_server *s);

/* Make a listening socket at `path` (mode 0660, group `group` unless that is (gid_t)-1). What a dead daemon left there
 * is replaced; a socket that somebody answers on is -EADDRINUSE. The descriptor is the caller's. */
_must_check_ int control_listen(const char *path, gid_t group, int *ret_fd);

/* The topic's object has changed, or is gone: everybody who watches will get it. */
void control_touch(struct control_server *s, uint64_t topic);

/* The object CONTROL_CLIENT + `client` of one connection has changed: it gets it if it watches. */
void control_touch_client(struct control_server *s, uint64_t client);
/* The connection that waits for the answer to this request, and who is there (borrowed until it ends); 0: it has gone. */
uint64_t control_client(struct control_server *s, uint64_t token, const struct control_peer **ret_peer);

/* Answer a request; `fields` (taken over, NULL: none) become part of the answer. */
void control_answer(struct control_server *s, uint64_t token, json_t *fields);
/* `code`: one of docs/control.md. */
void control_refuse(struct control_server *s, uint64_t token, const char *code, const char *fmt, ...) _printf_(4, 5);

#endif
