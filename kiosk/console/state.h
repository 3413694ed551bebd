/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the console knows: the newest object of each kind that lazaretd sent (docs/control.md), and what is kept although
 * lazaretd no longer does, so that no result and no trouble goes away unseen. No I/O, no drawing.
 *
 * Items are what the operator sees as "media": those of lazaretd; a USB device that was refused; and, kept here alone,
 * results of a lazaretd that has gone, and media that were taken out before anything was made of them. All have the form of
 * a `medium` object.
 */
#ifndef LAZARET_CONSOLE_STATE_H
#define LAZARET_CONSOLE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define STATE_ITEMS_MAX 64	      /* more than lazaretd inspects and queues */
#define STATE_KEEP_MS (10 * 60 * 1000) /* a result whose medium is out waits so long for somebody to see it */

struct item {
	int64_t number; /* lazaretd's, > 0; ours, < 0 */
	json_t *object; /* owned; `medium` */
	int64_t gone_ms; /* since when the medium of a finished item is out; 0: it is in, or not finished */
	bool has_asked;	 /* the operator has seen that it wants an answer */
};

struct state {
	json_t *station, *devices; /* owned; NULL: not yet known */
	json_t *transfers;	   /* owned; array, the newest; NULL: not yet known */
	int64_t station_ms;	   /* when `station` came, monotonic */
	struct item items[STATE_ITEMS_MAX];
	size_t count;
	int64_t last_number; /* of ours, <= 0 */
	json_t *seen;	     /* owned; object: refused devices that were acknowledged and are still there */
	json_t *left_in;     /* owned; object, by number: media whose result was seen, and which should be taken out */
	json_t *dismissed;   /* owned; object, by number: seen here, and lazaretd may not know yet */
};

_must_check_ int state_init(struct state *s);
void state_done(struct state *s);

/* Fold one event; other objects are ignored. All strings of `object` are made fit to be shown (layout.h), in place. Returns
 * 0 or -ENOMEM; what does not look like the protocol is dropped. */
_must_check_ int state_fold(struct state *s, json_t *object, int64_t now_ms);
/* The connection is lost: only results are kept, as ours. */
void state_lost(struct state *s);

struct item *state_find(struct state *s, int64_t number);
/* The operator has seen it, or nobody came: forget it here. For lazaretd's own the caller sends `dismiss` as well. */
void state_forget(struct state *s, int64_t number);
/* An item that nobody acknowledged within STATE_KEEP_MS; NULL: none. */
struct item *state_expired(struct state *s, int64_t now_ms);

/* The station's clock now, s since 1970; 0: unknown. */
int64_t state_now(const struct state *s, int64_t now_ms);

/* Make all strings in an object fit to be shown. Returns 0 or -ENOMEM. */
_must_check_ int state_clean(json_t *object);

/* Members by name, whatever the object really holds: "" and 0 and false where it is of another type. Borrowed. */
const char *member_text(const json_t *o, const char *key);
int64_t member_number(const json_t *o, const char *key);
uint64_t member_count(const json_t *o, const char *key); /* negative: 0 */
bool member_true(const json_t *o, const char *key);
const json_t *member(const json_t *o, const char *key);

static inline bool item_is_ours(const struct item *i)
{
	return i->number < 0;
}
bool item_is_done(const struct item *i);
/* An operator has to answer. */
bool item_asks(const struct item *i);

#endif
