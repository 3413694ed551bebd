/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The parts of a trail; for trail*.c alone. Whoever calls these holds the trail's lock. */
#ifndef LAZARET_LEDGER_TRAIL_PARTS_H
#define LAZARET_LEDGER_TRAIL_PARTS_H

#include "ledger/trail.h"

struct trail {
	int dir_fd; /* borrowed */
	int lock_fd;
	int clock_fd; /* what the clock said at the last record; -EBADF: it is not watched */
	const struct minisign_secret *key; /* borrowed */
	char *station;
	struct trail_options options; /* its strings are borrowed */
	bool is_broken;
};

/* trail.c: a descriptor, or a negative errno. */
_must_check_ int trail_file_open(const struct trail *t);
int64_t trail_now_s(void);

/* trail_witness.c: is there a witness? 1, 0, or a negative errno. */
_must_check_ int trail_witness_any(const struct trail *t);
/* 0; -EBADMSG, and words, when the trail whose last file (`fd`, borrowed) ends with `tail` is not the one, or not all of the one, that its witness knows. */
_must_check_ int trail_witness_check(const struct trail *t, int fd, const struct chain_tail *tail, const char **ret_why);

/* trail_clock.c: the body of a clock-step record that belongs before the next one (owned by the caller), or NULL; -ENOMEM.
 * `last_s`: the time of the last record. */
_must_check_ int trail_clock_step(const struct trail *t, int64_t last_s, json_t **ret);
/* The next record was written. */
void trail_clock_note(const struct trail *t);

#endif
