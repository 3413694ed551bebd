/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/lists.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "fleet/limits.h"

#define HEADING "# Contents denied by the centre, or by other stations: written by lazaret-fleet, which only adds. docs/fleet.md\n"
#define DENIED_BYTES_MAX ((size_t)DENIED_MAX * (SHA256_HEX_LEN + REMARK_MAX + 16))
#define TAKEN_BACK " (taken back; two people of this station may remove this line)"

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static bool is_sum(const char *text)
{
	return strspn(text, "0123456789abcdef") == SHA256_HEX_LEN && (text[SHA256_HEX_LEN] == '\0' || text[SHA256_HEX_LEN] == ' ');
}

/* Words of other people, as one clean line. Owned by the caller; NULL: out of memory. */
static char *clean(const char *text)
{
	return text ? text_escape(text, strnlen(text, REMARK_MAX / 4)) : strdup("");
}

static char *remark_of(const PGresult *r, int row)
{
	_cleanup_free_ char *by = clean(link_value(r, row, 2)), *reason = clean(link_value(r, row, 4)), *station = clean(link_value(r, row, 7));
	char *out = NULL;

	if (!by || !reason || !station || asprintf(&out, "by %s at %s: %s", by, station[0] ? station : "the centre", reason) < 0)
		return NULL;
	return out;
}

/* -- the list of denied contents: an object from SHA-256 to remark -------------------------------------------------- */

static int read_denied(int dir_fd, json_t *denied)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = file_read(dir_fd, LISTS_DENIED, DENIED_BYTES_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *remark = line + SHA256_HEX_LEN;

		if (!is_sum(line))
			continue;
		remark += strspn(remark, " ");
		line[SHA256_HEX_LEN] = '\0';
		if (json_object_set_new(denied, line, json_string_nocheck(remark)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What was denied and is no longer stays, and says so. */
static int mark_taken_back(json_t *denied, const json_t *fetched)
{
	const char *sum;
	json_t *remark;

	json_object_foreach(denied, sum, remark) {
		_cleanup_free_ char *marked = NULL;

		if (json_object_get(fetched, sum) || strstr(json_string_value(remark), TAKEN_BACK))
			continue;
		if (asprintf(&marked, "%s%s", json_string_value(remark), TAKEN_BACK) < 0 ||
		    json_string_set_nocheck(remark, marked) < 0)
			return -ENOMEM;
	}
	return json_object_update(denied, (json_t *)fetched) < 0 ? -ENOMEM : 0;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int print_denied(const json_t *denied, FILE *out)
{
	size_t count = json_object_size(denied), i = 0;
	_cleanup_free_ const char **sums = calloc(count + 1, sizeof(*sums));
	const char *sum;
	json_t *remark;

	if (!sums)
		return -ENOMEM;
	json_object_foreach((json_t *)denied, sum, remark)
		sums[i++] = sum;
	qsort(sums, count, sizeof(*sums), compare_text);
	(void)fputs(HEADING, out); /* errors show in fflush() */
	for (i = 0; i < count; i++)
		(void)fprintf(out, "%s  %s\n", sums[i], json_string_value(json_object_get(denied, sums[i])));
	return fflush(out) == 0 ? 0 : -ENOMEM;
}

/* Written when it changes alone: whoever watches the file has the station load it. */
static int write_denied(int dir_fd, const json_t *denied)
{
	_cleanup_free_ char *text = NULL, *before = NULL;
	size_t size = 0;
	_cleanup_fclose_ FILE *out = open_memstream(&text, &size);
	int r = out ? print_denied(denied, out) : -ENOMEM;

	if (r < 0)
		return r;
	if (file_read(dir_fd, LISTS_DENIED, DENIED_BYTES_MAX, &before, NULL) == 0 && strcmp(before, text) == 0)
		return 0;
	return file_replace(dir_fd, LISTS_DENIED, text, size, 0644);
}

int lists_begin(int dir_fd)
{
	if (faccessat(dir_fd, LISTS_DENIED, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == ENOENT ? file_replace(dir_fd, LISTS_DENIED, HEADING, strlen(HEADING), 0644) : -errno;
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static json_t *text_or_null(const char *text)
{
	_cleanup_free_ char *shown = text ? clean(text) : NULL;

	return shown ? json_string(shown) : json_null();
}

static json_t *number_or_null(const char *text)
{
	return text ? json_integer(strtoll(text, NULL, 10)) : json_null();
}

static int add_advice(json_t *advice, const PGresult *r, int row)
{
	json_t *o = json_pack("{sososososososososo}", "sha256", text_or_null(link_value(r, row, 0)), "decision",
			      text_or_null(link_value(r, row, 1)), "by", text_or_null(link_value(r, row, 2)), "second",
			      text_or_null(link_value(r, row, 3)), "reason", text_or_null(link_value(r, row, 4)), "decided_at",
			      number_or_null(link_value(r, row, 5)), "until", number_or_null(link_value(r, row, 6)), "station",
			      text_or_null(link_value(r, row, 7)), "seq", number_or_null(link_value(r, row, 8)));

	return o && json_array_append_new(advice, o) == 0 ? 0 : -ENOMEM;
}

static int take_row(const PGresult *r, int row, json_t *denied, json_t *advice)
{
	const char *sum = link_value(r, row, 0), *decision = link_value(r, row, 1);
	_cleanup_free_ char *remark = NULL;

	if (!sum || !decision || !is_sum(sum) || sum[SHA256_HEX_LEN])
		return 0; /* nothing that could be obeyed or shown */
	if (strcmp(decision, "deny") != 0)
		return add_advice(advice, r, row);
	remark = remark_of(r, row);
	return remark && json_object_set_new(denied, sum, json_string(remark)) == 0 ? 0 : -ENOMEM;
}

static int write_advice(int dir_fd, json_t *advice)
{
	_cleanup_(json_decref_p) json_t *j = json_pack("{sOss}", "decisions", advice, "format", LISTS_FORMAT);
	_cleanup_free_ char *text = j ? json_dumps(j, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;

	return text ? file_replace(dir_fd, LISTS_ADVICE, text, strlen(text), 0644) : -ENOMEM;
}

int lists_fetch(struct link *l, int dir_fd, struct state *s)
{
	_cleanup_(link_result_p) PGresult *r =
		link_query(l, "SELECT sha256, decision, by, second, reason, decided_at, until, station, seq FROM lazaret.shared_decisions()", 0,
			   NULL, NULL, NULL);
	_cleanup_(json_decref_p) json_t *denied = json_object(), *fetched = json_object(), *advice = json_array();
	int rows = r ? PQntuples(r) : 0, e = denied && fetched && advice ? 0 : -ENOMEM;

	if (!r)
		return -EIO;
	if (rows > DENIED_MAX) {
		(void)snprintf(l->error, sizeof(l->error), "the shared list has %d entries, more than this station takes", rows);
		return -EIO;
	}
	for (int i = 0; e == 0 && i < rows; i++)
		e = take_row(r, i, fetched, advice);
	if (e == 0)
		e = read_denied(dir_fd, denied);
	if (e == 0)
		e = mark_taken_back(denied, fetched);
	if (e == 0)
		e = write_denied(dir_fd, denied);
	if (e == 0)
		e = write_advice(dir_fd, advice);
	if (e < 0)
		return e;
	s->lists_at = time(NULL);
	s->denied = json_object_size(denied);
	s->advice = json_array_size(advice);
	return 0;
}
