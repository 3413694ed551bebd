/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Used by the supervisor (frame), lazaret-ledger, lazaret-verify and `lazaret` (reader). */
#include "common/report.h"

#include <stdbool.h>
#include <string.h>

#define FILES_OPEN "\"files\":["
#define LINE_FIRST 4096 /* bytes: most lines are shorter, longer ones make the buffer grow */

struct report_reader {
	FILE *in; /* borrowed */
	char *line;
	size_t room, size; /* of line; size without the newline */
	uint64_t read;	   /* bytes so far, with the line and its newline */
	char *before;	   /* the first line */
	bool is_comma;	   /* the last file's line ended in a comma, hence one more must come */
	bool has_files;
	bool is_end;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

bool report_transfer_valid(const char *name)
{
	size_t size = strlen(name);

	return size >= 1 && size <= REPORT_TRANSFER_MAX && name[0] != '-' &&
	       strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == size;
}

int report_frame(const json_t *report, char **ret_before, char **ret_after)
{
	_cleanup_(json_decref_p) json_t *copy = json_copy((json_t *)report);
	_cleanup_free_ char *text = NULL, *before = NULL, *after = NULL;
	char *at;

	if (!copy || json_object_set_new(copy, "files", json_array()) < 0)
		return -ENOMEM;
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return -ENOMEM;
	/* A string cannot hold the quotes unescaped, and no object within has this key with an empty array. */
	at = strstr(text, FILES_OPEN "]");
	if (!at)
		return -EINVAL;
	at += strlen(FILES_OPEN);
	if (asprintf(&before, "%.*s\n", (int)(at - text), text) < 0 || asprintf(&after, "%s\n", at) < 0)
		return -ENOMEM;
	*ret_before = TAKE_PTR(before);
	*ret_after = TAKE_PTR(after);
	return 0;
}

/* One line, which must end in a newline. */
static int read_line(struct report_reader *r)
{
	r->size = 0;
	for (;;) {
		int c = getc_unlocked(r->in);

		if (c == EOF)
			return ferror(r->in) ? -EIO : -EBADMSG;
		if (r->size + 1 >= r->room) {
			size_t room = r->room ? 2 * r->room : LINE_FIRST;
			char *line = r->size < REPORT_LINE_MAX ? realloc(r->line, room) : NULL;

			if (!line)
				return r->size < REPORT_LINE_MAX ? -ENOMEM : -EBADMSG;
			r->line = line;
			r->room = room;
		}
		if (c == '\n')
			break;
		r->line[r->size++] = (char)c;
	}
	r->line[r->size] = '\0';
	r->read += r->size + 1;
	return strlen(r->line) == r->size ? 0 : -EBADMSG;
}

int report_reader_new(FILE *in, struct report_reader **ret)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = calloc(1, sizeof(*reader));
	size_t tail = strlen(FILES_OPEN);
	int r;

	if (!reader)
		return -ENOMEM;
	reader->in = in;
	r = read_line(reader);
	if (r < 0)
		return r;
	if (reader->size < tail || strcmp(reader->line + reader->size - tail, FILES_OPEN) != 0)
		return -EBADMSG;
	reader->before = strdup(reader->line);
	if (!reader->before)
		return -ENOMEM;
	*ret = TAKE_PTR(reader);
	return 0;
}

struct report_reader *report_reader_free(struct report_reader *r)
{
	if (r) {
		free(r->before);
		free(r->line);
	}
	free(r);
	return NULL;
}

int report_next(struct report_reader *reader, json_t **ret_file)
{
	json_t *file;
	int r = read_line(reader);

	if (r < 0)
		return r;
	if (reader->line[0] == ']') {
		reader->is_end = true;
		return reader->is_comma ? -EBADMSG : 0;
	}
	if (reader->has_files && !reader->is_comma)
		return -EBADMSG;
	reader->is_comma = reader->size > 0 && reader->line[reader->size - 1] == ',';
	reader->has_files = true;
	file = json_loadb(reader->line, reader->size - (reader->is_comma ? 1 : 0), JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(file)) {
		json_decref(file);
		return -EBADMSG;
	}
	*ret_file = file;
	return 1;
}

void report_place(const struct report_reader *r, uint64_t *ret_at, uint64_t *ret_size)
{
	*ret_at = r->read - r->size - 1;
	*ret_size = r->size - (r->is_comma ? 1 : 0);
}

int report_rest(struct report_reader *reader, json_t **ret_report)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(json_decref_p) json_t *report = NULL;
	const char *format;

	if (!reader->is_end || getc_unlocked(reader->in) != EOF)
		return -EBADMSG;
	if (asprintf(&text, "%s%s", reader->before, reader->line) < 0)
		return -ENOMEM;
	report = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	format = json_string_value(json_object_get(report, "format"));
	if (!format || strcmp(format, REPORT_FORMAT) != 0 || json_array_size(json_object_get(report, "files")) != 0 ||
	    !json_is_array(json_object_get(report, "files")))
		return -EBADMSG;
	*ret_report = TAKE_PTR(report);
	return 0;
}
