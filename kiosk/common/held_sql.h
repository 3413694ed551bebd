/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of the store; for held_*.c of this folder alone. */
#ifndef LAZARET_COMMON_HELD_SQL_H
#define LAZARET_COMMON_HELD_SQL_H

#include <sqlite3.h>

#include "common/held_store.h"
#include "common/sqlite_errno.h"

struct held_store {
	sqlite3 *db;
	int dir_fd, wait_ms;
	bool is_open; /* a transaction */
};

static inline void held_finalize_p(sqlite3_stmt **s)
{
	(void)sqlite3_finalize(*s); /* repeats the error of the last step */
}

_must_check_ int held_prepare(struct held_store *h, const char *sql, sqlite3_stmt **ret);
/* With up to four texts, in order; NULL leaves NULL. */
_must_check_ int held_run(struct held_store *h, const char *sql, const char *const *texts, size_t count);
void held_bind(sqlite3_stmt *s, int at, const char *text);

#endif
