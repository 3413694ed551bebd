/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the supervisor tells its client while it works: JSON objects, one a line, each with an "event". All text in them
 * is escaped already. A client that has gone or does not read never holds the work up: then events are dropped.
 */
#ifndef LAZARET_SUPERVISOR_EVENTS_H
#define LAZARET_SUPERVISOR_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "control/trouble.h"

struct events;

/* `fd` is borrowed; -1: nobody listens. A client that does not read for `patience_ms` while something other than progress
 * waits for it counts as gone. */
struct events *events_new(int fd, int patience_ms);
/* Events go to a function of this process, which borrows the object for the call. */
struct events *events_new_sink(void (*sink)(void *context, const json_t *event), void *context);
struct events *events_free(struct events *e);

/* Leave out the events of this name (static): for a client that has no use for them. One name at a time. */
void events_mute(struct events *e, const char *name);

/* Send {"event": name, ...}; takes over `fields` (NULL: none). */
void events_send(struct events *e, const char *name, json_t *fields);

/* "error": something that a person must act on: what, where, next step. Also logged. */
void events_error(struct events *e, const char *fmt, ...) _printf_(2, 3);
/* The same with its code (docs/control.md). */
void events_trouble(struct events *e, enum trouble trouble, const char *fmt, ...) _printf_(3, 4);
void events_warning(struct events *e, const char *fmt, ...) _printf_(2, 3);

/* Has the client closed its end? */
bool events_client_gone(const struct events *e);

#endif
