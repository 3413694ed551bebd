/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* File systems that intake's own children read: one FUSE face for all, a small table of functions for each. */
#ifndef LAZARET_INTAKE_USERFS_H
#define LAZARET_INTAKE_USERFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/macros.h"
#include "intake/child.h"
#include "intake/listing.h"
#include "intake/source.h"
#include "intake/volume.h"

#define USERFS_ROOT 1 /* node of every file system's root; other nodes are its own choice, and not 0 */

struct userfs_stat {
	unsigned int type; /* S_IFREG, S_IFDIR, S_IFLNK, ... */
	uint64_t size;	   /* bytes */
	int64_t mtime;	   /* seconds since 1970; 0: not told */
	uint64_t place;	   /* of a file's first byte, in the file system's blocks; 0: not known. Becomes st_ino, by which files are read in order */
};

/* One reader. Nodes come from the kernel, which has them from `list`; all else is the medium's and untrusted. Functions
 * return 0 (or a count) or a negative errno, and may block on the medium. */
struct userfs {
	const char *name; /* "fat": the report says "user:fat" */
	const char *const *fs; /* libblkid's names, up to NULL */

	/* Before the sandbox: what a library has to load. No byte of the medium is read. May be NULL. */
	void (*prepare)(void);
	/* `source` is borrowed for as long as the volume is open. On failure a sentence in `words`; on success a remark
	 * for the report may be there. */
	int (*open)(const struct source *source, void **ret_volume, char *words, size_t words_size);
	int (*list)(void *volume, uint64_t node, struct listing *ret);
	int (*stat)(void *volume, uint64_t node, struct userfs_stat *ret);
	int (*file_open)(void *volume, uint64_t node, void **ret_file);
	/* Short only at the file's end. */
	ssize_t (*file_read)(void *volume, void *file, uint64_t at, void *to, size_t size);
	void (*file_close)(void *volume, void *file);
};

/* The reader of a file system, NULL when there is none. */
const struct userfs *userfs_find(const char *fs);

/* Serve the bytes of `v` on `source_fd` (borrowed) through `server_fd` (borrowed, mounted already) from a
 * child in the sandbox of ROLE_DRIVER. Blocks until the volume has been opened, at most DRIVER_TIME_MS. Returns 0 with the
 * child (child_end() ends it), or a negative errno. `words` are the reader's. */
_must_check_ int userfs_start(const struct userfs *fs, int source_fd, const struct volume *v, int server_fd, struct child *ret,
			      char *words, size_t words_size);

extern const struct userfs userfs_fat, userfs_ext, userfs_udf, userfs_iso;

#endif
