/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* JSON (RFC 8259) from a medium, through jansson, within limits; and what is encoded inside of it.
 *
 * Refused: more bytes, a deeper nesting or more values than the limits say, a member that stands twice in one object (two
 * parsers would read two documents), bytes behind the document, text that is no UTF-8, NUL in a string, integers past 64 bits.
 */
#ifndef LAZARET_ORIGIN_JSON_INPUT_H
#define LAZARET_ORIGIN_JSON_INPUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "proof/digest.h"

#define JSON_INPUT_BYTES_MAX (32u << 20) /* bytes: a statement about 100,000 files in base64 is 24 MB */
#define JSON_INPUT_VALUES_MAX 600000u	 /* values: 100,000 files take 4 each; jansson takes 220 bytes for the dearest */
#define JSON_INPUT_DEPTH_MAX 64u	 /* arrays and objects in each other: provenance has 10; jansson recurses up to 2,048 */

static inline void json_p(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

#define _cleanup_json_ _cleanup_(json_p)

/* What jansson would open a file for: its seed against chosen collisions of members' names. Before the sandbox is entered. */
void json_input_prepare(void);

/* Parse an object. `ret` is owned by the caller. Returns 0; -EBADMSG and a sentence in `ret_why`; -ENOMEM. */
#define JSON_INPUT_WHY_MAX 300
_must_check_ int json_input_parse(const char *raw, size_t size, json_t **ret, char ret_why[static JSON_INPUT_WHY_MAX]);

/* Likewise, an array. */
_must_check_ int json_input_parse_list(const char *raw, size_t size, json_t **ret, char ret_why[static JSON_INPUT_WHY_MAX]);

/* The whole file behind `fd` (borrowed; read from offset 0, position unchanged), with a NUL behind it; owned by the caller.
 * -EFBIG when it is longer than `limit`. */
_must_check_ int json_input_read(int fd, uint64_t size, size_t limit, char **ret);

/* A member that is a string; borrowed from `object`. NULL when there is none, or `object` is NULL or no object. */
const char *json_input_text(const json_t *object, const char *name);

/* Base64 of RFC 4648 section 4 or 5 (URL-safe, there also without padding), with `head` bytes of room before the result, and
 * a NUL behind it; owned by the caller. `*ret_size`: without both. -EBADMSG, -ENOMEM. */
_must_check_ int json_input_base64(const char *text, size_t head, uint8_t **ret, size_t *ret_size);

/* "sha256:HEX" (OCI image specification, descriptor.md, "Digests"), lower case. Returns the digest, NULL for an algorithm
 * that is not known, with `*ret_is_proper` telling whether it is a digest at all. */
const struct digest *json_input_digest(const char *text, uint8_t ret_sum[static ORIGIN_DIGEST_MAX], bool *ret_is_proper);

#endif
