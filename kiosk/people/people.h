/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who works at a station: STATION/people/people.json, an object of persons by name. What a person may do follows from his
 * roles; that it is him is found out by PAM (people/attempt.h), never here.
 *
 *   people/people.json   {"anna": {"added_at", "by", "full_name", "roles": [...], "until"}, ...}, sorted keys, one line
 *   people/passwd        "name:yescrypt hash", a line a person, mode 0600: for pam_pwdfile; empty where the site has its own PAM stack
 *   people/tries.json    failed tries (people/lockout.h)
 *
 * Used by lazaretd and `lazaret`. The directory is the station's own; a people.json that breaks the form is an error, never
 * a station without people.
 */
#ifndef LAZARET_PEOPLE_PEOPLE_H
#define LAZARET_PEOPLE_PEOPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define PEOPLE_DIR "people"
#define PEOPLE_FILE "people.json"
#define PEOPLE_PASSWD "passwd"
#define PEOPLE_MAX 1000		  /* persons of a station */
#define PERSON_NAME_MAX 64	  /* bytes */
#define PERSON_FULL_NAME_MAX 128  /* bytes of UTF-8 */
#define PERSON_SECRET_MAX 511	  /* bytes: PAM_MAX_RESP_SIZE with its NUL */

enum person_role {
	PERSON_OPERATOR,      /* brings media (lazaret.yaml: operators: authenticated) */
	PERSON_OFFICER,	      /* decides about what is held, rules, keys */
	PERSON_AUDITOR,	      /* reads all, changes nothing */
	PERSON_ADMINISTRATOR, /* persons, updates of the station */
	PERSON_ROLE_COUNT_
};

/* All strings owned by the struct people that it is of. */
struct person {
	char *name;	    /* person_name_valid() */
	char *full_name;    /* clean text (common/text.h) */
	char *by;	    /* who added him; clean text */
	unsigned int roles; /* mask of 1u << enum person_role; never 0 */
	int64_t added_at;   /* s since 1970 */
	int64_t until;	    /* s since 1970: the last second in which he may act; 0: no end */
};

struct people {
	struct person *list; /* sorted by name */
	size_t count;
};

/* Read the people of the station in `station_dir`. Blocks on disk. A station without the file has nobody: 0 and count 0.
 * Returns 0 or a negative errno (-EUCLEAN: not as we write it) with words in `*ret_why` (owned by the caller, may be NULL). */
_must_check_ int people_load(const char *station_dir, struct people **ret, char **ret_why);
struct people *people_free(struct people *p);
void people_freep(struct people **p);

/* NULL: nobody of this name. Borrowed from `p`. NULL for `p` or `name` gives NULL. */
const struct person *person_find(const struct people *p, const char *name);

/* Has he the role? NULL has none. Says nothing about his end: person_has_ended(). */
bool person_has_role(const struct person *p, enum person_role role);
bool person_has_ended(const struct person *p, int64_t now);

/* 1 to PERSON_NAME_MAX bytes of a-z 0-9 . _ - @, the first a letter or a digit: names that PAM, a passwd file and a log take alike. */
bool person_name_valid(const char *name);
bool person_full_name_valid(const char *text);

/* "operator", "officer", "auditor", "administrator"; static. NULL when out of range. */
const char *person_role_name(enum person_role role);
/* -1: no such role. */
int person_role_by_name(const char *word);
/* A new array of names; NULL when out of memory. */
json_t *person_roles_json(unsigned int roles);
/* {"person", "full_name", "roles"}: how sessions and records name somebody. A new reference; NULL when out of memory. */
json_t *person_json(const struct person *p);

#endif
