/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an officer looks at and decides: held files, proposals, update packs. Requests and their answers; the screens are
 * screen_review.c, screen_held.c, screen_bytes.c, screen_decide.c, screen_offers.c and screen_undo.c. Whether somebody may do what he asks for is
 * lazaretd's to say: what is not offered here is merely not offered. */
#ifndef LAZARET_CONSOLE_DESK_H
#define LAZARET_CONSOLE_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "console/field.h"
#include "console/talk.h"
#include "console/term.h"

#define HASH_TEXT 65	  /* SHA-256 in hexadecimal, with NUL */
#define REVIEW_PAGE 50	  /* held files asked for at a time; lazaretd gives 100 at most */
#define BYTES_MAX 4096	  /* lazaretd gives so many at a time */
#define DAYS_MAX 3650	  /* a number that is longer is a slip of the finger */
#define DAYS_SLACK_S 5	  /* the station's clock and ours: the longest time that it allows is not to be missed by a second */

enum review_filter {
	REVIEW_OPEN,
	REVIEW_PROPOSED,
	REVIEW_DECIDED,
	REVIEW_ALL,
	REVIEW_FILTERS
};

struct review {
	json_t *page; /* owned, array; NULL: not yet known */
	int64_t offset, total;
	enum review_filter filter;
	struct entry search;
	struct list list;
	unsigned int generation;
	bool has_failed;
};

/* One held file, as `held-file` tells. */
struct held {
	char sha256[HASH_TEXT];
	json_t *answer; /* owned; NULL: not yet known */
	unsigned int generation;
	bool has_failed;
};

/* A window on its bytes. They are the file's own: drawn one by one, as numbers, and as characters only where they are
 * printable ASCII. */
struct bytes {
	unsigned char raw[BYTES_MAX];
	size_t count;
	int64_t base, size; /* of raw[0]; of the file, -1: not yet known */
	unsigned int generation;
	bool is_asking, has_failed;
	int across; /* bytes on a line, as last drawn */
	struct list list;
};

enum decide_step {
	DECIDE_FORM,   /* reason, days */
	DECIDE_SENT,   /* `propose` is under way */
	DECIDE_SECOND, /* a second person confirms */
	DECIDE_OVER,   /* taken, or refused for good */
};

struct decide {
	enum decide_step step;
	char decision[16], sha256[HASH_TEXT];
	char path[512]; /* as shown; "": of a proposal of which only the hash is known */
	struct entry reason, days;
	int field;
	json_t *proposal; /* owned; NULL: none yet */
	unsigned int generation;
	char said[SAID_MAX], more[SAID_MAX];
	enum style said_style;
};

/* Going back to what was in force before the last update pack. */
struct undo {
	json_t *shown; /* owned: the station's `undo` as it was when the screen was opened: this is what is agreed to */
	struct entry reason;
	bool is_second; /* the second person is asked */
};

struct desk {
	struct review review;
	struct held held;
	struct bytes bytes;
	struct decide decide;
	json_t *proposals; /* owned, array; NULL: not yet known */
	bool proposals_failed;
	struct list proposals_list, offers_list;
	struct undo undo;
	json_t *release; /* owned: the last event `release`; NULL: none */
};

/* Does this station have a desk at all? One of before has nobody to log in. */
bool desk_is_there(const struct console *c);
bool desk_may_see(const struct console *c);
bool desk_may_decide(const struct console *c);
/* Whoever is logged in may be a second person. */
bool desk_may_confirm(const struct console *c);
/* Update packs that were found on media: how many. */
size_t desk_offers(const struct console *c);
/* Can what the last one brought be taken back at this machine? */
bool desk_may_undo(const struct console *c);
/* Is there anything to be seen or done about updates? */
bool desk_has_updates(const struct console *c);

void desk_review(struct console *c);
void desk_held(struct console *c, const char *sha256);
/* If the screen of bytes needs some. */
void desk_bytes(struct console *c);
void desk_proposals(struct console *c);
void desk_propose(struct console *c, int64_t until);
void desk_withdraw(struct console *c, const char *proposal);

/* An answer to one of them, cleaned. */
void desk_answer(struct console *c, const struct ask *a, json_t *answer);
/* The event `release`, cleaned. */
void desk_release(struct console *c, json_t *event);
/* Whoever saw it has gone: forget all. */
void desk_clear(struct console *c);

/* `error` of an answer: what it means (translated), and what the station says. */
void desk_refusal(const json_t *error, char said[static SAID_MAX], char more[static SAID_MAX]);

/* Open the screen on which a file is decided upon: `decision` as in docs/control.md. */
void decide_open(struct console *c, const char *decision, const char *sha256, const char *path);
/* The same for a proposal that waits for a second person. */
void decide_open_proposal(struct console *c, const json_t *proposal, const char *path);
/* The second person has confirmed, or was refused. */
void decide_confirmed(struct console *c, const json_t *answer);
void decide_refused(struct console *c, const char *code);
/* "Release", of the code; the code itself when it is not known. */
const char *decide_words(const char *decision);

/* Open the screen on which what the last update pack brought is taken back; the second person has confirmed; or was refused. */
void undo_open(struct console *c);
void undo_confirmed(struct console *c);
void undo_refused(struct console *c, const char *code);

/* Search in the list of held files for what stands in c->search. */
void review_search(struct console *c);

/* How a held file stands: "? waits", and the style of that. */
const char *held_state_words(const char *state);
enum style held_state_style(const char *state);

#endif
