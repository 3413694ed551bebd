/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libclamav, made to fail closed. The parent loads (clam_open), the forked workers scan (clam_scan).
 *
 * Why the many precautions: docs/trust.md, "libclamav". In short: `CL_CLEAN` is what libclamav also returns when
 * it could not look, so clean is concluded from evidence only.
 */
#ifndef LAZARET_EXAMINE_CLAM_H
#define LAZARET_EXAMINE_CLAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/finding.h"
#include "common/macros.h"
#include "examine/containers.h"
#include "examine/database.h"
#include "examine/tally.h"

struct clam;

struct clam_setup {
	int database_fd; /* borrowed; the site's database directory */
	const struct database_file *files;
	size_t file_count;
	const char *private_parent; /* where a private directory is made while loading; "" for /tmp */
	const char *shipped_dir;    /* our hardening signatures; "" for LAZARET_DATADIR "/clamav" */
	uint64_t scan_time_ms;	    /* for one file; > 0 */
	/* Bytes; 0: SCAN_FILE_MAX, WINDOW_BYTES and WINDOW_OVERLAP. Smaller ones are for tests that cannot wait. */
	uint64_t look_max, window_bytes, window_overlap;
};

struct clam_info {
	char version[64];	   /* of the library */
	char database_version[256]; /* "daily 27780, main 62, local.hdb" */
	uint64_t database_time;	   /* build time of the newest .cvd, seconds since 1970; 0 when there is none */
	uint64_t signatures;	   /* of the site's files; ours are not counted */
	uint8_t loaded[SHA256_LEN]; /* SHA-256 of the names and sums of all files, in order */
};

/* Load and compile. Blocks for seconds. On error a negative errno and a sentence (what, where, next step);
 * -ENODATA when the database holds no signature. Nothing untrusted may have been scanned before in this process:
 * libclamav's names for temporary files would repeat in the children. */
_must_check_ int clam_open(const struct clam_setup *setup, struct clam **ret, char ret_why[static WHY_MAX]);
struct clam *clam_free(struct clam *c);

void clam_info(const struct clam *c, struct clam_info *ret);

/* In a worker, after fork and after its private file system is there: temporary files go to `path`. */
_must_check_ int clam_set_tmpdir(struct clam *c, const char *path);

struct clam_file {
	const uint8_t *data; /* borrowed; must not change meanwhile */
	size_t size;
	const char *raw_name;	  /* may be NULL */
	const uint8_t *sum;	  /* SHA-256 of the bytes; needed with a tally */
	const struct containers *containers; /* that the file is; needed with a tally */
	const char *window_note; /* it may be looked at in windows where it is too long for one look; NULL: it may not */
};

/* Examine one file. Adds findings and, when the scan demonstrably ran to its end, the CHECK_VIRUS bit. Without the bit there
 * always is a finding that says why. Blocks up to about scan_time_ms (for each window of a long file); a caller outside must
 * watch over it.
 *
 * tally      what was met and not looked into, and what was looked at to its end (tally.h); zeroed before, tally_done() after.
 *            NULL: nobody opens containers, and what would be owed is a finding.
 * Returns true when the bytes were looked at in windows. */
bool clam_inspect(struct clam *c, const struct clam_file *file, struct findings *f, struct tally *tally);

/* The same without a tally. */
void clam_scan(struct clam *c, const uint8_t *data, size_t size, const char *raw_name, struct findings *f);

/* Reason that a signature's name stands for: limits, encryption and damage have names of their own. */
enum reason clam_reason(const char *signature);

#endif
