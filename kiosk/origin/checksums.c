/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "origin/formats.h"
#include "origin/list.h"

static int on_entry(void *context, const struct list_entry *entry)
{
	struct evidence *e = context;

	return evidence_lists(e, entry->digest, entry->sum, 0, entry->path, entry->path_size);
}

int prove_checksums(struct evidence *e)
{
	struct list_summary s;
	int r = list_read(e->fd, e->name, on_entry, e, &s);

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
