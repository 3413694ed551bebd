/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Content types by libmagic, all that apply (polyglots), refined where libmagic says too little. */
#ifndef LAZARET_EXAMINE_MAGIC_H
#define LAZARET_EXAMINE_MAGIC_H

#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/macros.h"
#include "examine/containers.h"
#include "examine/database.h"
#include "examine/limits.h"

struct magic_engine;

struct types {
	char list[TYPES_MAX][TYPE_NAME_MAX + 1]; /* lower case; the main type first */
	size_t count;
};

/* Load libmagic's default database; before the sandbox. Returns 0 or a negative errno and the sentence. */
_must_check_ int magic_open_engine(struct magic_engine **ret, char ret_why[static WHY_MAX]);
struct magic_engine *magic_free_engine(struct magic_engine *m);

/* Static: "5.44". */
/* SHA-256 over its databases. Blocks; for the parent, beside magic_open_engine(). 0; -ENODATA: it cannot be told; or another negative errno. */
_must_check_ int magic_engine_sum(uint8_t ret[static SHA256_LEN]);
const char *magic_engine_version(void);

/* Types of these bytes (libmagic looks at the first MAGIC_BYTES_MAX) and of the containers that they are. Returns 0 with at least one type, or
 * -EBADMSG when libmagic failed, -EOVERFLOW when there are more types than fit: then nothing is known. */
_must_check_ int magic_types(struct magic_engine *m, const uint8_t *data, size_t size, const struct containers *c,
			      struct types *ret);

/* Add a type unless it is there. 0 or -EOVERFLOW. (types.c) */
_must_check_ int types_add(struct types *t, const char *mime, size_t length);

/* Add a type that somebody is sure of: the main one when libmagic had no other than a vague one. 0 or -EOVERFLOW. (types.c) */
_must_check_ int types_say(struct types *t, const char *mime);

/* What our own look adds: formats without a libmagic entry, containers hidden behind another format. (types.c) */
_must_check_ int types_refine(struct types *t, const uint8_t *data, size_t size, const struct containers *c);

#endif
