/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The connection to the centre's database (libpq). Every wait has an end, and ends at once when the program is told to stop: a
 * server that hangs costs nothing but time of this process. */
#ifndef LAZARET_FLEET_LINK_H
#define LAZARET_FLEET_LINK_H

#include <libpq-fe.h>
#include <signal.h>
#include <stdint.h>

#include "common/macros.h"

/* What a station's `fleet: database` says, checked. All owned. */
struct link_target {
	char *host;	/* a name, for the certificate; NULL when `address` is all there is */
	char *address;	/* numeric; NULL: a Unix socket */
	char *socket_dir;
	char *dbname, *user;
	uint16_t port;
};

/* Parse, and look up the name: the only look-up there is. Returns 0, -EINVAL or -EHOSTUNREACH with words in `why`, or -ENOMEM.
 * Blocks on the resolver. */
#define LINK_WHY_MAX 300
_must_check_ int link_target_parse(const char *words, struct link_target *ret, char why[static LINK_WHY_MAX]);
void link_target_done(struct link_target *t);

struct link {
	PGconn *connection; /* NULL: none */
	char error[LINK_WHY_MAX]; /* of the last call that failed; one line, unescaped */
};

/* Set by a signal handler: calls then return -EINTR. */
extern volatile sig_atomic_t link_is_stopping;

/* A station's connection, from inside its sandbox: TLS with the certificate verified for the name (verify-full), except on a Unix
 * socket. `password` borrowed, may be NULL. 0; -EINTR; -EHOSTDOWN, with `error` set. */
_must_check_ int link_open(struct link *l, const struct link_target *t, const char *password);

/* The centre's: libpq's own words and environment, but for TLS: verify-full over TCP unless the words say otherwise. */
_must_check_ int link_open_words(struct link *l, const char *words);
void link_close(struct link *l);

/* One statement, one transaction. `formats`: 1 for binary parameters, NULL: all text; `sizes` are for those. Returns the result
 * with rows, owned by the caller (PQclear), or NULL with `error` set. */
PGresult *link_query(struct link *l, const char *sql, int count, const char *const *values, const int *sizes, const int *formats);

static inline void link_result_p(PGresult **r)
{
	PQclear(*r);
	*r = NULL;
}

/* The text in row `row`, or NULL. */
const char *link_value(const PGresult *r, int row, int column);

#endif
