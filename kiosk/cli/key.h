/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret key`: what its files share. */
#ifndef LAZARET_CLI_KEY_H
#define LAZARET_CLI_KEY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"
#include "common/macros.h"
#include "common/trust.h"
#include "station/config.h"

struct key_patterns {
	const char *list[TRUST_SCOPE_MAX];
	size_t count;
};

/* What the officer asked for; borrows from the command line. */
struct key_change {
	const char *name, *file, *by, *fingerprint, *reason;
	unsigned int purposes; /* mask of 1 << enum key_purpose; 0: none was named */
	struct key_patterns paths, types;
	int64_t until; /* s since 1970, 0: no end */
	bool is_agreed;
};

/* The exit status, after telling what happened. Each change is recorded in the audit trail before it is made: when the
 * trail cannot be written, nothing changes. */
int key_trust(const struct cli *cli, const struct station_config *config, const struct key_change *c);
/* Put it into the store behind `trust_fd`, a copy that is tried before anybody trusts it: nothing is asked or recorded. An exit status,
 * or KEY_IS_THERE: the same key is there, under this name and for these purposes. */
#define KEY_IS_THERE (-1)
int key_put(const struct cli *cli, int trust_fd, const struct key_change *c);
/* Who gives commands here: the account behind sudo, or our own. Static. */
const char *key_who(void);
int key_distrust(const struct station_config *config, const struct key_change *c);
int key_list(const struct cli *cli, const struct station_config *config);

/* Ask lazaretd what key is in a file. 0 with its "key" event (supervisor/describe.h; owned by the caller), or an exit status
 * after telling why there is none. A key that must not be trusted is none. */
_must_check_ int key_describe(const char *station_dir, const char *file, json_t **ret);

/* One key, as described or as trusted, in lines of two columns. */
void key_print(FILE *out, const json_t *key, const char *indent);

/* The key in full, where owners publish it so: the base64 line of minisign and signify. Of a key with its bytes in "key";
 * owned by the caller; NULL: there is none. */
char *key_public_text(const json_t *key);

/* Tell why the trust store at `path` cannot be read or changed; frees `why`. Returns EXIT_CANNOT. */
int key_tell(const char *path, int error, char *why);

#endif
