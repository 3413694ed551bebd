/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret init --answers`: what of the answers is not in lazaret.yaml. */
#ifndef LAZARET_CLI_INIT_ANSWERS_H
#define LAZARET_CLI_INIT_ANSWERS_H

#include "setup/answers.h"

/* Read and check them. 0, or an exit status after telling all that is wrong. `ret_sha256`: hex, of the file. */
_must_check_ int init_answers_load(const char *file, struct answers **ret, char ret_sha256[static 65]);

/* The station in `dir` has just been made of them: record it (`set-up`, by `by`), and let its persons in. 0, or an exit status after
 * telling. A clock that is behind the answers' is set to theirs. */
_must_check_ int init_answers_apply(const char *dir, const struct answers *a, const char *sha256, const char *by);

#endif
