/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The audit trail's format: hash-chained, signed records, one canonical JSON object a line.
 *
 *   {"body":{...},"hash":H,"prev":P,"seq":N,"sig":S,"time":T,"type":"..."}
 *
 * hash is the SHA-256 of the canonical JSON of {body, prev, seq, time, type}, prev the hash of the record
 * before (64 zeros in the first), sig the Ed25519 signature of the 32 hash bytes in base64, time the
 * seconds since 1970 UTC. Canonical: keys sorted by byte, no white space, integers only; a line that is not
 * byte for byte the canonical form of what it says is no record. docs/man/lazaret-audit.5 has it all.
 *
 * This module knows the format and checks it; only lazaret-ledger writes.
 */
#ifndef LAZARET_COMMON_CHAIN_H
#define LAZARET_COMMON_CHAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/minisign.h"

#define CHAIN_FORMAT   "lazaret.audit/1"
#define CHAIN_FILE     "audit.jsonl"
#define CHAIN_LINE_MAX 67584 /* bytes with newline: a message's body (60,000) and the other fields */
#define CHAIN_TYPE_MAX 63    /* bytes of a record type: [a-z][a-z0-9-]* */
#define CHAIN_TORN_MAX (8 * CHAIN_LINE_MAX) /* bytes that one torn-tail record may declare */

/* Record types that the ledger alone makes; a peer cannot ask for them. */
#define CHAIN_TYPE_GENESIS "genesis"   /* {format, station, public_key}; seq 0 */
#define CHAIN_TYPE_TORN	   "torn-tail" /* {offset, length, sha256}: bytes before this line that are no record */
#define CHAIN_TYPE_REPORT  "report"    /* {transfer, outcome, sha256, size, previous} */

struct chain_record {
	uint64_t seq;
	int64_t time; /* seconds since 1970 UTC */
	char type[CHAIN_TYPE_MAX + 1];
	json_t *body; /* owned; an object */
	uint8_t prev[SHA256_LEN];
	uint8_t hash[SHA256_LEN];
	uint8_t sig[MINISIGN_SIG_LEN];
};

void chain_record_done(struct chain_record *r);

_must_check_ bool chain_type_valid(const char *type);

/* Parse a body that came as text: an object without duplicate keys and without reals at any depth.
 * Returns 0 and an owned object, or -EINVAL with words in `*ret_why` (static, may be NULL). */
_must_check_ int chain_body_parse(const char *raw, size_t size, json_t **ret, const char **ret_why);

/* Make and sign the line (with newline and NUL; owned by the caller) that follows `prev`/`seq - 1`.
 * `body` is borrowed. `ret_hash` gets the record's hash. -E2BIG when the line would be too long. */
_must_check_ int chain_line_make(const struct minisign_secret *key, uint64_t seq,
				 const uint8_t prev[static SHA256_LEN], int64_t time, const char *type,
				 const json_t *body, char **ret_line, size_t *ret_size,
				 uint8_t ret_hash[static SHA256_LEN]);

/* Parse one line (without its newline). Checked: canonical form, closed set of fields, lengths, and that `hash` is
 * the hash of the content; not the signature. Returns 0 and a record to release with chain_record_done();
 * -EBADMSG when it has the fields of a record and is none (altered); -EINVAL when it is nothing like one
 * (a torn write); -ENOMEM. `*ret_why`: static words, may be NULL. */
_must_check_ int chain_line_parse(const char *raw, size_t size, struct chain_record *ret,
				  const char **ret_why);

/* 0, -EBADMSG when the signature is not by `key`, or another negative errno. */
_must_check_ int chain_record_verify(const struct chain_record *r, const struct minisign_public *key);

/* The public key that a genesis record names, or -EBADMSG. */
_must_check_ int chain_genesis_key(const struct chain_record *r, struct minisign_public *ret);

/* What a walk over a whole trail found. */
struct chain_result {
	bool is_good;
	uint64_t records;	/* good ones, from the first on */
	uint64_t fragments;	/* torn fragments declared by the record after them */
	uint64_t last_seq;	/* of the last good record; meaningful when records > 0 */
	uint8_t last_hash[SHA256_LEN];
	uint64_t bad_line;	/* when not good: number of the first bad line, from 1 */
	uint64_t bad_offset;	/* and where it begins, in bytes */
	char why[256];		/* and what is wrong with it */
	bool is_torn_end;	/* not good only because the end is an undeclared fragment, as a power cut leaves it */
};

/* Called for each good record, in order, and for each declared fragment before the record that declares it
 * (`r` NULL, with offset and length). A negative errno ends the walk and is returned by chain_walk(). */
struct chain_visitor {
	int (*record)(void *context, const struct chain_record *r, uint64_t line);
	int (*fragment)(void *context, uint64_t offset, uint64_t length); /* may be NULL */
	void *context;
};

/* Walk the trail behind `fd` (borrowed, from offset 0, position unchanged) and check every line: form, hash, signature,
 * sequence, link to the line before, declared fragments. It stops at the first bad line.
 *
 * key        the station's audit key; NULL: the one that the first record names (proves consistency, not origin)
 * visitor    borrowed, may be NULL
 *
 * A trail that was cut exactly between two records is a good trail: only a witness of a later record (its
 * seq and hash, e.g. in a published report) can tell. Returns 0 and `ret` (good or not), or a negative errno. */
_must_check_ int chain_walk(int fd, const struct minisign_public *key, const struct chain_visitor *visitor,
			    struct chain_result *ret);

/* The end of a trail, as an appender needs it. */
struct chain_tail {
	uint64_t size;	      /* of the file, bytes */
	uint64_t seq;	      /* of the last good record */
	uint8_t hash[SHA256_LEN];
	uint64_t record_at;   /* offset of its line */
	bool lacks_newline;   /* it is complete, but its end of line was not written */
	uint64_t torn_offset; /* what follows it: no record, left by an interrupted write */
	uint64_t torn_size;   /* bytes; 0: nothing does */
};

/* Find the last good record from the end of the file backwards (at most CHAIN_TORN_MAX bytes) and check its hash and
 * signature. Returns 0; -ENODATA for an empty file; -EBADMSG, and static words in `*ret_why`, when the last line
 * that looks like a record is none, or none is found; or another negative errno. */
_must_check_ int chain_tail_find(int fd, const struct minisign_public *key, struct chain_tail *ret,
				 const char **ret_why);

/* The last report record up to `tail`, reached along the links. Returns 0, -ENODATA when there is none, -EBADMSG
 * when a link is broken, or another negative errno. `ret`: to release with chain_record_done(). */
_must_check_ int chain_last_report(int fd, const struct chain_tail *tail, struct chain_record *ret);

#endif
