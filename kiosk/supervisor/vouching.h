/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of the stage "vouch"; for vouch*.c alone.
 *
 *   recognise   which files vouch for others, and how       (vouching.c)
 *   prove       signatures, and what lists list             (vouch_prove.c)
 *   compare     listed digests with the vault's             (vouch_compare.c)
 *   date        indexes that are older than what is known   (vouch_series.c)
 *   cover       from signed lists to what they list         (vouch_cover.c)
 *   within      from the members of a container to it       (vouch_within.c)
 *
 * What may vouch for others in a container is asked like what is on the medium, in a tree of its own (docket_trees.h).
 */
#ifndef LAZARET_SUPERVISOR_VOUCHING_H
#define LAZARET_SUPERVISOR_VOUCHING_H

#include "supervisor/inspection.h"
#include "supervisor/proving.h"

#define SIGNATURES_MAX 64 /* of one piece of evidence; the roles stop there as well */

/* One signature that a role has told. */
struct told_signature {
	enum signature_outcome outcome;
	uint64_t id; /* the entry that it covers */
	char *key_name, *key_id, *detail;
};

/* What this evidence lists is meant to be all of its directory. */
struct complete_list {
	uint64_t id;
	uint32_t volume; /* or tree */
	enum evidence_format format;
	char *beneath; /* "dir/" or "" */
	char *path;
};

struct vouching {
	struct inspection *i;
	int64_t now;
	int64_t deadline_ms; /* of all proving and comparing (monotonic_ms()); afterwards files are held without */
	unsigned int steps;  /* of vouch_breathe() */
	struct process roles[ROLE_COUNT_]; /* pid 0: not started in this pass */
	struct process index;		   /* reads the text in signatures; sees no signature */

	bool is_inside; /* containers are asked, after the medium */

	/* the evidence at hand */
	const struct docket_entry *entry; /* NULL: none is being proved */
	bool is_frame; /* PROVED_FRAME */
	struct told_signature signatures[SIGNATURES_MAX];
	size_t signature_count;

	struct complete_list *complete;
	size_t complete_count;
	struct message message;
};

/* With one file, of so many bytes that are read more than once at most. */
struct patience vouch_patience(const struct vouching *v, uint64_t bytes);
/* 1: there is no time left to look at this file, and it has been told; 0, or a negative errno. */
_must_check_ int vouch_is_late(struct vouching *v, uint64_t id);
/* For loops over what a medium can make long, in which nobody is waited for: 0, -ECANCELED or -ETIMEDOUT. */
_must_check_ int vouch_breathe(struct vouching *v);
/* The same at once, for steps that take long. */
_must_check_ int vouch_breathe_now(struct vouching *v);
/* Something about this evidence that is no fault of any file: told of the file that it is in. In a container much lies about that is nobody's
 * evidence (specimens of tests, lists of what was there once); what it would vouch for then has no signer. */
_must_check_ int vouch_note(struct vouching *v, const struct docket_entry *e, const char *words);
/* The role's process in this pass, started when it is not there. */
_must_check_ int vouch_role(struct vouching *v, enum role_id role, struct process **ret);
/* After an error of a role about one file: 0 when the inspection goes on without what it would have told, and the role's
 * process has been ended where it is of no use any more; or the error. */
_must_check_ int vouch_role_failed(struct vouching *v, struct process *p, uint64_t id, int error, const char *words);
void vouch_end_roles(struct vouching *v);

/* The files of the medium; or, while containers are asked, the members of those in which there is evidence. */
_must_check_ int vouch_each(struct vouching *v, docket_each_fn each);

/* docket_each_evidence() callbacks, in this order. */
int vouch_prove_signatures(void *context, struct docket_entry *e, uint32_t format);
int vouch_prove_lists(void *context, struct docket_entry *e, uint32_t format);

int vouch_compare(void *context, struct docket_entry *e); /* docket_each() */

/* Remember what an index says about its age. Who signed it may be known only later. */
_must_check_ int vouch_note_series(struct vouching *v, const struct proving_summary *s);
/* Before signers go from lists to what they list: old and outdated indexes are not trusted, the others count as seen. */
_must_check_ int vouch_judge_series(struct vouching *v);

/* Who signed all of what is in a container signed it. After signers have gone from lists to what they list. */
_must_check_ int vouch_within(struct vouching *v);

/* Signers from lists to what they list; files that a complete list does not have; keys' scopes. */
_must_check_ int vouch_cover(struct vouching *v);

/* The key as the trust store has it, borrowed; NULL: nobody trusts it. */
const json_t *vouch_key(const struct vouching *v, const char *name);

#endif
