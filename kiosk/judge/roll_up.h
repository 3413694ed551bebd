/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From the members of a container to the file. */
#ifndef LAZARET_JUDGE_ROLL_UP_H
#define LAZARET_JUDGE_ROLL_UP_H

#include "judge/judge.h"

/* Members with one reason that are named; further ones change nothing for who reads it. */
#define ROLL_UP_NAMED 8

/* What is wrong with a member is wrong with the file that it is in; told once, of the outermost container of which it is true. `path` (borrowed, escaped) is the member's within the file.
 * Reasons stay in order, most severe first; the file's verdict becomes the stricter of the two. Returns 0 or -ENOMEM (then the
 * file must not be approved). */
_must_check_ int judge_roll_up(struct judgement *file, const struct judgement *member, const char *path);

#endif
