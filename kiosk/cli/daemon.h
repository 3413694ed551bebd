/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaretd as a child process: what looks at content is never this one. */
#ifndef LAZARET_CLI_DAEMON_H
#define LAZARET_CLI_DAEMON_H

#include <sys/types.h>

#include "common/macros.h"

/* Run lazaretd with these arguments (borrowed, NULL-terminated, without the program's name). Returns the descriptor of
 * its events (supervisor/events.h, owned by the caller), or a negative errno. When this process dies, it gets SIGTERM and
 * ends in good order. */
_must_check_ int daemon_start(const char *const *argv, pid_t *ret_pid);

/* Wait for it. Returns its exit status, 2 when it could not be run or was killed (which is told). */
int daemon_wait(pid_t pid);

#endif
