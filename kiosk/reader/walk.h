/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Walking a volume: every entry once, files in batches ordered by their place on the medium.
 *
 * Nothing is followed: paths are opened beneath the root with openat2(RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS |
 * NO_XDEV). Memory is bounded by the depth and by one batch, not by the number of files.
 */
#ifndef LAZARET_READER_WALK_H
#define LAZARET_READER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/macros.h"
#include "ipc/stream.h"

/* Files sorted at a time, at first and at most, twice as many each time: the first ones are read soon, and a disc's head goes over a
 * large disc a few times, not hundreds of times. 5 MB with names of 80 bytes. */
#define WALK_BATCH_MIN 4096
#define WALK_BATCH_MAX 32768
#define WALK_PATH_MAX 4095  /* bytes */
#define WALK_DEPTH_MAX 128  /* descriptors are open on the way down */

struct walk_limits {
	uint64_t entries;   /* files, links, directories */
	unsigned int depth; /* directory levels, at most WALK_DEPTH_MAX */
};

struct walk_events {
	/* A file in its turn. Not 0 ends the walk. */
	int (*file)(void *context, const char *path, const struct stat *st);
	/* Something that is no file (a link, a device, a directory that cannot be entered). Not 0 ends the walk. */
	int (*other)(void *context, const char *path, enum entry_kind kind, const char *detail);
	void *context;
	bool is_unordered; /* files as they come, none opened to find its place: for counting */
};

/* Walk what lies beneath `root_fd` (borrowed). Returns 0 when everything was visited, -E2BIG at the limit of entries,
 * what a callback returned, or a negative errno. Directories that fail are told through `other` and do not end it. */
_must_check_ int walk(int root_fd, const struct walk_limits *limits, const struct walk_events *events);

/* Open one file beneath the root for reading, as above. Returns a descriptor or a negative errno. */
_must_check_ int walk_open(int root_fd, const char *path, uint64_t flags);

#endif
