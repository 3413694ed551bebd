/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examine/denylist.h"

#include <fcntl.h>
#include <string.h>

#include "common/fd.h"
#include "examine/limits.h"

struct denylist {
	uint8_t text_sum[SHA256_LEN];
	size_t count;
	uint8_t (*sums)[SHA256_LEN]; /* sorted */
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Returns 1 for a digest, 0 for nothing, or -EINVAL. The line ends at `end`. */
static int parse_line(const char *line, const char *end, uint8_t ret[static SHA256_LEN])
{
	char digits[SHA256_HEX_LEN + 1] = "";

	while (line < end && is_blank(*line))
		line++;
	if (line == end || *line == '#')
		return 0;
	if (end - line < SHA256_HEX_LEN || (end - line > SHA256_HEX_LEN && !is_blank(line[SHA256_HEX_LEN])))
		return -EINVAL;
	memcpy(digits, line, SHA256_HEX_LEN);
	return hex_decode(digits, ret, SHA256_LEN) < 0 ? -EINVAL : 1;
}

static size_t count_lines(const char *text, size_t size)
{
	size_t n = 1;

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	return n;
}

static int parse(struct denylist *d, const char *text, size_t size, const char *path, char *why)
{
	const char *line = text;
	size_t number = 1;

	for (; line < text + size; number++) {
		const char *end = memchr(line, '\n', size - (size_t)(line - text));
		int r;

		if (!end)
			end = text + size;
		r = parse_line(line, end, d->sums[d->count]);
		if (r < 0) {
			(void)snprintf(why, WHY_MAX, "%.300s:%zu: not a SHA-256 of 64 hex digits; correct the line", path,
				       number);
			return r;
		}
		d->count += (size_t)r;
		line = end + 1;
	}
	return 0;
}

int denylist_load(const char *path, struct denylist **ret, char ret_why[static WHY_MAX])
{
	_cleanup_free_ char *text = NULL;
	struct denylist *d;
	size_t size;
	int r = file_read(AT_FDCWD, path, DENYLIST_FILE_MAX, &text, &size);

	if (r < 0) {
		(void)snprintf(ret_why, WHY_MAX, "%.300s: %s (list of forbidden files; check the path in the configuration)",
			       path, strerror(-r));
		return r;
	}
	d = calloc(1, sizeof(*d));
	if (d)
		d->sums = calloc(count_lines(text, size) + 1, sizeof(*d->sums));
	if (!d || !d->sums) {
		(void)snprintf(ret_why, WHY_MAX, "%.300s: out of memory", path);
		denylist_free(d);
		return -ENOMEM;
	}
	r = parse(d, text, size, path, ret_why);
	if (r == 0)
		r = sha256(text, size, d->text_sum);
	if (r < 0) {
		denylist_free(d);
		return r;
	}
	qsort(d->sums, d->count, sizeof(*d->sums), compare);
	*ret = d;
	return 0;
}

struct denylist *denylist_free(struct denylist *d)
{
	if (d)
		free(d->sums);
	free(d);
	return NULL;
}

const uint8_t *denylist_sum(const struct denylist *d)
{
	return d->text_sum;
}

size_t denylist_count(const struct denylist *d)
{
	return d ? d->count : 0;
}

bool denylist_has(const struct denylist *d, const uint8_t sum[static SHA256_LEN])
{
	return d && d->count > 0 && bsearch(sum, d->sums, d->count, sizeof(*d->sums), compare) != NULL;
}
