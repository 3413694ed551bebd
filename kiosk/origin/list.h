/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Checksum lists: GNU coreutils' form, its escaped form, BSD's and OpenSSL's tagged form, and files with one digest.
 * Everything in them is hostile.
 */
#ifndef LAZARET_ORIGIN_LIST_H
#define LAZARET_ORIGIN_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "ipc/origin.h"
#include "proof/digest.h"
#include "origin/limits.h"

struct list_entry {
	const struct digest *digest; /* borrowed, static */
	uint8_t sum[ORIGIN_DIGEST_MAX];
	char path[LIST_PATH_MAX + 1]; /* relative to the list, normalised: no ".", no empty component; raw bytes */
	size_t path_size;
};

/* Parse one line (without its newline; a CR before it is tolerated). `list_name` is the list's file name.
 * Returns NULL and the entry, or a static sentence that says what is wrong.
 *
 * Refused: another length of digest than the list's name or tag promises, an unknown tag, a name that is absolute, leads
 * upwards ("..") or is empty, longer than LIST_PATH_MAX, with a NUL, an escape sequence other than \\ \n \r, a digest
 * without a name unless the list's own name tells which file is meant. */
const char *list_line_parse(const char *raw, size_t size, const char *list_name, struct list_entry *ret);

/* One entry in turn. Not 0 ends the reading. */
typedef int (*list_entry_fn)(void *context, const struct list_entry *entry);

struct list_summary {
	enum list_outcome outcome;
	uint32_t entries, bad_lines, skipped_lines; /* skipped: empty, comments, OpenPGP armour */
	uint32_t first_bad_line;		     /* from 1; 0: none */
	const char *why;			     /* static: what is wrong with that line, or which limit was met; "" */
};

/* Read the regular file behind `fd` (borrowed; from offset 0, position unchanged; blocks) as a list called
 * `list_name` (its last path component).
 *
 * The file is read twice: once to find out whether it is a list at all (LIST_NONE tells no entries), once to hand the
 * entries out. It must not change in between: it is a sealed copy. Memory does not depend on its length.
 * Returns 0, what the callback returned, or a negative errno; -EINVAL when it is no regular file. */
_must_check_ int list_read(int fd, const char *list_name, list_entry_fn on_entry, void *context,
			   struct list_summary *ret);

#endif
