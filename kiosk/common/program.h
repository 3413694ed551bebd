/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where this installation's other programs are: found from where the running one is, so that a build tree, `make install`
 * and an image that was moved all work. */
#ifndef LAZARET_COMMON_PROGRAM_H
#define LAZARET_COMMON_PROGRAM_H

#include <limits.h>

#include "common/macros.h"

/* The directory of the running program, without a final slash. Returns 0 or a negative errno. */
_must_check_ int program_dir(char ret[static PATH_MAX]);

/* An executable of ours: beside the running one, in ../libexec/lazaret or ../sbin from there, or where it was built to be
 * installed. Returns 0, or -ENOENT with the last place that was tried in `ret`. */
_must_check_ int program_find(const char *name, char ret[static PATH_MAX]);

#endif
