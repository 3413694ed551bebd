/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Content that is dangerous without being malware: one small detector each, behind one interface. Nothing is run, nothing
 * is unpacked (kiosk/container does that; a document's parts come here one by one). Runs in the examiners' sandbox.
 */
#ifndef LAZARET_CONTENT_CONTENT_H
#define LAZARET_CONTENT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/finding.h"
#include "common/macros.h"

#define CONTENT_TYPES_MAX 4 /* that detectors add */

/* One file or member, for the time of one call. */
struct content {
	const uint8_t *data; /* never NULL */
	size_t size;	     /* bytes; may be 0 */
	const char *path;    /* raw, no NUL inside; of a member: within its container */
	const char *name;    /* its last component */
	const char *container; /* MIME type of the container that it is a member of; NULL: a file of the medium */
	const char *const *types; /* MIME types that libmagic gave, the main one first */
	size_t type_count;

	const char *detector;	   /* which one looks: content_look() sets it; NULL */
	struct findings *findings; /* borrowed: content_active() and content_unsafe() write here */
	const char *more_types[CONTENT_TYPES_MAX]; /* static strings: content_is() writes here */
	size_t more_type_count;
};

/* Three things that a detector can say. They return 0 or a negative errno (-ENOMEM), which it passes on.
 *
 * active   something in it acts when it is opened: a macro, a script, a remote template (reason active-content)
 * unsafe   it lies about itself or is made to harm whatever reads it: refused whatever the rules say of its type
 *          (REASON_TYPE_MISMATCH: not what it seems; REASON_ARCHIVE_UNSAFE: damaged, or not safe to load)
 * is       it is also of this type (rules judge types: a script that libmagic takes for plain text). `mime` is static. */
_must_check_ int content_active(struct content *c, const char *fmt, ...) _printf_(2, 3);
_must_check_ int content_unsafe(struct content *c, enum reason reason, const char *fmt, ...) _printf_(3, 4);
_must_check_ int content_is(struct content *c, const char *mime);

bool content_has_type(const struct content *c, const char *mime); /* among `types` */
/* Without regard to case: does the last component end so? `extension` without dot, lower case. */
bool content_has_extension(const struct content *c, const char *extension);
/* Is the container of this kind? A prefix of its MIME type: "application/vnd.openxmlformats-officedocument." */
bool content_is_in(const struct content *c, const char *mime_prefix);

struct detector {
	const char *name; /* "office-relations": stands in front of what it says; docs/inspection.md lists them */
	/* Look at it. 0, or a negative errno when it could not tell (the file then has scan-error). Bounded in time by the
	 * size: no detector looks at a byte more than a few times. Called for every file: return at once when it is not yours. */
	int (*look)(struct content *c);
};

/* All detectors over one file. 0, or a negative errno with a finding added; CHECK_CONTENT is set on success. */
_must_check_ int content_look(struct content *c);

#endif
