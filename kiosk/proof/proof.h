/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The skeleton of a role that proves evidence: recognise -> collect evidence -> verify -> cover files.
 *
 * A role is a table of formats and a main() of one line; a format is one function in one file. All of it runs in the
 * role's sandbox, on bytes that are hostile. docs/adding-a-format.md.
 */
#ifndef LAZARET_PROOF_PROOF_H
#define LAZARET_PROOF_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/origin.h"
#include "proof/digest.h"
#include "proof/keyring.h"
#include "sandbox/role.h"

/* One file (or verified text out of one) that is to be proved, for the time of one call. */
struct evidence {
	const char *path; /* raw, on the medium */
	const char *name; /* its last component */
	int fd;		  /* borrowed; a regular file, sealed: read it from offset 0 with pread(2) */
	uint64_t size;	  /* bytes */
	uint64_t now;	  /* s since 1970 */
	const struct keyring *keys;
	struct proof_summary {
		enum list_outcome outcome; /* LIST_NONE as long as nothing was listed */
		uint32_t bad;		   /* entries that were skipped */
		unsigned int flags;	   /* enum proved_flag */
		uint64_t date, valid_until; /* s since 1970; 0: not said */
		char series[ORIGIN_SERIES_MAX + 1];
		char detail[ORIGIN_DETAIL_MAX + 1]; /* what is wrong with the list; "" */
	} summary;
	struct proof_private *private; /* proof.c's own */
};

/* Functions for formats. They return 0 or a negative errno; an error ends the proving, and nothing of it counts. */

/* Ask for another file of the medium: `path` relative to the directory `up` levels above that of the evidence, NUL
 * terminated, without ".", ".." or a leading '/'. 1: there, with `*ret_fd` (the caller closes it; read with pread(2)) and
 * its size in bytes; 0: not there. Blocks for the answer. */
_must_check_ int evidence_want(struct evidence *e, unsigned int up, const char *path, int *ret_fd, uint64_t *ret_size);

/* One signature has been looked at.
 *
 * up, path  the file that it covers, one that evidence_want() gave; "" with up 0: the evidence itself, or the text that
 *           was written with evidence_text()
 * key       the trusted key (of e->keys) that made it; NULL for SIGNATURE_UNTRUSTED and SIGNATURE_MALFORMED
 * key_id    as people who use the format write it; "" when malformed
 * A format with several signatures tells each: the supervisor counts one good one, and blocks for one bad one. */
_must_check_ int evidence_signed(struct evidence *e, enum signature_outcome outcome, unsigned int up, const char *path,
				 const struct trusted_key *key, const char *key_id, const char *detail_format, ...)
	_printf_(7, 8);

/* The evidence says that a file has this digest. `path` as in evidence_want(), raw bytes; "" means whichever file has the
 * digest. Sets summary.outcome to LIST_READ when it is LIST_NONE. -E2BIG past PROOF_ENTRIES_MAX. */
_must_check_ int evidence_lists(struct evidence *e, const struct digest *d, const uint8_t *sum, unsigned int up,
				const char *path, size_t path_size);

/* Append to the text that a signature covers (a clearsigned message's): the supervisor has it recognised and proved in its
 * turn, in another process. -EFBIG when it becomes longer than the evidence. */
_must_check_ int evidence_text(struct evidence *e, const void *data, size_t size);

#define PROOF_ENTRIES_MAX 2000000u /* entries of one piece of evidence: Debian main has 65,000 packages, in 10 architectures */

struct proof_format {
	enum evidence_format format;
	/* Look at `e`, tell what is found. 0, or a negative errno when nothing is known (-ENOMEM, -EIO, a limit): the file is
	 * held with a reason. What is malformed is no error: it is told by evidence_signed() or in the summary. */
	int (*prove)(struct evidence *e);
};

/* A key in a file that the officer wants to trust. */
struct key_description {
	enum key_kind kind;
	char fingerprint[ORIGIN_KEY_ID_MAX + 1]; /* in full, as people who use the format write it */
	char key_id[ORIGIN_KEY_ID_MAX + 1];
	char owner[ORIGIN_DETAIL_MAX + 1]; /* user ID, subject, comment: raw */
	uint64_t created, expires;	   /* s since 1970; 0: not said */
	uint8_t bytes[ORIGIN_KEY_BYTES_MAX];
	size_t size;
	char trouble[ORIGIN_DETAIL_MAX + 1]; /* why it must not be trusted (revoked, too short, two keys in one file); "" */
};

struct proof_role {
	enum role_id role;
	const struct proof_format *formats;
	size_t format_count;

	/* Before the sandbox is entered, once: load what libraries would open later, try the cryptography on known answers,
	 * take in the keys (those of other kinds are not its). NULL: nothing to do. -ENOTSUP when a library does not answer
	 * as it must. `keys` lives as long as the process. */
	int (*prepare)(const struct keyring *keys);

	/* What is this file? Only lazaret-origin has it: it sees beginnings of files of every format, and parses none. */
	enum evidence_format (*recognise)(const char *path, int fd, uint64_t size);

	/* 1 and the description, 0: no key of a kind that this role knows, or a negative errno. NULL: none. */
	int (*describe)(int fd, uint64_t size, struct key_description *ret);
};

/* The role's main(): start, sandbox, serve. Returns the exit status. */
int proof_main(const struct proof_role *role);

#endif
