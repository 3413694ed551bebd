/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The first moments of a role: a child of the supervisor, or of lazaret-starter, becomes the role's program. */
#ifndef LAZARET_SANDBOX_SPAWN_H
#define LAZARET_SANDBOX_SPAWN_H

#include <sys/types.h>

#include "common/macros.h"
#include "sandbox/role.h"

/* Start the role's executable, looked for beside our own and in libexec: its channel `channel_fd` (borrowed) is descriptor
 * 3 there, standard output and error are our standard error; nothing else is open, the environment is empty but for PATH and
 * LC_ALL, there is no terminal, and it dies when we do. Returns 0 with its process id, or a negative errno. */
_must_check_ int role_spawn(enum role_id role, int channel_fd, pid_t *ret);

#endif
