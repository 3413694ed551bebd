/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Configuration files: YAML read through libyaml events into a small tree, decoded by tables.
 *
 * Every error of a file is collected, with its place, in one run. Refused: aliases and anchors, tags, a second
 * document, an empty file, unknown and duplicate keys, more than YAML_INPUT_MAX bytes, YAML_DEPTH_MAX levels.
 * Used on files of the officer, never on bytes from media.
 */
#ifndef LAZARET_COMMON_YAML_H
#define LAZARET_COMMON_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/macros.h"

#define YAML_INPUT_MAX (1024u * 1024u) /* bytes; libyaml has no nesting cap, and takes its time over '[[[[' */
#define YAML_DEPTH_MAX 16	       /* levels; our deepest format has 6 */
#define YAML_ERRORS_MAX 100	       /* kept; the rest is counted */

struct yaml_error {
	char *file; /* owned */
	unsigned int line, column; /* from 1; 0: the file as a whole */
	char *message; /* owned */
};

/* Zero-initialise; yaml_errors_done() frees. */
struct yaml_errors {
	struct yaml_error *list;
	size_t count;
	size_t dropped; /* beyond YAML_ERRORS_MAX, or out of memory */
};

/* Add one error; when memory is short it is still counted, so that a file with errors never looks good. */
void yaml_errors_add(struct yaml_errors *e, const char *file, unsigned int line, unsigned int column,
		     const char *fmt, ...) _printf_(5, 6);
bool yaml_errors_any(const struct yaml_errors *e);
/* "file:line:column: message" a line, escaped, in order of file and place. */
void yaml_errors_print(struct yaml_errors *e, FILE *f);
void yaml_errors_done(struct yaml_errors *e);

enum yaml_kind {
	YAML_KIND_SCALAR,
	YAML_KIND_LIST,
	YAML_KIND_MAP,
};

/* A node of the tree, owned by its document. A map's children alternate key, value. */
struct yaml_node {
	enum yaml_kind kind;
	unsigned int line, column;
	bool is_plain; /* scalar written without quotes */
	char *value;   /* scalar: NUL-terminated, without inner NUL */
	struct yaml_node **children;
	size_t count;
};

struct yaml_doc {
	char *file; /* as given, for messages */
	struct yaml_node *root;
};

/* Parse a buffer. Returns 0, -EINVAL with at least one error added, or -ENOMEM. */
_must_check_ int yaml_doc_parse(const char *file, const void *data, size_t size,
				struct yaml_errors *errors, struct yaml_doc **ret);
/* Read a regular file and parse it; one that cannot be read is an error in `errors` too (and -errno). */
_must_check_ int yaml_doc_load(const char *path, struct yaml_errors *errors, struct yaml_doc **ret);
struct yaml_doc *yaml_doc_free(struct yaml_doc *d);
void yaml_doc_freep(struct yaml_doc **d);

/* What a field of a map decodes to; `offset` is into the caller's struct. */
enum yaml_type {
	YAML_TYPE_STRING,   /* char *, owned */
	YAML_TYPE_ENUM,	    /* int: index into `choices` */
	YAML_TYPE_BOOL,	    /* bool: true or false, nothing else */
	YAML_TYPE_UINT,	    /* uint64_t, decimal */
	YAML_TYPE_SIZE,	    /* uint64_t bytes: 4096, 500MB (10^6), 2GiB (2^30) */
	YAML_TYPE_DURATION, /* uint64_t seconds: 90s 15m 12h 7d */
	YAML_TYPE_STRINGS,  /* struct yaml_strings: a list, or one scalar */
	YAML_TYPE_MAP,	    /* nested struct at offset, by `fields` */
	YAML_TYPE_NODE,	    /* const struct yaml_node *: the caller decodes it (list of maps, free keys) */
};

struct yaml_string {
	char *value; /* owned */
	unsigned int line, column;
};

struct yaml_strings {
	struct yaml_string *list;
	size_t count;
};

struct yaml_field {
	const char *key; /* NULL ends the table */
	enum yaml_type type;
	size_t offset;
	bool is_required;
	uint64_t min, max; /* UINT, SIZE, DURATION; max 0: no upper limit. STRING: max length, 0: 4096 */
	const char *const *choices;	 /* ENUM; NULL-terminated */
	const struct yaml_field *fields; /* MAP */
	const char *refused;		 /* a key that we know but do not take: the message says why */
};

#define YAML_FIELD(object, name, kind, member, ...)                                                \
	{ .key = (name), .type = YAML_TYPE_##kind, .offset = offsetof(object, member), __VA_ARGS__ }
#define YAML_FIELD_REFUSED(name, because) { .key = (name), .refused = (because) }
#define YAML_FIELD_END { .key = NULL }

/* Decode a map into the zero- or default-initialised struct at `out`: fields that do not occur keep what they
 * hold (strings there are replaced, not leaked). Returns 0, -EINVAL (errors added; `out` is still safe to free
 * field by field) or -ENOMEM. */
_must_check_ int yaml_decode(const struct yaml_doc *d, const struct yaml_node *node,
			     const struct yaml_field *fields, void *out, struct yaml_errors *errors);

/* The value of `key` in a map, or NULL. */
const struct yaml_node *yaml_map_get(const struct yaml_node *map, const char *key);

/* Of two results the one to go on with: out of memory before bad input before fine. A function, since a macro such as
 * MIN() would do the work of its arguments twice. */
static inline int yaml_worse(int a, int b)
{
	return a == -ENOMEM || b == -ENOMEM ? -ENOMEM : a < 0 ? a : b;
}

/* An error at this node. */
void yaml_node_error(const struct yaml_doc *d, const struct yaml_node *node, struct yaml_errors *errors,
		     const char *fmt, ...) _printf_(4, 5);

/* A list of scalars, or a single one. Same returns as yaml_decode(). */
_must_check_ int yaml_strings_decode(const struct yaml_doc *d, const struct yaml_node *node,
				     struct yaml_strings *ret, struct yaml_errors *errors);
void yaml_strings_done(struct yaml_strings *s);
bool yaml_strings_has(const struct yaml_strings *s, const char *value);

/* The nearest of `count` names to a misspelt one, or NULL when none is near enough. */
const char *yaml_did_you_mean(const char *word, const char *const *names, size_t count);

/* "2GiB", "500MB", "4096" -> bytes; "7d", "120s" -> seconds. No sign, space, octal or fraction.
 * Return 0, -EINVAL, or -ERANGE past 64 bits. */
_must_check_ int size_parse(const char *text, uint64_t *ret_bytes);
_must_check_ int duration_parse(const char *text, uint64_t *ret_s);

#endif
