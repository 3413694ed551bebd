/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The officer's rules (`lazaret.rules/1`, lazaret-rules(5)): loaded, checked, and then read-only. */
#ifndef LAZARET_JUDGE_RULES_H
#define LAZARET_JUDGE_RULES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/yaml.h"

struct rule_set;

/* What the rules are checked against. */
struct rules_context {
	const char *const *keys; /* borrowed: names of the trusted keys; NULL: not known, names are not checked */
	size_t key_count;
};

/* Load a rule file and the type tables beside it.
 *
 * path       the rule file
 * types_dir  directory of type tables (every *.yaml in it, in byte order of their names)
 * context    may be NULL
 * errors     every error found: syntax, schema, dead and contradictory rules, settings without effect
 *
 * Blocks on disk. Returns 0; -EINVAL with at least one error added; or another negative errno, with an error
 * added that says what could not be read. */
_must_check_ int rules_load(const char *path, const char *types_dir, const struct rules_context *context,
			    struct yaml_errors *errors, struct rule_set **ret);
struct rule_set *rules_free(struct rule_set *set);
void rules_freep(struct rule_set **set);

/* Borrowed from the set. */
const char *rules_title(const struct rule_set *set);	    /* `title:`, for station.policy in the report */
size_t rules_count(const struct rule_set *set);
const char *rules_name(const struct rule_set *set, size_t index); /* NULL past the end */
const char *rules_why(const struct rule_set *set, const char *name); /* NULL: no such rule */
/* What must be known of a medium before it is inspected (`media:`; SP 800-53 MP-7: media without an owner are not used). */
enum rules_question {
	RULES_ASK_OWNER = 1u << 0,
	RULES_ASK_TICKET = 1u << 1,
	RULES_ASK_REASON = 1u << 2,
};
/* A new array of "owner", "ticket", "reason"; NULL when out of memory. */
json_t *rules_questions(const struct rule_set *set);
/* Mask of those that the rules ask for and that are empty, or blanks alone. */
unsigned int rules_missing(const struct rule_set *set, const char *owner, const char *ticket, const char *reason);
/* In words, owned by the caller; NULL for 0. */
char *rules_missing_text(unsigned int missing);
/* Over names and bytes of the rule file and of every type table: one changed byte changes it. */
const uint8_t *rules_sha256(const struct rule_set *set);

#endif
