/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The site's YARA rules: read, compared with their pins and compiled in the parent, before any untrusted byte. */
#ifndef LAZARET_YARARULES_RULES_H
#define LAZARET_YARARULES_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "examiner/examiner.h"

/* What is wrong with a text, line by line, goes to the log as well (log_warning). */
struct yara_file {
	char *name;   /* owned: one component */
	char *sha256; /* owned: 64 hex digits */
};

struct yara_rules; /* holds a YR_RULES */

struct yara_info {
	uint64_t rules;	    /* of the site */
	int64_t newest;	    /* of the files; seconds since 1970 UTC */
	char files[200];    /* their names, cut */
};

/* Read and compile `files` of the directory `dir_fd` (borrowed), and the canary. No file can include another, variables that
 * public rules use (filename, filepath, extension, filetype, owner) are there and empty. Each file is a name space of its own.
 * Refused: what is not as pinned, does not compile, is past a limit (limits.h), needs a module that opens files of the station
 * (magic, cuckoo), or says something unknown in `lazaret`. Warnings of the compiler are logged and added to `warnings`
 * (borrowed, of `warnings_size` bytes). Blocks for seconds. 0, or a negative errno with file, line and message. */
_must_check_ int yara_load(int dir_fd, const struct yara_file *files, size_t count, struct yara_rules **ret, struct yara_info *ret_info,
			   char ret_why[static EXAMINER_WHY_MAX]);
struct yara_rules *yara_free(struct yara_rules *r);

/* Look at `size` bytes for `timeout_s` seconds at most. Adds findings and, when the rules ran to their end, CHECK_YARA; what
 * rules note goes to `notes` (text, NUL at the end). Memory that is out aborts. */
void yara_look(struct yara_rules *r, const uint8_t *data, size_t size, unsigned int timeout_s, struct findings *f,
	       char *notes, size_t notes_size);

/* The canary must fire on its specimen and on nothing else. 0, or -EBADMSG and the sentence. */
_must_check_ int yara_canary(struct yara_rules *r, char ret_why[static EXAMINER_WHY_MAX]);

const char *yara_version(void); /* of the library; static */

#endif
