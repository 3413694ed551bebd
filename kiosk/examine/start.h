/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* EXAMINE_START: what the supervisor asks for, and the loading of it. */
#ifndef LAZARET_EXAMINE_START_H
#define LAZARET_EXAMINE_START_H

#include <stdint.h>

#include "common/macros.h"
#include "examine/examine.h"
#include "ipc/channel.h"

struct start {
	char *private_parent, *hash_list, *shipped_dir; /* owned */
	struct database_file files[DATABASE_FILES_MAX];
	size_t file_count;
	uint64_t scan_time_ms, tmpfs_bytes;
	uint32_t jobs_max; /* 0: no limit */
	bool has_eicar;
	int database_fd; /* owned */
};

/* Take the message apart; its descriptor is taken over. Returns 0 or -EPROTO. */
_must_check_ int start_decode(struct message *m, struct start *ret);
void start_done(struct start *s);

/* Load all engines. Blocks for seconds. Returns 0, or a negative errno and a sentence for people. */
_must_check_ int start_load(const struct start *s, struct examiner *ret, char ret_why[static WHY_MAX]);

/* EXAMINE_ENGINES for what was loaded. */
_must_check_ int start_tell_engines(struct channel *c, const struct examiner *e);

#endif
