/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Standard error of a station that shares it with roles. A role that was taken over could write to the terminal or the log
 * as it likes, and read what is typed: it gets a pipe instead, from which a child of ours takes lines, escapes them and
 * writes them to where they were meant to go (invariant 8).
 */
#ifndef LAZARET_SUPERVISOR_RELAY_H
#define LAZARET_SUPERVISOR_RELAY_H

#include <sys/types.h>

#include "common/macros.h"

struct relay {
	pid_t pid;
	int end_fd; /* readable when it has ended */
};

/* From now on descriptor 2 of this process and of its children is the pipe. Before any role is started.
 * Returns 0 or a negative errno. */
_must_check_ int relay_start(struct relay *ret);

/* Close our end and wait, for a moment, until everything has been written. */
void relay_end(struct relay *r);

#endif
