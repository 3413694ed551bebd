/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a receipt tells of a report, gathered in one pass: counts, and the places of the files that are told one by one. Its size
 * does not depend on how many files there are. */
#ifndef LAZARET_RECEIPT_SUMMARY_H
#define LAZARET_RECEIPT_SUMMARY_H

#include <jansson.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/reason.h"

#define REFUSED_LISTED	1000 /* some fifty pages; whoever wants more of them wants a program: manifest.json */
#define APPROVED_LISTED 200  /* beyond this they are summed up by folder and type; SHA256SUMS has each */
#define VOUCHED_LISTED	200  /* approved ones that a signature stands in for */
#define GROUPS_KEPT	256
#define GROUPS_SHOWN	20
#define SIGNERS_KEPT	64

/* Where a file's object is in the report, in bytes. */
struct place {
	uint64_t at, size;
};

struct places {
	struct place *list;
	size_t count, max;
};

struct group {
	char *name; /* of the report; owned */
	uint64_t files, bytes;
};

/* Sums by name; what has no room is summed up in `others`. */
struct groups {
	struct group list[GROUPS_KEPT];
	size_t count;
	struct group others; /* nameless */
};

struct signer {
	char *name, *key; /* owned */
	uint64_t files;
};

struct summary {
	int fd; /* the report; borrowed */
	json_t *head; /* the report without its files; its transfer is a valid name */
	char sha256[SHA256_HEX_LEN + 1];
	uint64_t verdicts[VERDICT_COUNT_], files;
	uint64_t approved_bytes, approved_vouched;
	uint64_t reasons[REASON_COUNT_]; /* files with this reason that were held or blocked */
	struct places places[VERDICT_COUNT_]; /* the first of each */
	struct places vouched;
	struct groups folders, types; /* of approved files */
	struct signer signers[SIGNERS_KEPT];
	size_t signer_count;
	bool has_more_signers;
};

/* Read the report behind `fd` (borrowed). Owned by the caller. Errors as of receipt_write(). */
_must_check_ int summary_new(int fd, struct summary **ret);
struct summary *summary_free(struct summary *s);

static inline void summary_freep(struct summary **s)
{
	*s = summary_free(*s);
}

/* The object of a listed file, owned by the caller. 0, -EBADMSG, or another negative errno. */
_must_check_ int summary_file(const struct summary *s, const struct place *place, json_t **ret);

/* The largest first, at most GROUPS_SHOWN; those that are left out go to `others`. */
void groups_sort(struct groups *g);

#endif
