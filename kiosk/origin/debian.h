/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What Release, Packages, Sources and .dsc have in common: lines of digests, paths, dates. */
#ifndef LAZARET_ORIGIN_DEBIAN_H
#define LAZARET_ORIGIN_DEBIAN_H

#include "origin/control_file.h"
#include "proof/proof.h"

struct debian_path {
	char at[ORIGIN_PATH_MAX + 1];
	size_t size;
};

/* `raw` beneath `directory` (NULL: none; it may be the beginning of `path` itself), as proof/path.h has paths. NULL, or what is
 * wrong with it, static. */
const char *debian_path_set(struct debian_path *path, const struct control_text *directory, const struct control_text *raw);

/* Exactly the digest's hexadecimal digits. NULL, or what is wrong, static. */
const char *debian_sum(const struct control_text *hex, const struct digest *d, uint8_t ret[static ORIGIN_DIGEST_MAX]);

/* "HEX SIZE NAME", as in Checksums-Sha256 (Policy 5.6.24); with `has_section` "HEX SIZE SECTION PRIORITY NAME", as in Files of
 * a .changes (5.6.21). NULL and digest and name, or what is wrong, static. */
struct debian_listed {
	uint8_t sum[ORIGIN_DIGEST_MAX];
	struct control_text name;
};
const char *debian_sum_line(struct control_text line, const struct digest *d, bool has_section, struct debian_listed *ret);

/* "Sat, 17 May 2025 09:17:55 UTC": RFC 1123 section 5.2.14 (RFC 822 section 5.1 with a year of four digits), in UTC (also called
 * GMT, Z and +0000), the day of the week the right one. Seconds since 1970, or -EINVAL. Opens no file, as timegm(3) might. */
_must_check_ int debian_date(const struct control_text *text, uint64_t *ret);

/* A bad entry, at this place of the paragraph: counted, and the first one told with its line. */
void debian_note_bad(struct evidence *e, const struct control_paragraph *p, const char *at, const char *why);
/* The list is not to be relied on. The first reason is kept. */
void debian_note_broken(struct evidence *e, const char *format, ...) _printf_(2, 3);

/* Open the evidence to be read as a control file. `suffix` is what its name says of its compression: "" or ".gz" and so on, and its
 * first bytes must agree, for to another reader it would be another list; NULL: the name says nothing. Returns 0 and the
 * source, which is NULL when it cannot be read: the summary says why then; or a negative errno. */
_must_check_ int debian_open(struct evidence *e, const char *suffix, struct decompress **ret);
/* The ending of a name that says how the file is compressed, in lower case, static; "" when there is none. */
const char *debian_suffix(const char *name);

/* After the only paragraph that there may be: what else follows. 0, or the errno of control_next(). `p` is overwritten. */
_must_check_ int debian_end_alone(struct evidence *e, struct control_file *f, struct control_paragraph *p);

/* What reading ended with (control_next() or evidence_lists()): 0, or the errno that is to be returned. What is wrong with the
 * file itself becomes the summary: no list when it is no control file at all and `is_promised` is false, or a broken one. */
_must_check_ int debian_end(struct evidence *e, int r, const struct control_file *f, const struct decompress *source,
			    bool is_promised);

#endif
