/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The checks of `lazaret selfcheck` (selfcheck.def) and what one run of them said, as lazaret-selfcheck tells it and as daemon, command
 * line, console and metrics show it:
 *
 *   {"format":"lazaret.selfcheck/1","at":T,"machine":"trial"|"installed"|"appliance","whole":bool,
 *    "checks":[{"name":..,"state":"ok"|"warning"|"bad"|"not-applicable","text":..}, ...],      each check once, in order
 *    "good":N,"warnings":N,"bad":N,"not_applicable":N,"stops":bool}
 *
 * `text` is one line for the administrator, escaped. `stops`: an invariant is bad.
 */
#ifndef LAZARET_CONTROL_SELFCHECK_H
#define LAZARET_CONTROL_SELFCHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

#define SELFCHECK_FORMAT   "lazaret.selfcheck/1"
#define SELFCHECK_TEXT_MAX 480	  /* bytes of one text; more is cut */
#define SELFCHECK_MAX	   65536u /* bytes of a whole result: all texts escaped, twice */

enum selfcheck {
#define S(id, name, does, trial, installed, appliance, looks, sentence) SELFCHECK_##id,
#include "control/selfcheck.def"
#undef S
	SELFCHECK_COUNT_
};

enum selfcheck_state {
	SELFCHECK_STATE_OK,
	SELFCHECK_STATE_WARNING,
	SELFCHECK_STATE_BAD,
	SELFCHECK_STATE_NONE, /* not applicable */
	SELFCHECK_STATE_COUNT_
};

/* On which the same thing is more or less wrong. */
enum selfcheck_machine {
	SELFCHECK_TRIAL,     /* a directory on somebody's machine: `lazaret init` and `lazaretd`, without the service manager's units */
	SELFCHECK_INSTALLED, /* the package, on a machine that its administrator looks after */
	SELFCHECK_APPLIANCE, /* the image: all of it is ours */
	SELFCHECK_MACHINE_COUNT_
};

/* All static; NULL when out of range. */
const char *selfcheck_name(enum selfcheck check);
const char *selfcheck_sentence(enum selfcheck check);
const char *selfcheck_looks(enum selfcheck check);
const char *selfcheck_state_name(enum selfcheck_state state);
const char *selfcheck_machine_name(enum selfcheck_machine machine);

/* Is it an invariant, for which no medium is accepted? */
bool selfcheck_stops(enum selfcheck check);

/* What it is when it is not so, on such a machine; SELFCHECK_STATE_NONE: it is not looked at. */
enum selfcheck_state selfcheck_severity(enum selfcheck check, enum selfcheck_machine machine);

/* SELFCHECK_COUNT_: no such check (NULL is none). */
enum selfcheck selfcheck_find(const char *name);

/* A result of these checks' states and texts (borrowed; bytes that may be anything: they are escaped here). NULL: out of memory. */
json_t *selfcheck_result(enum selfcheck_machine machine, bool is_whole, json_int_t at, const enum selfcheck_state *states,
			 const char *const *raw_texts);

/* Take what lazaret-selfcheck wrote: 0 and an owned result, of which all sums are ours; -EBADMSG when it is not of that form. */
_must_check_ int selfcheck_parse(const char *raw, size_t size, json_t **ret);

/* The first check in that state, and its text (borrowed from `result`); SELFCHECK_COUNT_: there is none. Invariants come first. */
enum selfcheck selfcheck_first(const json_t *result, enum selfcheck_state state, const char **ret_text);

#endif
