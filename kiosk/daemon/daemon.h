/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The daemon: waits for media, gives each a process of its own, tells clients what goes on. One loop, which never waits
 * for a medium, a client or a database.
 *
 *   station.c   what is loaded: configuration, rules, keys, databases; reloading
 *   devices.c   the devices role: which media and USB devices are there
 *   media.c     each medium from its arrival to its dismissal; the queue
 *   child.c     the process of one inspection, and what it tells (fold.c)
 *   requests.c  what clients ask for (kiosk/control)
 *   sessions.c  who is logged in, on which connection
 *   archive.c   the records role: questions about past transfers
 *   sets.c      what update packs brought; one database at a time
 *   undo.c      going back to what was in force before
 *   slots.c     an update of the appliance itself: what became of it; when the machine may restart into it
 *   monitor.c   what the site sees: metrics, journal
 *   selfcheck.c what the station finds when it looks at itself
 *   setup.c     a machine that is no station yet
 *   machine.c   power and clock of an appliance
 *   ports.c     its ports, keyboards and name, as an administrator changes them
 */
#ifndef LAZARET_DAEMON_DAEMON_H
#define LAZARET_DAEMON_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/macros.h"
#include "control/server.h"
#include "control/trouble.h"
#include "daemon/fold.h"
#include "daemon/review.h"
#include "daemon/selfcheck.h"
#include "people/people.h"
#include "supervisor/events.h"
#include "supervisor/process.h"
#include "supervisor/supervisor.h"

#define MEDIA_MAX 64 /* present, or with a result that nobody has dismissed */

struct daemon;

/* What is plugged in, in words of the devices role; strings owned, escaped. */
struct device {
	char *key, *node, *kind, *port, *vendor, *model, *serial, *usb_id;
	unsigned int major, minor, unit;
	uint64_t diskseq, size;
};

struct medium {
	struct daemon *daemon;
	uint32_t number;
	struct device device;
	bool is_present;
	bool is_seen; /* its result was dismissed, and it is still plugged in */
	bool is_lost; /* its process died */
	bool has_button; /* the drive's button was pressed: its tray opens at the end */
	char *operator_name, *reason; /* owned; "": not given */
	char *owner, *ticket;	      /* as above */
	bool is_authenticated;	      /* the operator had logged in */
	struct fold fold;
	/* its process, while there is one */
	pid_t pid;
	int answers_fd;
	int events_fd;
	sd_event_source *events_io, *exit;
	char *line; /* what has come of the next event */
	size_t line_size, line_room;
};

struct station_load; /* station.c */
struct sessions; /* sessions.c */
struct asking;   /* machine.c */

/* The machine wants to restart: slots.c. */
struct restarting {
	uint64_t token; /* of the request that waits for it; 0: none */
	char version[32];
	int64_t quiet_since_ms; /* monotonic; nobody has been at work since then. 0: somebody is */
	int64_t at;		/* s since 1970: when it will be, unless somebody comes */
	bool is_leaving;	/* it was said that it may: nothing begins any more. `quiet_since_ms`: since when */
};

enum trail_room { TRAIL_OK, TRAIL_LOW, TRAIL_FULL };

struct daemon {
	const char *dir;
	sd_event *loop;
	struct control_server *control;
	struct events *events; /* words about the station itself; end in `words` and in the log */
	bool is_ending;

	/* station.c */
	struct supervisor *station; /* in force; NULL: none could be loaded yet */
	struct supervisor *next;    /* its databases are loading */
	int64_t next_deadline_ms;   /* CLOCK_MONOTONIC, as the other deadlines */
	sd_event_source *engine_io[EXAMINERS_MAX], *next_io[EXAMINERS_MAX], *retry, *tick;
	bool is_engine_lost, is_trail_lost, is_reload_wanted;
	enum trail_room trail_told; /* trail.c: what was said last of its room */
	enum trouble words_trouble; /* the first error of the present attempt to load */
	json_t *words, *reload;	    /* `reload`: the control protocol's */

	/* sets.c: `database: {at-once: 1}` */
	bool is_giving_way; /* nothing begins any more; when the last inspection has ended, the database goes */
	bool has_given_way; /* it has gone */
	bool is_resting;    /* an update tries its own, and none is loaded meanwhile */
	uint64_t rest_token; /* of the request that waits for it; 0: none */

	struct restarting restarting; /* slots.c */

	/* devices.c */
	struct process devices;
	int64_t devices_deadline_ms; /* for READY */
	sd_event_source *devices_io, *devices_retry;
	bool is_blind; /* it was lost, and has not yet told all that is plugged in */
	json_t *usb; /* array, as in the control protocol */
	uint64_t usb_records, usb_unrecorded; /* of this minute */
	int64_t usb_minute;

	/* media.c */
	struct medium *media[MEDIA_MAX];
	size_t media_count;
	uint32_t next_medium;

	/* archive.c */
	struct process records;
	int64_t records_deadline_ms; /* for READY */
	sd_event_source *records_io, *records_timeout;
	struct question *questions; /* waiting, oldest first */

	struct sessions *sessions; /* sessions.c */
	struct review review;	   /* review.h */

	struct monitor *monitor; /* monitor.c */

	struct selfchecking *selfchecking; /* selfcheck.c */

	const char *machine; /* machine.c: where its helper listens; NULL: nowhere */
	struct asking *asking_machine;
	int64_t setup_again_ms; /* setup.c: the machine restarts then; 0: there is no reason yet */
};

/* Run until SIGTERM or SIGINT. `selfcheck`: the socket of lazaret-selfcheck; NULL: it becomes our child. `machine`: machine.h; may be NULL. Returns an exit status. */
_must_check_ int daemon_run(const char *dir, const char *selfcheck, const char *machine);

/* -- station.c ---------------------------------------------------------------------------------------------- */

/* Begin to load everything anew; what was in force stays so until the new set is ready, and for good when it is not. */
void station_load(struct daemon *d);
/* What maintenance.yaml may change (station/maintenance.h) is taken anew, and nothing else: no database is loaded for it. Inspections that run
 * are processes of their own, with the configuration that they began with. 0, or a negative errno: it stays as it was. */
_must_check_ int station_retake(struct daemon *d);
/* Every few seconds: what does not come up in its time is given up, and tried again. */
void station_tick(struct daemon *d);
void devices_tick(struct daemon *d);
void archive_tick(struct daemon *d);
/* May an inspection begin? */
bool station_accepts(const struct daemon *d);
bool station_has_room(const struct daemon *d); /* in staging, for what may be approved */
json_t *station_object(struct daemon *d);
/* Record in the audit trail. A trail that cannot be written stops the station until it can. `body` is taken over. */
void station_audit(struct daemon *d, const char *type, json_t *body);
void station_done(struct daemon *d);

/* What it uses of its examiners is no longer watched for its end. */
void station_unwatch(struct daemon *d);

/* -- sets.c ------------------------------------------------------------------------------------------------- */

/* The station object's `sets`. */
json_t *sets_json(const struct station_config *c);
/* Its `offers`: packs that came on media. There is a station. */
json_t *sets_offers(const struct daemon *d);
/* May one database be in memory, and no more? */
bool sets_one_at_once(const struct daemon *d);
/* Before another one is loaded: true: the one in force has to go first; station_load() is called when it has. */
_must_check_ bool sets_must_give_way(struct daemon *d);
/* An inspection has ended, or nothing runs: give way now, if that is asked for. */
void sets_give_way(struct daemon *d);
/* The request `rest`: answered when no database is in memory. */
void sets_rest(struct daemon *d, uint64_t token);
/* No rest any more: somebody wants it to load. */
void sets_wake(struct daemon *d);
void sets_tick(struct daemon *d);

/* Does an update hold the lock on sets/? */
bool sets_are_updated(const struct daemon *d);

/* -- slots.c ------------------------------------------------------------------------------------------------ */

/* The station object's `slots` and `restart`; a new reference. */
json_t *slots_object(const struct daemon *d);
json_t *restart_object(const struct daemon *d);
/* The request `slot`: record it, and keep it for the screen. */
void slots_note(struct daemon *d, uint64_t token, const json_t *fields);
/* The request `restart`: answered when nobody is at work any more. `version`: slots_version_ok(). */
void restart_ask(struct daemon *d, uint64_t token, const char *version);
void restart_tick(struct daemon *d);

/* -- trail.c ------------------------------------------------------------------------------------------------ */

/* Is there room for records? LOW: less than the configuration wants; FULL: no medium may be begun. */
enum trail_room trail_room(const struct daemon *d);
/* Every few seconds: a change is said. */
void trail_tick(struct daemon *d);
/* The control protocol's {records, bytes, state}; NULL: out of memory. */
json_t *trail_object(const struct daemon *d);

/* -- devices.c ---------------------------------------------------------------------------------------------- */

/* Start the role, or tell the one that runs the policy in force. */
void devices_apply(struct daemon *d);
json_t *devices_object(struct daemon *d);
void devices_done(struct daemon *d);

/* -- media.c ------------------------------------------------------------------------------------------------ */

/* `device` is taken over. */
void media_arrived(struct daemon *d, struct device *device);
void media_left(struct daemon *d, const char *key);
void media_button(struct daemon *d, const char *key);
/* All that is plugged in has gone from our sight (the devices role died): what is not being read stays; the rest is told again. */
void media_lost_sight(struct daemon *d);
struct medium *media_find(struct daemon *d, uint32_t number);
/* Start what may start. Whenever something changes that a queued medium waits for. */
void media_schedule(struct daemon *d);
void media_cancel(struct medium *m);
void media_dismiss(struct medium *m);
/* Inspect it once more, as a new medium. False: it is not there any more. */
bool media_again(struct medium *m);
void media_changed(struct medium *m);
void media_ended(struct medium *m); /* its process has gone, and its fold is settled */
/* What the rules want to know of a medium and is not given, in words (owned by the caller); NULL: nothing. */
char *media_missing(const struct daemon *d, const char *owner, const char *ticket, const char *reason);
json_t *media_object(struct daemon *d, uint32_t number);
/* Inspections that run. */
size_t media_running(const struct daemon *d);
void media_done(struct daemon *d);
void device_done(struct device *device);

/* -- child.c ------------------------------------------------------------------------------------------------ */

/* Start the medium's inspection. Returns 0 or a negative errno. */
_must_check_ int child_start(struct medium *m);
/* SIGTERM: stop; SIGUSR1: the medium has gone; SIGUSR2: nobody can say whether it has. The latter two only while it is read. */
void child_signal(struct medium *m, int signal);
void child_done(struct medium *m);
/* A process of ours that ends by itself: reap it when it does. */
void child_reap(struct daemon *d, pid_t pid);
/* In a process of its own: publish what was released. Returns its id and the descriptor of its events, or a negative errno. */
_must_check_ pid_t child_release(struct daemon *d, struct release *r, int *ret_events_fd);
/* In a process of its own: tell and clean up what a crashed inspection left (supervisor/recover.h). */
void child_recover(struct daemon *d);
/* In a process of its own, since it may take the drive seconds: open the tray. */
void child_eject(struct daemon *d, const char *node);

/* -- requests.c --------------------------------------------------------------------------------------------- */

/* Make the control socket, or take systemd's. */
_must_check_ int requests_open(struct daemon *d);

/* -- sessions.c --------------------------------------------------------------------------------------------- */

/* A person who has logged in on one connection. It ends with the connection, by `logout`, after people.session-time without a
 * request, when he is removed or his time is over, and when another person logs in there. */
struct session {
	char *person, *full_name; /* owned by sessions.c; valid until control returns to the event loop */
	unsigned int roles;	  /* mask of 1u << enum person_role (people/people.h) */
	int64_t ends;		  /* s since 1970: unless a request comes before */
};

/* Who is logged in on the connection whose open request has this token; NULL: nobody. Borrowed. */
const struct session *session_of(struct daemon *d, uint64_t token);
/* May this request be made in that role? False: it has been refused (`not-permitted`), there is nothing left to answer. */
_must_check_ bool session_has_role(struct daemon *d, uint64_t token, enum person_role role);

/* Find out whether `secret` is that of `person`, by PAM, for the request with this token, and for whatever else PAM asks: the
 * request is then answered with `prompt`, and the client's `login-answer` takes its place.
 *
 * done   is called once when it is him, in the event loop, with the token of the request that now waits for its answer (not
 *        always the first one) and the person (borrowed for the call): it must answer. When it is not him, the request has been
 *        answered (`wrong`, `locked-out`, `expired`, `unavailable`, ...), tries are counted and recorded, and `done` is not called.
 * drop   is called once in every case, after `done`, with `data`; may be NULL.
 *
 * The record `login` is written before `done` is called, with `for` = `what` ("login", "confirm", "undo"). One at a time on a connection;
 * another one ends it. */
void sessions_authenticate(struct daemon *d, uint64_t token, const char *person, const char *secret, const char *what,
			   void (*done)(struct daemon *d, uint64_t token, const struct person *who, void *data), void (*drop)(void *data),
			   void *data);

/* The requests login, login-answer, login-cancel and logout; false: it is none of them. */
bool sessions_request(struct daemon *d, const struct control_request *q);
/* A request has come: the session of that connection lasts longer. Before it is handled. */
void sessions_seen(struct daemon *d, uint64_t client);
/* The connection has gone. */
void sessions_gone(struct daemon *d, uint64_t client);
/* The event `session` for a connection; NULL: there was never one. */
json_t *sessions_object(struct daemon *d, uint64_t client);
/* Every few seconds: sessions and attempts whose time is over. */
void sessions_tick(struct daemon *d);
/* Has anybody logged in? */
bool sessions_are_any(const struct daemon *d);
void sessions_done(struct daemon *d);

/* -- archive.c ---------------------------------------------------------------------------------------------- */

/* Ask the records role; the answer goes to `token`. */
void archive_ask(struct daemon *d, uint64_t token, const json_t *request);
/* Ask it ourselves (borrowed); `take` gets the answer (borrowed for the call), or NULL when there is none. Once, maybe during the call. */
void archive_count(struct daemon *d, const json_t *request, void (*take)(struct daemon *d, const json_t *answer));
/* The role ends; what waits is refused. It is started again by the next question. */
void archive_done(struct daemon *d);

#endif
