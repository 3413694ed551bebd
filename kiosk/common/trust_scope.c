/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a trusted key is trusted for. */
#include <string.h>
#include <strings.h>

#include "common/glob.h"
#include "common/trust.h"

static const char *const purposes[PURPOSE_COUNT_] = {
	[PURPOSE_FILES] = "files", [PURPOSE_REPOSITORY] = "repository",	  [PURPOSE_PACKAGE] = "package",
	[PURPOSE_IMAGE] = "image", [PURPOSE_ATTESTATION] = "attestation", [PURPOSE_CODE] = "code",
	[PURPOSE_UPDATE] = "update",
};

const char *trust_purpose_name(unsigned int purpose)
{
	return purpose < PURPOSE_COUNT_ ? purposes[purpose] : NULL;
}

int trust_purpose_by_name(const char *name)
{
	for (int p = 0; p < PURPOSE_COUNT_; p++)
		if (strcmp(purposes[p], name) == 0)
			return p;
	return -EINVAL;
}

static bool length_valid(const char *pattern)
{
	return *pattern && strlen(pattern) <= GLOB_MAX;
}

/* Those that could match nothing are mistakes of the officer, who believes the key to be of use: as in rules. */
bool trust_path_valid(const char *pattern)
{
	return length_valid(pattern) && pattern[0] != '/' && pattern[strlen(pattern) - 1] != '/' &&
	       !strstr(pattern, "//") && strncmp(pattern, "./", 2) != 0;
}

bool trust_type_valid(const char *pattern)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._*?";
	size_t before = strspn(pattern, letters);

	return length_valid(pattern) && before > 0 && pattern[before] == '/' && pattern[before + 1] &&
	       pattern[before + 1 + strspn(pattern + before + 1, letters)] == '\0';
}

bool trust_key_has_ended(const json_t *key, int64_t now)
{
	static const char *const ends[] = { "until", "expires" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		json_int_t end = json_integer_value(json_object_get(key, ends[i]));

		if (end != 0 && now >= end)
			return true;
	}
	return false;
}

bool trust_key_counts(const json_t *key, enum key_purpose purpose, int64_t now)
{
	const char *wanted = trust_purpose_name(purpose);
	json_t *word;
	size_t i;

	if (!wanted || trust_key_has_ended(key, now))
		return false;
	json_array_foreach(json_object_get(key, "purposes"), i, word)
		if (json_is_string(word) && strcmp(json_string_value(word), wanted) == 0)
			return true;
	return false;
}

static bool any_matches(const json_t *patterns, const char *text, bool is_type)
{
	json_t *pattern;
	size_t i;

	json_array_foreach((json_t *)patterns, i, pattern) {
		const char *p = json_string_value(pattern);
		const struct glob g = { .pattern = (char *)p, .ignore_case = is_type, .is_basename = !is_type && p && !strchr(p, '/') };

		if (p && glob_match(&g, text))
			return true;
	}
	return false;
}

static bool says_nothing(const char *further, const char *first)
{
	return strcasecmp(further, "application/octet-stream") == 0 || strcasecmp(further, "text/plain") == 0 ||
	       strcasecmp(further, first) == 0;
}

bool trust_key_covers(const json_t *key, const char *path, const char *const *types, size_t type_count)
{
	const json_t *paths = json_object_get(key, "paths"), *wanted = json_object_get(key, "types");

	if (!json_is_array(paths) || !json_is_array(wanted))
		return false; /* not a key of ours: no list is not an empty list */
	if (json_array_size(paths) > 0 && !any_matches(paths, path, false))
		return false;
	if (json_array_size(wanted) == 0)
		return true;
	for (size_t i = 0; i < type_count; i++)
		if (!(i > 0 && says_nothing(types[i], types[0])) && !any_matches(wanted, types[i], true))
			return false;
	return type_count > 0;
}
