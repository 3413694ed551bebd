/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Questions about past transfers (docs/control.md: "transfers", "files", "file"). */
#ifndef LAZARET_RECORDS_QUERY_H
#define LAZARET_RECORDS_QUERY_H

#include <jansson.h>

#include "common/history.h"

struct records {
	struct history *history; /* NULL: not usable, see open_error */
	int reports_fd;
	int open_error; /* negative errno */
};

/* What went wrong, for FAILED: `where` is a code of docs/control.md. Static words. */
struct query_error {
	const char *where, *text;
};

/* Answer `request` (borrowed). Returns 0 with the answer (owned by the caller), or a negative errno with `*ret_error`.
 * Blocks on disk, ANSWER_MS at most but for a single slow read. */
_must_check_ int query_answer(struct records *r, const json_t *request, json_t **ret, struct query_error *ret_error);

#endif
