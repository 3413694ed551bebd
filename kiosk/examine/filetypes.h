/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasure J (2): file-type signatures in which no type is left out of matching. */
#ifndef LAZARET_EXAMINE_FILETYPES_H
#define LAZARET_EXAMINE_FILETYPES_H

#include "common/macros.h"
#include "examine/database.h"

/* Write `name` (*.ftm) into `dir_fd`: libclamav's own built-in list, read from the library that this process has
 * loaded, with CL_TYPE_IGNORED turned into CL_TYPE_BINARY_DATA.
 *
 * Why not a file of ours: a list given from outside replaces the built-in one as a whole, so a list that is not
 * that of this very version of the library would lose types with each update. Returns 0 or a negative errno and
 * the sentence. */
_must_check_ int filetypes_write(int dir_fd, const char *name, char ret_why[static WHY_MAX]);

#endif
