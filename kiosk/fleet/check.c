/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/check.h"

#include <inttypes.h>
#include <string.h>

#include "common/chain.h"
#include "common/text.h"

#define ROWS "500"

struct checking {
	struct link *link;
	const struct keys *keys;
	struct check *check;
	char station[64]; /* the row before; "": none yet */
	bool has_last;
	uint64_t last_seq;
	uint8_t last_hash[SHA256_LEN];
	json_t *seen; /* what was told already, by station, problem and numbers */
};

static json_t *seq_or_null(int64_t seq)
{
	return seq < 0 ? json_null() : json_integer(seq);
}

static int problem(struct checking *w, const char *station, const char *kind, int64_t from, int64_t to, const char *detail)
{
	_cleanup_free_ char *shown = text_escape(detail, strlen(detail)), *whose = text_escape(station, strlen(station));
	char key[160];
	json_t *o;

	(void)snprintf(key, sizeof(key), "%s %s %" PRId64 " %" PRId64, station, kind, from, to); /* forks: each has its own detail */
	if (strcmp(kind, "fork") != 0 && json_object_get(w->seen, key))
		return 0;
	o = json_pack("{sssosssoss}", "detail", shown ? shown : "", "from", seq_or_null(from), "problem", kind, "to", seq_or_null(to), "station",
		      whose ? whose : "");
	if (!o || json_array_append_new(w->check->problems, o) < 0 || json_object_set_new(w->seen, key, json_true()) < 0)
		return -ENOMEM;
	return 0;
}

/* -- records ------------------------------------------------------------------------------------------------------ */

static int new_station(struct checking *w, const char *station)
{
	(void)snprintf(w->station, sizeof(w->station), "%s", station); /* 16 digits: the table demands it */
	w->has_last = false;
	w->check->stations++;
	return keys_get(w->keys, station) ? 0 : problem(w, station, "no-key", -1, -1, "its audit key is not known: signatures cannot be verified");
}

static int check_genesis(struct checking *w, const struct chain_record *r, const struct minisign_public *key)
{
	const char *station = json_string_value(json_object_get(r->body, "station"));
	struct minisign_public named;

	if (chain_genesis_key(r, &named) == 0 && memcmp(&named, key, sizeof(named)) == 0 && station && strcmp(station, w->station) == 0)
		return 0;
	return problem(w, w->station, "key", 0, 0, "the trail was begun with another key, or by another station, than is known");
}

static int check_record(struct checking *w, const struct chain_record *r, int64_t seq)
{
	static const uint8_t zero[SHA256_LEN];
	const struct minisign_public *key = keys_get(w->keys, w->station);
	uint64_t expected = w->has_last ? w->last_seq + 1 : 0;
	int e = 0;

	if (r->seq > expected)
		e = problem(w, w->station, "gap", (int64_t)expected, (int64_t)r->seq - 1, "records are missing");
	else if (memcmp(r->prev, w->has_last ? w->last_hash : zero, SHA256_LEN) != 0)
		e = problem(w, w->station, "broken-link", seq, seq, "prev is not the hash of the record before");
	if (e == 0 && key && chain_record_verify(r, key) < 0)
		e = problem(w, w->station, "signature", seq, seq, "not signed by the station's audit key");
	if (e == 0 && key && r->seq == 0)
		e = check_genesis(w, r, key);
	return e;
}

static int check_row(struct checking *w, const PGresult *rows, int i)
{
	const char *station = link_value(rows, i, 0), *line = link_value(rows, i, 2);
	int64_t seq = strtoll(link_value(rows, i, 1), NULL, 10);
	struct chain_record record = { 0 };
	const char *why = NULL;
	int r = 0;

	if (strcmp(station, w->station) != 0)
		r = new_station(w, station);
	if (r < 0)
		return r;
	w->check->records++;
	r = chain_line_parse(line, strlen(line), &record, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || (int64_t)record.seq != seq)
		r = problem(w, station, "altered", seq, seq, why ? why : "the row is not what its hash stands for");
	else
		r = check_record(w, &record, seq);
	w->has_last = true;
	w->last_seq = (uint64_t)seq;
	memcpy(w->last_hash, record.hash, SHA256_LEN);
	chain_record_done(&record);
	return r;
}

static int check_records(struct checking *w)
{
	char seq[24] = "-1";
	const char *const values[] = { w->station, seq, w->check->station };
	int rows = 1;

	while (rows > 0) {
		_cleanup_(link_result_p) PGresult *found = link_query(w->link,
			"SELECT station, seq, line FROM lazaret.record WHERE (station, seq) > ($1::text, $2::bigint) AND "
			"($3::text IS NULL OR station = $3) ORDER BY station, seq LIMIT " ROWS, 3, values, NULL, NULL);

		if (!found)
			return -EIO;
		rows = PQntuples(found);
		for (int i = 0; i < rows; i++) {
			int r = check_row(w, found, i);

			if (r < 0)
				return r;
		}
		(void)snprintf(seq, sizeof(seq), "%" PRIu64, w->last_seq); /* fits */
	}
	return 0;
}

/* -- reports ------------------------------------------------------------------------------------------------------ */

static int hash_part(struct link *l, struct hash *h, const char *station, const char *seq, int part)
{
	char part_text[16];
	const char *const values[] = { station, seq, part_text };
	_cleanup_(link_result_p) PGresult *r = NULL;
	unsigned char *data;
	size_t size;
	int e;

	(void)snprintf(part_text, sizeof(part_text), "%d", part); /* fits */
	r = link_query(l, "SELECT data FROM lazaret.report_part WHERE station = $1 AND seq = $2 AND part = $3", 3, values, NULL, NULL);
	if (!r)
		return -EIO;
	if (PQntuples(r) != 1)
		return 0; /* the sum will not be right */
	data = PQunescapeBytea((const unsigned char *)PQgetvalue(r, 0, 0), &size);
	if (!data)
		return -ENOMEM;
	e = hash_update(h, data, size);
	PQfreemem(data);
	return e;
}

static int check_report(struct checking *w, struct hash *h, const PGresult *rows, int i)
{
	const char *station = link_value(rows, i, 0), *seq = link_value(rows, i, 1), *line = link_value(rows, i, 3);
	int parts = atoi(link_value(rows, i, 2)), r = hash_reset(h);
	struct chain_record record = { 0 };
	char hex[SHA256_HEX_LEN + 1] = "";
	const char *named;
	uint8_t sum[SHA256_LEN];

	w->check->reports++;
	for (int part = 0; r == 0 && part < parts; part++)
		r = hash_part(w->link, h, station, seq, part);
	if (r == 0)
		r = hash_final(h, sum);
	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	if (chain_line_parse(line, strlen(line), &record, NULL) < 0)
		return 0; /* told as altered */
	named = json_string_value(json_object_get(record.body, "sha256"));
	if (!named || strcmp(named, hex) != 0)
		r = problem(w, station, "report-altered", (int64_t)record.seq, (int64_t)record.seq, "the report is not the recorded one");
	chain_record_done(&record);
	return r;
}

static int check_reports(struct checking *w)
{
	char station[64] = "", seq[24] = "-1";
	const char *const values[] = { station, seq, w->check->station };
	struct hash *h = hash_new();
	int rows = 1, r = h ? 0 : -ENOMEM;

	while (r == 0 && rows > 0) {
		_cleanup_(link_result_p) PGresult *found = link_query(w->link,
			"SELECT p.station, p.seq, p.parts, r.line FROM lazaret.report p JOIN lazaret.record r USING (station, seq) "
			"WHERE (station, seq) > ($1::text, $2::bigint) AND ($3::text IS NULL OR station = $3) ORDER BY station, seq LIMIT " ROWS,
			3, values, NULL, NULL);

		rows = found ? PQntuples(found) : 0;
		if (!found)
			r = -EIO;
		for (int i = 0; r == 0 && i < rows; i++)
			r = check_report(w, h, found, i);
		if (rows > 0) {
			(void)snprintf(station, sizeof(station), "%s", link_value(found, rows - 1, 0)); /* 16 digits */
			(void)snprintf(seq, sizeof(seq), "%s", link_value(found, rows - 1, 1)); /* a bigint */
		}
	}
	hash_free(h);
	return r;
}

/* -- what the database knows ----------------------------------------------------------------------------------------- */

static int64_t number(const PGresult *r, int row, int column)
{
	const char *text = link_value(r, row, column);

	return text ? strtoll(text, NULL, 10) : -1;
}

static int ask_database(struct checking *w)
{
	const char *const values[] = { w->check->station };
	_cleanup_(link_result_p) PGresult *rows = link_query(w->link,
		"SELECT station, problem, from_seq, to_seq, detail FROM lazaret.problems($1)", 1, values, NULL, NULL);
	int r = 0;

	if (!rows)
		return -EIO;
	for (int i = 0, n = PQntuples(rows); r == 0 && i < n; i++)
		r = problem(w, link_value(rows, i, 0), link_value(rows, i, 1), number(rows, i, 2), number(rows, i, 3),
			    link_value(rows, i, 4) ? link_value(rows, i, 4) : "");
	return r;
}

int check_all(struct link *l, const struct keys *keys, struct check *c)
{
	struct checking w = { .link = l, .keys = keys, .check = c, .seen = json_object() };
	int r;

	c->problems = json_array();
	r = c->problems && w.seen ? check_records(&w) : -ENOMEM;
	if (r == 0)
		r = check_reports(&w);
	if (r == 0)
		r = ask_database(&w);
	json_decref(w.seen);
	return r;
}
