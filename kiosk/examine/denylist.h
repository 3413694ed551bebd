/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasure I: the station's own list of forbidden contents, outside libclamav, over every byte of a file. */
#ifndef LAZARET_EXAMINE_DENYLIST_H
#define LAZARET_EXAMINE_DENYLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "examine/database.h"

struct denylist; /* read-only after loading, shared by forked workers */

/* Text: one SHA-256 a line in 64 hex digits, what follows after a blank is a remark (so the output of sha256sum
 * fits); empty lines and lines from '#' on are skipped. Returns 0, or a negative errno and "file:line: what". */
_must_check_ int denylist_load(const char *path, struct denylist **ret, char ret_why[static WHY_MAX]);
struct denylist *denylist_free(struct denylist *d);

/* SHA-256 of its text. */
const uint8_t *denylist_sum(const struct denylist *d);
size_t denylist_count(const struct denylist *d); /* NULL: 0 */
bool denylist_has(const struct denylist *d, const uint8_t sum[static SHA256_LEN]);

#endif
