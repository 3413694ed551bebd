/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Roles that lazaret-starter starts for us (sandbox/lifeline.h), used by process.c. */
#ifndef LAZARET_SUPERVISOR_STARTER_H
#define LAZARET_SUPERVISOR_STARTER_H

#include <sys/types.h>

#include "common/macros.h"
#include "sandbox/role.h"

/* From now on roles are not our own children: they are asked for at the socket `path` (borrowed, kept). */
void starter_use(const char *path);
bool starter_is_used(void);

/* Ask for `role` with the channel `channel_fd` (borrowed). Returns 0 with its lifeline (the caller's: closing it kills the
 * role) and process id; -ECONNREFUSED, -ENOENT: nobody is there; or another negative errno. Waits at most 30 seconds. */
_must_check_ int starter_start(enum role_id role, int channel_fd, int *ret_life_fd, pid_t *ret_pid);

/* sandbox_probe(), where roles are started. `*ret_where` is static. */
_must_check_ int starter_probe(const char **ret_where);

/* Ask for its death, or let go of it. A line that has gone already is none of these calls' business. */
void starter_kill(int life_fd);
void starter_release(int life_fd);

/* Wait until it has ended, at most `timeout_ms`. Returns 0 with its wait status; -ETIMEDOUT; -ENOTCONN: its parent has gone,
 * and it with it. */
_must_check_ int starter_wait(int life_fd, int timeout_ms, int *ret_status);

#endif
