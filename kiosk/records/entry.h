/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One file's object out of a kept report, without reading the others. */
#ifndef LAZARET_RECORDS_ENTRY_H
#define LAZARET_RECORDS_ENTRY_H

#include <jansson.h>

#include "common/history.h"

/* Read what the history says of `e` in the report of `transfer` beneath `reports_fd`; its path, size and verdict must be
 * those of the index. `deadline_ms`: CLOCK_MONOTONIC. Returns 0 with the object (owned by the caller); -ENOENT when the report
 * is not there, -EBADMSG when it has something else in this place, -ETIMEDOUT, or another negative errno. */
_must_check_ int entry_read(int reports_fd, const char *transfer, const struct history_entry *e, int64_t deadline_ms,
			    json_t **ret);

#endif
