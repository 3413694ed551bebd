/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret person`, and how every command finds out who sits at the terminal.
 *
 * Names and secrets are asked for on the terminal, secrets without echo, or read from the descriptor of --credentials: lines, in the
 * order in which they would be asked for (name, secret, answers to further questions of PAM; of the first person, then of the
 * second). Nothing is ever taken from arguments or the environment, which others can read.
 */
#ifndef LAZARET_CLI_PERSON_H
#define LAZARET_CLI_PERSON_H

#include <stdbool.h>

#include "cli/cli.h"
#include "common/macros.h"
#include "people/people.h"
#include "station/config.h"

/* lazaret person add | remove | change | password | list | unlock | check: 0 done, 1 refused, 2 could not be done, 64 usage. */
int cmd_person(struct cli *cli);

/* Read names and secrets from this descriptor from now on (owned by the process; -1: the terminal). For options of commands:
 * `person_credentials(optarg)` tells what is wrong with the number and returns false. */
_must_check_ bool person_credentials(const char *number);

/* Who is there: ask for name and secret, and have PAM say whether they are right (lazaret-login). Counts and records as
 * lazaretd does: `login`, `login-failed`, `locked-out`.
 *
 * station    as loaded by records_config()
 * who        "administrator", "first person", "second person": how the terminal calls him
 * what       "person add", "review release": what it is for, kept in the record
 * roles      mask of 1u << enum person_role: he must have one of them; 0: any person of the station
 * not_name   somebody else than this one (the second of two persons); NULL: nobody is excluded
 * ret        written on success only: his name, owned by the caller
 *
 * Blocks: on the terminal, on PAM (a minute or two at most). Returns 0, -EACCES (refused, and told), or another negative errno after
 * telling what could not be done. */
_must_check_ int person_ask_role(const struct station_config *station, const char *who, const char *what, unsigned int roles,
				 const char *not_name, char **ret);

/* The same for any person of the station. */
_must_check_ int person_ask(const struct station_config *station, const char *who, char **ret);

#endif
