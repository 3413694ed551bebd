/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Finding out whether somebody is who he says, from the side of whoever starts lazaret-login: lazaretd (daemon/sessions.c, in its loop)
 * and `lazaret` (cli/person_ask.c, waiting). What both must do alike stands here: what is counted when, what is recorded, what is
 * told to whom, how long a refusal takes.
 *
 *   attempt_begin()   counts the try; then PAM is asked about attempt_pam_name()
 *   attempt_end()     what came of it: words for the person, records for the trail. Write these first; then
 *   attempt_settle()  forgets failed tries, or takes this one back
 *
 * A name that nobody has and a wrong secret look the same: PAM is asked about a person that there is not, the outcome is
 * `wrong`, tries are counted and the name is locked, and every refusal comes at a whole number of ATTEMPT_STEP_MS after what was
 * typed last.
 */
#ifndef LAZARET_PEOPLE_ATTEMPT_H
#define LAZARET_PEOPLE_ATTEMPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/channel.h"
#include "ipc/login.h"
#include "people/lockout.h"
#include "people/people.h"
#include "station/config.h"

/* Longer than a hash takes on a slow machine; short enough for whoever mistyped. */
#define ATTEMPT_STEP_MS 1000

struct attempt {
	char *station_dir; /* owned */
	struct lockout_rule rule;
	char name[PERSON_NAME_MAX + 1]; /* "": what was typed can be nobody's name */
	char *typed; /* owned; clean text: the name as it was typed */
	bool is_known;
	bool is_counted;
	bool is_taken_back; /* by attempt_settle(), as attempt_end() decided */
	bool is_good;
	struct lockout lockout;
};

enum attempt_how {
	ATTEMPT_BY_PAM,	     /* lazaret-login has said `outcome` */
	ATTEMPT_BROKEN_OFF,  /* cancelled, or its client has gone, before PAM said anything: it counts, or a wrong secret could be tried for nothing */
	ATTEMPT_TOO_LATE,    /* as above: people.answer-time has passed */
	ATTEMPT_BROKEN,	     /* lazaret-login could not be started, or has died */
};

struct attempt_result {
	const char *code; /* of docs/control.md; NULL: it is him */
	char text[256];	  /* what he is told */
	struct {
		const char *type; /* of the audit trail */
		json_t *body;
	} records[2]; /* in this order */
	size_t record_count;
	struct people *people; /* as they are now */
	const struct person *who; /* borrowed from `people`; NULL unless it is him */
};

/* Begin with the name as it was typed. Blocks on disk. Returns 0; -EBUSY: locked out; or another negative errno: nothing can be said now. In
 * each case attempt_end() says what to tell, and attempt_done() releases. */
_must_check_ int attempt_begin(struct attempt *a, const struct station_config *config, const char *raw_name, int64_t now);
/* About whom PAM is asked. Borrowed. */
const char *attempt_pam_name(const struct attempt *a);

/* What PAM says or asks, as the person is to see it: its own name for nobody becomes the one that was typed. Cut to LOGIN_TEXT_MAX. */
void attempt_text(const struct attempt *a, char text[static LOGIN_TEXT_MAX]);

/* What came of it. `begun` is what attempt_begin() returned; `outcome` counts for ATTEMPT_BY_PAM alone; `facts` (borrowed) are
 * added to each record: {"for": "login", "uid": ...}. Returns 0, or -ENOMEM: nothing may be granted. */
_must_check_ int attempt_end(struct attempt *a, int begun, enum attempt_how how, enum login_outcome outcome, const json_t *facts,
			     int64_t now, struct attempt_result *ret);
/* Once the records are written. 0 or a negative errno: then nothing may be granted. */
_must_check_ int attempt_settle(struct attempt *a);
void attempt_done(struct attempt *a);
void attempt_result_done(struct attempt_result *r);

/* How long a refusal waits, ms; `since_ms`: when the person typed last, by the same clock as `now_ms`. */
int64_t attempt_wait_ms(int64_t since_ms, int64_t now_ms);

/* -- the channel to lazaret-login ----------------------------------------------------------------------------------------- */

/* STATION/pam.d is the directory of service files when it is there, else the system's. */
_must_check_ int login_send_start(struct channel *c, const struct station_config *config);
_must_check_ int login_send_try(struct channel *c, const char *person);
/* Everything that held the secret on the way is wiped. */
_must_check_ int login_send_reply(struct channel *c, const char *secret);
/* The payload of LOGIN_TEXT and LOGIN_RESULT. 0 or -EPROTO. */
_must_check_ int login_take_text(struct message *m, enum login_style *ret_style, char ret_text[static LOGIN_TEXT_MAX]);
_must_check_ int login_take_result(struct message *m, enum login_outcome *ret_outcome, char ret_detail[static LOGIN_TEXT_MAX]);

#endif
