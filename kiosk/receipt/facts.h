/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The facts of a report in words, the same for every form of receipt. */
#ifndef LAZARET_RECEIPT_FACTS_H
#define LAZARET_RECEIPT_FACTS_H

#include <jansson.h>
#include <stdint.h>

#include "common/macros.h"
#include "receipt/summary.h"

enum fact_section {
	FACTS_INSPECTION, /* who, where, when, by which rules */
	FACTS_MEDIUM,
	FACTS_PROOF, /* what the receipt is about, exactly */
	FACT_SECTIONS_,
};

struct fact {
	enum fact_section section;
	const char *label; /* static */
	char *value;	   /* owned; escaped, one line */
	bool is_code;	   /* a digest, a name of a key: not to be broken at spaces */
};

#define FACTS_MAX 40

struct receipt_facts {
	struct fact list[FACTS_MAX];
	size_t count;
};

/* 0 or -ENOMEM. */
_must_check_ int receipt_facts_make(const struct summary *s, struct receipt_facts *ret);
void receipt_facts_done(struct receipt_facts *f);

/* "PUBLISHED: ..."; static. */
const char *facts_outcome(const struct summary *s);
bool facts_is_published(const struct summary *s);
/* A string of the report, escaped where it is not already; owned by the caller, NULL when out of memory. "" when it is not there. */
char *facts_text(const json_t *object, const char *key);
/* The same, not longer than `columns`: the middle of what is longer gives way to " [...] ". */
char *facts_short(const json_t *object, const char *key, size_t columns);

/* Values as the receipts have them, written into `out` (no ownership). */
#define FACT_TIME_LEN 32
void facts_time(int64_t seconds, char out[static FACT_TIME_LEN]); /* "2026-11-22 02:38:53 UTC", or "-" */
#define FACT_SIZE_LEN 64
void facts_size(uint64_t bytes, char out[static FACT_SIZE_LEN]); /* "123 bytes", "4.1 MB (4123456 bytes)" */
#define FACT_AGE_LEN 32
void facts_age(int64_t seconds, char out[static FACT_AGE_LEN]); /* "5 hours", "2 days" */

#endif
