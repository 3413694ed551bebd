/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by importers. The signature says that the station wrote the manifest, not that the station was right:
 * names are checked again before anything is opened under them.
 */
#include "verify/manifest.h"

#include <string.h>

#include "common/name.h"

#define FILES_PREFIX "files/"
#define TABLE_FIRST  1024 /* entries */

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct manifest_file *)a)->path, ((const struct manifest_file *)b)->path);
}

static const char *unsafe_name(const char *path)
{
	size_t prefix = strlen(FILES_PREFIX);
	const char *why = "not beneath files/";

	if (strncmp(path, FILES_PREFIX, prefix) != 0 ||
	    name_path_valid(path + prefix, strlen(path) - prefix, &why) < 0)
		return why;
	return NULL;
}

static int add(struct manifest *m, size_t *room, const char *path, uint64_t size, const uint8_t sum[static SHA256_LEN])
{
	struct manifest_file *f;

	if (m->count == *room) {
		size_t more = *room ? 2 * *room : TABLE_FIRST;
		struct manifest_file *grown = reallocarray(m->files, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->files = grown;
		*room = more;
	}
	f = &m->files[m->count];
	*f = (struct manifest_file){ .path = strdup(path), .size = size };
	if (!f->path)
		return -ENOMEM;
	memcpy(f->sum, sum, SHA256_LEN);
	m->bytes += size;
	m->count++;
	return 0;
}

/* One file's object. What was not published is of no interest here. */
static int take_file(struct manifest *m, size_t *room, const json_t *file, struct problems *p)
{
	const json_t *as = json_object_get(file, "published_as"), *size = json_object_get(file, "size");
	const char *path = json_string_value(as), *why;
	const char *sum_text = json_string_value(json_object_get(file, "sha256"));
	const char *verdict = json_string_value(json_object_get(file, "verdict"));
	uint8_t sum[SHA256_LEN];

	if (json_is_null(as))
		return 0;
	if (!path) {
		problem(p, "manifest.json", "a file without a valid published_as");
		return 0;
	}
	why = unsafe_name(path);
	if (why)
		problem(p, path, "the manifest has an unsafe name: %s", why);
	else if (!sum_text || strlen(sum_text) != SHA256_HEX_LEN || hex_decode(sum_text, sum, sizeof(sum)) < 0 ||
		 !json_is_integer(size) || json_integer_value(size) < 0)
		problem(p, path, "the manifest has no valid size and sha256 for it");
	else if (!verdict || strcmp(verdict, "approved") != 0)
		problem(p, path, "published, but the manifest does not say approved");
	else
		return add(m, room, path, (uint64_t)json_integer_value(size), sum);
	return 0;
}

static int take_head(struct manifest *m, const json_t *report, struct problems *p)
{
	const char *transfer = json_string_value(json_object_get(report, "transfer"));
	const char *outcome = json_string_value(json_object_get(report, "outcome"));
	const char *station = json_string_value(json_object_get(json_object_get(report, "station"), "name"));

	m->station = strdup(station ? station : "");
	if (!m->station)
		return -ENOMEM;
	if (!outcome || strcmp(outcome, "published") != 0)
		problem(p, "manifest.json", "it is not the manifest of a published transfer");
	if (!transfer || !report_transfer_valid(transfer))
		problem(p, "manifest.json", "it names no transfer");
	else
		(void)snprintf(m->transfer, sizeof(m->transfer), "%s", transfer); /* fits: it is valid */
	return 0;
}

static int read_all(struct manifest *m, FILE *in, struct problems *p)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	json_t *report = NULL, *file;
	size_t room = 0;
	int r = report_reader_new(in, &reader);

	while (r == 0 && (r = report_next(reader, &file)) == 1) {
		r = take_file(m, &room, file, p);
		json_decref(file);
	}
	if (r == 0)
		r = report_rest(reader, &report);
	if (r == 0)
		r = take_head(m, report, p);
	json_decref(report);
	return r;
}

int manifest_parse(const char *text, size_t size, struct manifest *ret, struct problems *p)
{
	_cleanup_fclose_ FILE *in = fmemopen((char *)text, size, "r");
	struct manifest m = { 0 };
	int r;

	if (!in)
		return -errno;
	r = read_all(&m, in, p);
	if (r == -EBADMSG) {
		problem(p, "manifest.json", "it is not in the form of %s", REPORT_FORMAT);
		r = 0;
	}
	if (r < 0) {
		manifest_done(&m);
		return r;
	}
	if (m.count > 0)
		qsort(m.files, m.count, sizeof(*m.files), compare_files);
	for (size_t i = 1; i < m.count; i++)
		if (strcmp(m.files[i - 1].path, m.files[i].path) == 0)
			problem(p, m.files[i].path, "the manifest has it twice");
	*ret = m;
	return 0;
}

void manifest_done(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->files[i].path);
	free(m->files);
	free(m->station);
	*m = (struct manifest){ 0 };
}

struct manifest_file *manifest_find(const struct manifest *m, const char *path)
{
	const struct manifest_file wanted = { .path = (char *)path };

	return m->count > 0 ? bsearch(&wanted, m->files, m->count, sizeof(*m->files), compare_files) : NULL;
}

/* One line of SHA256SUMS, NUL-terminated: 64 hex digits, two spaces, path. */
static void check_sums_line(const struct manifest *m, const char *line, struct problems *p)
{
	char hex[SHA256_HEX_LEN + 1];
	struct manifest_file *f;
	uint8_t sum[SHA256_LEN];

	if (strlen(line) <= SHA256_HEX_LEN + 2 || strncmp(line + SHA256_HEX_LEN, "  ", 2) != 0) {
		problem(p, "SHA256SUMS", "a line that is not \"hash, two spaces, path\"");
		return;
	}
	memcpy(hex, line, SHA256_HEX_LEN);
	hex[SHA256_HEX_LEN] = '\0';
	line += SHA256_HEX_LEN + 2;
	f = manifest_find(m, line);
	if (!f)
		problem(p, line, "listed in SHA256SUMS, but not in the manifest");
	else if (f->is_in_sums)
		problem(p, line, "listed twice in SHA256SUMS");
	else if (hex_decode(hex, sum, sizeof(sum)) < 0 || memcmp(sum, f->sum, sizeof(sum)) != 0)
		problem(p, line, "SHA256SUMS and the manifest disagree");
	if (f)
		f->is_in_sums = true;
}

void manifest_check_sums(const struct manifest *m, const char *text, size_t size, struct problems *p)
{
	const char *end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		_cleanup_free_ char *line = NULL;

		if (!newline) {
			problem(p, "SHA256SUMS", "it ends inside a line");
			break;
		}
		line = strndup(text, (size_t)(newline - text));
		if (!line || strlen(line) != (size_t)(newline - text))
			problem(p, "SHA256SUMS", "a line that cannot be read");
		else
			check_sums_line(m, line, p);
		text = newline + 1;
	}
	for (size_t i = 0; i < m->count; i++)
		if (!m->files[i].is_in_sums)
			problem(p, m->files[i].path, "not listed in SHA256SUMS");
}
