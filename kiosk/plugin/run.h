/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One run of the plug-in, in a worker: started, fed, listened to, and gone. */
#ifndef LAZARET_PLUGIN_RUN_H
#define LAZARET_PLUGIN_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "plugin/limits.h"

enum run_end {
	RUN_ANSWERED, /* it ended by itself with status 0 */
	RUN_TIMEOUT,
	RUN_TOO_MUCH, /* it wrote more than it may */
	RUN_STATUS,   /* `status` is its exit status */
	RUN_KILLED,   /* `status` is the signal */
};

struct run {
	enum run_end end;
	int status;
	char answer[PLUGIN_ANSWER_MAX];
	size_t answer_size;
	char words[PLUGIN_WORDS_MAX]; /* of standard error */
	size_t words_size, words_read;
};

/* Run sandbox_program_path() with `file_fd` (borrowed) as descriptor 3 at its beginning, `request` on standard input, for
 * `time_ms` at most. When this returns, no process that it started is left. Returns 0 or a negative errno: it could not be
 * started. */
_must_check_ int plugin_run(int file_fd, const char *request, uint64_t time_ms, struct run *ret);

#endif
