/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-records. Reports never change, and the index tells where in one a file's object is. The index is no
 * authority: what is found in that place must be the file that was asked for.
 */
#include "records/entry.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "common/report.h"

#define LINES_BETWEEN_CLOCKS 256

static bool is_it(const json_t *object, const struct history_entry *e)
{
	const char *path = json_string_value(json_object_get(object, "path"));
	const char *verdict = json_string_value(json_object_get(object, "verdict"));

	return path && strcmp(path, e->path) == 0 && verdict && strcmp(verdict, e->verdict) == 0 &&
	       json_integer_value(json_object_get(object, "size")) == e->size;
}

static int read_at(int fd, uint64_t at, uint64_t length, json_t **ret)
{
	_cleanup_free_ char *text = length <= REPORT_LINE_MAX ? malloc(length + 1) : NULL;
	ssize_t n;

	if (!text)
		return length <= REPORT_LINE_MAX ? -ENOMEM : -EBADMSG;
	n = pread(fd, text, length, (off_t)at);
	if (n < 0)
		return -errno;
	*ret = (uint64_t)n == length ? json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
	return *ret ? 0 : -EBADMSG;
}

static bool is_late(int64_t deadline_ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 >= deadline_ms;
}

/* An index of an older version does not tell where: count those of this verdict from the report's beginning. */
static int look_for(int fd, const struct history_entry *e, int64_t deadline_ms, json_t **ret)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	_cleanup_fclose_ FILE *in = fd_stream(fd, "r");
	int64_t place = 0;
	json_t *file;
	int r;

	if (!in)
		return -errno;
	r = report_reader_new(in, &reader);
	for (unsigned int n = 1; r == 0 && (r = report_next(reader, &file)) == 1; n++) {
		const char *verdict = json_string_value(json_object_get(file, "verdict"));

		if (verdict && strcmp(verdict, e->verdict) == 0 && place++ == e->place) {
			*ret = file;
			return 0;
		}
		json_decref(file);
		r = n % LINES_BETWEEN_CLOCKS == 0 && is_late(deadline_ms) ? -ETIMEDOUT : 0;
	}
	return r < 0 ? r : -EBADMSG;
}

int entry_read(int reports_fd, const char *transfer, const struct history_entry *e, int64_t deadline_ms, json_t **ret)
{
	char name[REPORT_TRANSFER_MAX + 16];
	_cleanup_close_ int fd = -EBADF;
	json_t *object = NULL;
	int r;

	if (!report_transfer_valid(transfer))
		return -ENOENT;
	(void)snprintf(name, sizeof(name), "%s.json", transfer); /* fits: it is valid */
	fd = openat(reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = e->has_place ? read_at(fd, e->at, e->length, &object) : look_for(fd, e, deadline_ms, &object);
	if (r == 0 && !is_it(object, e))
		r = -EBADMSG;
	if (r < 0)
		json_decref(object);
	else
		*ret = object;
	return r;
}
