/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Numbers of every examiner, with their units and reasons. */
#ifndef LAZARET_EXAMINER_LIMITS_H
#define LAZARET_EXAMINER_LIMITS_H

/* Canaries again after so many jobs or seconds, whichever comes first: a worker that has gone blind must not
 * pass many files. The supervisor holds approval until a file's worker has answered; a blind worker exits. */
#define CANARY_JOBS 64
#define CANARY_SECONDS 30

#define RESULT_MEMBER_MAX 1024 /* bytes of a member path in WORKER_RESULT: 32 findings fit into one message */

#endif
