/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of a rule set; for the files of this folder alone. */
#ifndef LAZARET_JUDGE_RULE_H
#define LAZARET_JUDGE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/glob.h"
#include "common/reason.h"
#include "judge/judge.h"
#include "judge/rules.h"
#include "judge/types.h"

/* "any", or some names; neither: the setting does not occur. */
struct name_set {
	bool is_any;
	struct yaml_strings names;
};

/* `extension-agrees:` of a match. */
enum match_extension {
	MATCH_EXTENSION_ANY,
	MATCH_EXTENSION_DISAGREES, /* a table says that such files are not called so */
	MATCH_EXTENSION_AGREES,	   /* for each type of the file */
};

/* `within:`; none of the three: not said, and the rule is for files and members alike. */
struct match_within {
	bool is_nothing;	/* files of the medium itself */
	bool is_anything;	/* members of any container */
	struct glob_list types; /* members of these, directly or further out */
};

struct rule_match {
	struct glob_list types;
	struct match_within within;
	struct glob_list names;
	enum match_extension extension;
	uint64_t size_min, size_max; /* bytes, both included */
	struct name_set signature;   /* by the file's own signature, or a strong digest in a signed list */
	bool checksum_any;
	struct name_set listed_by;
	struct yaml_strings medium_kinds;
	struct glob_list vendor, model, serial;
	struct glob_list operator_names, operator_groups;
};

struct rule_require {
	struct name_set signature;
	struct name_set checksum;
	bool extension_agrees;
	bool no_active_content;
	bool content_checked;
};

/* `vouch:`, bits: what the required signature can stand in for. */
enum rule_vouch {
	RULE_VOUCH_VIRUS = 1u << 0,
	RULE_VOUCH_ACTIVE_CONTENT = 1u << 1,
};

/* What a reason leads to; VERDICT_COUNT_: not said. */
struct reason_map {
	enum verdict verdicts[REASON_COUNT_];
};

struct rule {
	char *name;
	char *why;
	enum verdict verdict;
	enum reason reason; /* of a hold or block rule */
	struct rule_match match;
	struct rule_require require;
	unsigned int vouches; /* enum rule_vouch bits */
	struct reason_map reasons;
	unsigned int line, column;
};

struct rule_set {
	char *file;
	char *title;
	struct rule *rules;
	size_t count;
	struct reason_map reasons;
	struct type_tables types;
	unsigned int questions; /* mask of enum rules_question */
	uint8_t sha256[SHA256_LEN];
};

static inline bool within_is_set(const struct match_within *w)
{
	return w->is_nothing || w->is_anything || w->types.count > 0;
}

static inline bool name_set_is_set(const struct name_set *s)
{
	return s->is_any || s->names.count > 0;
}

/* rule_decode.c: the document's content into the set; settings without effect are errors. */
_must_check_ int rule_set_decode(struct rule_set *set, const struct yaml_doc *doc,
				 const struct rules_context *context, struct yaml_errors *errors);
void rule_done(struct rule *r);

/* rule_reasons.c: `reasons:` maps. `rule` NULL: the file's own map. */
_must_check_ int reason_map_decode(struct reason_map *map, const struct rule_set *set, const struct rule *rule,
				   const struct yaml_doc *doc, const struct yaml_node *node,
				   struct yaml_errors *errors);
void reason_map_init(struct reason_map *map);
/* What `reason` leads to under this rule (NULL: no rule matched). Never VERDICT_APPROVED. */
enum verdict rule_reason_verdict(const struct rule_set *set, const struct rule *rule, enum reason reason);
/* May rules let an officer decide on this reason, where it blocks by default? */
bool reason_softens(enum reason reason);

/* rule_check.c: dead and contradictory rules. Adds errors. */
void rule_set_check(const struct rule_set *set, const struct yaml_doc *doc, struct yaml_errors *errors);

/* rule_match.c: NULL when the rule matches; otherwise the first condition that does not hold, written into `why`. */
const char *rule_mismatch(const struct rule_set *set, const struct rule *rule, const struct subject *s, char *why,
			  size_t size);
/* Is the file signed by a trusted key of the set, itself or through a strong digest in a signed list? */
bool subject_is_signed(const struct subject *s, const struct name_set *by);
bool subject_is_listed(const struct subject *s, const struct name_set *by); /* in a list signed by one of them */
bool subject_is_listed_at_all(const struct subject *s);
/* The first of the file's types with which its name does not agree, and whether it disagrees or is unknown;
 * TYPE_AGREES when there is none. */
enum type_agreement subject_extension(const struct rule_set *set, const struct subject *s, const char **ret_type);
/* Does this further type (index > 0) say nothing that the main type does not? */
bool subject_type_is_implied(const struct rule_set *set, const struct subject *s, size_t index);

#endif
