/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "origin/formats.h"

#include <string.h>

#include "common/evidence_name.h"
#include "origin/list.h"

/* A list inside of its signature goes by the signature's name: SHA256.sig (signify), SHA256SUMS.asc (OpenPGP). Cuts that off.
 * Returns whether there was something to cut off. */
static bool list_name(const char *name, char ret[static ORIGIN_PATH_MAX + 1])
{
	static const char *const suffixes[] = { ".sig", ".asc", ".gpg", ".pgp", ".sign", ".signature" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (evidence_has_suffix(name, suffixes[i])) {
			(void)snprintf(ret, ORIGIN_PATH_MAX + 1, "%.*s", (int)(strlen(name) - strlen(suffixes[i])), name);
			return true;
		}
	}
	(void)snprintf(ret, ORIGIN_PATH_MAX + 1, "%s", name);
	return false;
}

bool checksums_begin(const char *name, const char *head, size_t size)
{
	_cleanup_free_ struct list_entry *entry = malloc(sizeof(*entry));
	char of_list[ORIGIN_PATH_MAX + 1];

	if (!entry || !list_name(name, of_list))
		return false;
	while (size > 0) {
		const char *newline = memchr(head, '\n', size);
		size_t line = newline ? (size_t)(newline - head) : size;

		if (line > 0 && head[0] != '#' && head[0] != '\r')
			return list_line_parse(head, line, of_list, entry) == NULL;
		head += line + (newline ? 1 : 0);
		size -= line + (newline ? 1 : 0);
	}
	return false;
}

static int on_entry(void *context, const struct list_entry *entry)
{
	struct evidence *e = context;

	return evidence_lists(e, entry->digest, entry->sum, 0, entry->path, entry->path_size);
}

int prove_checksums(struct evidence *e)
{
	char name[ORIGIN_PATH_MAX + 1];
	struct list_summary s;
	int r;

	(void)list_name(e->name, name);
	r = list_read(e->fd, name, on_entry, e, &s);
	if (r < 0)
		return r;
	e->summary.outcome = s.outcome;
	e->summary.bad = s.bad_lines;
	if (s.bad_lines > 0)
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "line %u: %s", s.first_bad_line, s.why);
	else
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "%s", s.why);
	return 0;
}
