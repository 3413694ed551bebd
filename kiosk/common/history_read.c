/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Questions: of `lazaret history`, and of lazaret-records for the console. */
#include "common/history_sqlite.h"

#include <string.h>
#include <time.h>

#include "common/hash.h"

static const char *column_text(sqlite3_stmt *s, int i)
{
	return (const char *)sqlite3_column_text(s, i);
}

static const char *column_words(sqlite3_stmt *s, int i)
{
	const char *text = column_text(s, i);

	return text ? text : "";
}

int history_find(struct history *h, const char *transfer)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT 1 FROM transfers WHERE transfer=?1", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 1, transfer, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c == SQLITE_ROW)
		return 0;
	return c == SQLITE_DONE ? -ENOENT : sqlite_errno(c);
}

int history_last_seq(struct history *h, int64_t *ret_seq)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT coalesce(max(seq), -1) FROM transfers", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c != SQLITE_ROW)
		return c == SQLITE_DONE ? -EIO : sqlite_errno(c);
	*ret_seq = sqlite3_column_int64(s, 0);
	return 0;
}

char *history_like(const char *text)
{
	char *out = malloc(2 * strlen(text) + 3), *p = out;

	if (!out)
		return NULL;
	*p++ = '%';
	for (; *text; text++) {
		if (strchr("%_\\", *text))
			*p++ = '\\';
		*p++ = *text;
	}
	*p++ = '%';
	*p = '\0';
	return out;
}

int history_transfers_page(struct history *h, const char *before, const char *search, int64_t limit,
			   int (*each)(void *context, const struct history_transfer *t), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	_cleanup_free_ char *pattern = search && *search ? history_like(search) : NULL;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db,
				   "SELECT transfer, outcome, operator, medium, started, finished, files, bytes,"
				   " approved, held, blocked, seq, report_sha256 FROM transfers"
				   " WHERE (?2 IS NULL OR seq < (SELECT seq FROM transfers WHERE transfer=?2))"
				   " AND (?3 IS NULL OR transfer LIKE ?3 ESCAPE '\\' OR operator LIKE ?3 ESCAPE '\\'"
				   " OR reason LIKE ?3 ESCAPE '\\' OR medium LIKE ?3 ESCAPE '\\' OR serial LIKE ?3 ESCAPE '\\')"
				   " ORDER BY seq DESC LIMIT ?1", -1, &s, NULL);

	if (search && *search && !pattern)
		return -ENOMEM;
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, limit);
	if (c == SQLITE_OK && before)
		c = sqlite3_bind_text(s, 2, before, -1, SQLITE_STATIC);
	if (c == SQLITE_OK && pattern)
		c = sqlite3_bind_text(s, 3, pattern, -1, SQLITE_STATIC);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const struct history_transfer t = {
			.transfer = column_words(s, 0),
			.outcome = column_words(s, 1),
			.operator_name = column_words(s, 2),
			.medium = column_words(s, 3),
			.started = sqlite3_column_int64(s, 4),
			.finished = sqlite3_column_int64(s, 5),
			.files = sqlite3_column_int64(s, 6),
			.bytes = sqlite3_column_int64(s, 7),
			.approved = sqlite3_column_int64(s, 8),
			.held = sqlite3_column_int64(s, 9),
			.blocked = sqlite3_column_int64(s, 10),
			.seq = sqlite3_column_int64(s, 11),
			.report_sha256 = column_words(s, 12),
		};

		r = each(context, &t);
	}
	return r != 0 ? r : sqlite_errno(c);
}

int history_transfers(struct history *h, int64_t limit,
		      int (*each)(void *context, const struct history_transfer *t), void *context)
{
	return history_transfers_page(h, NULL, NULL, limit, each, context);
}

int history_files(struct history *h, const char *sha256_or_text, int64_t limit,
		  int (*each)(void *context, const struct history_file *f), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	uint8_t sum[SHA256_LEN];
	bool is_sum = strlen(sha256_or_text) == SHA256_HEX_LEN && hex_decode(sha256_or_text, sum, sizeof(sum)) == 0;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db,
				   is_sum ? "SELECT transfer, path, verdict, rule, lower(hex(sha256)), size, started"
					    " FROM files AS f CROSS JOIN transfers AS t ON t.id = f.id >> 34 WHERE sha256=?1"
					    " ORDER BY seq DESC LIMIT ?2"
					  : "SELECT transfer, path, verdict, rule, lower(hex(sha256)), size, started"
					    " FROM files AS f CROSS JOIN transfers AS t ON t.id = f.id >> 34 WHERE instr(path, ?1) > 0"
					    " ORDER BY seq DESC LIMIT ?2", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = is_sum ? sqlite3_bind_blob(s, 1, sum, sizeof(sum), SQLITE_STATIC)
			   : sqlite3_bind_text(s, 1, sha256_or_text, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, limit);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const char *sha = column_text(s, 4);
		const struct history_file f = {
			.transfer = column_words(s, 0),
			.path = column_words(s, 1),
			.verdict = column_words(s, 2),
			.rule = column_text(s, 3),
			.sha256 = sha && *sha ? sha : NULL, /* hex() makes "" of NULL */
			.size = sqlite3_column_int64(s, 5),
			.started = sqlite3_column_int64(s, 6),
		};

		r = each(context, &f);
	}
	return r != 0 ? r : sqlite_errno(c);
}

/* -- one transfer's files -------------------------------------------------------------------------------- */

static int on_progress(void *context)
{
	const struct history *h = context;
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 >= h->deadline_ms;
}

void history_set_deadline(struct history *h, int64_t deadline_ms)
{
	h->deadline_ms = deadline_ms;
	sqlite3_progress_handler(h->db, deadline_ms ? 10000 : 0, on_progress, h);
}

void history_found_done(struct history *h)
{
	free(h->found.text);
	free(h->found.ids);
	memset(&h->found, 0, sizeof(h->found));
}

static int get_ranks(struct history *h, const char *transfer, struct history_ranks *ret)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int c = sqlite3_prepare_v2(h->db, "SELECT id, rows_blocked, rows_held, rows_approved, report_sha256 FROM transfers WHERE transfer=?1",
				   -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 1, transfer, -1, SQLITE_STATIC);
	if (c == SQLITE_OK)
		c = sqlite3_step(s);
	if (c != SQLITE_ROW)
		return c == SQLITE_DONE ? -ENOENT : sqlite_errno(c);
	ret->transfer_id = sqlite3_column_int64(s, 0);
	for (int k = 0; k < RANK_COUNT_; k++)
		ret->rows[k] = sqlite3_column_int64(s, 1 + k);
	(void)snprintf(ret->report_sha256, sizeof(ret->report_sha256), "%s", column_words(s, 4));
	return 0;
}

static bool is_wanted(enum history_filter filter, unsigned int rank)
{
	switch (filter) {
	case HISTORY_PROBLEMS:
		return rank != RANK_APPROVED;
	case HISTORY_APPROVED:
		return rank == RANK_APPROVED;
	case HISTORY_HELD:
		return rank == RANK_HELD;
	case HISTORY_BLOCKED:
		return rank == RANK_BLOCKED;
	default:
		return true;
	}
}

/* The place of a row among all of its transfer. */
static int64_t index_of(const struct history_ranks *ranks, int64_t id)
{
	unsigned int rank = id >> RANK_SHIFT & 3;
	int64_t index = id & UINT32_MAX;

	for (unsigned int k = 0; k < rank && k < RANK_COUNT_; k++)
		index += ranks->rows[k];
	return index;
}

#define ENTRY_COLUMNS "id, path, size, verdict, code, at, length"

static struct history_entry to_entry(sqlite3_stmt *s, const struct history_ranks *ranks)
{
	int64_t id = sqlite3_column_int64(s, 0);

	return (struct history_entry){
		.index = index_of(ranks, id),
		.place = id & UINT32_MAX,
		.path = column_words(s, 1),
		.size = sqlite3_column_int64(s, 2),
		.verdict = column_words(s, 3),
		.code = column_text(s, 4),
		.has_place = sqlite3_column_type(s, 5) == SQLITE_INTEGER,
		.at = (uint64_t)sqlite3_column_int64(s, 5),
		.length = (uint64_t)sqlite3_column_int64(s, 6),
	};
}

/* Rows with numbers from `first`, at most `limit`. */
static int each_row(struct history *h, const struct history_ranks *ranks, int64_t first, int64_t limit, int (*each)(void *context, const struct history_entry *e), void *context)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db, "SELECT " ENTRY_COLUMNS " FROM files WHERE id >= ?1 AND id < ?1 + ?2 ORDER BY id",
				   -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, first);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, limit);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW) {
		const struct history_entry e = to_entry(s, ranks);

		r = each(context, &e);
	}
	return r != 0 ? r : sqlite_errno(c);
}

static int page_unsearched(struct history *h, const struct history_ranks *ranks, enum history_filter filter, int64_t offset,
			   int64_t limit, int64_t *ret_total, int (*each)(void *context, const struct history_entry *e), void *context)
{
	int r = 0;

	*ret_total = 0;
	for (unsigned int k = 0; k < RANK_COUNT_; k++) {
		int64_t rows = is_wanted(filter, k) ? ranks->rows[k] : 0, skip = MIN(offset, rows);
		int64_t take = MIN(limit, rows - skip);

		*ret_total += rows;
		offset -= skip;
		limit -= take;
		if (r == 0 && take > 0)
			r = each_row(h, ranks, file_id(ranks->transfer_id, k, skip), take, each, context);
	}
	return r;
}

static int note_found(struct history *h, int64_t id)
{
	if (h->found.count == h->found.room) {
		size_t room = h->found.room ? 2 * h->found.room : 1024;
		int64_t *more = reallocarray(h->found.ids, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		h->found.ids = more;
		h->found.room = room;
	}
	h->found.ids[h->found.count++] = id;
	return 0;
}

static int search_rank(struct history *h, int64_t first, int64_t rows, const char *pattern)
{
	_cleanup_(finalize_p) sqlite3_stmt *s = NULL;
	int r = 0;
	int c = sqlite3_prepare_v2(h->db, "SELECT id FROM files WHERE id >= ?1 AND id < ?1 + ?2 AND path LIKE ?3 ESCAPE '\\'"
					  " ORDER BY id", -1, &s, NULL);

	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 1, first);
	if (c == SQLITE_OK)
		c = sqlite3_bind_int64(s, 2, rows);
	if (c == SQLITE_OK)
		c = sqlite3_bind_text(s, 3, pattern, -1, SQLITE_STATIC);
	while (r == 0 && (c == SQLITE_OK || c == SQLITE_ROW) && (c = sqlite3_step(s)) == SQLITE_ROW)
		r = note_found(h, sqlite3_column_int64(s, 0));
	return r < 0 ? r : sqlite_errno(c);
}

static bool is_found(const struct history *h, const struct history_ranks *ranks, enum history_filter filter, const char *text)
{
	return h->found.text && h->found.filter == filter && h->found.ranks.transfer_id == ranks->transfer_id &&
	       memcmp(h->found.ranks.rows, ranks->rows, sizeof(ranks->rows)) == 0 &&
	       strcmp(h->found.ranks.report_sha256, ranks->report_sha256) == 0 && strcmp(h->found.text, text) == 0;
}

/* Fill `found`, unless it is of this very search of the same report already. */
static int search(struct history *h, const struct history_ranks *ranks, enum history_filter filter, const char *text)
{
	_cleanup_free_ char *pattern = history_like(text);
	int r = pattern ? 0 : -ENOMEM;

	if (r < 0 || is_found(h, ranks, filter, text))
		return r;
	history_found_done(h);
	for (unsigned int k = 0; r == 0 && k < RANK_COUNT_; k++)
		if (is_wanted(filter, k))
			r = search_rank(h, file_id(ranks->transfer_id, k, 0), ranks->rows[k], pattern);
	if (r == 0) {
		h->found.text = strdup(text);
		h->found.ranks = *ranks;
		h->found.filter = filter;
		r = h->found.text ? 0 : -ENOMEM;
	}
	if (r < 0)
		history_found_done(h);
	return r;
}

int history_entries(struct history *h, const char *transfer, enum history_filter filter, const char *text, int64_t offset,
		    int64_t limit, int64_t *ret_total, int (*each)(void *context, const struct history_entry *e), void *context)
{
	struct history_ranks ranks;
	int r = get_ranks(h, transfer, &ranks);

	if (r < 0)
		return r;
	if (!text || !*text)
		return page_unsearched(h, &ranks, filter, offset, limit, ret_total, each, context);
	r = search(h, &ranks, filter, text);
	if (r == 0)
		*ret_total = (int64_t)h->found.count;
	for (int64_t k = offset; r == 0 && k < MIN(*ret_total, offset + limit); k++)
		r = each_row(h, &ranks, h->found.ids[k], 1, each, context);
	return r;
}

int history_entry(struct history *h, const char *transfer, int64_t index, int (*each)(void *context, const struct history_entry *e), void *context)
{
	struct history_ranks ranks;
	int64_t total;
	int r = get_ranks(h, transfer, &ranks);

	if (r == 0)
		r = page_unsearched(h, &ranks, HISTORY_ALL, index, 1, &total, each, context);
	return r == 0 && index >= total ? -ENOENT : r;
}
