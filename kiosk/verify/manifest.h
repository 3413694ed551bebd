/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The manifest of a transfer, after its signature was found good: the table of what must lie beneath files/. */
#ifndef LAZARET_VERIFY_MANIFEST_H
#define LAZARET_VERIFY_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/report.h"
#include "verify/problem.h"

struct manifest_file {
	char *path; /* "files/..."; owned */
	uint64_t size;
	uint8_t sum[SHA256_LEN];
	bool is_found, is_in_sums;
};

struct manifest {
	char transfer[REPORT_TRANSFER_MAX + 1];
	char *station; /* name; owned */
	struct manifest_file *files; /* sorted by path, no two alike; owned */
	size_t count;
	uint64_t bytes;
};

/* Read the manifest's verified bytes. Returns 0 (also with problems: then the table holds what could be understood), or
 * a negative errno. */
_must_check_ int manifest_parse(const char *text, size_t size, struct manifest *ret, struct problems *p);
void manifest_done(struct manifest *m);

/* NULL when it is not published under this name. */
struct manifest_file *manifest_find(const struct manifest *m, const char *path);

/* Compare the text of SHA256SUMS with the manifest: the same files, the same hashes, each once. */
void manifest_check_sums(const struct manifest *m, const char *text, size_t size, struct problems *p);

#endif
