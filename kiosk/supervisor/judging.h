/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of the stage "judge"; for judging*.c alone. */
#ifndef LAZARET_SUPERVISOR_JUDGING_H
#define LAZARET_SUPERVISOR_JUDGING_H

#include "judge/judge.h"
#include "supervisor/docket_members.h"
#include "supervisor/inspection.h"

#define SIGNERS_MAX 16
#define LISTINGS_MAX 16
#define JUDGING_TOLD 32 /* findings that a signature stood in for, in the report */
#define CONTAINERS_MAX 64 /* in each other; station/config.c allows no more */

/* What examiners found of one file or member, as the judge takes it; owned. */
struct examined_facts {
	struct findings findings;
	json_t *types;
	const char *type_list[POOL_TYPES_MAX];
	size_t type_count;
};

struct judging {
	struct inspection *i;
	bool has_several_volumes;
	/* of the entry at hand; owned */
	struct examined_facts facts;
	struct docket_signer signers[SIGNERS_MAX];
	struct judge_signer judge_signers[SIGNERS_MAX];
	size_t signer_count;
	struct docket_listing listings[LISTINGS_MAX];
	struct judge_listing judge_listings[LISTINGS_MAX];
	size_t listing_count;
	int64_t now; /* of decisions that have an end */
	bool are_decisions_unknown; /* then every file is held */
	json_t *told; /* findings of all that is in it, at most JUDGING_TOLD, as in the docket */
};

/* From the docket's columns, and what is still owed of `id`. */
_must_check_ int facts_load(struct examined_facts *f, struct inspection *i, uint64_t root, uint64_t id, const char *types,
			    const char *findings);
void facts_done(struct examined_facts *f);
/* The file did not come whole: the finding that says so. */
_must_check_ int facts_of_stream(struct examined_facts *f, enum stream_status status, const char *trouble);

/* decisions.c: those of officers that are in force, from the ledger into the docket, so that no file costs a question. */
_must_check_ int decisions_load(struct judging *j);
/* The one about these bytes, as the judge takes it; of a member rejections and denials alone. */
_must_check_ int decisions_of(struct judging *j, const uint8_t sum[static SHA256_LEN], bool is_member, struct docket_decision *ret);
/* What `x` did to the file's verdict, for the report: {decision, id, reasons (that no longer count), rule (that fired), until}. */
_must_check_ int decisions_tell(struct judging *j, uint64_t id, const struct docket_decision *x, const struct judgement *g);
/* The report's `rule`: the decision where it settled the verdict. */
const char *decisions_rule(const struct judgement *g);

/* As the report has them. */
json_t *judging_reasons(const struct judgement_reason *list, size_t count);

/* Who signed it and what lists it, after those that are there already (of the file that a member is in). */
_must_check_ int judging_origin(struct judging *j, uint64_t id);
/* Back to so many of each. */
void judging_forget_origin(struct judging *j, size_t signers, size_t listings);

/* Keep what was found, for the report of a file that passes although of it. `path`: of the member, NULL: the file. */
_must_check_ int facts_tell(struct judging *j, const struct examined_facts *f, const char *path);
/* Judge all that is in the file `e`, whose own subject is `file`, and roll it up into `g`. */
_must_check_ int judge_members(struct judging *j, const struct docket_entry *e, const struct subject *file, struct judgement *g);

#endif
