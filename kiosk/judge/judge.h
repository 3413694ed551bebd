/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The judge: findings and rules -> verdict and reasons. A pure function: no I/O, no clock, no state.
 *
 * A file is approved only when a rule approves it, every required check has run to its end, no finding is left,
 * and all that the rule requires is met (invariant 1). Everything else is held or blocked, the strictest wins.
 */
#ifndef LAZARET_JUDGE_JUDGE_H
#define LAZARET_JUDGE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/decision.h"
#include "common/finding.h"
#include "common/hash.h"
#include "common/macros.h"
#include "common/reason.h"
#include "judge/rules.h"

/* These are required of every file, whatever `checks_required` says: what was not read or not opened to the bottom is
 * not known. */
#define JUDGE_CHECKS_ALWAYS (CHECK_READ | CHECK_NAME | CHECK_MEMBERS)

/* A signature over the file itself, or over a container that it is in, that verified, by a trusted key. (An untrusted
 * key or a bad signature is a finding, not a signer.) Counts only when CHECK_ORIGIN is done: of a member that means
 * that the origin of each of its containers is settled too. */
struct judge_signer {
	const char *key_name; /* name under which the officer trusts the key */
	const char *key_id;
	const char *via; /* the signature's path, for the report */
};

/* A checksum list of the medium that names the file, or a container that it is in, with a digest that matched. (A mismatch is a finding.)
 * Counts only when CHECK_LISTS is done; as a signature, only when CHECK_ORIGIN is done too, the digest is
 * SHA-256 or stronger and `signed_by` is set. The supervisor need not repeat such a list among the signers. */
struct judge_listing {
	const char *list;      /* path of the list */
	const char *algorithm; /* "sha256", "sha512", "md5", ... */
	const char *signed_by; /* trusted key's name, or NULL */
};

struct judge_medium {
	const char *kind; /* one of judge_medium_kinds */
	const char *vendor, *model, *serial; /* raw; NULL reads as "" */
};

/* "usb" "card" "optical" "disk" "image" "directory", NULL-terminated: what rules may say for `kind`. */
extern const char *const judge_medium_kinds[];

/* One file, or one member of a container, and what is known of it. Everything is borrowed for the call.
 *
 * A member is judged as a file is. A signature over a container covers every byte of what is in it, so the caller
 * passes the signers and listings of all its containers beside the member's own (a signed list inside of an archive,
 * say); what speaks against a container's origin (bad-signature, untrusted-key, checksum-mismatch) is that container's
 * finding, and need not be repeated, because a blocked container takes its members with it. */
struct subject {
	unsigned int volume;
	/* Raw bytes as on the medium, relative, without leading '/'. Of a member: its path within its nearest container,
	 * as that container says it; the containers' own names are not part of it. */
	const char *path;
	/* Main MIME types of the containers that it is in, the nearest first; count 0: a file of the medium itself. The
	 * format's own type (container.def) stands for a container of which libmagic says no more than "data" or "text";
	 * none is ever left out. */
	const char *const *containers;
	size_t container_count;
	uint64_t size;	  /* bytes */
	uint8_t sha256[SHA256_LEN];
	const char *const *types; /* MIME types without parameters, the main one first; count 0: not known */
	size_t type_count;
	const struct findings *findings; /* never NULL */
	const struct judge_signer *signers;
	size_t signer_count;
	const struct judge_listing *listings;
	size_t listing_count;
	struct judge_medium medium;
	const char *operator_name;  /* NULL: none */
	const char *operator_group; /* NULL: none */
	uint32_t checks_required;   /* enum check bits, from the configuration */
	enum decision decision;	    /* of officers about exactly these bytes, in force now: judge_decide() */
};

struct judgement_reason {
	enum reason reason;
	enum verdict verdict; /* what this reason alone leads to here */
	char *detail;	      /* owned, never NULL; escape before showing */
	char *member;	      /* owned, or NULL for the file itself */
};

struct judgement {
	enum verdict verdict;
	const char *rule; /* borrowed from the rule set; "" when no rule matched */
	struct judgement_reason *reasons; /* most severe first, without duplicates; none exactly when approved */
	size_t reason_count;
	enum decision decision; /* that made it this one; DECISION_NONE: none did */
	struct judgement_reason *overridden; /* what would have been reasons, but for `decision` */
	size_t overridden_count;
};

/* By findings and rules, whatever officers have decided. Returns 0 or -ENOMEM (then there is no judgement, and the file is not
 * approved). */
_must_check_ int judge_file(const struct rule_set *rules, const struct subject *subject, struct judgement *ret);
void judgement_done(struct judgement *j); /* frees, and leaves VERDICT_BLOCKED */

/* The subject's decision, after all that is in it has been rolled up into its judgement (roll_up.h). `rule` stays the one that fired.
 *
 * reject, deny  blocked, with officer-rejected or hash-denied; of members too
 * release       what holds it no longer does, but for names and links, what could not be read whole, signatures and checksums that
 *               do not match, and a database that is too old. What blocks it still blocks it
 * allow         findings about the bytes (and that nobody signed them who counts) no longer count, whatever they led to
 *
 * Releases and allowances of members mean nothing here: they are about that content by itself. Returns 0 or -ENOMEM, as above. */
_must_check_ int judge_decide(const struct subject *subject, struct judgement *j);

/* The checks' names in configuration and messages: "read" "name" "virus" "type" "lists" "origin" "content"
 * "members" "yara" "plugins".
 * NULL for a value that is not one single check. */
const char *check_name(enum check check);

/* How the judgement came about: each rule tried, in order, up to and with the one that fired. */
struct judge_step {
	const char *rule; /* borrowed from the rule set */
	bool is_match;
	char *why; /* owned: the first condition that did not hold, or the rule's own words */
};

struct judge_trace {
	struct judge_step *steps;
	size_t count;
	struct judgement judgement;
};

/* judge_file() with its reasoning. Returns 0 or -ENOMEM. */
_must_check_ int judge_explain(const struct rule_set *rules, const struct subject *subject,
			       struct judge_trace *ret);
void judge_trace_done(struct judge_trace *t);

#endif
