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
 * A trail lies in a directory: CHAIN_FILE is open for appending; what came before lies in closed segments,
 * audit-FIRSTSEQ.jsonl. Each file but the very first begins with a `segment` record, which names the file before it with
 * its SHA-256, and is signed: so a closed segment is vouched for byte by byte.
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
#define CHAIN_LOCK_FILE "lock" /* flock(2): exclusive while a record is appended */
#define CHAIN_NAME_MAX 47 /* bytes of a segment's file name */
#define CHAIN_EXPORT_COMMENT "lazaret audit export " /* begins the trusted comment of an index: station, first-last */
#define CHAIN_LINE_MAX 67584 /* bytes with newline: a message's body (60,000) and the other fields */
#define CHAIN_TYPE_MAX 63    /* bytes of a record type: [a-z][a-z0-9-]* */
#define CHAIN_TORN_MAX (8 * CHAIN_LINE_MAX) /* bytes that one torn-tail record may declare */

/* Record types that the ledger alone makes; a peer cannot ask for them. */
#define CHAIN_TYPE_GENESIS "genesis"   /* {format, station, public_key}; seq 0 */
#define CHAIN_TYPE_TORN	   "torn-tail" /* {offset, length, sha256}: bytes before this line that are no record */
#define CHAIN_TYPE_REPORT  "report"    /* {transfer, outcome, sha256, size, previous} */
#define CHAIN_TYPE_SEGMENT "segment"   /* {first_seq, previous: {file, hash, seq, sha256, size}}; the first of a file */
#define CHAIN_TYPE_CLOCK   "clock-step" /* {boot, expected, moved_ms, now}: the clock was set, or is behind the trail */

struct chain_record {
	uint64_t seq;
	int64_t time; /* seconds since 1970 UTC */
	char type[CHAIN_TYPE_MAX + 1];
	json_t *body; /* owned; an object */
	uint8_t prev[SHA256_LEN];
	uint8_t hash[SHA256_LEN];
	uint8_t sig[MINISIGN_SIG_LEN];
	const char *line; /* as it was given to chain_line_parse(), borrowed: valid as long as that is */
	size_t line_size; /* bytes, without newline */
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
	uint64_t segments;	/* closed ones; chain_walk_all() alone */
	char bad_file[CHAIN_NAME_MAX + 1]; /* when not good: in which file of the directory; chain_walk_all() alone */
	uint64_t bad_line;	/* number of the first bad line in it, from 1 */
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

/* A closed segment, as the record that begins the next one has it. */
struct chain_closed {
	char file[CHAIN_NAME_MAX + 1];
	uint64_t seq; /* of its last record */
	uint8_t hash[SHA256_LEN];
	uint64_t size; /* bytes */
	uint8_t sum[SHA256_LEN];
};

/* Where a walk begins. */
struct chain_start {
	uint64_t offset; /* of a line's first byte in the file */
	uint64_t line;	 /* that line's number, from 1 */
	bool has_before; /* behind a record that was checked; false: at the trail's first record */
	uint64_t seq;	 /* of that record */
	uint8_t hash[SHA256_LEN];
	const struct chain_closed *before; /* offset 0: the segment before this file, as it is (borrowed) */
	bool is_vouched_for; /* the file's bytes are known to be good: signatures need not be checked */
	uint64_t end;	     /* where the file ends for this walk; 0: where it does */
};

/* Walk the file behind `fd` (borrowed, position unchanged) and check every line: form, hash, signature, sequence, link to the
 * line before, declared fragments. It stops at the first bad line.
 *
 * start      borrowed; NULL: from offset 0, where the trail's first record must stand
 * key        the station's audit key; NULL (from the first record on): the one that it names (proves consistency, not origin)
 * visitor    borrowed, may be NULL
 *
 * A trail that was cut exactly between two records is a good trail: only a witness of a later record (its
 * seq and hash, e.g. in a published report) can tell. Returns 0 and `ret` (good or not), or a negative errno. */
_must_check_ int chain_walk_from(int fd, const struct chain_start *start, const struct minisign_public *key,
				 const struct chain_visitor *visitor, struct chain_result *ret);

/* The same for a trail that is one file. */
_must_check_ int chain_walk(int fd, const struct minisign_public *key, const struct chain_visitor *visitor,
			    struct chain_result *ret);

enum chain_care {
	CHAIN_SEALS,	  /* a closed segment whose bytes are those that the next one's signed first record names is good; in all
			   * other files every signature is checked */
	CHAIN_SIGNATURES, /* every signature is checked */
	CHAIN_LINKS,	  /* none is: for a second reading, compared with the first by other means */
};

/* The same for a trail in a directory (borrowed), all its segments in order: whoever asks the trail anything asks this. It reads
 * what was there when it began, whoever appends meanwhile: waits for an append under way, then holds up nobody.
 * -ENOENT: there is no trail. Line and offset of `ret` are those within its `bad_file`. */
_must_check_ int chain_walk_all(int dir_fd, const struct minisign_public *key, enum chain_care care,
				const struct chain_visitor *visitor, struct chain_result *ret);

/* -- segments (chain_segments.c) ----------------------------------------------------------------------------------- */

struct chain_segment {
	uint64_t first_seq;
	char name[CHAIN_NAME_MAX + 1];
};

/* The name of the closed segment that begins with this record. */
void chain_segment_name(uint64_t first_seq, char ret[static CHAIN_NAME_MAX + 1]);

/* The closed segments in `dir_fd` (borrowed), in order; `*ret` is the caller's to free. One that is still CHAIN_FILE, too, as
 * an interrupted change of segments leaves it, is not among them. */
_must_check_ int chain_segments(int dir_fd, struct chain_segment **ret, size_t *ret_count);

/* Open a file of the trail for reading, by name: a regular file, no link. A descriptor or a negative errno. */
_must_check_ int chain_open(int dir_fd, const char *name);

/* The first record of the file behind `fd` (borrowed), its own hash checked and nothing else; to release with
 * chain_record_done(). -EBADMSG: there is none. */
_must_check_ int chain_first_record(int fd, struct chain_record *ret);

/* What a `segment` record says of the file before it. -EBADMSG: it is none, or not of that form. */
_must_check_ int chain_segment_parse(const struct chain_record *r, struct chain_closed *ret);

/* The body of the record that follows `closed` and begins a new file. NULL: out of memory. */
json_t *chain_segment_body(const struct chain_closed *closed);

/* How many records (by the last one's number) and bytes the trail has; signatures are not checked. -ENOENT: no trail. */
_must_check_ int chain_extent(int dir_fd, uint64_t *ret_records, uint64_t *ret_bytes);

/* The end of a trail, as an appender needs it. */
struct chain_tail {
	uint64_t size;	      /* of the file, bytes */
	uint64_t seq;	      /* of the last good record */
	int64_t time;	      /* likewise */
	uint8_t hash[SHA256_LEN];
	uint64_t record_at;   /* offset of its line */
	bool lacks_newline;   /* it is complete, but its end of line was not written */
	uint64_t torn_offset; /* what follows it: no record, left by an interrupted write */
	uint64_t torn_size;   /* bytes; 0: nothing does */
};

/* Find the last good record from the end of the file backwards (at most CHAIN_TORN_MAX bytes) and check its hash and
 * signature (`key` NULL: not the signature). Returns 0; -ENODATA for an empty file; -EBADMSG, and static words in `*ret_why`, when
 * the last line that looks like a record is none, or none is found; or another negative errno. */
_must_check_ int chain_tail_find(int fd, const struct minisign_public *key, struct chain_tail *ret,
				 const char **ret_why);

/* Follow the links from the end of the trail in `dir_fd` backwards, through all segments, until `is_wanted` (which must not keep
 * the record). `fd` (borrowed): CHAIN_FILE, whose end is `tail`. Returns 0 and the record, to release with chain_record_done() (its
 * `line` is not valid); -ENODATA when there is none; -EBADMSG when a link is broken; or another negative errno. */
_must_check_ int chain_find_back(int dir_fd, int fd, const struct chain_tail *tail,
				 bool (*is_wanted)(const void *context, const struct chain_record *r), const void *context,
				 struct chain_record *ret);

/* The last report record up to `tail`; as above. */
_must_check_ int chain_last_report(int dir_fd, int fd, const struct chain_tail *tail, struct chain_record *ret);

/* -- witnesses (chain_witness.c) ----------------------------------------------------------------------------------- */

#define CHAIN_WITNESS_FORMAT "lazaret.witness/1"
#define CHAIN_WITNESS_MAX    2048 /* bytes of its file */

/* "At this time the trail of this station ended with record `seq`, whose hash was `hash`", signed with the audit key: whoever
 * keeps one elsewhere notices when that record is gone. One line of canonical JSON:
 *
 *   {"format":"lazaret.witness/1","hash":H,"public_key":K,"seq":N,"sig":S,"station":ID,"time":T}
 *
 * where sig is the Ed25519 signature of the 32 bytes of SHA-256 of the canonical JSON of the others. */
struct chain_witness {
	uint64_t seq;
	int64_t time; /* seconds since 1970 UTC: when it was made */
	uint8_t hash[SHA256_LEN];
	char station[513]; /* its id */
};

/* Text with newline and NUL, owned by the caller. */
_must_check_ int chain_witness_make(const struct minisign_secret *key, const struct chain_witness *w, char **ret);

/* Parse and check. -EBADMSG, and static words in `*ret_why` (may be NULL), when it is no witness, was altered, or is not by `key`. */
_must_check_ int chain_witness_parse(const char *raw, size_t size, const struct minisign_public *key, struct chain_witness *ret,
				     const char **ret_why);

#endif
