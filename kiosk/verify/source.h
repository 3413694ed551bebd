/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The files of an export: a directory, or a tar archive read in place. Anyone may have touched either. */
#ifndef LAZARET_VERIFY_SOURCE_H
#define LAZARET_VERIFY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "verify/problem.h"

#define SOURCE_NAME_MAX 100 /* bytes: what a ustar header has room for without a prefix */

struct source_file {
	char name[SOURCE_NAME_MAX + 1]; /* "index.json", "reports/NAME" */
	uint64_t at, size;		/* in an archive: where its bytes are */
	bool is_listed;			/* for the caller: has the index it? */
};

struct source {
	int fd;		/* the directory or the archive; owned */
	bool is_tar;
	struct source_file *files; /* sorted by name, no two alike; owned */
	size_t count;
};

/* Look at what is there. Refused: anything but regular files, at the top or in reports/; links, devices; an archive with any
 * other kind of entry, with two of one name, with bytes behind its end, or that is cut. Returns 0 (then `ret` is to be released
 * also when there were problems) or a negative errno. Reads no file's content. */
_must_check_ int source_open(const char *path, struct source *ret, struct problems *p);
void source_done(struct source *s);

/* NULL: there is none. */
struct source_file *source_find(const struct source *s, const char *name);

/* The bytes of one file. `*ret_at` is where they begin in the descriptor that is returned (owned by the caller); negative errno. */
_must_check_ int source_file_open(const struct source *s, const struct source_file *f, uint64_t *ret_at);

/* A whole file of at most `limit` bytes, NUL added; owned by the caller. -EFBIG, -ENOENT, ... */
_must_check_ int source_read(const struct source *s, const char *name, size_t limit, char **ret, size_t *ret_size);

/* Its SHA-256; -ENODATA when it is shorter than it was. */
_must_check_ int source_sha256(const struct source *s, const struct source_file *f, uint8_t ret[static SHA256_LEN]);

#endif
