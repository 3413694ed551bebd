/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Complete transfers to a directory of the isolated side (docs/share.md). The far end is not trusted: it may go away at any moment, lie, and
 * change what it was given. One process a transfer touches it, as SHARE_ACCOUNT, which can read staging and no more of the station; the one
 * that started it keeps account of what was delivered.
 *
 * At the far end: MARKER must be there (a directory where nothing is mounted is not it); NAME is copied as .incoming-NAME, each file synced,
 * read back and checked by lazaret-verify's code, and gets its name by one rename.
 */
#ifndef LAZARET_SHARE_PUSH_H
#define LAZARET_SHARE_PUSH_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/macros.h"
#include "common/minisign.h"

#define PUSH_MARKER ".lazaret-push"
#define PUSH_HIDDEN ".incoming-"

struct push {
	int staging_fd;			  /* borrowed */
	const char *name;		  /* borrowed: the transfer */
	const char *directory;		  /* borrowed: the far one */
	const struct minisign_public *key; /* borrowed: this station's */
	bool was_renaming; /* an earlier try had leave to rename it */
	/* Asked once, when the far copy is whole and nothing but the rename is left: 0, or a negative errno, and it is not renamed. */
	int (*may_rename)(void *context);
	void *context;
};

/* As exit statuses of the process. */
enum push_outcome {
	PUSH_DONE = 0,	/* it is there by its name, whole */
	PUSH_TAKEN = 3, /* was renamed by an earlier try, and importers have taken it away since */
	PUSH_AWAY = 4,	/* the far end cannot be reached, or has no room: later */
	PUSH_BAD = 5,	/* what was read back is not what was written, or something else has its name */
	PUSH_BROKEN = 6, /* this end cannot be read */
};

/* Blocks on both ends, told on standard error. In a process of its own, which has given up what it need not have. */
_must_check_ enum push_outcome push_transfer(const struct push *p);

#endif
