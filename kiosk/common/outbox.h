/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The audit trail as an outbox: its records in order, from any place on. Takes no lock, so that the ledger never waits for a
 * process with a network: a trail only grows, and a line without its newline is not there yet.
 *
 * A trail may lie in several files: CHAIN_FILE is the one that grows, what came before lies in audit-FIRSTSEQ.jsonl. */
#ifndef LAZARET_COMMON_OUTBOX_H
#define LAZARET_COMMON_OUTBOX_H

#include "common/chain.h"
#include "common/macros.h"

struct outbox;

/* A record, and where it is. */
struct outbox_place {
	uint64_t seq;
	uint8_t hash[SHA256_LEN];
	uint64_t file_seq; /* of the first record of the file in which it lies */
	uint64_t offset;   /* of its line in that file */
};

struct outbox_record {
	const char *line; /* without newline; borrowed until the next call */
	size_t size;
	struct outbox_place place;
	int64_t time; /* seconds since 1970 UTC */
	const struct chain_record *record; /* borrowed until the next call */
};

/* The trail in `audit_fd` (borrowed, must stay open), at its first record. `key` (borrowed): the station's audit key.
 * Returns 0, -ENOENT when nothing was recorded yet, or another negative errno. */
_must_check_ int outbox_open(int audit_fd, const struct minisign_public *key, struct outbox **ret);
struct outbox *outbox_free(struct outbox *o);

static inline void outbox_freep(struct outbox **o)
{
	*o = outbox_free(*o);
}

/* Stand behind that record. -ENOENT: it is not there; the outbox then stands before the first one. */
_must_check_ int outbox_seek(struct outbox *o, const struct outbox_place *place);

/* Stand before the first record. 0, or a negative errno: the files cannot be opened. */
_must_check_ int outbox_rewind(struct outbox *o);

/* The next record, checked: form, hash, signature, number, link to the one before. Returns 1; 0: there is none yet; -EBADMSG: the
 * trail is altered there, and `*ret_why` (static) says how; or another negative errno. After an error the same call fails again. */
_must_check_ int outbox_next(struct outbox *o, struct outbox_record *ret, const char **ret_why);

#endif
