/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Debian control files: paragraphs of fields (deb822(5), Debian Policy 5.1). A reader of our own, because there is no library
 * for it: libapt-pkg is C++ and its interface follows apt's releases; libdpkg exists only for dpkg, reads its own fields alone,
 * opens its files itself and ends the process when it dislikes one; libsolv keeps a whole index in memory, takes the last of
 * several equal fields, and reads neither Release nor Sources.
 *
 * Everything in them is hostile. What two readers could understand differently is refused: a NUL byte, a CR that is not part
 * of a line's end, a line of blanks (the end of a paragraph to some, part of one to others), a line that is no field, a field
 * that stands twice in a paragraph. Lines may end in CRLF: a clearsigned text's signature does not tell the two apart.
 */
#ifndef LAZARET_ORIGIN_CONTROL_FILE_H
#define LAZARET_ORIGIN_CONTROL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "origin/debian_limits.h"
#include "proof/decompress.h"

/* A stretch of the paragraph's text: not NUL-terminated, valid until the next control_next(). */
struct control_text {
	const char *at;
	size_t size;
};

struct control_field {
	struct control_text name;
	struct control_text value; /* without blanks around it; with the continuation lines, as they are */
	uint64_t hash;		   /* of the name, without case */
};

struct control_paragraph {
	uint64_t line;			     /* of its first field, from 1 */
	const struct control_field *repeated; /* a field that stands twice, or NULL: then the paragraph is not to be used */
	size_t count;
	struct control_field fields[CONTROL_FIELDS_MAX];
};

struct control_file;

/* `source` is borrowed and must outlive the file. `paragraph_max` in bytes, at least CONTROL_BLOCK. 0 or -ENOMEM. */
_must_check_ int control_file_new(struct decompress *source, size_t paragraph_max, struct control_file **ret);
struct control_file *control_file_free(struct control_file *f); /* returns NULL */
static inline void control_file_freep(struct control_file **f)
{
	*f = control_file_free(*f);
}

/* The next paragraph. Memory grows to the longest paragraph, not with the file. Blocks on disk.
 * 1, 0 at the end, or
 * -EBADMSG  not a control file from here on  } with words in control_file_why()
 * -EFBIG    a limit of debian_limits.h	      } and the line in control_file_line()
 * or another negative errno. After an error nothing more can be read. */
_must_check_ int control_next(struct control_file *f, struct control_paragraph *ret);

const char *control_file_why(const struct control_file *f); /* static; "" as long as nothing is wrong */
uint64_t control_file_line(const struct control_file *f);   /* from 1: at which reading stands */
/* Has anything been read that looks like a control file: one field at least? */
bool control_file_has_begun(const struct control_file *f);

/* The line, from 1, of a place in the paragraph's text. */
uint64_t control_line_of(const struct control_paragraph *p, const char *at);

/* A field by its name, which is in ASCII and compared without case; NULL when there is none. */
const struct control_text *control_find(const struct control_paragraph *p, const char *name);
/* Likewise, of one line: 1; 0 when there is none or it is empty; -EBADMSG when it has several lines. */
_must_check_ int control_find_line(const struct control_paragraph *p, const char *name, struct control_text *ret);

/* Take the next line off `rest` (a copy of a field's value), without blanks around it; false at the end. The rest of the
 * field's first line is a line, too, unless it is empty. */
bool control_take_line(struct control_text *rest, struct control_text *ret);
/* Take the next word off a line; false at the end. */
bool control_take_word(struct control_text *line, struct control_text *ret);

bool control_text_is(const struct control_text *t, const char *words); /* without case */

#endif
