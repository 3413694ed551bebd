/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "origin/lines.h"

#include <string.h>

/* Move the rest to the front and read behind it. */
static int fill(struct lines *l)
{
	size_t want;
	ssize_t n;

	memmove(l->block, l->block + l->from, l->to - l->from);
	l->to -= l->from;
	l->from = 0;
	want = (size_t)MIN((uint64_t)(sizeof(l->block) - l->to), (uint64_t)LIST_BYTES_MAX + 1 - l->at);
	do
		n = pread(l->fd, l->block + l->to, want, (off_t)l->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	l->at += (uint64_t)n;
	l->to += (size_t)n;
	l->is_cut = l->at > LIST_BYTES_MAX;
	l->is_end = n == 0 || l->is_cut;
	return 0;
}

int lines_next(struct lines *l, const char **ret, size_t *ret_size, bool *ret_is_long)
{
	*ret_is_long = false;
	for (;;) {
		char *start = l->block + l->from;
		char *newline = memchr(start, '\n', l->to - l->from);
		size_t size = newline ? (size_t)(newline - start) : l->to - l->from;
		int r;

		if (newline || (l->is_end && size > 0)) {
			l->from += size + (newline ? 1 : 0);
			*ret_is_long |= size > LIST_LINE_MAX;
			*ret = start;
			*ret_size = MIN(size, (size_t)LIST_LINE_MAX);
			return 1;
		}
		if (l->is_end) {
			*ret = "";
			*ret_size = 0;
			return *ret_is_long;
		}
		if (size > LIST_LINE_MAX) {
			*ret_is_long = true;
			l->from = l->to; /* the rest of the line is swallowed */
		}
		r = fill(l);
		if (r < 0)
			return r;
	}
}
