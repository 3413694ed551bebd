/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Type tables (`lazaret.types/1`, rules/types/): which MIME types there are, what their files may be called, which
 * of them are active content, and how they are grouped. */
#ifndef LAZARET_JUDGE_TYPES_H
#define LAZARET_JUDGE_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/glob.h"
#include "common/macros.h"
#include "common/yaml.h"

#define TYPE_OCTET_STREAM "application/octet-stream" /* libmagic's "no idea" */
#define TYPE_PLAIN_TEXT "text/plain"		     /* and its "some text" */

struct type_group {
	char *name;
	struct glob_list types;
	unsigned int line; /* of its definition in the rule file; 0: from a type table */
	unsigned int column;
	bool is_used;
};

/* Words of `within:` beside types; no group can be called so. */
#define TYPE_WITHIN_NOTHING "nothing"
#define TYPE_WITHIN_ANYTHING "anything"

/* One row: a MIME pattern and words that go with it. */
struct type_row {
	struct glob_list mime; /* one pattern */
	struct yaml_strings words;
};

struct type_rows {
	struct type_row *list;
	size_t count;
};

struct type_tables {
	struct type_group *groups;
	size_t group_count;
	struct type_rows extensions; /* MIME -> extensions without dot, lower case; "" is no extension */
	struct type_rows implies;    /* MIME -> further types that libmagic rightly reports beside it */
	struct glob_list nameless;   /* containers whose members have no names of their own */
	struct glob_list active_types;
	struct yaml_strings active_extensions;
};

enum type_agreement {
	TYPE_AGREES,
	TYPE_DISAGREES,	   /* the extension is known, and belongs to other types */
	TYPE_UNKNOWN_NAME, /* the tables do not know the type, or not the extension: neither yes nor a lie */
};

/* Add one table file to `t`. Returns 0, -EINVAL with errors added, -ENOMEM. */
_must_check_ int types_add(struct type_tables *t, const struct yaml_doc *doc, struct yaml_errors *errors);
/* Add groups from a map `name: [MIME...]`; `is_site`: a rule file's own, which must be used. */
_must_check_ int types_add_groups(struct type_tables *t, const struct yaml_doc *doc, const struct yaml_node *map,
				  bool is_site, struct yaml_errors *errors);
void types_done(struct type_tables *t);

struct type_group *types_group(const struct type_tables *t, const char *name);
/* Is there a type in the tables that this pattern means? Otherwise the nearest one is in `*ret_near`, or NULL. */
bool types_is_known(const struct type_tables *t, const struct glob *mime, const char **ret_near);
bool types_has_extensions(const struct type_tables *t, const char *mime); /* is there a row for this type? */
enum type_agreement types_extension(const struct type_tables *t, const char *mime, const char *path);
/* Could some name that matches `name` agree with some type that matches `mime`? (Both may be patterns.) */
bool types_extension_possible(const struct type_tables *t, const struct glob *mime, const struct glob *name);
bool types_is_implied(const struct type_tables *t, const char *mime, const char *further);
bool types_is_nameless(const struct type_tables *t, const char *container);
bool types_is_active(const struct type_tables *t, const char *mime);
/* The active extension that this path has, or NULL. */
const char *types_active_extension(const struct type_tables *t, const char *path);

/* Is this a MIME type or a pattern of one: letters, digits and "+-._*?" around one '/'? */
bool types_mime_valid(const char *mime);

#endif
