/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What `lazaret history` is asked for (its options), and rows of it in three forms: for people, JSON lines, CSV. */
#ifndef LAZARET_CLI_HISTORY_ROWS_H
#define LAZARET_CLI_HISTORY_ROWS_H

#include "cli/cli.h"
#include "cli/csv.h"
#include "common/history.h"

struct history_request {
	struct history_selection by;
	const char *wanted; /* SHA-256 or a part of a path; NULL: none */
	int64_t rows;
	bool is_rebuild, is_files, is_json, is_csv;
	struct csv csv;
};

/* The command's arguments, borrowed. 0, or -EINVAL after telling what is wrong, and how it is right. */
_must_check_ int history_request_parse(struct cli *cli, struct history_request *ret);

/* Print what is asked for to standard output. 0 or a negative errno. */
_must_check_ int history_request_answer(struct history_request *q, struct history *h);

/* "2026-11-22", the first second of that day (UTC). 0, or -EINVAL: no such day. */
_must_check_ int history_day(const char *text, int64_t *ret);

#endif
