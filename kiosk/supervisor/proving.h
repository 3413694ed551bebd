/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Speaking to the roles that prove evidence (kiosk/proof). What they answer is checked for form here; what it is worth is
 * the caller's business. */
#ifndef LAZARET_SUPERVISOR_PROVING_H
#define LAZARET_SUPERVISOR_PROVING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/origin.h"
#include "supervisor/process.h"

/* Start one of these roles and wait until it is ready.
 *
 * keys  as trust_load() makes them; NULL: none
 * Returns 0, or a negative errno with the role's own words in `*ret_why` (owned by the caller, may be NULL). */
_must_check_ int proving_start(enum role_id role, const json_t *keys, const struct patience *patience, struct process *ret,
			       char **ret_why);

/* What is this file? */
_must_check_ int proving_recognise(struct process *p, const char *path, int fd, const struct patience *patience,
				   enum evidence_format *ret);

struct proving_summary {
	enum list_outcome outcome;
	unsigned int flags; /* enum proved_flag */
	uint64_t date, valid_until; /* s since 1970; 0: not said */
	char *series, *detail; /* owned by the summary; raw */
	int text_fd; /* sealed: the text that the signatures cover; -EBADF: none */
};

void proving_summary_done(struct proving_summary *s);

/* What the role tells while it proves. Paths are resolved: on the medium, raw, relative, clean. Not 0 ends it. */
struct proving_events {
	/* 1 and a descriptor with its size, 0: not there */
	int (*want)(void *context, const char *path, int *ret_fd, uint64_t *ret_size);
	/* path NULL: the evidence itself */
	int (*signature)(void *context, enum signature_outcome outcome, const char *path, const char *key_name, const char *key_id,
			 const char *detail);
	/* path "": whichever file has the digest */
	int (*listing)(void *context, const char *path, const char *algorithm, const uint8_t *digest, size_t digest_size);
};

/* Prove one piece of evidence.
 *
 * path     of the evidence on the medium
 * entries  how many listings it may tell: more is a protocol violation
 * Returns 0 and a summary; -EBADMSG: the role could not tell (its words are in summary.detail); -EPROTO, -ENOTCONN (it has
 * died), -ETIMEDOUT, -ECANCELED: the process is of no use any more. */
_must_check_ int proving_prove(struct process *p, enum evidence_format format, const char *path, int fd, uint64_t now,
			       uint64_t entries, const struct patience *patience, const struct proving_events *events,
			       void *context, struct proving_summary *ret);

/* `path` beneath the directory `up` levels above that of `evidence`; owned by the caller. NULL: out of memory, above the
 * medium, or not clean (empty, ".", "..", absolute); then errno says which (ENOMEM, EINVAL). "" stays "". */
char *proving_resolve(const char *evidence, uint32_t up, const char *path);

#endif
