/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the commands about the audit trail share; for audit*.c alone. */
#ifndef LAZARET_CLI_AUDIT_H
#define LAZARET_CLI_AUDIT_H

#include <time.h>

#include "cli/records.h"
#include "common/chain.h"

#define AUDIT_WITNESSES_MAX 16

struct audit_expectation {
	bool has_seq;
	uint64_t seq;
	const char *hash; /* 64 hex digits; NULL */
};

struct audit_witness_file {
	const char *path;
	struct chain_witness said; /* its signature is good */
};

struct audit {
	struct station_config *config;
	int audit_fd, reports_fd;
	struct audit_expectation expected;
	bool is_expected_seen, is_json, is_thorough;
	const char *witnesses[AUDIT_WITNESSES_MAX]; /* files */
	struct audit_witness_file read[AUDIT_WITNESSES_MAX + 1]; /* of these and the station's own */
	size_t witness_count, read_count, clock_steps;
	json_t *recorded; /* file name -> sha256, as the trail has it */
	uint8_t (*hashes)[SHA256_LEN]; /* of every record, by seq */
	size_t count, room;
	json_t *present; /* names of reports that were there at the beginning */
	uint64_t problems;
};

#define AUDIT_INIT { .audit_fd = -EBADF, .reports_fd = -EBADF }

/* 0, or a negative errno after telling what is wrong. */
_must_check_ int audit_open(const struct cli *cli, struct audit *a);
void audit_done(struct audit *a);

/* The commands, with their own argument vectors: exit statuses as cmd_audit(). */
int audit_witness(struct cli *cli, int argc, char **argv);
int audit_export(struct cli *cli, int argc, char **argv);

#endif
