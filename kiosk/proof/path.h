/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Paths that evidence names: hostile until they have been through here. */
#ifndef LAZARET_PROOF_PATH_H
#define LAZARET_PROOF_PATH_H

#include <stddef.h>

#include "common/macros.h"

/* Drop "." and empty components of a relative path, in place; `*size` bytes without NUL, of any bytes but NUL; there is room for
 * a NUL behind them, which is written. Refused: absolute, empty, with "..".
 * Returns NULL, or a static half-sentence that says what is wrong ("a name that ..."). */
_must_check_ const char *listed_path_normalise(char *path, size_t *size);

#endif
