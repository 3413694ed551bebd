/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Changing STATION/people: by `lazaret person` alone, which records each change before it makes it. Whoever changes holds the lock
 * of the directory from reading to writing, so that two changes at a time become one after the other. */
#ifndef LAZARET_PEOPLE_STORE_H
#define LAZARET_PEOPLE_STORE_H

#include "people/people.h"

/* The directory, opened, with `is_locked` under flock(2) until the descriptor (the caller's) is closed; made when it is missing and
 * `is_locked`. Blocks while another holds the lock. Returns 0 or a negative errno; -ENOENT: there is none; -EPERM: others
 * than its owner, who must be us or root, may write to it. */
_must_check_ int people_open(const char *station_dir, bool is_locked, int *ret_fd);

/* As people_load(), from the directory. */
_must_check_ int people_load_at(int people_fd, struct people **ret, char **ret_why);

/* Replace people.json. Blocks until it is on disk. 0 or a negative errno; then the old one is still there. */
_must_check_ int people_save(int people_fd, const struct people *p);

/* Put `person` (borrowed, copied) in, in the place of one of the same name if there is one; take one out. 0, -ENOMEM, -ENOSPC
 * (PEOPLE_MAX), -ENOENT (nobody to be taken out). In memory: people_save() makes it true. */
_must_check_ int people_put(struct people *p, const struct person *person);
_must_check_ int people_take(struct people *p, const char *name);

/* The person's line of people/passwd becomes this hash; NULL: he has none any more. The other lines stay, and so does, first of
 * all, that of nobody (PEOPLE_NOBODY); `name` NULL: that one alone is made. 0 or a negative errno. */
_must_check_ int passwd_set(int people_fd, const char *name, const char *hash);
/* Has he a line? Negative errno: it cannot be told. */
_must_check_ int passwd_has(int people_fd, const char *name);

/* The name that PAM is asked about when a name is typed that nobody here has: a line of passwd with a hash that fits no
 * secret, so that finding out that nobody has the name asks as much, and takes as long, as finding out that a secret is wrong. No
 * person can be called so, and what PAM says of him is said of the name that was typed (attempt_text()). */
#define PEOPLE_NOBODY "-nobody-"

/* yescrypt (crypt(5)) with the library's cost and a random salt, as Debian stores passwords. 0 with the hash (owned by the caller),
 * or a negative errno. Takes a tenth of a second, on purpose. */
_must_check_ int password_hash(const char *secret, char **ret);

/* May it become a password? NULL, or what is wrong with it, static words. `least`: bytes, people.password-length. */
const char *password_refused(const char *secret, const char *name, uint64_t least);

/* For this folder: words for `ret_why` (may be NULL); returns `error`. */
int people_fail(char **ret_why, int error, const char *fmt, ...) _printf_(3, 4);

#endif
