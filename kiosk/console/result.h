/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What came of an inspection, in one sentence that a person can act on. Nothing is ever called clean or safe: files were
 * transferred, refused, or wait for a decision. */
#ifndef LAZARET_CONSOLE_RESULT_H
#define LAZARET_CONSOLE_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "console/term.h"

struct result {
	const char *transfer; /* "": it never had a name. Borrowed from the object, as all text */
	const char *outcome;
	uint64_t files, bytes, approved, held, blocked;
	int complete; /* 1: everything was read; 0: not; -1: not known (history) */
	int64_t started, finished;
};

/* Of a `medium` that is done, or of an entry of `transfers`. */
struct result result_of(const json_t *object);
bool result_published(const struct result *r);

#define RESULT_LINE 256
/* The verdict, in capitals: what was transferred. */
void result_verdict(const struct result *r, char out[static RESULT_LINE], enum style *ret_style);
/* What was not: "3 WERE REFUSED. 1 WAITS FOR A DECISION."; "" when there is nothing to say. */
void result_rest(const struct result *r, char out[static RESULT_LINE]);
/* For a list: "9 of 12 files transferred". */
void result_short(const struct result *r, char out[static RESULT_LINE]);

/* Name of the medium, for a heading: vendor, model, or what it is when it has no name. */
void result_medium_name(const json_t *object, char out[static RESULT_LINE]);

#endif
