/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The docket of one inspection: everything known of each entry, on disk, so that memory does not grow with the number
 * of files. A private SQLite file in the transfer's spool directory; it dies with the inspection and is no record.
 *
 * Paths are raw bytes from the medium. All functions return 0 or a negative errno unless they say otherwise.
 */
#ifndef LAZARET_SUPERVISOR_DOCKET_H
#define LAZARET_SUPERVISOR_DOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/decision.h"
#include "common/finding.h"
#include "common/hash.h"
#include "common/macros.h"
#include "common/reason.h"
#include "ipc/stream.h"

struct docket;

_must_check_ int docket_open(const char *path, struct docket **ret);
struct docket *docket_free(struct docket *d);

struct docket_entry {
	uint64_t id;
	uint32_t volume;
	enum entry_kind kind;
	char *path; /* raw, no NUL inside */
	uint64_t size;
	int64_t mtime;	  /* seconds since 1970 UTC */
	bool has_sum;	  /* sealed in the vault */
	uint8_t sum[SHA256_LEN];
	enum stream_status status;
	char *trouble;	  /* detail of a status other than complete; "" otherwise */
	char *types;	  /* JSON array of MIME types */
	char *findings;	  /* JSON array of {code, detail, member}: examiners' findings, escaped */
	uint32_t done;	  /* enum check bits */
	enum verdict verdict;
	char *rule;
	char *reasons;	  /* JSON array of {code, detail, member}, after judging */
	char *published_as;
};

void docket_entry_done(struct docket_entry *e);

/* An entry as the reader announced it. */
_must_check_ int docket_add(struct docket *d, uint64_t id, uint32_t volume, enum entry_kind kind,
			    const char *path, uint64_t size, int64_t mtime);
/* -ENOENT: no file of that id waits for its bytes: it was never announced, is no file, has them, or had trouble. */
_must_check_ int docket_sealed(struct docket *d, uint64_t id, uint64_t size, const uint8_t sum[static SHA256_LEN]);
_must_check_ int docket_trouble(struct docket *d, uint64_t id, enum stream_status status, const char *detail);
/* What examiners found; `types` and `findings` are JSON arrays. Adds to `done`. */
_must_check_ int docket_examined(struct docket *d, uint64_t id, uint32_t done, const char *types,
				 const char *findings);
/* One more finding of a check that looks at the medium as a whole. `detail` is escaped. Said twice it counts once, and of one
 * reason a file has a few at most: further ones would not change what becomes of it. */
#define DOCKET_FINDINGS_OF_ONE_REASON 8
_must_check_ int docket_find(struct docket *d, uint64_t id, enum reason reason, const char *detail);
/* All findings of a file, as a JSON array that was escaped. */
_must_check_ int docket_set_findings(struct docket *d, uint64_t id, const char *findings);
/* A sentence for the report, escaped: how the file was looked at. At most so many a file; further ones are not kept. */
#define DOCKET_NOTES 32
_must_check_ int docket_note(struct docket *d, uint64_t id, const char *note);
typedef int (*docket_note_fn)(void *context, const char *note);
_must_check_ int docket_notes(struct docket *d, uint64_t id, docket_note_fn each, void *context);
_must_check_ int docket_done(struct docket *d, uint64_t id, uint32_t done);
_must_check_ int docket_judged(struct docket *d, uint64_t id, enum verdict verdict, const char *rule,
			       const char *reasons, const char *published_as);

/* 1 and the entry, 0 when there is none. */
_must_check_ int docket_get(struct docket *d, uint64_t id, struct docket_entry *ret);
_must_check_ int docket_find_path(struct docket *d, uint32_t volume, const char *path, struct docket_entry *ret);

/* Call `each` for every entry by volume and path; its non-zero return ends the walk and is returned. The docket may be
 * changed by the callback. */
typedef int (*docket_each_fn)(void *context, struct docket_entry *e);
_must_check_ int docket_each(struct docket *d, docket_each_fn each, void *context);

/* Does another path of this volume fold to the same key, or is one of the two a directory? `*ret_other` (owned by the
 * caller) names one, a directory with a '/' behind it, or NULL. `path` is UTF-8. */
_must_check_ int docket_collision(struct docket *d, uint32_t volume, const char *path, char **ret_other);

/* -- origin (docket_origin.c): evidence, what it lists, who signed ---------------------------------------------- */

/* Like docket_find_path(), but of regular files, and of another volume when this one has none of the name. */
_must_check_ int docket_find_anywhere(struct docket *d, uint32_t volume, const char *path, struct docket_entry *ret);

_must_check_ int docket_set_evidence(struct docket *d, uint64_t id, uint32_t format);
/* enum evidence_format, 0: it is none. */
_must_check_ int docket_evidence_of(struct docket *d, uint64_t id, uint32_t *ret_format);
/* The text in a signature is a list of this format. */
_must_check_ int docket_lists_as(struct docket *d, uint64_t id, uint32_t format);
/* This key's signature goes on from lists of this format to what they list. */
_must_check_ int docket_allow(struct docket *d, const char *key_name, uint32_t format);
/* What this evidence lists vouches for nothing: it is broken, or altered. */
_must_check_ int docket_distrust(struct docket *d, uint64_t id);
typedef int (*docket_evidence_fn)(void *context, struct docket_entry *e, uint32_t format);
_must_check_ int docket_each_evidence(struct docket *d, docket_evidence_fn each, void *context);

/* A list's entry is found under every path that folds to the same key (name_fold()). */
struct docket_listing {
	uint64_t list_id;
	uint32_t volume; /* the list's own, of which it speaks */
	char *list_path;
	char algorithm[16];
	uint8_t digest[64];
	size_t digest_size;
	char *signed_by; /* trusted key's name, or NULL; of docket_covers() alone */
};

/* `path` on this volume; "": whichever file has this SHA-256 (listed so by another digest, nothing is kept). Nothing is kept
 * either of names that no file has, of lines that are repeated, and of a name's further digests when one list has so many for
 * it that it contradicts itself. -EDQUOT: more than files of this number could need. */
#define DOCKET_LISTINGS_OF_ONE_NAME 64	 /* seven algorithms, for names that differ in the case of letters */
#define DOCKET_LISTED_BYTES (512ull << 20) /* of all listings together, and */
#define DOCKET_LISTED_BYTES_PER_ENTRY 8192u /* a mirror's file is listed by some ten copies of an index, in 150 bytes each */
_must_check_ int docket_add_listing(struct docket *d, uint64_t list_id, uint32_t volume, const char *path,
				    const char *algorithm, const uint8_t *digest, size_t digest_size);
typedef int (*docket_listing_fn)(void *context, const struct docket_listing *l);
/* Everything that is listed under this path, on any volume, or under this digest. */
_must_check_ int docket_listings(struct docket *d, uint32_t volume, const char *path, const uint8_t sum[static SHA256_LEN],
				 docket_listing_fn each, void *context);
/* 1: the list names this path, whatever the digest; 0. */
_must_check_ int docket_is_listed_by(struct docket *d, uint64_t list_id, const char *path);
/* The digest in the list is the file's. */
_must_check_ int docket_cover(struct docket *d, uint64_t id, uint64_t list_id, const char *algorithm);
/* The lists that cover the file and are not distrusted. */
_must_check_ int docket_covers(struct docket *d, uint64_t id, docket_listing_fn each, void *context);

struct docket_signer {
	char *key_name, *key_id;
	char *via; /* path of proof, raw: "InRelease", "SHA256SUMS.minisig -> SHA256SUMS" (with a real arrow) */
};

/* One signer of a name a file: the first that is told stays. */
_must_check_ int docket_add_signer(struct docket *d, uint64_t id, const char *key_name, const char *key_id,
				   const char *via);
typedef int (*docket_signer_fn)(void *context, const struct docket_signer *s);
_must_check_ int docket_signers(struct docket *d, uint64_t id, docket_signer_fn each, void *context);
_must_check_ int docket_remove_signer(struct docket *d, uint64_t id, const char *key_name);
/* A signature over the file `id` by somebody who does not count, in the file `evidence`. `words` are raw. */
_must_check_ int docket_add_stranger(struct docket *d, uint64_t id, uint64_t evidence, const char *words);
typedef int (*docket_stranger_fn)(void *context, uint64_t id, uint64_t evidence, const char *words);
/* Those over files that nobody signed who counts. */
_must_check_ int docket_strangers(struct docket *d, docket_stranger_fn each, void *context);

/* Who signed a list signed what it lists by a strong digest, one step on, where docket_allow() says so for key and format.
 * Returns how many were added. */
_must_check_ int docket_propagate_signers(struct docket *d);

/* What an index says about its own age; s since 1970, 0: not said. */
struct docket_series {
	uint64_t id;  /* of the evidence */
	char *series; /* UTF-8; "": of none */
	uint64_t date, valid_until;
};

_must_check_ int docket_add_series(struct docket *d, const struct docket_series *s);
typedef int (*docket_series_fn)(void *context, const struct docket_series *s);
_must_check_ int docket_each_series(struct docket *d, docket_series_fn each, void *context);
/* Before signers are propagated: the series that are not distrusted and not dated after `latest` have been seen, each with
 * every key that signed it itself. */
_must_check_ int docket_see_series(struct docket *d, uint64_t latest);
/* Each series and key once, with the newest date. */
typedef int (*docket_seen_fn)(void *context, const char *series, const char *key_name, uint64_t date);
_must_check_ int docket_each_seen(struct docket *d, docket_seen_fn each, void *context);

/* -- decisions (docket_decisions.c): those of officers that are in force, and what they did here ------------------- */

struct docket_decision {
	enum decision decision; /* DECISION_NONE: there is none */
	char id[DECISION_ID_LEN + 1];
	int64_t until; /* s since 1970; 0: no end */
};

_must_check_ int docket_add_decision(struct docket *d, const uint8_t sum[static SHA256_LEN], const struct docket_decision *x);
/* The one about these bytes that is in force at `now`. */
_must_check_ int docket_decision_of(struct docket *d, const uint8_t sum[static SHA256_LEN], int64_t now, struct docket_decision *ret);
/* What a decision changed of this file's verdict, a JSON object for the report; none: *ret_told is NULL. Owned by the caller. */
_must_check_ int docket_decided(struct docket *d, uint64_t id, const char *told);
/* Its copy is kept for officers; docket_is_kept(): 1, 0. All of them at once are forgotten again. */
_must_check_ int docket_keep(struct docket *d, uint64_t id);
_must_check_ int docket_is_kept(struct docket *d, uint64_t id);
_must_check_ int docket_forget_kept(struct docket *d);
_must_check_ int docket_told(struct docket *d, uint64_t id, char **ret_told);

struct docket_counts {
	uint64_t files;
	uint64_t bytes; /* of what was read whole: what a medium only claims counts for nothing */
	uint64_t approved, held, blocked;
};
_must_check_ int docket_count(struct docket *d, struct docket_counts *ret);

#endif
