/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Patterns of rules and of trusted keys: '*' is any run of bytes, '?' any one byte, all else stands for itself. So simple
 * that whether one pattern covers another can be decided, which is how dead rules are found. Pure. */
#ifndef LAZARET_COMMON_GLOB_H
#define LAZARET_COMMON_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

#define GLOB_MAX 255 /* bytes of a pattern: bounds the state sets of glob_covers() */

struct glob {
	char *pattern;	  /* owned, at most GLOB_MAX bytes */
	bool ignore_case; /* ASCII letters only */
	bool is_basename; /* matches what follows the last '/'; its wildcards never match '/' */
};

struct glob_list {
	struct glob *list;
	size_t count;
};

/* -EINVAL: empty or too long. */
_must_check_ int glob_list_add(struct glob_list *l, const char *pattern, bool ignore_case, bool is_basename);
void glob_list_done(struct glob_list *l);

bool glob_match(const struct glob *g, const char *text);
bool glob_list_match(const struct glob_list *l, const char *text);
bool glob_is_literal(const struct glob *g);

/* Does `a` match every text that `b` matches? Exact, but for patterns so entangled that the answer would take more
 * than a few thousand steps: then "no". Never a wrong "yes". */
bool glob_covers(const struct glob *a, const struct glob *b);
/* Every pattern of `b` by some single pattern of `a`. */
bool glob_list_covers(const struct glob_list *a, const struct glob_list *b);

/* Is there a text that both match? Exact. */
bool glob_meets(const struct glob *a, const struct glob *b);

#endif
