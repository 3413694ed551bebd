/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an operator wants of the station, as requests of the control protocol. */
#ifndef LAZARET_CONSOLE_INTENT_H
#define LAZARET_CONSOLE_INTENT_H

#include "console/console.h"

/* `fields` is taken over. False when it could not be sent. */
bool intent_ask(struct console *c, enum ask_kind kind, unsigned int generation, const char *name, json_t *fields);

/* For the chosen item. */
void intent_cancel(struct console *c);
void intent_dismiss(struct console *c);
void intent_eject(struct console *c);
void intent_again(struct console *c);
void intent_identify(struct console *c); /* with what was typed, or who is logged in */
void intent_unlock(struct console *c);	 /* with c->passphrase, which is wiped */
void intent_skip(struct console *c);

/* Questions. */
void intent_recent(struct console *c);
void intent_history(struct console *c);
void intent_file(struct console *c, const char *transfer, int64_t index);
void intent_files(struct console *c); /* if rows and screen need some */

/* "Not possible now: ...": what the station refuses, as a notice. */
void intent_refusal(struct console *c, const json_t *answer);

/* An answer came, cleaned (state.h). */
void intent_answer(struct console *c, json_t *answer);
/* The connection is lost: nothing will be answered. */
void intent_lost(struct console *c);

#endif
