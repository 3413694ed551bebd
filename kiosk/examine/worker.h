/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One examiner process: forked from the loaded parent, one job at a time, thrown away when anything is odd. */
#ifndef LAZARET_EXAMINE_WORKER_H
#define LAZARET_EXAMINE_WORKER_H

#include "examine/examine.h"
#include "examine/start.h"

/* The child's whole life, from before its sandbox; never returns. `sandbox` is the line for READY. */
_noreturn_ void worker_run(struct examiner *e, const struct start *s, const char *sandbox);

/* Parent: make a worker. Both descriptors are close-on-exec and the caller's. Returns 0 or a negative errno. */
_must_check_ int worker_spawn(struct examiner *e, const struct start *s, const char *sandbox, int *ret_channel_fd,
			      int *ret_pid_fd);

#endif
