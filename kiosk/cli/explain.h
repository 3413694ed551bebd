/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the rules make of one file, and why. The command line parses no content: facts about the file come from a kept
 * report, from options, or from an inspection whose result is judged and not published. */
#ifndef LAZARET_CLI_EXPLAIN_H
#define LAZARET_CLI_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/macros.h"
#include "judge/judge.h"

#define EXPLAIN_MAX 16		  /* types, signers, listings of one file: more decide nothing */
#define EXPLAIN_CONTAINERS_MAX 64 /* in each other; a station opens no deeper */
#define EXPLAIN_NAMED_MAX 50	  /* members that do not pass are told one by one; further ones by their number */

/* A subject and what it borrows from. Zero-initialise, explain_init(), explain_done(). */
struct explain_facts {
	struct subject subject;
	struct findings findings;
	const char *types[EXPLAIN_MAX];
	struct judge_signer signers[EXPLAIN_MAX];
	struct judge_listing listings[EXPLAIN_MAX];
	const char *containers[EXPLAIN_CONTAINERS_MAX];
	json_t *file, *report; /* keep the strings of a report alive */
	json_t *members;       /* "facts" events of what is in the file, or NULL */
};

/* Every check done, nothing found, `checks` required. */
void explain_init(struct explain_facts *f, uint32_t checks);
void explain_done(struct explain_facts *f);

/* Judge the file and its members, and tell each rule that was tried of the file, the members that do not pass, and the
 * outcome of all together; as one JSON object when `is_json`. Names are escaped.
 * Returns 1 when the file would be approved, 0 when not, or -ENOMEM. */
_must_check_ int rules_explain_print(const struct rule_set *rules, const struct explain_facts *f, bool is_json, FILE *out);

/* What the rules make of the members. */
struct explain_members {
	size_t count, refused; /* refused: not approved */
	struct explain_member {
		char *path; /* owned, escaped; within the file */
		enum verdict verdict;
		const char *rule; /* borrowed from the rule set; "" when none matched */
	} named[EXPLAIN_NAMED_MAX]; /* the first of those refused */
	size_t named_count;
};

/* Judge each member of the file as the station does, and roll it up into the file's own judgement. Returns 0 or a
 * negative errno (then `file` must not count as approved). */
_must_check_ int explain_members(const struct rule_set *rules, const struct explain_facts *f, struct judgement *file,
				 struct explain_members *ret);
void explain_members_done(struct explain_members *m);

/* Types, size, findings, checks and containers of a "facts" event into `f`, which borrows its strings. */
_must_check_ int explain_take_facts(struct explain_facts *f, const json_t *event);

/* The facts that a kept report has of the file at `path` (the first, when several volumes have it): path, size, type,
 * signers, medium, operator, and the examiners' reasons, without those that rules give (of members: with them). A report says nothing of
 * checksum lists. Returns 0, -ENOENT when it does not name the file, -EBADMSG, or another negative errno. */
_must_check_ int explain_from_report(FILE *in, const char *path, struct explain_facts *f);

/* The facts that the examiners find now, of the file and of what is in it: lazaretd looks at the file, and at what beside it (beneath `root`, unless that is
 * NULL) may vouch for it, as at a medium, and publishes nothing. Blocks. Returns 0, or a negative errno after telling what went wrong. */
_must_check_ int explain_from_examination(const char *station_dir, const char *file, const char *root,
					   struct explain_facts *f);

#endif
