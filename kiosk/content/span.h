/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Pieces of hostile bytes, and text that may be UTF-16: what several detectors need. Nothing here allocates but plain_open().
 */
#ifndef LAZARET_CONTENT_SPAN_H
#define LAZARET_CONTENT_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "content/content.h"

/* Bytes of somebody else. As arguments of "%.*s": SPAN_ARGS(), cut to what a sentence has room for. */
struct span {
	const uint8_t *at; /* may be NULL when size is 0 */
	size_t size;
};

#define SPAN_SHOWN_MAX 160 /* bytes of one name, address or command line in a sentence */
#define SPAN_ARGS(s) (int)MIN((s).size, (size_t)SPAN_SHOWN_MAX), (s).size > 0 ? (const char *)(s).at : ""

struct span span_text(const char *text); /* without its NUL */
struct span span_trim(struct span s);	 /* blanks and control bytes at both ends */
/* Without regard to the case of ASCII letters; `lower` is lower case. */
bool span_is(struct span s, const char *lower);
bool span_starts(struct span s, const char *lower);
bool span_ends(struct span s, const char *lower);
/* Where the first one begins; NULL. In the size of `s`, times the length of `lower` at worst. */
const uint8_t *span_find(struct span s, const char *lower);
/* What stands behind `at` (inside of `s`, or its end). */
struct span span_from(struct span s, const uint8_t *at);
/* The next line without its end; false when there is none left. `rest` moves on. */
bool span_line(struct span *rest, struct span *ret);
/* `path` has `lower` as its last components: "xl/workbook.xml" in "a/XL/Workbook.xml". */
bool path_ends(const char *path, const char *lower);
/* ... as components of a folder: "macrosheets" in "xl/macrosheets/sheet1.xml". */
bool path_has_folder(const char *path, const char *lower);

/* An address that is fetched from another machine when it is merely shown: http, https, ftp, file, mhtml, WebDAV, UNC.
 * Also behind "mhtml:", "ms-its:" and blanks. */
bool is_remote(struct span address);

/* The file as text of one byte a character. UTF-16 (with a byte-order mark, or by its zeros) becomes that: what is not ASCII
 * is '?' then, which is enough to look for commands. A UTF-8 byte-order mark is left out. */
struct plain {
	struct span text;
	uint8_t *owned;
	bool is_binary; /* NUL or control bytes at its beginning: no text */
};

/* 0 or -ENOMEM. */
_must_check_ int plain_open(const struct content *c, struct plain *ret);
void plain_done(struct plain *p);

uint16_t le16(const uint8_t *p);
uint32_t le32(const uint8_t *p);
uint32_t be32(const uint8_t *p);
uint64_t le64(const uint8_t *p);

#endif
