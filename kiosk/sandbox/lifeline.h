/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The line between whoever wants a role and the child of lazaret-starter that is the role's parent: one SOCK_SEQPACKET connection for
 * one role. As long as it is open the role may live; when it closes, the role is killed.
 *
 *   START role + channel, standard error  ->
 *                                         <-  STARTED pid | FAILED errno, words
 *   KILL | RELEASE                        ->                (RELEASE: it may outlive the line)
 *                                         <-  ENDED wait status
 *   PROBE                                 ->
 *                                         <-  STARTED 0 | FAILED errno, the layer of the sandbox that is missing
 *
 * A message is one byte of kind, four of value (least significant first), and words, at most LIFELINE_WORDS_MAX - 1.
 */
#ifndef LAZARET_SANDBOX_LIFELINE_H
#define LAZARET_SANDBOX_LIFELINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

enum lifeline_kind {
	LIFELINE_START = 0x10, /* the high half of the byte is the protocol's version */
	LIFELINE_PROBE,
	LIFELINE_KILL,
	LIFELINE_RELEASE,
	LIFELINE_STARTED,
	LIFELINE_FAILED,
	LIFELINE_ENDED,
};

#define LIFELINE_WORDS_MAX 96
#define LIFELINE_FDS 2 /* of START: the role's end of its channel, and what becomes its standard error */

struct lifeline_message {
	enum lifeline_kind kind;
	int32_t value;
	char words[LIFELINE_WORDS_MAX];
	int fds[LIFELINE_FDS]; /* of START, owned by the receiver; else -EBADF */
};

/* Send; `fds` (borrowed, LIFELINE_FDS of them) or NULL. Blocks only while the peer does not read. 0 or a negative errno. */
_must_check_ int lifeline_send(int fd, enum lifeline_kind kind, int32_t value, const char *words, const int *fds);

/* Receive one message, waiting at most `timeout_ms` (-1: for ever). 0; -ETIMEDOUT; -ENOTCONN: the other end has closed it;
 * -EPROTO: not of this protocol; or another negative errno. */
_must_check_ int lifeline_receive(int fd, int timeout_ms, struct lifeline_message *ret);

#endif
