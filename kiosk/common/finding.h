/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an examiner says of one file. Approval needs every configured check in `done` and no finding:
 * silence is never a yes (invariant 1).
 */
#ifndef LAZARET_COMMON_FINDING_H
#define LAZARET_COMMON_FINDING_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/reason.h"

/* One bit per check; set only by the code that saw the check run to its end on exactly these bytes. */
enum check {
	CHECK_READ = 1u << 0,	/* read whole, unchanged, hashed and sealed (reader, vault) */
	CHECK_NAME = 1u << 1,	/* name rules and collisions (supervisor) */
	CHECK_VIRUS = 1u << 2,	/* libclamav, with positive evidence (examine) */
	CHECK_TYPE = 1u << 3,	/* libmagic (examine) */
	CHECK_LISTS = 1u << 4,	/* checksum lists of the medium compared (origin) */
	CHECK_ORIGIN = 1u << 5, /* signatures of the medium verified (origin) */
	CHECK_CONTENT = 1u << 6, /* active content and lies of formats (content, in examine) */
	CHECK_MEMBERS = 1u << 7, /* no container, or opened to the bottom (unpack and its kind) */
	CHECK_YARA = 1u << 8,	 /* the site's YARA rules (yara) */
	CHECK_PLUGINS = 1u << 9, /* every required plug-in that is asked about files of its type (plugin) */
};

#define FINDING_DETAIL_MAX 512	 /* bytes without NUL; enough for a signature name and a sentence */
#define FINDING_MEMBER_MAX 4096	 /* bytes without NUL; PATH_MAX: longer member paths are cut and marked */
#define FINDINGS_MAX 32		 /* a file; what a full list keeps: findings_add() */

struct finding {
	enum reason reason;
	char *detail; /* owned; UTF-8 not guaranteed: escape before showing */
	char *member; /* owned; path inside the container, '/'-joined, NULL for the file itself */
};

struct findings {
	struct finding list[FINDINGS_MAX];
	size_t count;
	uint32_t done; /* enum check bits */
};

/* Add one finding; copies and cuts both strings. A reason already present with the same member is not repeated. A full
 * list takes no further finding of a reason that it has; a new reason takes the place of one that stands twice. Returns 0 or -ENOMEM (in which case the
 * caller must not set the check's `done` bit).
 */
_must_check_ int findings_add(struct findings *f, enum reason reason, const char *member,
			      const char *fmt, ...) _printf_(4, 5);
/* The same; but where the reason stands with the same member already, this detail is told behind that one, as far as there is room:
 * what two examiners say of one file is told together. */
_must_check_ int findings_join(struct findings *f, enum reason reason, const char *member, const char *detail);
void findings_done(struct findings *f); /* frees the strings, zeroes the struct */

#endif
