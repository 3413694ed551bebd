/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-ledger as a process, in its sandbox: protocol, locks between two of them, reports kept, recorded and
 * indexed, and what it says when it cannot write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <sqlite3.h>

#include "common/chain.h"
#include "common/history.h"
#include "common/report.h"
#include "ipc/ledger_client.h"
#include "../lib/testing.h"

static char dir[64];
static int dir_fd = -EBADF;
static struct minisign_public key;

struct place {
	int audit_fd, reports_fd, history_fd;
};

static struct place place;

static void open_place(const char *audit, const char *reports, const char *history)
{
	close_p(&place.audit_fd);
	close_p(&place.reports_fd);
	close_p(&place.history_fd);
	assert_int_equal(dir_open_make(dir_fd, audit, 0700, &place.audit_fd), 0);
	assert_int_equal(dir_open_make(dir_fd, reports, 0700, &place.reports_fd), 0);
	assert_int_equal(dir_open_make(dir_fd, history, 0700, &place.history_fd), 0);
}

static int setup(void **state)
{
	dir_fd = private_directory(dir);
	place = (struct place){ -EBADF, -EBADF, -EBADF };
	return minisign_pair_make(dir_fd, "audit", &key);
}

static int teardown(void **state)
{
	open_place("audit", "reports", "history");
	remove_private_directory(dir_fd, dir);
	return 0;
}

static int start_ledger(struct peer *p, const char *key_file, char **ret_why)
{
	_cleanup_close_ int key_fd = openat(dir_fd, key_file, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *sandbox = NULL;
	const struct ledger_dirs dirs = { place.audit_fd, place.reports_fd, place.history_fd, key_fd };
	int r;

	peer_start(p, "lazaret-ledger", CHANNEL_LEDGER);
	r = ledger_start(&p->channel, "quay 7", &dirs, &sandbox, ret_why);
	if (r == 0)
		assert_non_null(strstr(sandbox, "seccomp"));
	return r;
}

static void start_good(struct peer *p)
{
	_cleanup_free_ char *why = NULL;
	int r = start_ledger(p, "audit.key", &why);

	if (r < 0)
		fail_msg("the ledger did not start: %s (%s)", why ? why : "", strerror(-r));
}

static struct chain_result walk(void)
{
	_cleanup_close_ int fd = openat(place.audit_fd, CHAIN_FILE, O_RDONLY | O_CLOEXEC);
	struct chain_result result;

	assert_true(fd >= 0);
	assert_int_equal(chain_walk(fd, &key, NULL, &result), 0);
	return result;
}

/* A report in memory with `count` files; `previous` "" for none. */
static int make_report(const char *transfer, const char *previous, int count)
{
	json_t *head = json_pack("{ss,ss,ss,so,sI,sI,s{si,si,si,si,si},s{ss,ss,ss,ss},ss}", "format", REPORT_FORMAT,
				 "transfer", transfer, "outcome", "published", "previous",
				 *previous ? json_string(previous) : json_null(), "started", (json_int_t)1000, "finished",
				 (json_int_t)1010, "counts", "files", count, "bytes", 5, "approved", count, "held", 0,
				 "blocked", 0, "medium", "kind", "image", "vendor", "ACME", "model", "Stick", "serial",
				 "1", "operator", "jo");
	_cleanup_free_ char *before = NULL, *after = NULL;
	int fd = memfd_create("report", MFD_CLOEXEC);

	assert_int_equal(report_frame(head, &before, &after), 0);
	json_decref(head);
	assert_int_equal(fd_write_all(fd, before, strlen(before)), 0);
	for (int i = 0; i < count; i++) {
		char line[512];
		int n = snprintf(line, sizeof(line), "{\"path\":\"d/file %d\",\"rule\":%s,\"sha256\":\"%064x\",\"size\":%d,"
				 "\"verdict\":\"approved\"}%s\n", i, i % 2 ? "null" : "\"text\"", i, i, i + 1 < count ? "," : "");

		assert_int_equal(fd_write_all(fd, line, (size_t)n), 0);
	}
	assert_int_equal(fd_write_all(fd, after, strlen(after)), 0);
	return fd;
}

static int keep(struct peer *p, const char *transfer, const char *previous, int count, struct ledger_place *at,
		char **ret_why)
{
	_cleanup_close_ int fd = make_report(transfer, previous, count);

	return ledger_report(&p->channel, transfer, fd, at, ret_why);
}

static void file_hash(const char *name, char hex[static SHA256_HEX_LEN + 1])
{
	_cleanup_close_ int fd = openat(place.reports_fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t sum[SHA256_LEN];

	assert_true(fd >= 0);
	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	hex_encode(sum, sizeof(sum), hex);
}

static void test_06_records_are_appended(void **state)
{
	struct peer p;
	struct ledger_place one, two;
	struct chain_result r;

	open_place("a1", "r1", "h1");
	start_good(&p);
	assert_int_equal(ledger_append(&p.channel, "inspection-started", "{\"n\":1}", &one, NULL), 0);
	assert_int_equal(ledger_append(&p.channel, "inspection-concluded", "{\"n\":2}", &two, NULL), 0);
	peer_end(&p);
	assert_int_equal(one.seq, 1);
	assert_int_equal(two.seq, 2);
	r = walk();
	assert_true(r.is_good);
	assert_int_equal(r.records, 3);
	assert_memory_equal(r.last_hash, two.hash, SHA256_LEN);
}

static void test_bad_requests_are_refused_in_words(void **state)
{
	static const struct {
		const char *type, *body;
	} bad[] = {
		{ "segment", "{}" },  { "clock-step", "{}" },
		{ "genesis", "{}" },  { "report", "{}" },    { "torn-tail", "{}" },   { "No", "{}" },
		{ "test", "" },	      { "test", "[1]" },     { "test", "{\"a\":1.5}" }, { "test", "{\"a\":1,\"a\":1}" },
	};
	struct peer p;

	open_place("a1", "r1", "h1");
	start_good(&p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(ledger_append(&p.channel, bad[i].type, bad[i].body, NULL, &why), -EINVAL);
		assert_non_null(why);
	}
	assert_int_equal(ledger_append(&p.channel, "test", "{}", NULL, NULL), 0); /* lives on */
	peer_end(&p);
	assert_true(walk().is_good);
}

static void test_06_reports_form_one_line(void **state)
{
	char previous[SHA256_HEX_LEN + 1], hex[SHA256_HEX_LEN + 1];
	struct ledger_place at;
	struct peer p;

	open_place("a2", "r2", "h2");
	start_good(&p);
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	assert_string_equal(previous, "");
	assert_int_equal(ledger_append(&p.channel, "publishing", "{}", NULL, NULL), 0); /* while the lock is held */
	assert_int_equal(keep(&p, "T-1", previous, 3, &at, NULL), 0);
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	file_hash("T-1.json", hex);
	assert_string_equal(previous, hex);
	assert_int_equal(keep(&p, "T-2", previous, 0, &at, NULL), 0);
	peer_end(&p);

	start_good(&p); /* the line goes on in another process */
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	file_hash("T-2.json", hex);
	assert_string_equal(previous, hex);
	peer_end(&p);
	assert_true(walk().is_good);
}

static void test_wrong_reports_are_refused_and_not_recorded(void **state)
{
	char previous[SHA256_HEX_LEN + 1], zeros[SHA256_HEX_LEN + 1];
	_cleanup_close_ int junk = memory_text("{\"format\":\"lazaret.report/1\"}\n"), other = make_report("T-9", "", 1);
	struct chain_result before, after;
	struct peer p;

	open_place("a3", "r3", "h3");
	memset(zeros, '0', SHA256_HEX_LEN);
	zeros[SHA256_HEX_LEN] = '\0';
	start_good(&p);
	assert_int_equal(keep(&p, "T-1", "", 1, NULL, NULL), -EPERM); /* without the lock */
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	before = walk();
	assert_int_equal(ledger_report(&p.channel, "T-1", junk, NULL, NULL), -EBADMSG);
	assert_int_equal(ledger_report(&p.channel, "T-1", other, NULL, NULL), -EBADMSG);
	assert_int_equal(keep(&p, "T-1", zeros, 1, NULL, NULL), -EBADMSG);
	assert_int_equal(keep(&p, "../T-1", previous, 1, NULL, NULL), -EBADMSG);
	after = walk();
	assert_int_equal(before.records, after.records);
	assert_false(exists(place.reports_fd, "T-1.json"));
	assert_int_equal(keep(&p, "T-1", previous, 1, NULL, NULL), 0); /* the lock was kept */
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	assert_int_equal(keep(&p, "T-1", previous, 1, NULL, NULL), -EEXIST);
	peer_end(&p);
}

/* The power went after the file's rename and before its record. */
static void test_06_an_unrecorded_report_is_replaced_and_named(void **state)
{
	char previous[SHA256_HEX_LEN + 1], orphan[SHA256_HEX_LEN + 1];
	_cleanup_free_ char *trail = NULL;
	struct peer p;

	open_place("a4", "r4", "h4");
	start_good(&p);
	peer_end(&p);
	write_file(place.reports_fd, "T-1.json", "half", 4);
	file_hash("T-1.json", orphan);
	start_good(&p);
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	assert_int_equal(keep(&p, "T-1", previous, 1, NULL, NULL), 0);
	peer_end(&p);
	assert_int_equal(file_read(place.audit_fd, CHAIN_FILE, 1 << 20, &trail, NULL), 0);
	assert_non_null(strstr(trail, "\"replaced\":\""));
	assert_non_null(strstr(trail, orphan));
}

static void test_two_ledgers_interleave_and_wait_for_each_other(void **state)
{
	char previous[SHA256_HEX_LEN + 1];
	struct pollfd polled;
	struct peer a, b, c;
	struct message m;
	char *why = NULL;

	open_place("a5", "r5", "h5");
	start_good(&a);
	start_good(&b);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ledger_append(&a.channel, "test", "{\"by\":\"a\"}", NULL, NULL), 0);
		assert_int_equal(ledger_append(&b.channel, "test", "{\"by\":\"b\"}", NULL, NULL), 0);
	}
	assert_int_equal(ledger_lock(&a.channel, 0, previous, NULL), 0);
	peer_send(&b, MESSAGE_LEDGER_LOCK, NULL, NULL, 0);
	polled = (struct pollfd){ .fd = b.channel.fd, .events = POLLIN };
	assert_int_equal(poll(&polled, 1, 200), 0);						/* waits */
	assert_int_equal(ledger_append(&a.channel, "publishing", "{}", NULL, NULL), 0); /* no deadlock */
	assert_int_equal(keep(&a, "T-a", previous, 2, NULL, NULL), 0);
	peer_expect(&b, MESSAGE_LEDGER_LOCKED, &m);
	decode_str_into(&m.payload, previous, sizeof(previous));
	message_done(&m);
	assert_int_equal(keep(&b, "T-b", previous, 2, NULL, NULL), 0);

	/* a wait has an end, and nothing else can be asked while an answer is owed */
	start_good(&c);
	assert_int_equal(ledger_answer_within(&c.channel, 600), 0);
	assert_int_equal(ledger_lock(&a.channel, 0, previous, NULL), 0);
	assert_int_equal(ledger_lock(&c.channel, 1, previous, &why), -ETIMEDOUT);
	assert_string_equal(why, "another transfer is being published, and does not come to its end");
	assert_int_equal(ledger_append(&c.channel, "test", "{}", NULL, NULL), -EPROTO);
	peer_end(&c);
	assert_int_equal(keep(&a, "T-c", previous, 2, NULL, NULL), 0);
	free(why);

	/* a holder that dies lets go; one that waits can be ended */
	assert_int_equal(ledger_lock(&a.channel, 0, previous, NULL), 0);
	peer_send(&b, MESSAGE_LEDGER_LOCK, NULL, NULL, 0);
	peer_end(&b);
	start_good(&b);
	peer_send(&b, MESSAGE_LEDGER_LOCK, NULL, NULL, 0);
	assert_int_equal(kill(a.pid, SIGKILL), 0);
	assert_int_equal(peer_wait(&a), -SIGKILL);
	peer_expect(&b, MESSAGE_LEDGER_LOCKED, &m);
	message_done(&m);
	peer_end(&b);
	assert_true(walk().is_good);
}

static int count_file(void *context, const struct history_file *f)
{
	++*(int *)context;
	return 0;
}

static int check_transfer(void *context, const struct history_transfer *t)
{
	assert_string_equal(t->outcome, "published");
	assert_string_equal(t->medium, "image ACME Stick");
	assert_int_equal(t->files, 5000);
	++*(int *)context;
	return 0;
}

static void test_history_is_written_in_the_sandbox(void **state)
{
	char previous[SHA256_HEX_LEN + 1], path[128], sum[SHA256_HEX_LEN + 1];
	_cleanup_(history_freep) struct history *h = NULL;
	struct ledger_place at;
	int64_t seq;
	int found = 0;
	struct peer p, q;

	open_place("a6", "r6", "h6");
	start_good(&p);
	start_good(&q); /* a second writer of the same index */
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	assert_int_equal(keep(&p, "T-1", previous, 5000, &at, NULL), 0);
	assert_int_equal(ledger_lock(&q.channel, 0, previous, NULL), 0);
	assert_int_equal(keep(&q, "T-2", previous, 5000, &at, NULL), 0);
	peer_end(&p);
	peer_end(&q);
	(void)snprintf(path, sizeof(path), "%s/h6/" HISTORY_FILE, dir);
	assert_int_equal(history_open(path, &h), 0);
	assert_int_equal(history_last_seq(h, &seq), 0);
	assert_int_equal(seq, at.seq);
	assert_int_equal(history_find(h, "T-1"), 0);
	assert_int_equal(history_find(h, "T-3"), -ENOENT);
	assert_int_equal(history_transfers(h, 10, check_transfer, &found), 0);
	assert_int_equal(found, 2);
	(void)snprintf(sum, sizeof(sum), "%064x", 4711);
	found = 0;
	assert_int_equal(history_files(h, sum, 10, count_file, &found), 0);
	assert_int_equal(found, 2);
	found = 0;
	assert_int_equal(history_files(h, "file 4999", 10, count_file, &found), 0);
	assert_int_equal(found, 2);
}

/* A broken index stops nothing: it can be rebuilt. */
static void test_a_broken_history_does_not_stop_the_trail(void **state)
{
	char previous[SHA256_HEX_LEN + 1];
	struct peer p;

	open_place("a7", "r7", "h7");
	write_file(place.history_fd, HISTORY_FILE, "this is not a database, and longer than its header would be ....."
		   "................................................................", 128);
	start_good(&p);
	assert_int_equal(ledger_lock(&p.channel, 0, previous, NULL), 0);
	assert_int_equal(keep(&p, "T-1", previous, 10, NULL, NULL), 0);
	peer_end(&p);
	assert_true(walk().is_good);
	assert_true(exists(place.reports_fd, "T-1.json"));
}

/* -- series ------------------------------------------------------------------------------------------------- */

static int see(struct peer *p, const char *series, const char *by, int date)
{
	char body[512];

	(void)snprintf(body, sizeof(body), "{\"date\":%d,\"key\":\"%s\",\"series\":\"%s\",\"transfer\":\"T\"}", date, by, series);
	return ledger_append(&p->channel, HISTORY_TYPE_SERIES, body, NULL, NULL);
}

static uint64_t seen(struct peer *p, const char *series, const char *by)
{
	_cleanup_free_ char *why = NULL;
	uint64_t date = 4711;
	int r = ledger_series(&p->channel, series, by, &date, &why);

	if (r < 0)
		fail_msg("%s: %s", why ? why : "", strerror(-r));
	return date;
}

/* Asked of a ledger that begins with what is there now. */
static uint64_t seen_anew(const char *series, const char *by)
{
	struct peer p;
	uint64_t date;

	start_good(&p);
	date = seen(&p, series, by);
	peer_end(&p);
	return date;
}

static void change_history(const char *sql)
{
	char path[128];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/h9/" HISTORY_FILE, dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int rows(const char *sql)
{
	sqlite3_stmt *s;
	char path[128];
	sqlite3 *db;
	int n;

	(void)snprintf(path, sizeof(path), "%s/h9/" HISTORY_FILE, dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int(s, 0);
	(void)sqlite3_finalize(s);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
}

static void test_the_newest_date_of_a_series_is_kept(void **state)
{
	struct peer p, q;

	open_place("a9", "r9", "h9");
	start_good(&p);
	assert_int_equal(seen(&p, "debian A/B/stable/c", "vendor"), 0);
	assert_int_equal(see(&p, "debian A/B/stable/c", "vendor", 2000), 0);
	assert_int_equal(see(&p, "debian A/B/stable/c", "vendor", 1000), 0); /* lets nobody back */
	assert_int_equal(see(&p, "debian A/B/stable/c", "other", 3000), 0);
	assert_int_equal(see(&p, "debian A/B/testing/d", "vendor", 1500), 0);
	start_good(&q); /* another inspection */
	assert_int_equal(seen(&q, "debian A/B/stable/c", "vendor"), 2000);
	assert_int_equal(seen(&q, "debian A/B/stable/c", "other"), 3000);
	assert_int_equal(see(&q, "debian A/B/testing/d", "vendor", 1600), 0);
	assert_int_equal(seen(&p, "debian A/B/testing/d", "vendor"), 1600);
	assert_int_equal(seen(&p, "debian A/B/testing/D", "vendor"), 0);
	assert_int_equal(seen(&p, "debian A/B/testing", "vendor"), 0);
	assert_int_equal(seen(&p, "", ""), 0);
	peer_end(&p);
	peer_end(&q);
	assert_true(walk().is_good);
	assert_int_equal(rows("SELECT count(*) FROM series WHERE series=''"), 1); /* known to be whole */
}

/* Nobody gets an old index in by losing, damaging or setting back the index of them. */
static void test_series_outlive_the_history(void **state)
{
	static const char name[] = HISTORY_FILE;
	struct peer p;

	open_place("a9", "r9", "h9");
	change_history("DELETE FROM series"); /* the power went between trail and index */
	assert_int_equal(seen_anew("debian A/B/stable/c", "vendor"), 2000);
	assert_int_equal(rows("SELECT count(*) FROM series"), 4);
	change_history("DROP TABLE series; PRAGMA user_version=2"); /* of an older version */
	assert_int_equal(seen_anew("debian A/B/stable/c", "vendor"), 2000);
	change_history("DROP TABLE series"); /* found out when it is asked */
	assert_int_equal(seen_anew("debian A/B/stable/c", "vendor"), 2000);
	(void)unlinkat(place.history_fd, HISTORY_FILE "-wal", 0);
	(void)unlinkat(place.history_fd, HISTORY_FILE "-shm", 0);
	write_file(place.history_fd, name, "this is not a database, and longer than its header would be ....."
		   "................................................................", 128);
	assert_int_equal(seen_anew("debian A/B/stable/c", "other"), 3000);
	start_good(&p); /* and goes on without it */
	assert_int_equal(see(&p, "debian A/B/stable/c", "other", 3100), 0);
	assert_int_equal(seen(&p, "debian A/B/stable/c", "other"), 3100);
	assert_int_equal(see(&p, "debian A/B/stable/c", "other", 3200), 0);
	assert_int_equal(seen(&p, "debian A/B/stable/c", "other"), 3200);
	peer_end(&p);
	assert_int_equal(unlinkat(place.history_fd, name, 0), 0);
	assert_int_equal(seen_anew("debian A/B/stable/c", "other"), 3200);
	assert_int_equal(seen_anew("debian A/B/testing/d", "vendor"), 1600);
	assert_int_equal(rows("SELECT count(*) FROM series"), 4);
}

/* A record that is appended while the history cannot say that it is whole does not make it whole. */
static void test_one_record_does_not_make_the_series_whole(void **state)
{
	struct peer p;

	open_place("a9", "r9", "h9");
	change_history("DELETE FROM series");
	start_good(&p);
	assert_int_equal(see(&p, "debian A/B/new/n", "vendor", 10), 0);
	peer_end(&p);
	assert_int_equal(rows("SELECT count(*) FROM series"), 1);
	assert_int_equal(seen_anew("debian A/B/stable/c", "vendor"), 2000);
}

static void test_an_altered_trail_tells_no_series(void **state)
{
	_cleanup_free_ char *why = NULL, *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct peer p;
	uint64_t date;
	char *at;

	open_place("a9", "r9", "h9");
	change_history("DELETE FROM series");
	assert_int_equal(file_read(place.audit_fd, CHAIN_FILE, 1 << 20, &text, NULL), 0);
	at = strstr(text, "2000");
	assert_non_null(at);
	fd = openat(place.audit_fd, CHAIN_FILE, O_WRONLY | O_CLOEXEC); /* in place: its owner stays */
	assert_int_equal(pwrite(fd, "1", 1, at - text), 1);
	start_good(&p);
	assert_int_equal(ledger_series(&p.channel, "debian A/B/stable/c", "vendor", &date, &why), -EBADMSG);
	assert_non_null(strstr(why, "lazaret audit verify"));
	assert_int_equal(see(&p, "debian A/B/stable/c", "vendor", 5000), 0); /* lives on */
	peer_end(&p);
}

static void test_series_have_a_form(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"series\":\"s\",\"key\":\"k\"}", "{\"series\":\"\",\"key\":\"k\",\"date\":1}",
		"{\"series\":\"s\",\"key\":\"\",\"date\":1}", "{\"series\":\"s\",\"key\":\"k\",\"date\":0}",
		"{\"series\":\"s\",\"key\":\"k\",\"date\":-1}", "{\"series\":\"s\",\"key\":\"k\",\"date\":\"1\"}",
	};
	struct peer p;

	open_place("a1", "r1", "h1");
	start_good(&p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(ledger_append(&p.channel, HISTORY_TYPE_SERIES, bad[i], NULL, &why), -EINVAL);
		assert_non_null(strstr(why, "series"));
	}
	assert_int_equal(seen(&p, "s", "k"), 0);
	peer_end(&p);
}

static void test_06_it_does_not_start_where_it_cannot_write(void **state)
{
	_cleanup_free_ char *why = NULL, *missing = NULL, *altered = NULL;
	struct peer p;

	open_place("a8", "r8", "h8");
	write_file(place.reports_fd, "T-1.json", "x", 1);
	assert_int_equal(start_ledger(&p, "audit.key", &missing), -ENOENT);
	assert_non_null(strstr(missing, "audit trail is missing"));
	assert_int_equal(peer_wait(&p), 1);

	open_place("a1", "r1", "h1");
	assert_int_equal(minisign_pair_make(dir_fd, "other", &(struct minisign_public){ 0 }), 0);
	assert_int_equal(start_ledger(&p, "other.key", &altered), -EBADMSG);
	assert_non_null(strstr(altered, "signature"));
	assert_int_equal(peer_wait(&p), 1);

	assert_int_equal(start_ledger(&p, "audit.pub", &why), -EINVAL);
	assert_non_null(strstr(why, "audit key"));
	assert_int_equal(peer_wait(&p), 1);
}

static void test_breaking_the_protocol_ends_it(void **state)
{
	struct message *m = malloc(sizeof(*m));
	struct encoder e;
	struct peer p;

	open_place("a1", "r1", "h1");
	start_good(&p);
	encoder_init(&e);
	encode_str(&e, "test");
	encode_str(&e, "{}");
	encode_u32(&e, 1); /* one field too many */
	peer_send(&p, MESSAGE_LEDGER_APPEND, &e, NULL, 0);
	assert_int_equal(channel_receive(&p.channel, m, false), -ENOTCONN);
	assert_int_equal(peer_wait(&p), 1);
	free(m);
	assert_true(walk().is_good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_06_records_are_appended),
		cmocka_unit_test(test_bad_requests_are_refused_in_words),
		cmocka_unit_test(test_06_reports_form_one_line),
		cmocka_unit_test(test_wrong_reports_are_refused_and_not_recorded),
		cmocka_unit_test(test_06_an_unrecorded_report_is_replaced_and_named),
		cmocka_unit_test(test_two_ledgers_interleave_and_wait_for_each_other),
		cmocka_unit_test(test_history_is_written_in_the_sandbox),
		cmocka_unit_test(test_a_broken_history_does_not_stop_the_trail),
		cmocka_unit_test(test_the_newest_date_of_a_series_is_kept),
		cmocka_unit_test(test_series_outlive_the_history),
		cmocka_unit_test(test_one_record_does_not_make_the_series_whole),
		cmocka_unit_test(test_an_altered_trail_tells_no_series),
		cmocka_unit_test(test_series_have_a_form),
		cmocka_unit_test(test_06_it_does_not_start_where_it_cannot_write),
		cmocka_unit_test(test_breaking_the_protocol_ends_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
