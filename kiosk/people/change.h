/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One change to the people of a station: what is to be looked at first, what the trail is told before it is made, and making it. Who may
 * make it, and writing the trail, is the caller's. Under one lock, from people_change_check() to people_change_done(). */
#ifndef LAZARET_PEOPLE_CHANGE_H
#define LAZARET_PEOPLE_CHANGE_H

#include "people/people.h"

enum people_change_kind {
	PEOPLE_ADD,
	PEOPLE_ALTER,
	PEOPLE_REMOVE,
	PEOPLE_PASSWORD,
	PEOPLE_UNLOCK,
	PEOPLE_CHANGES
};

struct people_change {
	enum people_change_kind kind;
	const char *dir, *by;	/* borrowed: the station; clean text */
	const char *name;	/* borrowed; valid */
	const char *full_name;	/* borrowed; NULL: as it is */
	unsigned int roles;	/* 0: as they are */
	int64_t until;		/* -1: as it is */
	const char *reason;	/* of a removal; borrowed, clean; NULL: none */
	char *hash;		/* owned; of a new password, NULL: none */
	/* from people_change_check() on */
	int people_fd;
	struct people *people;
	struct person person; /* as it will be; its strings are borrowed */
};

/* "add", "change", ...; PEOPLE_CHANGES: none of them. */
enum people_change_kind people_change_kind(const char *word);

/* Take the lock, and look. 0; -ENOENT, -EEXIST, -EINVAL (a full name that is none), -EPERM (the last administrator), -ENOSPC, with words in
 * `*ret_why` (static); or another negative errno with words of it. Blocks while another change is made. */
_must_check_ int people_change_check(struct people_change *h, const char **ret_why);
/* Type and body (a new reference, NULL: out of memory; without `by`) of the record that has to be written before it is made. */
const char *people_change_record(const struct people_change *h);
json_t *people_change_body(const struct people_change *h);
/* 0 or a negative errno. */
_must_check_ int people_change_make(struct people_change *h);
/* For _cleanup_: lets the lock go, wipes the hash. */
void people_change_done(struct people_change **h);

bool people_have_administrator(const struct people *p);
/* Would nobody be an administrator any more when `name` became `after` (NULL: removed)? */
bool people_lose_administrator(const struct people *before, const char *name, const struct person *after);

#endif
