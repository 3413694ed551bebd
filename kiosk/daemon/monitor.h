/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the site sees of the daemon: the metrics' file, and entries in the journal. Nothing of the station waits for it. */
#ifndef LAZARET_DAEMON_MONITOR_H
#define LAZARET_DAEMON_MONITOR_H

#include "daemon/daemon.h"

/* Before the first configuration is loaded. Returns 0 or a negative errno. */
_must_check_ int monitor_start(struct daemon *d);
/* Something that is told has changed: soon, at most once a second. Otherwise it is told every 15 s. */
void monitor_touch(struct daemon *d);
/* A medium's inspection, or its wait for one, has ended. */
void monitor_ended(struct daemon *d, const struct medium *m);
/* A record was appended to the trail. */
void monitor_recorded(struct daemon *d, const char *type, const json_t *body);
/* The examiners' parents have died. */
void monitor_lost_examiners(struct daemon *d);
/* A client asks for the metrics: answered when what is in the history has been counted. */
void monitor_ask(struct daemon *d, uint64_t token);
/* The last words: lazaretd does not run any more. */
void monitor_done(struct daemon *d);

#endif
