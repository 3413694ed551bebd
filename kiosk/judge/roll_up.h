/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From the members of a container to the file: what is wrong with a member is wrong with the file that it is in. */
#ifndef LAZARET_JUDGE_ROLL_UP_H
#define LAZARET_JUDGE_ROLL_UP_H

#include "judge/judge.h"

/* Members with one reason that are named; further ones change nothing for who reads it. */
#define ROLL_UP_NAMED 8

/* What was said of members so far. */
struct roll_up {
	enum verdict verdict; /* the strictest */
	struct rolled {
		struct judgement_reason reason; /* owned strings; `member` is the path within the file */
		bool is_exact;	/* said of that member itself; else of something in it, under a name that an examiner gave it */
		size_t container_len; /* of that member's path */
	} list[REASON_COUNT_ * ROLL_UP_NAMED];
	size_t count;
};

/* `member` was judged; `path` (borrowed, escaped) is its own within the file. Containers come before what is in them.
 *
 * What rules say of a container (it is not signed, its type is not allowed) is not repeated of what is in it: `file` is the
 * file's own judgement. What examiners found is told where it is: deepest path wins. Returns 0 or -ENOMEM (then the file must
 * not be approved). */
_must_check_ int roll_up_add(struct roll_up *u, const struct judgement *file, const struct judgement *member, const char *path);

/* The file's judgement with all that was said of its members; reasons in order, most severe first. 0 or -ENOMEM, as above. */
_must_check_ int roll_up_end(struct roll_up *u, struct judgement *file);
void roll_up_done(struct roll_up *u);

#endif
