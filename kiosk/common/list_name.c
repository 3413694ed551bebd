/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/list_name.h"

#include <string.h>
#include <strings.h>

struct form {
	const char *algorithm;	   /* NULL: the name says none */
	bool is_sums;		   /* "sha256sums": may stand after '-' and '_' */
	size_t target;		   /* length of what stands before ".sha256", 0: nothing does */
};

/* "sha256" and the like. What the last part of a name must begin with. */
static const struct {
	const char *word, *algorithm;
} algorithms[] = {
	{ "md5", "md5" },	  { "sha1", "sha1" },	    { "sha224", "sha224" },  { "sha256", "sha256" },
	{ "sha384", "sha384" }, { "sha512", "sha512" },   { "blake2b", "blake2b" }, { "blake2", "blake2b" },
	{ "b2", "blake2b" },
};

/* Words that promise a list of whatever algorithm, or of one in another spelling (Node.js). */
static const struct {
	const char *word, *algorithm;
} lists[] = {
	{ "checksum", NULL },	{ "checksums", NULL },	     { "shasum", NULL },
	{ "shasums", NULL },	{ "shasums256", "sha256" }, { "shasums512", "sha512" },
};

static bool is_word(const char *p, size_t size, const char *word)
{
	return strlen(word) == size && strncasecmp(p, word, size) == 0;
}

static size_t without_txt(const char *name)
{
	size_t size = strlen(name);

	return size > 4 && strcasecmp(name + size - 4, ".txt") == 0 ? size - 4 : size;
}

static bool algorithm_word(const char *p, size_t size, struct form *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		size_t len = strlen(algorithms[i].word);

		if (size < len || strncasecmp(p, algorithms[i].word, len) != 0)
			continue;
		ret->algorithm = algorithms[i].algorithm;
		ret->is_sums = is_word(p + len, size - len, "sum") || is_word(p + len, size - len, "sums");
		if (size == len || ret->is_sums)
			return true;
	}
	return false;
}

static bool list_word(const char *p, size_t size, struct form *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (is_word(p, size, lists[i].word)) {
			*ret = (struct form){ .algorithm = lists[i].algorithm, .is_sums = true };
			return true;
		}
	}
	return false;
}

static bool name_form(const char *name, struct form *ret)
{
	size_t size = without_txt(name), start = size;

	while (start > 0 && !strchr("-_.", name[start - 1]))
		start--;
	*ret = (struct form){ 0 };
	if (list_word(name + start, size - start, ret))
		return true;
	if (!algorithm_word(name + start, size - start, ret))
		return false;
	/* A text about hashes ("notes-md5.txt") is no list, nor is a file that is called b2. */
	if (start == 0)
		return ret->is_sums || is_word(name, 3, "md5") || strncasecmp(name, "sha", 3) == 0;
	if (name[start - 1] == '.' && start > 1)
		ret->target = start - 1;
	return ret->is_sums || name[start - 1] == '.';
}

bool list_name_promises(const char *basename)
{
	struct form f;

	return name_form(basename, &f);
}

const char *list_name_algorithm(const char *basename)
{
	struct form f;

	return name_form(basename, &f) ? f.algorithm : NULL;
}

size_t list_name_target(const char *basename)
{
	struct form f;

	return name_form(basename, &f) ? f.target : 0;
}
