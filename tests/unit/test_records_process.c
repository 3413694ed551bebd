/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-records as a process, in its sandbox, beside somebody who writes the history; and what becomes of a history that
 * an older version made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <sqlite3.h>

#include "common/history.h"
#include "common/report.h"
#include "ipc/channel.h"
#include "../lib/testing.h"

struct fixture {
	char dir[64], path[96];
	int dir_fd, reports_fd, history_fd;
	struct peer peer;
};

/* -- a station's past --------------------------------------------------------------------------------------- */

static const char *const verdicts[] = { "approved", "held", "approved", "blocked", "approved" };

/* File `n` of `files`: every fifth one blocked, every fifth held. */
static json_t *file_object(int n)
{
	const char *verdict = verdicts[n % 5];
	char path[64];

	(void)snprintf(path, sizeof(path), "d%02d/File %07d%s", n % 7, n, n % 3 ? ".txt" : ".PDF");
	return json_pack("{ss,si,ss,ss?,ss?,so,so}", "path", path, "size", n, "verdict", verdict, "sha256", NULL, "rule",
			 *verdict == 'a' ? "text" : NULL, "reasons",
			 *verdict == 'a' ? json_array() :
					   json_pack("[{ss,ss,sn},{ss,ss,sn}]", "code", *verdict == 'b' ? "malware" : "encrypted",
						     "detail", "Eicar", "member", "code", "second", "detail", "", "member"),
			 "signers", json_array());
}

static json_t *head_object(const char *transfer, int64_t started, const char *who)
{
	return json_pack("{ss,ss,ss,ss,ss,sI,sI,s{si,si,si,si,si},s{ss,ss,ss,ss}}", "format", REPORT_FORMAT, "transfer",
			 transfer, "outcome", "published", "operator", who, "reason", "", "started", (json_int_t)started,
			 "finished", (json_int_t)started + 5, "counts", "files", 1, "bytes", 2, "approved", 3, "held", 4,
			 "blocked", 5, "medium", "kind", "disk", "vendor", "ACME", "model", "100%_Stick", "serial", "S-77");
}

static void write_report(const struct fixture *f, const char *transfer, json_t *head, int files)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	char name[80];
	int fd;
	FILE *out;

	(void)snprintf(name, sizeof(name), "%s.json", transfer);
	fd = openat(f->reports_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_int_equal(report_frame(head, &before, &after), 0);
	assert_true(fputs(before, out) >= 0);
	for (int n = 0; n < files; n++) {
		json_t *file = file_object(n);
		_cleanup_free_ char *text = json_dumps(file, JSON_COMPACT | JSON_SORT_KEYS);

		assert_true(fprintf(out, "%s%s\n", text, n + 1 < files ? "," : "") > 0);
		json_decref(file);
	}
	assert_true(fputs(after, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void index_report(struct history *h, const struct fixture *f, const char *transfer, uint64_t seq)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	_cleanup_fclose_ FILE *in = NULL;
	char name[80];
	json_t *o;
	uint64_t at, length;
	int r;

	(void)snprintf(name, sizeof(name), "%s.json", transfer);
	in = fdopen(openat(f->reports_fd, name, O_RDONLY | O_CLOEXEC), "r");
	assert_non_null(in);
	assert_int_equal(report_reader_new(in, &reader), 0);
	assert_int_equal(history_begin(h, transfer), 0);
	while ((r = report_next(reader, &o)) == 1) {
		report_place(reader, &at, &length);
		assert_int_equal(history_add_file(h, o, at, length), 0);
		json_decref(o);
	}
	assert_int_equal(r, 0);
	assert_int_equal(report_rest(reader, &o), 0);
	assert_int_equal(history_commit(h, o, seq, "00"), 0);
	json_decref(o);
}

static void add_transfer(struct history *h, const struct fixture *f, const char *transfer, uint64_t seq, int files,
			 const char *who)
{
	json_t *head = head_object(transfer, 1000 + (int64_t)seq, who);

	write_report(f, transfer, head, files);
	json_decref(head);
	index_report(h, f, transfer, seq);
}

static struct history *open_writer(const struct fixture *f)
{
	struct history *h;

	assert_int_equal(history_open(f->path, &h), 0);
	assert_int_equal(fchmodat(f->history_fd, HISTORY_FILE, 0644, 0), 0);
	return h;
}

/* -- the process ---------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir_fd = private_directory(f->dir);
	assert_int_equal(dir_open_make(f->dir_fd, "reports", 0755, &f->reports_fd), 0);
	assert_int_equal(dir_open_make(f->dir_fd, "history", 0755, &f->history_fd), 0);
	(void)snprintf(f->path, sizeof(f->path), "%s/history/" HISTORY_FILE, f->dir);
	(void)umask(022);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->reports_fd);
	(void)close(f->history_fd);
	remove_private_directory(f->dir_fd, f->dir);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	const int fds[] = { f->reports_fd, f->history_fd };

	peer_start(&f->peer, "lazaret-records", CHANNEL_RECORDS);
	peer_send(&f->peer, MESSAGE_RECORDS_START, NULL, fds, 2);
	peer_ready(&f->peer);
}

static void send_query(struct fixture *f, json_t *request)
{
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	json_decref(request);
	assert_non_null(text);
	encoder_init(e);
	encode_str(e, text);
	peer_send(&f->peer, MESSAGE_RECORDS_QUERY, e, NULL, 0);
}

/* `request` is taken over; the answer is the caller's. */
static json_t *ask(struct fixture *f, json_t *request)
{
	_cleanup_free_ char *text = NULL;
	struct message m;
	json_t *answer;

	send_query(f, request);
	peer_expect(&f->peer, MESSAGE_RECORDS_ANSWER, &m);
	text = decode_str(&m.payload, 60000);
	assert_int_equal(decoder_end(&m.payload), 0);
	message_done(&m);
	answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	return answer;
}

static void expect_failure(struct fixture *f, json_t *request, const char *where)
{
	_cleanup_free_ char *got = NULL;
	struct message m;

	send_query(f, request);
	peer_expect(&f->peer, MESSAGE_FAILED, &m);
	(void)decode_u32(&m.payload);
	got = decode_str(&m.payload, 1024);
	assert_string_equal(got, where);
	message_done(&m);
}

static json_t *files_request(const char *transfer, const char *filter, const char *search, int offset, int limit)
{
	return json_pack("{ss,ss,ss,ss?,si,si}", "request", "files", "transfer", transfer, "filter", filter, "search", search,
			 "offset", offset, "limit", limit);
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

/* -- tests ------------------------------------------------------------------------------------------------- */

static void pages_of_files(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	static const struct {
		const char *filter;
		int total;
	} filters[] = { { "all", 1000 }, { "problems", 400 }, { "blocked", 200 }, { "held", 200 }, { "approved", 600 } };
	int seen = 0;

	add_transfer(h, f, "T-0", 1, 17, "ann");
	add_transfer(h, f, "T-1", 2, 1000, "bob");
	history_free(h); /* nobody writes: the reader has to do with what was left */
	start(f);
	for (size_t k = 0; k < ARRAY_LEN(filters); k++) {
		json_t *a = ask(f, files_request("T-1", filters[k].filter, NULL, 0, 1));

		assert_int_equal(number(a, "total"), filters[k].total);
		json_decref(a);
	}
	/* all pages of 150: every file once, blocked then held then approved, each in the order of the report */
	for (int offset = 0, last_rank = 0, last = -1; offset < 1000; offset += 150) {
		json_t *a = ask(f, files_request("T-1", "all", NULL, offset, 150)), *file;
		size_t i;

		assert_int_equal(json_array_size(json_object_get(a, "files")), offset + 150 <= 1000 ? 150 : 100);
		json_array_foreach(json_object_get(a, "files"), i, file) {
			int n = (int)number(file, "size"), rank = strchr("bha", *text(file, "verdict")) - "bha";

			assert_int_equal(number(file, "index"), offset + (int)i);
			assert_string_equal(text(file, "verdict"), verdicts[n % 5]);
			assert_string_equal(text(file, "code"), rank == 0 ? "malware" : rank == 1 ? "encrypted" : "(none)");
			assert_true(rank > last_rank || (rank == last_rank && n > last));
			last_rank = rank;
			last = n;
			seen++;
		}
		json_decref(a);
	}
	assert_int_equal(seen, 1000);
	/* a filter's page keeps the index of the whole */
	for (int k = 0; k < 2; k++) {
		json_t *a = ask(f, files_request("T-1", k ? "approved" : "held", NULL, 10, 5));
		json_t *files = json_object_get(a, "files");

		assert_int_equal(json_array_size(files), 5);
		assert_int_equal(number(json_array_get(files, 0), "index"), k ? 410 : 210);
		json_decref(a);
	}
	{ /* beyond the end */
		json_t *a = ask(f, files_request("T-1", "all", NULL, 2000, 5));

		assert_int_equal(json_array_size(json_object_get(a, "files")), 0);
		assert_int_equal(number(a, "total"), 1000);
		json_decref(a);
	}
	peer_end(&f->peer);
}

static void search_in_files(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	json_t *a;

	add_transfer(h, f, "T-1", 1, 1000, "bob");
	start(f);
	a = ask(f, files_request("T-1", "all", ".pdf", 0, 200)); /* ASCII in any case */
	assert_int_equal(number(a, "total"), 334);
	json_decref(a);
	a = ask(f, files_request("T-1", "all", ".pdf", 330, 200)); /* the next page of the same */
	assert_int_equal(json_array_size(json_object_get(a, "files")), 4);
	assert_int_equal(number(a, "total"), 334);
	json_decref(a);
	a = ask(f, files_request("T-1", "held", ".PDF", 0, 200));
	assert_int_equal(number(a, "total"), 67);
	json_decref(a);
	a = ask(f, files_request("T-1", "all", "ile 0000%", 0, 200)); /* not a pattern */
	assert_int_equal(number(a, "total"), 0);
	json_decref(a);
	a = ask(f, files_request("T-1", "all", "d0_/", 0, 200));
	assert_int_equal(number(a, "total"), 0);
	json_decref(a);
	a = ask(f, files_request("T-1", "all", "0000123.", 0, 200));
	assert_int_equal(number(a, "total"), 1);
	assert_string_equal(text(json_array_get(json_object_get(a, "files"), 0), "path"), "d04/File 0000123.PDF");
	json_decref(a);
	a = ask(f, files_request("T-1", "all", "' OR 1=1 --", 0, 200));
	assert_int_equal(number(a, "total"), 0);
	json_decref(a);
	/* the same transfer, other content: what was found before is not told again */
	assert_int_equal(history_clear(h), 0);
	add_transfer(h, f, "T-1", 1, 10, "bob");
	a = ask(f, files_request("T-1", "all", "' OR 1=1 --", 0, 200));
	json_decref(a);
	a = ask(f, files_request("T-1", "all", "0000123.", 0, 200));
	assert_int_equal(number(a, "total"), 0);
	json_decref(a);
	peer_end(&f->peer);
	history_free(h);
}

static int no_row(void *context, const struct history_entry *e)
{
	++*(int *)context;
	return 0;
}

/* A search that takes too long ends, and the next one is not its victim. */
static void search_has_a_deadline(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	int64_t total = -1;
	int rows = 0;

	add_transfer(h, f, "T-1", 1, 5000, "bob");
	history_set_deadline(h, 1); /* long ago */
	assert_int_equal(history_entries(h, "T-1", HISTORY_ALL, "PDF", 0, 10, &total, no_row, &rows), -ETIMEDOUT);
	assert_int_equal(rows, 0);
	history_set_deadline(h, 0);
	assert_int_equal(history_entries(h, "T-1", HISTORY_ALL, "PDF", 0, 10, &total, no_row, &rows), 0);
	assert_int_equal(rows, 10);
	assert_int_equal(total, 1667);
	history_free(h);
}

static json_t *file_request(const char *transfer, int index)
{
	return json_pack("{ss,ss,si}", "request", "file", "transfer", transfer, "index", index);
}

static void one_file(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	json_t *a, *expected;

	add_transfer(h, f, "T-1", 1, 100, "bob");
	history_free(h);
	start(f);
	/* index 0: the first blocked one, which is file 3 of the report */
	a = ask(f, file_request("T-1", 0));
	expected = file_object(3);
	assert_true(json_equal(json_object_get(a, "file"), expected));
	assert_int_equal(number(a, "left_out"), 0);
	json_decref(a);
	json_decref(expected);
	a = ask(f, file_request("T-1", 99)); /* the last of the report, hence without a comma */
	expected = file_object(99);
	assert_true(json_equal(json_object_get(a, "file"), expected));
	json_decref(a);
	json_decref(expected);
	expect_failure(f, file_request("T-1", 100), "not-found");
	expect_failure(f, file_request("T-2", 0), "not-found");
	expect_failure(f, json_pack("{ss,ss}", "request", "file", "transfer", "T-1"), "bad-request");
	/* a report that is not the one that was indexed */
	{
		json_t *head = head_object("T-1", 0, "bob");

		assert_int_equal(json_object_set_new(head, "audit", json_string("makes it longer before its files")), 0);
		write_report(f, "T-1", head, 100);
		json_decref(head);
	}
	expect_failure(f, file_request("T-1", 0), "unavailable");
	assert_int_equal(unlinkat(f->reports_fd, "T-1.json", 0), 0);
	expect_failure(f, file_request("T-1", 0), "unavailable");
	peer_end(&f->peer);
}

/* 40 findings of 4 KB: more than a line. */
static void long_file_is_shortened(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	json_t *head = head_object("T-1", 0, "bob"), *file = file_object(3), *a;
	_cleanup_free_ char *before = NULL, *after = NULL, *line = NULL;
	char detail[4001];
	int fd = openat(f->reports_fd, "T-1.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	memset(detail, 'x', 4000);
	detail[4000] = '\0';
	for (int k = 0; k < 38; k++)
		(void)json_array_append_new(json_object_get(file, "reasons"),
					    json_pack("{ss,ss,sn}", "code", "malware", "detail", detail, "member"));
	line = json_dumps(file, JSON_COMPACT | JSON_SORT_KEYS);
	assert_int_equal(report_frame(head, &before, &after), 0);
	assert_true(dprintf(fd, "%s%s\n%s", before, line, after) > 0);
	(void)close(fd);
	index_report(h, f, "T-1", 1);
	start(f);
	a = ask(f, file_request("T-1", 0));
	assert_in_range(number(a, "left_out"), 20, 30);
	assert_int_equal(number(a, "left_out") + (json_int_t)json_array_size(json_object_get(json_object_get(a, "file"), "reasons")),
			 40);
	json_decref(a);
	json_decref(head);
	json_decref(file);
	peer_end(&f->peer);
	history_free(h);
}

static json_t *transfers_request(int limit, const char *before, const char *search)
{
	return json_pack("{ss,si,ss?,ss?}", "request", "transfers", "limit", limit, "before", before, "search", search);
}

static void transfers(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	json_t *a, *list;

	for (int n = 0; n < 25; n++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "T-%02d", n);
		add_transfer(h, f, name, (uint64_t)n + 1, 2, n == 7 ? "Zo\xc3\xab" : "bob");
	}
	start(f);
	a = ask(f, transfers_request(10, NULL, NULL));
	list = json_object_get(a, "transfers");
	assert_int_equal(json_array_size(list), 10);
	assert_true(json_is_true(json_object_get(a, "more")));
	assert_string_equal(text(json_array_get(list, 0), "transfer"), "T-24");
	assert_string_equal(text(json_array_get(list, 0), "medium"), "disk ACME 100%_Stick");
	assert_int_equal(number(json_array_get(list, 0), "held"), 4);
	json_decref(a);
	a = ask(f, transfers_request(10, "T-05", NULL));
	list = json_object_get(a, "transfers");
	assert_int_equal(json_array_size(list), 5);
	assert_false(json_is_true(json_object_get(a, "more")));
	assert_string_equal(text(json_array_get(list, 0), "transfer"), "T-04");
	json_decref(a);
	for (int k = 0; k < 3; k++) { /* by name, by operator, by serial number */
		static const char *const words[] = { "t-07", "zO\xc3\xab", "s-77" };

		a = ask(f, transfers_request(100, NULL, words[k]));
		assert_int_equal(json_array_size(json_object_get(a, "transfers")), k == 2 ? 25 : 1);
		json_decref(a);
	}
	a = ask(f, transfers_request(100, NULL, "100_"));
	assert_int_equal(json_array_size(json_object_get(a, "transfers")), 0);
	json_decref(a);
	expect_failure(f, transfers_request(100, "T-99", NULL), "not-found");
	expect_failure(f, transfers_request(101, NULL, NULL), "bad-request");
	peer_end(&f->peer);
	history_free(h);
}

/* One who writes goes on beside: new transfers show, and the writer is never kept waiting. */
static void beside_a_writer(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	json_t *a;

	start(f);
	for (int n = 1; n <= 20; n++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "T-%02d", n);
		assert_int_equal(history_begin(h, "T-99"), 0); /* open while it is asked, and never kept */
		a = ask(f, transfers_request(100, NULL, NULL));
		assert_int_equal(json_array_size(json_object_get(a, "transfers")), n - 1);
		json_decref(a);
		history_rollback(h);
		add_transfer(h, f, name, (uint64_t)n, 300, "bob");
		a = ask(f, files_request(name, "all", NULL, 299, 10));
		assert_int_equal(number(a, "total"), 300);
		json_decref(a);
		if (n % 5 == 0) { /* a ledger ends and the next one starts */
			history_free(h);
			a = ask(f, transfers_request(100, NULL, NULL));
			assert_int_equal(json_array_size(json_object_get(a, "transfers")), n);
			json_decref(a);
			h = open_writer(f);
		}
	}
	peer_end(&f->peer);
	history_free(h);
}

static void hostile_questions(void **state)
{
	static const char *const questions[] = {
		"", "[]", "null", "{}", "{\"request\":1}", "{\"request\":\"drop\"}", "{\"request\":\"files\"}",
		"{\"request\":\"files\",\"transfer\":\"../x\"}", "{\"request\":\"files\",\"transfer\":7}",
		"{\"request\":\"files\",\"transfer\":\"T-1\",\"filter\":\"none\"}",
		"{\"request\":\"files\",\"transfer\":\"T-1\",\"offset\":-1}",
		"{\"request\":\"files\",\"transfer\":\"T-1\",\"limit\":201}",
		"{\"request\":\"files\",\"transfer\":\"T-1\",\"limit\":1.5}",
		"{\"request\":\"files\",\"transfer\":\"T-1\",\"offset\":9223372036854775807}",
		"{\"request\":\"file\",\"transfer\":\"T-1\",\"index\":-1}", "{\"request\":\"transfers\",\"before\":\"/etc\"}",
	};
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	char longer[700];
	json_t *a;

	add_transfer(h, f, "T-1", 1, 10, "bob");
	start(f);
	for (size_t k = 0; k < ARRAY_LEN(questions); k++) {
		_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
		_cleanup_free_ char *where = NULL;
		struct message m;

		encoder_init(e);
		encode_str(e, questions[k]);
		peer_send(&f->peer, MESSAGE_RECORDS_QUERY, e, NULL, 0);
		peer_expect(&f->peer, MESSAGE_FAILED, &m);
		(void)decode_u32(&m.payload);
		where = decode_str(&m.payload, 1024);
		assert_string_equal(where, "bad-request");
		message_done(&m);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	expect_failure(f, files_request("T-1", "all", longer, 0, 1), "bad-request");
	expect_failure(f, json_pack("{ss,ss,sI}", "request", "file", "transfer", "T-1", "index", (json_int_t)INT64_MAX), "not-found");
	a = ask(f, files_request("T-1", "all", NULL, 0, 1));
	assert_int_equal(number(a, "total"), 10);
	json_decref(a);
	peer_end(&f->peer);
	history_free(h);
}

static void damaged_or_missing_history(void **state)
{
	struct fixture *f = *state;
	struct history *h;
	json_t *a;

	start(f);
	expect_failure(f, transfers_request(1, NULL, NULL), "unavailable");
	write_file(f->history_fd, HISTORY_FILE, "garbage, garbage, garbage", 25);
	expect_failure(f, transfers_request(1, NULL, NULL), "unavailable");
	assert_int_equal(unlinkat(f->history_fd, HISTORY_FILE, 0), 0);
	h = open_writer(f); /* somebody makes it anew: no restart is needed */
	add_transfer(h, f, "T-1", 1, 10, "bob");
	a = ask(f, transfers_request(1, NULL, NULL));
	assert_int_equal(json_array_size(json_object_get(a, "transfers")), 1);
	json_decref(a);
	history_free(h);
	/* and replaced by another */
	for (int k = 0; k < 3; k++) {
		static const char *const names[] = { HISTORY_FILE, HISTORY_FILE "-wal", HISTORY_FILE "-shm" };

		assert_int_equal(unlinkat(f->history_fd, names[k], 0), 0);
	}
	h = open_writer(f);
	add_transfer(h, f, "T-2", 1, 10, "bob");
	add_transfer(h, f, "T-3", 2, 10, "bob");
	a = ask(f, transfers_request(10, NULL, NULL));
	assert_int_equal(json_array_size(json_object_get(a, "transfers")), 2);
	json_decref(a);
	peer_end(&f->peer);
	history_free(h);
}

/* -- a history of version 0 ------------------------------------------------------------------------------------ */

static void make_old(const struct fixture *f, int files)
{
	sqlite3 *db;
	char sql[256];

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
		"PRAGMA journal_mode=WAL;"
		"CREATE TABLE transfers( id INTEGER PRIMARY KEY, transfer TEXT NOT NULL UNIQUE, outcome TEXT, operator TEXT, reason TEXT,"
		" medium TEXT, serial TEXT, started INTEGER, finished INTEGER, files INTEGER, bytes INTEGER,"
		" approved INTEGER, held INTEGER, blocked INTEGER, seq INTEGER, report_sha256 TEXT) STRICT;"
		"CREATE TABLE files( transfer_id INTEGER NOT NULL REFERENCES transfers(id), sha256 BLOB, path TEXT NOT NULL,"
		" size INTEGER NOT NULL, verdict TEXT NOT NULL, rule TEXT) STRICT;"
		"CREATE INDEX files_sha256 ON files(sha256);"
		"INSERT INTO transfers VALUES(1,'T-1','published','bob','','disk','',1,2,3,4,5,6,7,10,'00');"
		"INSERT INTO transfers VALUES(2,'T-2','refused','ann','','disk','',1,2,0,0,0,0,0,20,'00');"
		"INSERT INTO transfers VALUES(3,'T-3','published','eve','','disk','',1,2,3,4,5,6,7,30,'00');", NULL, NULL, NULL),
		SQLITE_OK);
	for (int t = 1; t <= 3; t += 2) {
		for (int n = 0; n < files; n++) {
			json_t *o = file_object(n);

			(void)snprintf(sql, sizeof(sql), "INSERT INTO files VALUES(%d,x'%064x','%s',%d,'%s','text')", t, n,
				       text(o, "path"), n, text(o, "verdict"));
			assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
			json_decref(o);
		}
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(fchmodat(f->history_fd, HISTORY_FILE, 0644, 0), 0);
}

static int count_file(void *context, const struct history_file *file)
{
	++*(int *)context;
	assert_int_equal(file->size, 42);
	return 0;
}

static void old_history_is_kept(void **state)
{
	struct fixture *f = *state;
	struct history *h;
	char sum[65];
	int found = 0;
	int64_t seq;
	json_t *a, *head, *expected;

	make_old(f, 50);
	start(f);
	expect_failure(f, transfers_request(10, NULL, NULL), "unavailable"); /* a reader cannot bring it up to date */
	h = open_writer(f);
	assert_int_equal(history_last_seq(h, &seq), 0);
	assert_int_equal(seq, 30);
	(void)snprintf(sum, sizeof(sum), "%064x", 42);
	assert_int_equal(history_files(h, sum, 10, count_file, &found), 0);
	assert_int_equal(found, 2);
	a = ask(f, transfers_request(10, NULL, NULL));
	assert_int_equal(json_array_size(json_object_get(a, "transfers")), 3);
	json_decref(a);
	a = ask(f, files_request("T-2", "all", NULL, 0, 10));
	assert_int_equal(number(a, "total"), 0);
	json_decref(a);
	a = ask(f, files_request("T-3", "problems", NULL, 19, 10));
	assert_int_equal(number(a, "total"), 20);
	assert_int_equal(number(json_array_get(json_object_get(a, "files"), 0), "size"), 46); /* the last one held */
	json_decref(a);
	/* where it is in the report is not known, but found */
	head = head_object("T-3", 0, "eve");
	write_report(f, "T-3", head, 50);
	json_decref(head);
	a = ask(f, file_request("T-3", 19));
	expected = file_object(46);
	assert_true(json_equal(json_object_get(a, "file"), expected));
	json_decref(expected);
	json_decref(a);
	add_transfer(h, f, "T-4", 40, 10, "bob");
	a = ask(f, files_request("T-4", "all", NULL, 0, 10));
	assert_int_equal(number(a, "total"), 10);
	json_decref(a);
	history_free(h);
	h = open_writer(f); /* and is not old any more */
	a = ask(f, transfers_request(10, NULL, NULL));
	assert_int_equal(json_array_size(json_object_get(a, "transfers")), 4);
	json_decref(a);
	peer_end(&f->peer);
	history_free(h);
}

static void newer_history_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct history *h = open_writer(f);
	sqlite3 *db;

	history_free(h);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(history_open(f->path, &h), -EPROTONOSUPPORT);
	assert_int_equal(history_open_read(f->path, &h), -EPROTONOSUPPORT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pages_of_files),	T(search_in_files),   T(one_file),
		T(long_file_is_shortened), T(transfers),	      T(beside_a_writer),
		T(hostile_questions),	T(damaged_or_missing_history), T(old_history_is_kept),
		T(newer_history_is_left_alone), T(search_has_a_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
