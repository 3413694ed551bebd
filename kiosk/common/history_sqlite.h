/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What history*.c share.
 *
 * A file's row is found by its number alone, without an index: the transfer, its rank (blocked, held, approved) and its
 * place among those, in the order of the report (by volume and path). So a page of a million files is read from where it
 * begins, and totals are the numbers that the transfer's row keeps.
 */
#ifndef LAZARET_COMMON_HISTORY_SQLITE_H
#define LAZARET_COMMON_HISTORY_SQLITE_H

#include <sqlite3.h>

#include "common/hash.h"
#include "common/history.h"
#include "common/sqlite_errno.h"

#define HISTORY_VERSION 4 /* PRAGMA user_version; 0 was without ranks, codes and places, 2 without series, 3 without decisions */

enum history_rank {
	RANK_BLOCKED,
	RANK_HELD,
	RANK_APPROVED,
	RANK_COUNT_
};

#define RANK_SHIFT 32
#define TRANSFER_SHIFT 34

static inline int64_t file_id(int64_t transfer_id, unsigned int rank, int64_t place)
{
	return transfer_id << TRANSFER_SHIFT | (int64_t)rank << RANK_SHIFT | place;
}

enum statement {
	ADD_TRANSFER,
	FILL_TRANSFER,
	ADD_FILE,
	STATEMENT_COUNT_
};

/* What one transfer has in `files`. */
struct history_ranks {
	int64_t transfer_id;
	int64_t rows[RANK_COUNT_];
	char report_sha256[SHA256_HEX_LEN + 1];
};

struct history {
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENT_COUNT_]; /* NULL when read-only */
	int64_t transfer_id;			  /* that is being indexed */
	int64_t ranked[RANK_COUNT_];		  /* files of it so far */

	int64_t deadline_ms; /* CLOCK_MONOTONIC; 0: none */
	/* The last search: numbers of the rows found, so that its further pages need no search. */
	struct {
		char *text;
		enum history_filter filter;
		struct history_ranks ranks;
		int64_t *ids;
		size_t count, room;
	} found;
};

/* "blocked" and so on; what is no verdict ranks first, so that it is seen. */
enum history_rank history_rank(const char *verdict);

/* `text` for LIKE, which is case-insensitive for ASCII: anywhere, itself no pattern. Owned by the caller. */
char *history_like(const char *text);

void history_found_done(struct history *h);

/* From now on SQLite opens files of this directory (borrowed, for good) and no others, in this process. 0 or a negative errno. */
_must_check_ int sqlite_use_directory(int dir_fd);

static inline void finalize_p(sqlite3_stmt **s)
{
	(void)sqlite3_finalize(*s); /* repeats the error of the last step */
}

#endif
