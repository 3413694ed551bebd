/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by auditors. Order: the index's signature before anything in it is parsed, the hash of every file before anything in that is.
 * What a forger without the key must not achieve unnoticed: changing, adding or leaving out a file or record; giving out one
 * station's export for another's, or an older range for a newer; leaving out what lies between two exports.
 */
#include "verify/export.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/chain.h"
#include "common/fd.h"
#include "common/report.h"
#include "common/text.h"
#include "verify/source.h"

#define EXPORT_FORMAT "lazaret.audit-export/1"
#define INDEX_MAX     (256u << 20) /* bytes: a million reports */
#define TIME_LEN      21
#define WANTED_MAX    (EXPORT_WITNESSES_MAX + 1) /* and the end of the export before */

/* A record that somebody else knows. */
struct wanted {
	const char *from; /* file that says so */
	uint64_t seq;
	uint8_t hash[SHA256_LEN];
	bool is_same; /* it is in the range, with this hash */
};

struct check {
	const char *path;
	const struct minisign_public *keys;
	size_t key_count;
	struct problems problems;
	struct source source;
	struct minisign_public key; /* which of them it is */
	char trusted[MINISIGN_TRUSTED_MAX + 1];
	json_t *index, *recorded; /* recorded: transfer -> sha256, by the records */
	const char *station;	  /* in index */
	uint64_t first, last, records;
	uint8_t prev[SHA256_LEN], last_hash[SHA256_LEN];

	/* while the records are read */
	uint64_t next_seq, count, line;
	uint8_t next_prev[SHA256_LEN];
	int64_t first_time, last_time;
	struct wanted wanted[WANTED_MAX];
	size_t wanted_count;
};

static void check_done(struct check *c)
{
	source_done(&c->source);
	json_decref(c->index);
	json_decref(c->recorded);
}

static bool take_hash(const char *hex, uint8_t ret[static SHA256_LEN])
{
	return strlen(hex) == SHA256_HEX_LEN && hex_decode(hex, ret, SHA256_LEN) == 0;
}

/* -- the index ------------------------------------------------------------------------------------------------------- */

static bool check_signature(struct check *c, const char *text, size_t size)
{
	_cleanup_free_ struct minisign_result *result = calloc(1, sizeof(*result));
	char id[MINISIGN_ID_TEXT_LEN + 1];
	_cleanup_free_ char *sig = NULL;
	size_t sig_size;
	int r = source_read(&c->source, "index.json.minisig", MINISIGN_TEXT_MAX, &sig, &sig_size);

	if (r == 0)
		r = result ? minisign_verify_bytes(text, size, sig, sig_size, c->keys, c->key_count, result) : -ENOMEM;
	if (r < 0) {
		problem(&c->problems, "index.json.minisig", "cannot be checked: %s", strerror(-r));
		return false;
	}
	minisign_id_text(result->key_id, id);
	if (result->outcome == MINISIGN_UNKNOWN_KEY)
		problem(&c->problems, "index.json.minisig", "signed with key %s, which is not among the keys given", id);
	else if (result->outcome != MINISIGN_OK)
		problem(&c->problems, "index.json.minisig", "%s", result->why);
	if (result->outcome != MINISIGN_OK)
		return false;
	c->key = c->keys[result->key_index];
	memcpy(c->trusted, result->trusted, sizeof(c->trusted));
	return true;
}

static bool take_index(struct check *c)
{
	const char *prev, *format, *hash, *key;
	json_int_t first, last, made, records;
	json_t *files, *missing;
	struct minisign_public named;

	if (json_unpack(c->index, "{s:o,s:{s:s,s:I!},s:s,s:{s:s,s:I!},s:I,s:o,s:s,s:I,s:s!}", "files", &files, "first", "prev", &prev, "seq",
			&first, "format", &format, "last", "hash", &hash, "seq", &last, "made", &made, "missing", &missing, "public_key", &key,
			"records", &records, "station", &c->station) < 0 ||
	    strcmp(format, EXPORT_FORMAT) != 0 || !json_is_object(files) || !json_is_array(missing) || !take_hash(prev, c->prev) ||
	    !take_hash(hash, c->last_hash) || first < 0 || last < first || records != last - first + 1 ||
	    minisign_public_parse(key, strlen(key), &named, NULL) < 0) {
		problem(&c->problems, "index.json", "it is not in the form of %s", EXPORT_FORMAT);
		return false;
	}
	if (memcmp(&named, &c->key, sizeof(named)) != 0)
		problem(&c->problems, "index.json", "it names another key than the one that signed it");
	c->first = (uint64_t)first;
	c->last = (uint64_t)last;
	c->records = (uint64_t)records;
	return true;
}

/* The signature was made for this station and range; one of the station's other signatures says something else. */
static void check_comment(struct check *c)
{
	_cleanup_free_ char *wanted = NULL;

	if (asprintf(&wanted, CHAIN_EXPORT_COMMENT "%s %" PRIu64 "-%" PRIu64, c->station, c->first, c->last) < 0 ||
	    strcmp(wanted, c->trusted) != 0)
		problem(&c->problems, "index.json.minisig", "the signature was made for something else than these records");
}

static bool open_index(struct check *c)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = source_open(c->path, &c->source, &c->problems);

	if (r < 0) {
		c->source.fd = -EBADF;
		problem(&c->problems, NULL, "cannot be opened as an export (a directory or a tar archive): %s", strerror(-r));
		return false;
	}
	r = source_read(&c->source, "index.json", INDEX_MAX, &text, &size);
	if (r < 0) {
		problem(&c->problems, "index.json", "cannot be read: %s", strerror(-r));
		return false;
	}
	if (!check_signature(c, text, size))
		return false;
	c->index = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (!take_index(c))
		return false;
	check_comment(c);
	return true;
}

/* -- files ----------------------------------------------------------------------------------------------------------- */

static void check_file(struct check *c, const char *name, const json_t *entry)
{
	const char *hex = json_string_value(json_object_get(entry, "sha256"));
	const json_t *size = json_object_get(entry, "size");
	struct source_file *f = source_find(&c->source, name);
	uint8_t wanted[SHA256_LEN], sum[SHA256_LEN];
	int r;

	if (!hex || !take_hash(hex, wanted) || !json_is_integer(size)) {
		problem(&c->problems, name, "the index has no valid size and sha256 for it");
		return;
	}
	if (!f) {
		problem(&c->problems, name, "missing");
		return;
	}
	f->is_listed = true;
	if (json_integer_value(size) < 0 || f->size != (uint64_t)json_integer_value(size)) {
		problem(&c->problems, name, "has %" PRIu64 " bytes instead of %" JSON_INTEGER_FORMAT, f->size, json_integer_value(size));
		return;
	}
	r = source_sha256(&c->source, f, sum);
	if (r < 0)
		problem(&c->problems, name, "cannot be read: %s", strerror(-r));
	else if (memcmp(sum, wanted, sizeof(sum)) != 0)
		problem(&c->problems, name, "its content was altered (SHA-256 differs)");
}

static void check_files(struct check *c)
{
	static const char *const own[] = { "index.json", "index.json.minisig" };
	const char *name;
	json_t *entry;

	json_object_foreach(json_object_get(c->index, "files"), name, entry)
		check_file(c, name, entry);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct source_file *f = source_find(&c->source, own[i]);

		if (f)
			f->is_listed = true;
	}
	for (size_t i = 0; i < c->source.count; i++)
		if (!c->source.files[i].is_listed)
			problem(&c->problems, c->source.files[i].name, "not in the index");
}

/* -- records --------------------------------------------------------------------------------------------------------- */

static int note_report(struct check *c, const struct chain_record *r)
{
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));
	json_t *sum = json_object_get(r->body, "sha256");

	if (strcmp(r->type, CHAIN_TYPE_REPORT) != 0 || !transfer || !report_transfer_valid(transfer) || !json_is_string(sum))
		return 0;
	return json_object_set(c->recorded, transfer, sum) < 0 ? -ENOMEM : 0;
}

static void format_time(int64_t seconds, char out[static TIME_LEN])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, TIME_LEN, "?");
}

static void tell_clock_step(const struct check *c, const struct chain_record *r)
{
	_cleanup_free_ char *path = text_escape(c->path, strlen(c->path));
	char before[TIME_LEN], now[TIME_LEN];

	format_time(json_integer_value(json_object_get(r->body, "expected")), before);
	format_time(json_integer_value(json_object_get(r->body, "now")), now);
	(void)printf("%s: record %" PRIu64 ": the clock was set: %s where %s was expected\n", path ? path : "", r->seq, now, before);
}

static const char *check_links(struct check *c, const struct chain_record *r)
{
	struct minisign_public named;

	if (r->seq != c->next_seq)
		return "a gap: another number belongs here";
	if (memcmp(r->prev, c->next_prev, SHA256_LEN) != 0)
		return "does not follow the record before it (prev differs)";
	if (chain_record_verify(r, &c->key) < 0)
		return "the signature is not by the audit key";
	if (r->seq == 0 && (chain_genesis_key(r, &named) < 0 || memcmp(&named, &c->key, sizeof(named)) != 0))
		return "the trail was begun with another key";
	return NULL;
}

/* 1: the end, or nothing more is to be said after what was said. */
static int check_record(struct check *c, const char *text, size_t size)
{
	struct chain_record r;
	const char *why = "not a record";
	int e = chain_line_parse(text, size, &r, &why);

	if (e == -ENOMEM)
		return e;
	if (e == 0) {
		why = check_links(c, &r);
		e = why ? 1 : note_report(c, &r);
		if (e == 0 && strcmp(r.type, CHAIN_TYPE_CLOCK) == 0)
			tell_clock_step(c, &r);
		if (c->count++ == 0)
			c->first_time = r.time;
		c->last_time = r.time;
		c->next_seq++;
		memcpy(c->next_prev, r.hash, SHA256_LEN);
		for (size_t i = 0; i < c->wanted_count; i++)
			if (c->wanted[i].seq == r.seq)
				c->wanted[i].is_same = memcmp(c->wanted[i].hash, r.hash, SHA256_LEN) == 0;
		chain_record_done(&r);
	}
	if (why)
		problem(&c->problems, "records.jsonl", "line %" PRIu64 ": %s", c->line, why);
	return why ? 1 : e;
}

static int read_records(struct check *c, FILE *in, uint64_t left)
{
	_cleanup_free_ char *text = NULL;
	size_t room = 0;
	int r = 0;

	while (r == 0 && left > 0) {
		ssize_t n = getline(&text, &room, in);

		c->line++;
		if (n <= 0 || (uint64_t)n > left || text[n - 1] != '\n') {
			problem(&c->problems, "records.jsonl", "line %" PRIu64 ": it is cut", c->line);
			return 1;
		}
		left -= (uint64_t)n;
		r = check_record(c, text, (size_t)n - 1);
	}
	return r;
}

static void check_records(struct check *c)
{
	const struct source_file *f = source_find(&c->source, "records.jsonl");
	_cleanup_fclose_ FILE *in = NULL;
	uint64_t at = 0;
	int fd = f ? source_file_open(&c->source, f, &at) : -ENOENT, r = MIN(fd, 0);

	c->next_seq = c->first;
	memcpy(c->next_prev, c->prev, SHA256_LEN);
	in = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd >= 0 && !in) {
		r = -errno;
		close_p(&fd);
	}
	if (r == 0 && fseeko(in, (off_t)at, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = read_records(c, in, f->size);
	if (r < 0)
		problem(&c->problems, "records.jsonl", "cannot be read: %s", strerror(-r));
	if (r == 0 && (c->count != c->records || memcmp(c->next_prev, c->last_hash, SHA256_LEN) != 0))
		problem(&c->problems, "records.jsonl", "it does not end with the record that the index names");
}

/* -- reports, witnesses, what comes before ---------------------------------------------------------------------------- */

static void check_reports(struct check *c)
{
	const json_t *files = json_object_get(c->index, "files");
	char name[REPORT_TRANSFER_MAX + 16];
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(c->recorded, key, value) {
		const char *sum;

		(void)snprintf(name, sizeof(name), "reports/%s.json", key); /* fits: it is valid */
		sum = json_string_value(json_object_get(json_object_get(files, name), "sha256"));
		if (!sum || strcmp(sum, json_string_value(value)) != 0)
			problem(&c->problems, name, sum ? "it is not the report that was recorded" : "recorded, but not in the export");
	}
	json_object_foreach((json_t *)files, key, value) {
		size_t size = strlen(key);
		_cleanup_free_ char *transfer = NULL;

		if (strncmp(key, "reports/", 8) != 0)
			continue;
		transfer = size > 13 ? strndup(key + 8, size - 13) : NULL; /* without ".json" */
		if (!transfer || !json_object_get(c->recorded, transfer))
			problem(&c->problems, key, "no record tells of it");
	}
	json_array_foreach(json_object_get(c->index, "missing"), i, value)
		problem(&c->problems, json_string_value(json_object_get(value, "transfer")), "the station could not add this report: %s",
			json_string_value(json_object_get(value, "why")) ? json_string_value(json_object_get(value, "why")) : "?");
}

static void check_own_files(struct check *c)
{
	_cleanup_free_ char *key_text = NULL, *witness_text = NULL;
	struct minisign_public key;
	struct chain_witness w;
	const char *why = NULL;
	size_t size;

	if (source_read(&c->source, "audit.pub", MINISIGN_PUBLIC_MAX, &key_text, &size) < 0 ||
	    minisign_public_parse(key_text, size, &key, NULL) < 0 || memcmp(&key, &c->key, sizeof(key)) != 0)
		problem(&c->problems, "audit.pub", "it is not the key that signed the index");
	if (source_read(&c->source, "audit.witness", CHAIN_WITNESS_MAX, &witness_text, &size) < 0 ||
	    chain_witness_parse(witness_text, size, &c->key, &w, &why) < 0)
		problem(&c->problems, "audit.witness", "%s", why ? why : "it cannot be read");
	else if (w.seq < c->last || (w.seq == c->last && memcmp(w.hash, c->last_hash, SHA256_LEN) != 0))
		problem(&c->problems, "audit.witness", "it knows less than the export has, or another trail");
}

static void want(struct check *c, const char *from, uint64_t seq, const uint8_t hash[static SHA256_LEN])
{
	struct wanted *w = &c->wanted[c->wanted_count++];

	*w = (struct wanted){ .from = from, .seq = seq };
	memcpy(w->hash, hash, SHA256_LEN);
}

/* Is it the record before the range, or in it? After the records were read. */
static void look_up(struct check *c, const struct wanted *w)
{
	const char *why = NULL;

	if (w->seq > c->last)
		why = "this export ends before it: records were left out, or the export is an older one";
	else if (w->seq + 1 < c->first)
		why = "records between it and this export are missing";
	else if (w->seq + 1 == c->first ? memcmp(w->hash, c->prev, SHA256_LEN) != 0 : !w->is_same)
		why = "it is of another trail, or the trail was replaced";
	if (why)
		problem(&c->problems, w->from, "it knows record %" PRIu64 ": %s", w->seq, why);
}

static void read_witness(struct check *c, const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct chain_witness w;
	const char *why = NULL;
	size_t size;
	int r = file_read(AT_FDCWD, path, CHAIN_WITNESS_MAX, &text, &size);

	if (r == 0)
		r = chain_witness_parse(text, size, &c->key, &w, &why);
	if (r < 0)
		problem(&c->problems, path, "%s", why ? why : strerror(-r));
	else
		want(c, path, w.seq, w.hash);
}

/* -- all of it ------------------------------------------------------------------------------------------------------- */

static void tell_good(const struct check *c, const struct export_end *end)
{
	_cleanup_free_ char *path = text_escape(c->path, strlen(c->path)), *station = text_escape(c->station, strlen(c->station));
	char from[TIME_LEN], to[TIME_LEN], id[MINISIGN_ID_TEXT_LEN + 1];

	format_time(c->first_time, from);
	format_time(c->last_time, to);
	minisign_id_text(c->key.id, id);
	(void)printf("%s: ok: records %" PRIu64 " to %" PRIu64 " (%s to %s), %zu reports, station %s, key %s\n", path ? path : "", c->first,
		     c->last, from, to, json_object_size(c->recorded), station ? station : "", id);
	if (c->first > 0 && !end->is_known && c->wanted_count == 0)
		(void)printf("%s: it begins with record %" PRIu64 ": whether anything is missing before it, the export before it tells "
			     "(--after)\n", path ? path : "", c->first);
}

static void check_all(struct check *c, const char *const *witnesses, size_t witness_count, struct export_end *end)
{
	if (!open_index(c))
		return;
	check_files(c);
	if (end->is_known && memcmp(&end->key, &c->key, sizeof(c->key)) != 0)
		problem(&c->problems, NULL, "it is of another station than the export before it");
	else if (end->is_known)
		want(c, "the export before", end->seq, end->hash);
	for (size_t i = 0; i < witness_count; i++)
		read_witness(c, witnesses[i]);
	if (c->problems.count > 0)
		return; /* what was altered is not parsed */
	c->recorded = json_object();
	if (!c->recorded) {
		problem(&c->problems, NULL, "out of memory");
		return;
	}
	check_records(c);
	check_own_files(c);
	for (size_t i = 0; i < c->wanted_count; i++)
		look_up(c, &c->wanted[i]);
	check_reports(c);
	if (c->problems.count > 0)
		return;
	tell_good(c, end);
	*end = (struct export_end){ .is_known = true, .seq = c->last, .key = c->key };
	memcpy(end->hash, c->last_hash, SHA256_LEN);
}

bool export_verify(const char *path, const struct minisign_public *keys, size_t key_count, const char *const *witnesses,
		   size_t witness_count, struct export_end *end)
{
	struct check c = { .path = path, .keys = keys, .key_count = key_count, .problems = { .transfer = path }, .source = { .fd = -EBADF } };

	check_all(&c, witnesses, MIN(witness_count, (size_t)EXPORT_WITNESSES_MAX), end);
	problems_end(&c.problems);
	check_done(&c);
	return c.problems.count == 0;
}

bool export_end_read(const char *path, const struct minisign_public *keys, size_t key_count, struct export_end *ret)
{
	struct check c = { .path = path, .keys = keys, .key_count = key_count, .problems = { .transfer = path }, .source = { .fd = -EBADF } };

	if (open_index(&c)) {
		*ret = (struct export_end){ .is_known = true, .seq = c.last, .key = c.key };
		memcpy(ret->hash, c.last_hash, SHA256_LEN);
	}
	problems_end(&c.problems);
	check_done(&c);
	return c.problems.count == 0;
}
