/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret review` and `lazaret hash`: 0 done, 1 refused, 2 could not be done, 64 usage. */
#ifndef LAZARET_CLI_REVIEW_H
#define LAZARET_CLI_REVIEW_H

#include "cli/cli.h"
#include "cli/decide.h"

int cmd_review(struct cli *cli);
int cmd_hash(struct cli *cli);

/* -- inside -------------------------------------------------------------------------------------------------------------- */

struct review { /* options; all borrowed */
	const struct station_config *config;
	bool is_json, is_proposal_only;
	const char *reason;
	int64_t until;
	enum held_filter filter;
	int64_t rows;
	uint64_t bytes, offset;
	int argc;
	char **argv; /* what is no option */
};

struct review_command {
	const char *name;
	int (*run)(const struct review *v);
};

/* The command that cli->argv[1] names, with its options; EXIT_USAGE: there is none, or they are wrong. */
int review_run(struct cli *cli, const struct review_command *list, size_t count);

/* 0, or EXIT_USAGE. cli->argv[0] is the command's second word. */
_must_check_ int review_options(struct cli *cli, struct review *ret);
int review_show(const struct review *v);
/* Status of `act`, with the store brought up to the trail, and what is proposed. */
int review_with_store(const struct review *v, int (*act)(const struct review *v, struct held_store *h, const json_t *proposals));
/* Propose or decide for the hashes of v->argv. */
int review_decide(const struct review *v, enum decision decision, const char *what);
_must_check_ int review_complete(struct held_store *h, const char *given, char ret[static SHA256_HEX_LEN + 1]);
json_t *review_hashes(const struct station_config *config, char *const *given, int count);
void review_put_object(const json_t *o);

#endif
